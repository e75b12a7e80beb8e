"""The ASGI application: finds the route, asks the gate, runs the handler, sends the answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Collection

from chaindeck.node.api.context import Context
from chaindeck.node.api.events import EventTexts, FeedSocket
from chaindeck.node.api.failures import failure
from chaindeck.node.api.gate import PREFLIGHT, Gate, Headers
from chaindeck.node.api.openapi import build_document
from chaindeck.node.api.page import render_page
from chaindeck.node.api.ports import DevTools, Miner, Peering
from chaindeck.node.api.rates import Rates
from chaindeck.node.api.requests import (
    ClientGoneError,
    HeaderPairs,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    Stream,
    encode_json,
    wait_for_leave,
)
from chaindeck.node.api.routes import Found, RouteMap
from chaindeck.node.api.table import list_routes
from chaindeck.node.api.tokens import TokenBook
from chaindeck.node.errors import Stopping
from chaindeck.node.limits import API_SEND_TIMEOUT_S
from chaindeck.node.logs import get_logger
from chaindeck.node.service import NodeService

_NO_ROUTE = "none"
_NO_CONTENT = 204
_ALWAYS: HeaderPairs = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_log = get_logger("api")


def create_app(
    service: NodeService,
    *,
    tokens: TokenBook,
    origins: Collection[str] = (),
    miner: Miner | None = None,
    dev: DevTools | None = None,
    peering: Peering | None = None,
    open_loopback: bool = True,
    rates: Rates | None = None,
) -> App:
    """Return the API of a node, with a new cookie for local tools.

    `origins` are those whose pages may use it, as browsers say them.
    `open_loopback` lets programs on this machine read and submit without a token.
    """
    tokens.write_cookie()
    context = Context(service, miner=miner, dev=dev, peering=peering)
    rates = Rates() if rates is None else rates
    gate = Gate(tokens, origins, rates, is_loopback_open=open_loopback)
    routes = list_routes(
        has_miner=miner is not None,
        has_dev_tools=dev is not None,
        has_peers=peering is not None,
    )
    context.document = encode_json(build_document(routes))
    context.page = render_page(routes)
    return App(context, gate, RouteMap(routes))


class App:
    """Answers HTTP and WebSocket requests for one node."""

    def __init__(self, context: Context, gate: Gate, routes: RouteMap) -> None:
        self.context = context
        self.routes = routes
        self._gate = gate
        self._texts = EventTexts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            assert scope["type"] == "websocket", "the server runs without lifespan"
            await FeedSocket(self.context, self._gate, self._texts, receive, send).run(scope)

    def stop(self) -> None:
        """Let whoever waits go: the server is about to stop."""
        self.context.stopping.set()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_s = time.perf_counter()
        headers = dict(scope["headers"])
        name = _NO_ROUTE
        response: Response | Stream | None = None
        try:
            if scope["method"] == "OPTIONS":
                response = self._describe(scope["path"])
            else:
                found = self.routes.find(scope["method"], scope["path"])
                name = found.route.name
                response = await self._handle(found, scope, headers, receive)
            if isinstance(response, Stream):
                response = await self._send_stream(scope, headers, response, receive, send)
        except ClientGoneError:
            return
        except asyncio.CancelledError:
            # Only a stop that has waited long enough cancels requests. One that was not answered
            # is told so; a stream is cut off.
            if response is not None:
                return
            response = failure(Stopping())
        except Exception as error:  # noqa: BLE001 - the border: logged there, answered with 500
            response = failure(error)
        if isinstance(response, Response):
            await self._send(send, response, self._gate.cors(headers))
            self.context.meters.count(name, response.status, time.perf_counter() - started_s)

    async def _handle(
        self, found: Found, scope: Scope, headers: Headers, receive: Receive
    ) -> Response | Stream:
        gate, route = self._gate, found.route
        identity = gate.identify(scope, headers)
        gate.charge(identity, route.cost)
        gate.check_origin(scope["method"], headers)
        gate.check_scope(identity, route.scope)
        request = Request(
            headers,
            scope["query_string"],
            found.argument,
            identity,
            receive,
            gate.charge,
            self.context.stopping,
        )
        return await route.handler(self.context, request)

    def _describe(self, path: str) -> Response:
        """Answer OPTIONS: the methods of an address, and to a listed page what it may send."""
        allowed = self.routes.allowed(path).encode()
        return Response(status=_NO_CONTENT, headers=((b"allow", allowed), *PREFLIGHT))

    async def _send(self, send: Send, response: Response, cors: HeaderPairs) -> None:
        headers = [*_ALWAYS, *response.headers, *cors]
        if response.status != _NO_CONTENT:
            length = str(len(response.body)).encode()
            headers += [(b"content-type", response.content_type), (b"content-length", length)]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _send_stream(
        self, scope: Scope, headers: Headers, stream: Stream, receive: Receive, send: Send
    ) -> Stream:
        """Send piece by piece; what fails before the first piece is answered like any failure."""
        async with contextlib.aclosing(stream.pieces) as pieces:
            first = b"" if scope["method"] == "HEAD" else await anext(pieces, b"")
            start = [(b"content-type", stream.content_type), *_ALWAYS, *self._gate.cors(headers)]
            await send({"type": "http.response.start", "status": 200, "headers": start})
            if first:
                await self._pump(first, pieces, receive, send)
            else:
                await send({"type": "http.response.body", "body": b""})
        return stream

    async def _pump(
        self, first: bytes, pieces: AsyncGenerator[bytes, None], receive: Receive, send: Send
    ) -> None:
        """Send the rest until it ends, or its reader leaves or sleeps, or the server stops."""
        leaving = asyncio.create_task(wait_for_leave(receive))
        try:
            piece = first
            while piece and not leaving.done() and not self.context.stopping.is_set():
                async with asyncio.timeout(API_SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await anext(pieces, b"")
            if not piece:
                await send({"type": "http.response.body", "body": b""})
        except Exception as error:  # noqa: BLE001 - too late for a status: logged, and cut off
            _log.error("a stream broke off", error)
        finally:
            leaving.cancel()
