"""What can go wrong at a node's border, beside the ledger's rules and the store's trouble.

NodeError
|- ConfigError      a setting is not usable; names where it came from and an example
|- CommandError     a command that makes no sense here and now
`- ApiError         a request that is not one (below, with its HTTP status)
"""

from __future__ import annotations

from typing import ClassVar

from chaindeck.ledger.errors import CodedError


class NodeError(CodedError):
    """Something outside asked for what a node cannot do. Raised with the values it concerns."""

    status: ClassVar[int] = 422
    """The HTTP status, where an API request raised it."""


class ConfigError(NodeError):
    """A setting is not usable."""


class ConfigValue(ConfigError):
    code = "config-value"
    message = "{source}: {reason}; for example {example}"


class ConfigUnknown(ConfigError):
    code = "config-unknown"
    message = "{source}: there is no setting {name}; did you mean {guess}?"


class ConfigInsecure(ConfigError):
    code = "config-insecure"
    message = "{source}: {reason}"


class ConfigNetwork(ConfigError):
    code = "config-network"
    message = (
        "{path} holds the network {held}, and {source} names {named}; leave that away, or choose"
        " another data directory"
    )


class NodeKeyInvalid(ConfigError):
    code = "config-node-key"
    message = (
        "{path}: {reason}; move it away and a new key is made, under which peers know the node"
    )


class CertificateInvalid(ConfigError):
    code = "config-certificate"
    message = "{path}: {reason}; move it and its key away and new ones are made"


class PeerNameInvalid(ConfigError):
    code = "config-peer"
    message = "{text} is not a peer; examples are 10.0.0.7:8333, [fd00::7]:8333, node7.example.org"


class PeerNameUnknown(NodeError):
    code = "peer-name-unknown"
    message = "no address is known for {name}: {reason}"


class PortTaken(NodeError):
    code = "node-port-taken"
    message = "another program listens at port {port}; stop it, or choose another with {option}"


class CommandError(NodeError):
    """A command that makes no sense here and now."""


class NotAMiner(CommandError):
    code = "mine-not-a-miner"
    message = "this node cannot make the next block: {reason}"
    status = 409


class MiningHalted(CommandError):
    code = "mine-halted"
    message = (
        "two quorums contradict each other at height {height}: mining waits until an operator has"
        " looked at both checkpoints"
    )
    status = 409


class CaptureRunning(CommandError):
    code = "capture-running"
    message = "a capture runs already, into {path}; stop it first"
    status = 409


class CaptureMissing(CommandError):
    code = "capture-missing"
    message = "no capture runs"
    status = 404


class UnknownSnapshot(CommandError):
    code = "dev-snapshot"
    message = "there is no snapshot {id}; a revert also ends those made after it"
    status = 404


class FaucetEmpty(CommandError):
    code = "dev-faucet"
    message = "the faucet has no coin of {amount} left; mine a block, or reset the chain"
    status = 409


class ApiError(NodeError):
    """A request that is not one, or that its sender may not make."""

    status = 400
    headers: ClassVar[tuple[tuple[bytes, bytes], ...]] = ()
    """Sent beside the error."""


class PathUnknown(ApiError):
    code = "api-not-found"
    message = "there is nothing at this address; /api/docs lists what there is"
    status = 404


class MethodUnknown(ApiError):
    code = "api-method"
    message = "this address answers {allowed}"
    status = 405


class ContentTypeUnknown(ApiError):
    code = "api-content-type"
    message = "the body must be {expected}"
    status = 415


class ParameterInvalid(ApiError):
    code = "api-parameter"
    message = "{reason}"


class HttpMalformed(ApiError):
    code = "api-http"
    message = "this is not HTTP/1.1"


class HeadersTooLarge(ApiError):
    code = "api-headers-size"
    message = "request line and headers together have at most {limit} bytes"
    status = 431


class HeadersTooSlow(ApiError):
    code = "api-headers-slow"
    message = "the headers were not complete after {limit_s} s"
    status = 408


class BodyTooLarge(ApiError):
    code = "api-body-size"
    message = "the body has more than {limit} bytes"
    status = 413


class BodyTooSlow(ApiError):
    code = "api-body-slow"
    message = "the body was not complete after {limit_s} s"
    status = 408
    headers = ((b"connection", b"close"),)


class BatchTooLarge(ApiError):
    code = "api-batch"
    message = "a request carries at most {limit} transactions, not {count}"
    status = 413


class TokenMissing(ApiError):
    code = "api-token-missing"
    message = "this needs a token with the scope {scope}: Authorization: Bearer ..."
    status = 401
    headers = ((b"www-authenticate", b'Bearer realm="chaindeck"'),)


class TokenUnknown(ApiError):
    code = "api-token-unknown"
    message = "this token is not known, or no longer"
    status = 401
    headers = ((b"www-authenticate", b'Bearer realm="chaindeck", error="invalid_token"'),)


class ScopeMissing(ApiError):
    code = "api-scope"
    message = "the token lacks the scope {scope}"
    status = 403


class OriginRefused(ApiError):
    code = "api-origin"
    message = "pages of this origin may not do that; ALLOWED_ORIGINS lists those that may"
    status = 403


class RateExceeded(ApiError):
    code = "api-rate"
    message = "too many requests at once; try again after {retry_s} s"
    status = 429


class Busy(ApiError):
    code = "api-busy"
    message = "there are {limit} {what} already"
    status = 503
    headers = ((b"retry-after", b"5"),)


class Stopping(ApiError):
    code = "api-stopping"
    message = "the node is stopping; what it acknowledged before is kept"
    status = 503
    headers = ((b"connection", b"close"), (b"retry-after", b"5"))


class HeightUnknown(ApiError):
    code = "api-height"
    message = "there is no block {height}; the tip has height {tip}"
    status = 404


class BodyAwaited(ApiError):
    code = "api-block-awaited"
    message = "of block {hash} only the header is here"
    status = 404


class TokenForm(ApiError):
    code = "api-token-form"
    message = "{reason}"
    status = 422


class MessageInvalid(ApiError):
    code = "ws-message"
    message = "{reason}"


class TopicUnknown(ApiError):
    code = "ws-topic"
    message = "there is no such topic; there are {topics}"


class TokenNameTaken(CommandError):
    code = "token-name-taken"
    message = "there is a token {name} already; choose another name, or revoke that one first"
    status = 409


class TokenNameUnknown(CommandError):
    code = "token-name-unknown"
    message = "there is no token {name}; chaindeck token list shows those that there are"
    status = 404


class Internal(ApiError):
    """A fault of this program. Its log has the details."""

    code = "internal"
    message = "this is a fault of the node; its log has the details, by the id {id}"
    status = 500
