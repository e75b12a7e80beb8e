"""A site of somebody else on this machine: pages that tests write, at an origin of their own.

It really listens: a browser lets only pages of this machine speak to this machine.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Elsewhere:
    """Its pages by name."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.pages: dict[str, str] = {}


@contextlib.contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = site.pages.get(self.path.removeprefix("/"))
            kind = "text/javascript" if self.path.endswith(".js") else "text/html"
            body = (text or "").encode()
            # Browsers ask for an icon too.
            self.send_response(HTTPStatus.NO_CONTENT if text is None else HTTPStatus.OK)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            if text is not None:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: tests look at pages."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Elsewhere(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
