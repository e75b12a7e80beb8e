"""Who answers which request: built files from memory, sockets from `live`, the rest from Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from chaindeck.control.assets import PREFIX, assets
from chaindeck.control.middleware import takes_gzip

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_READING = ("GET", "HEAD")


class Site:
    """The one ASGI application of the web process."""

    def __init__(self, pages: Application, sockets: Application) -> None:
        self._pages = pages
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        elif scope["path"].startswith(PREFIX):
            await _send_asset(scope, send)
        else:
            await self._pages(scope, receive, send)


async def _send_asset(scope: Scope, send: Send) -> None:
    asset = assets().get(scope["path"]) if scope["method"] in _READING else None
    if asset is None:
        await _answer(send, HTTPStatus.NOT_FOUND, [(b"content-type", b"text/plain")], b"not here\n")
        return
    headers = list(asset.headers)
    body = asset.body
    if _takes_gzip(scope):
        headers.append((b"content-encoding", b"gzip"))
        body = asset.packed
    await _answer(send, HTTPStatus.OK, headers, b"" if scope["method"] == "HEAD" else body)


def _takes_gzip(scope: Scope) -> bool:
    accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
    return takes_gzip(accepted.decode("latin-1"))


async def _answer(
    send: Send, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
