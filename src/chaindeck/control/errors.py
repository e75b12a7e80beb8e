"""What can go wrong in the web, each with a code that never changes its meaning.

ControlError
|- AssetsMissing        the installation lacks what browsers load
|- WebSettingInvalid    a setting is wrong
|  |- OriginInvalid     an address in ALLOWED_ORIGINS is none
|  |- WebPortInvalid    CHAINDECK_PORT is no port
|  |- GrpcInvalid       CHAINDECK_GRPC is no address
|  |- LoggingInvalid    LOG_LEVEL or LOG_FORMAT is none of those possible
|  `- ListeningInsecure other machines would send passwords in the clear
|- WebPortTaken         another program listens there
|- ScopeTooHigh         a token would be mightier than who makes it
|- TooManyTokens        somebody has as many as one may
`- RequestInvalid       a request of a program makes no sense
"""

from __future__ import annotations

from chaindeck.ledger.errors import CodedError


class ControlError(CodedError):
    """The web cannot do what it should."""


class AssetsMissing(ControlError):
    code = "web-assets-missing"
    message = "pages have no style sheet and no scripts; run: make assets"


class WebSettingInvalid(ControlError):
    """Base of what the environment or the command line says wrongly."""


class OriginInvalid(WebSettingInvalid):
    code = "web-origin"
    message = "ALLOWED_ORIGINS: {origin!r} is no origin; for example https://deck.example.org"


class WebPortInvalid(WebSettingInvalid):
    code = "web-port"
    message = "CHAINDECK_PORT: {text!r} is no port; for example 8000"


class GrpcInvalid(WebSettingInvalid):
    code = "web-grpc"
    message = "CHAINDECK_GRPC: {reason}"


class WebPortTaken(ControlError):
    code = "web-port-taken"
    message = "another program listens at port {port}; stop it, or set CHAINDECK_PORT"


class LoggingInvalid(WebSettingInvalid):
    code = "web-logging"
    message = "{name}: {text!r} is none of {choices}"


class ListeningInsecure(WebSettingInvalid):
    code = "web-insecure"
    message = (
        "other machines would send passwords to {host} in the clear; put a proxy with TLS"
        " before it, and name it: ALLOWED_ORIGINS=https://deck.example.org"
    )


class ScopeTooHigh(ControlError):
    code = "web-scope"
    message = "who is {role} cannot make a token with the scope {scope}"


class TooManyTokens(ControlError):
    code = "web-tokens"
    message = "one person has at most {limit} tokens; revoke some first"


class RequestInvalid(ControlError):
    code = "request-invalid"
    message = "{reason}"
