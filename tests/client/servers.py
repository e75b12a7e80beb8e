"""Servers that misbehave as a script says, and a line in between that can be cut."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence


def note_running(api) -> None:
    """Leave the note that a node's process leaves, so that local tools find its cookie."""
    note = {"url": f"http://127.0.0.1:{api.port}", "pid": 1, "instance": "x"}
    (api.service.store.folder / "running.json").write_text(json.dumps(note))


def http_answer(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


HEALTHY = http_answer(200, b'{"ok":true,"instance_id":"i","pid":1,"height":0}')


class Scripted:
    """Answers each request with the next line of its script; an empty one hangs up."""

    def __init__(self, script: Sequence[bytes], *, is_silent: bool, is_curt: bool) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self._is_silent = is_silent
        self._is_curt = is_curt
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(line)
            with contextlib.suppress(OSError):
                self._serve(line)
            if not self._is_silent:
                line.close()

    def _serve(self, line: socket.socket) -> None:
        while data := line.recv(65_536):
            self.requests.append(data)
            if self._is_silent:
                return
            answer = self.script.pop(0) if self.script else b""
            if not answer:
                return
            line.sendall(answer)
            if self._is_curt:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._open:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for line in self._open:
            line.close()


@contextlib.contextmanager
def scripted(*script: bytes, is_silent: bool = False, is_curt: bool = False) -> Iterator[Scripted]:
    """A silent server never answers; a curt one hangs up after its first answer."""
    server = Scripted(script, is_silent=is_silent, is_curt=is_curt)
    try:
        yield server
    finally:
        server.close()
