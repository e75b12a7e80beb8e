"""The HTTP and WebSocket API of a node: raw ASGI, one table of routes, no rule of its own.

Read `table` first: every route with its scope, cost, shapes and handler. Dispatch (`app`), the
OpenAPI document (`openapi`), the page for people (`page`) and the tests of scopes are derived from
it. `gate` says who may pass, `failures` turns every error into an answer, `forms` has the shapes,
`events` the WebSocket, `server` the sockets and their limits. What the handlers know of a miner and
of development tools is in `ports`.
"""

from chaindeck.node.api.app import App, create_app
from chaindeck.node.api.server import ApiServer, serve
from chaindeck.node.api.tokens import TokenBook

__all__ = ["ApiServer", "App", "TokenBook", "create_app", "serve"]
