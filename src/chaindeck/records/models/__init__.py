"""The tables.

Rooms use the functions of `services` and `selectors`; other programs may read those tables that
docs/records.md names. Hashes and addresses are text, because other programs read them; amounts are
integers of base units. The tables of the chain refer to each other by the integers of `places` and
have no foreign keys: they are written by the thousand, by one writer, whole blocks at a time.
"""

from chaindeck.records.models.chain import (
    Address,
    AddressEntry,
    AddressLabel,
    Block,
    FollowerCursor,
    Output,
    Spend,
    Transaction,
)
from chaindeck.records.models.journal import Activity, Event, Execution, Journal
from chaindeck.records.models.measures import (
    LiveMetric,
    MetricRollup,
    NetworkStat,
    Node,
    SystemStatus,
)
from chaindeck.records.models.people import ApiToken, PendingReport, Person, SignInTrial, Visit

__all__ = [
    "Activity",
    "Address",
    "AddressEntry",
    "AddressLabel",
    "ApiToken",
    "Block",
    "Event",
    "Execution",
    "FollowerCursor",
    "Journal",
    "LiveMetric",
    "MetricRollup",
    "NetworkStat",
    "Node",
    "Output",
    "PendingReport",
    "Person",
    "SignInTrial",
    "Spend",
    "SystemStatus",
    "Transaction",
    "Visit",
]
