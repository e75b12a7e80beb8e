"""Tokens as an operator makes them: by a command, beside a node that runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.functional.processes import COMMAND, NodeProcess, node
from tests.ledger.forge import ALICE, address


def command(process: NodeProcess, *arguments: str) -> Any:
    action, *others = arguments
    done = subprocess.run(
        [COMMAND, "token", action, "--json", "--data", process.folder, *others],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_tokens_open_what_they_are_for_until_they_are_taken_back(tmp_path: Path) -> None:
    with node(tmp_path / "node") as process:
        watcher = command(process, "new", "watcher", "--scope=read")["token"]
        miner = command(process, "new", "miner", "--scope=mine")["token"]

        def status_of(token: str, path: str, body: object = None) -> int:
            return process.ask("GET" if body is None else "POST", path, body, token=token).status

        template = f"/api/template?address={address(ALICE)}"
        mining = {"blocks": 1, "address": address(ALICE)}
        assert status_of(watcher, "/api/status") == 200
        assert status_of(watcher, template) == 403
        assert status_of(miner, template) == 200
        assert status_of(miner, "/api/mine", mining) == 200
        assert status_of(miner, "/api/status") == 403
        assert status_of(miner, "/api/admin/invalidate", {"hash": "00" * 32}) == 403
        command(process, "revoke", "miner")
        assert status_of(miner, template) == 401
        assert status_of(watcher, "/api/status") == 200
        command(process, "revoke", "watcher")
        assert status_of(watcher, "/api/status") == 401
        again = command(process, "new", "miner", "--scope=mine")["token"]
        process.stop()
        process.start()
        assert status_of(again, template) == 200
        assert [row["name"] for row in command(process, "list")] == ["miner"]
