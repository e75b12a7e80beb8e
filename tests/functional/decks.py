"""What runs in a home, asked as a program asks: by command, and over the control room's API."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from typing import Any

from tests.functional.processes import COMMAND
from tests.functional.ups import LIMIT_S, Installed

_MAKE_TOKEN = (
    "from chaindeck.records.services.people import person_create, token_create;"
    "person, _ = person_create(username='{name}', role='{role}');"
    "print('TOKEN', token_create(owner=person, name='t', scopes=['{scope}'])[1])"
)


class Deck:
    """What runs in a home, asked as a program asks."""

    def __init__(self, home: Installed, *prefix: str, **more: str) -> None:
        self.home = home
        self._prefix = prefix
        self._more = more
        self.token = ""
        """Of an admin; it may do whatever a program may."""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._prefix, COMMAND, *words],
            env=self.home.environment(**self._more),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def start(self) -> None:
        done = self.run("up", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
        self.token = self.make_token("admin", "admin")

    def make_token(self, role: str, scope: str) -> str:
        """Make somebody with a role, and return a token of theirs."""
        script = _MAKE_TOKEN.format(name=f"{role}-{scope}", role=role, scope=scope)
        made = self.run("manage", "shell", "-v", "0", "-c", script)
        return made.stdout.partition("TOKEN ")[2].strip()

    def parts(self) -> dict[str, Any]:
        return {part["name"]: part for part in json.loads(self.run("status", "--json").stdout)}

    def ask(self, path: str, body: Any = None, *, token: str = "") -> tuple[int, Any]:
        """Ask the control room's API; with a body, tell it."""
        headers = {
            "authorization": f"Bearer {token or self.token}",
            "content-type": "application/json",
        }
        url = f"http://127.0.0.1:{self.home.ports[0]}{path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, headers)
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def components(self) -> dict[str, str]:
        status, answer = self.ask("/api/status/")
        return answer["coordinator"]["components"] if status == 200 else {}

    def is_well(self) -> bool:
        components = self.components()
        return bool(components) and set(components.values()) == {"well"}

    def height(self) -> int:
        _, answer = self.ask("/api/status/")
        return max((chain["height"] for chain in answer["chains"]), default=-1)
