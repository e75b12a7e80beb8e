"""What can go wrong between a client and its node.

ClientError
|- UrlInvalid           misuse: the address is none
|- NodeUnreachable      the environment: nobody answers, or the line broke
|  `- NodeTimeout       there was no answer in time
|- NodeRefused          the node's own verdict, under the node's own code
|- ProofInvalid         a file that was to prove a transaction does not
|- ProtocolMismatch     what answers is no node, or one of another version
`- LoadImpossible       a measurement that cannot be made here
"""

from __future__ import annotations

from chaindeck.ledger.errors import CodedError


class ClientError(CodedError):
    """Base of all. Raised with the values that its message names."""


class UrlInvalid(ClientError):
    code = "client-url"
    message = "{url!r} is no node's address: {reason}; for example http://127.0.0.1:8080"


class ProofInvalid(ClientError):
    code = "client-proof"
    message = "this proves nothing: {reason}"


class NodeUnreachable(ClientError):
    code = "client-unreachable"
    message = "no node answers at {url}: {reason}"


class NodeTimeout(NodeUnreachable):
    code = "client-timeout"
    message = "{url} gave no answer within {timeout_s} s"


class NodeRefused(ClientError):
    """The node said no. `code`, `text` and `field` are its own words, `status` the HTTP status.

    An answer that carries no code of its own has the one below.
    """

    code = "client-refused"
    message = "{text}"

    def __init__(
        self,
        *,
        text: str,
        status: int,
        code: str | None = None,
        field: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(field=field, text=text, status=status)
        self.text = text
        self.status = status
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code  # type: ignore[misc]  # the node's own takes the place of the class's


class ProtocolMismatch(ClientError):
    code = "client-protocol"
    message = "{url} does not answer as a node of this version does: {reason}"


class LoadImpossible(ClientError):
    code = "client-load"
    message = "this cannot be measured: {reason}"
