"""Takes down what the web saw somebody do: a line of the activity log and its event, once.

A report has an id that its sender made. The line keeps it as part of its source, and is found again
by its time, which has an index: so a report that is sent twice, even to two processes of the
coordinator, is taken down once.
"""

from __future__ import annotations

import re
import time

from django.db import transaction

from chaindeck.coordinator.errors import ReportInvalid
from chaindeck.coordinator.limits import (
    MAX_REPORT_AGE_S,
    MAX_REPORT_CHARACTERS,
    MAX_REPORT_ID,
    MIN_REPORT_ID,
)
from chaindeck.records.bulk import moment
from chaindeck.records.models import Activity
from chaindeck.records.services import activity
from chaindeck.rpc.forms import ReportEventRequest

_ID = re.compile(f"[A-Za-z0-9_-]{{{MIN_REPORT_ID},{MAX_REPORT_ID}}}")
_SOURCE_CHARACTERS = 60


def check_report(report: ReportEventRequest) -> None:
    """Raise `ReportInvalid` unless a report can be taken down."""
    if not _ID.fullmatch(report.report_id):
        reason = f"an id has {MIN_REPORT_ID} to {MAX_REPORT_ID} characters of A-Z a-z 0-9 _ -"
        raise ReportInvalid(field="report_id", reason=reason)
    if report.severity not in activity.SEVERITIES:
        reason = f"there are the severities {', '.join(activity.SEVERITIES)}"
        raise ReportInvalid(field="severity", reason=reason)
    if not report.action:
        raise ReportInvalid(field="action", reason="a report says what was done")
    if len(report.description) > MAX_REPORT_CHARACTERS:
        reason = f"a description has at most {MAX_REPORT_CHARACTERS} characters"
        raise ReportInvalid(field="description", reason=reason)
    if abs(time.time() - report.time_ms / 1000) > MAX_REPORT_AGE_S:
        raise ReportInvalid(field="time_ms", reason="a report is about the last day")


def take_down(report: ReportEventRequest) -> bool:
    """Write one checked report; return whether it was new. In the writer's thread."""
    source = f"web {report.report_id}"[:_SOURCE_CHARACTERS]
    with transaction.atomic():
        known = Activity.objects.filter(timestamp=moment(report.time_ms), source=source)
        if known.exists():
            return False
        activity.activity_log(
            action=report.action,
            description=report.description,
            severity=report.severity,
            user=report.user_name,
            ip_address=report.ip_address,
            source=source,
            time_ms=report.time_ms,
        )
        return True
