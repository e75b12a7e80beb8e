"""A small part: `python child.py FOLDER MODE...` serves a health page and misbehaves as it is told.

well               serves until SIGTERM
deaf               ignores SIGTERM
parent             starts a grandchild that leaves session and group, and that ignores SIGTERM
dies               says why, and exits with 7 at once
never              never notes that it is ready
turns-sick         answers 500 once a file `sick` is in its folder
liar               notes another instance than it serves
port=N             listens there
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def main(folder: Path, modes: list[str]) -> int:
    if "dies" in modes:
        print("there is no such thing as a part", flush=True)
        return 7
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in modes else lambda *_: sys.exit(0))
    if "parent" in modes:
        start_grandchild(folder)
    if "never" in modes:
        print("thinking about it", flush=True)
        time.sleep(600)
    if "chatty" in modes:
        threading.Thread(target=chat, args=(folder / "talk",), daemon=True).start()
    instance = secrets.token_hex(4)
    serve(folder, instance, modes)
    return 0


def chat(word: Path) -> None:
    """Talk without end, from when the file is there."""
    while not word.exists():
        time.sleep(0.01)
    while True:
        with contextlib.suppress(OSError):
            os.write(1, b"x" * 9_999 + b"\n")
        time.sleep(0.002)


def start_grandchild(folder: Path) -> None:
    """Start one in a session of its own, through a child that ends at once."""
    command = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}],"
    command += " start_new_session=True, stdout=-3, stderr=-3); print(p.pid); p.returncode = 0"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, check=True, text=True
    )
    (folder / "grandchild.new").write_text(done.stdout)
    (folder / "grandchild.new").rename(folder / "grandchild")


def serve(folder: Path, instance: str, modes: list[str]) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_sick = "turns-sick" in modes and (folder / "sick").exists()
            self.send_response(500 if is_sick else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"instance": instance}).encode())

        def log_message(self, *_: object) -> None:
            pass

    port = next((int(mode[5:]) for mode in modes if mode.startswith("port=")), 0)
    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    note = {
        "pid": os.getpid(),
        "instance": "another" if "liar" in modes else instance,
        "address": f"http://127.0.0.1:{server.server_port}",
    }
    (folder / "running.new").write_text(json.dumps(note))
    (folder / "running.new").rename(folder / "running.json")
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        serving.join()
    finally:
        with contextlib.suppress(FileNotFoundError):
            (folder / "running.json").unlink()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
