"""What can go wrong with records.

RecordsError
|- DatabaseUrlInvalid    the environment: a variable names no database that can be used
|- DatabaseAway          the environment: the database does not answer
|- BlockDetached         a block does not continue the chain that is indexed
|- OutputMissing         a block spends an output that was never indexed
|- OtherNetwork          a node is of another network than the one that is indexed
|- CursorInvalid         a page was asked for with a mark that no page gave
|- RecordUnknown         something is asked for or changed that is not there
|- NameTaken             a second thing of one name
|- ChoiceUnknown         a word that is none of those possible
|- TokenRefused          a token that opens nothing
`- LastAdmin             nobody would be left who may change anything
"""

from __future__ import annotations

from chaindeck.ledger.errors import CodedError


class RecordsError(CodedError):
    """Base of all. Raised with the values that its message names."""


class DatabaseUrlInvalid(RecordsError):
    code = "records-database-url"
    message = (
        "DATABASE_URL: {reason}; for example postgres://name:password@localhost:5432/chaindeck"
        " or sqlite:////var/lib/chaindeck/records.sqlite3"
    )


class DatabaseAway(RecordsError):
    code = "records-database-away"
    message = "the database {name} cannot be used: {reason}"


class BlockDetached(RecordsError):
    code = "records-block-detached"
    message = "block {height} does not continue the chain that is indexed up to {tip}"


class OutputMissing(RecordsError):
    code = "records-output-missing"
    message = (
        "block {height} spends output {output_index} of {tx_id}, which was never indexed;"
        " reset the index, and the chain is read again"
    )


class OtherNetwork(RecordsError):
    code = "records-other-network"
    message = (
        "the node is of the network {actual}, and what is indexed is of {expected};"
        " point at another node, or reset the index"
    )


class CursorInvalid(RecordsError):
    code = "records-cursor"
    message = "{text!r} is no mark of a page; ask without one for the first page"


class RecordUnknown(RecordsError):
    code = "records-unknown"
    message = "there is no {kind} {name}"


class NameTaken(RecordsError):
    code = "records-name-taken"
    message = "there is a {kind} of the name {name} already"


class ChoiceUnknown(RecordsError):
    code = "records-choice"
    message = "{text!r} is no {kind}; there are {choices}"


class TokenRefused(RecordsError):
    code = "records-token"
    message = "the token is unknown, has ended, or its owner may no longer sign in"


class LastAdmin(RecordsError):
    code = "records-last-admin"
    message = "{name} is the only admin who can sign in; make another one first"
