"""What can go wrong while processes are kept, one class and one stable code for each case.

SupervisorError
|- SettingInvalid       a variable or option is not usable
|- HomeUnusable         the home directory is not fit for its purpose
|- Refused              somebody else is in the way, and is left alone
|  |- PortHeld, StrangerRuns, SupervisorSilent, SupervisorElsewhere
|- PartFailed           a part did not start
|- PartUnwell           a health check was not answered as it should be
|  `- PartHindered      it was, by somebody who lacks what the work needs
|- PartUnknown          no part has this name
|- NotRunning           nobody is there to be asked
`- DemoUnfunded         there is nothing to pay with
"""

from __future__ import annotations

from typing import ClassVar

from chaindeck.ledger.errors import CodedError


class SupervisorError(CodedError):
    """Base of all. Raised with the values that its message names."""

    grpc_status: ClassVar[str] = "FAILED_PRECONDITION"
    """What carries it to another process."""


class SettingInvalid(SupervisorError):
    code = "setting-invalid"
    grpc_status = "INVALID_ARGUMENT"
    message = "{name}: {reason}; for example {example}"


class HomeUnusable(SupervisorError):
    code = "home-unusable"
    message = "{path}: {reason}"


class Refused(SupervisorError):
    """Somebody else is in the way, and is left alone."""


class PortHeld(Refused):
    code = "port-held"
    message = (
        "port {port}, which {part} needs, is held by {holder}; it was left alone: stop it, or"
        " choose another port in {path}"
    )


class StrangerRuns(Refused):
    code = "part-stranger"
    message = (
        "{path} names {holder}, which is not ours and was left alone; if it is not in use, remove"
        " the file"
    )


class SupervisorSilent(Refused):
    code = "supervisor-silent"
    message = (
        "process {pid} supervises {path} and does not answer; `chaindeck up --restart` replaces it"
    )


class SupervisorElsewhere(Refused):
    """systemd asked for a service, and cannot be given one that somebody else started."""

    code = "supervisor-elsewhere"
    message = (
        "process {pid}, which systemd did not start, supervises {path}; run `chaindeck down`, and"
        " start the service again"
    )


class PartFailed(SupervisorError):
    code = "part-failed"
    message = "{part} did not start: {reason}"


class PartUnwell(SupervisorError):
    code = "part-unwell"
    message = "{reason}"


class PartHindered(PartUnwell):
    """It answers, and cannot do its work: what it needs is away. Replacing it helps nobody."""

    code = "part-hindered"


class PartUnknown(SupervisorError):
    code = "part-unknown"
    grpc_status = "NOT_FOUND"
    message = "there is no part {name}; there are {names}"


class NotRunning(SupervisorError):
    code = "supervisor-away"
    message = "nothing runs in {path}; `chaindeck up` starts it"


class DemoUnfunded(SupervisorError):
    code = "demo-unfunded"
    message = "the operator's wallet has no {amount} base units to spend yet"
