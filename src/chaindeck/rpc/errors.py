"""What can go wrong on the line between two parts.

RpcError
|- TokenRefused         who asks is not known
|- RightMissing         is known and may not
|- MethodRefused        a method that nobody has given a right to
|- TooManyCalls         the server has enough to do
|- DeadlinePassed       the answer took too long
|- RequestInvalid       the request says something that makes no sense
|- Fault                a fault of the server's
|- PartUnreachable      a client's: nobody answers, or the line broke
|  `- PartTimeout       there was no answer in time
|- PartRefused          a client's: the server's own verdict, under the server's own code
|- AddressInvalid       an address that cannot be one
|- AddressTaken         another program listens there
`- SecretsInvalid       secrets.json is there and is none

`status` is the name of the gRPC status that carries an error; a room above may give its own errors
one as well.
"""

from __future__ import annotations

from typing import ClassVar

from chaindeck.ledger.errors import CodedError


class RpcError(CodedError):
    """Base of all. Raised with the values that its message names."""

    grpc_status: ClassVar[str] = "FAILED_PRECONDITION"


class TokenRefused(RpcError):
    code = "rpc-token"
    message = "this needs the token of secrets.json: authorization: Bearer ..."
    grpc_status = "UNAUTHENTICATED"


class RightMissing(RpcError):
    code = "rpc-right"
    message = "the token lacks the right {right}"
    grpc_status = "PERMISSION_DENIED"


class MethodRefused(RpcError):
    code = "rpc-method"
    message = "nobody may call {method}"
    grpc_status = "PERMISSION_DENIED"


class TooManyCalls(RpcError):
    code = "rpc-busy"
    message = "{limit} {what} are under way already"
    grpc_status = "RESOURCE_EXHAUSTED"


class DeadlinePassed(RpcError):
    code = "rpc-deadline"
    message = "there was no answer within {limit_s} s"
    grpc_status = "DEADLINE_EXCEEDED"


class RequestInvalid(RpcError):
    code = "rpc-request"
    message = "{reason}"
    grpc_status = "INVALID_ARGUMENT"


class Fault(RpcError):
    code = "rpc-fault"
    message = "this is a fault of the server; its log has the details, by the id {id}"
    grpc_status = "INTERNAL"


class PartUnreachable(RpcError):
    code = "rpc-unreachable"
    message = "nobody answers at {address}: {reason}"
    grpc_status = "UNAVAILABLE"


class PartTimeout(PartUnreachable):
    code = "rpc-timeout"
    message = "{address} gave no answer within {timeout_s} s"
    grpc_status = "DEADLINE_EXCEEDED"


class PartRefused(RpcError):
    """The server said no. `code`, `text` and `field` are its own words, `status` the gRPC status.

    An answer that carries no code of its own has the one below.
    """

    code = "rpc-refused"
    message = "{text}"

    def __init__(
        self, *, text: str, status: str, code: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(field=field, text=text, status=status)
        self.text = text
        self.status = status
        # A server that passes it on does so under the same status.
        self.grpc_status = status  # type: ignore[misc]  # in place of the class's
        if code is not None:
            self.code = code  # type: ignore[misc]  # the server's own takes the place of the class's


class AddressInvalid(RpcError):
    code = "rpc-address"
    message = "{address!r} is no address: {reason}; for example {example}"


class AddressTaken(RpcError):
    code = "rpc-address-taken"
    message = "another program answers at {address}"


class SecretsInvalid(RpcError):
    code = "rpc-secrets"
    message = "{path}: {reason}; restore it from a backup, or remove it and sign in anew"
