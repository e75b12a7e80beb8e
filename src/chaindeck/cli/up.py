"""`chaindeck up`: start everything, or say what runs already."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE
from chaindeck.control.config import read_config
from chaindeck.coordinator.settings import read_settings
from chaindeck.node.config import load_config
from chaindeck.node.logs import get_logger
from chaindeck.records.databases import describe_database
from chaindeck.rpc.client import SupervisorClient
from chaindeck.rpc.forms import Notification
from chaindeck.store.errors import StoreLocked
from chaindeck.supervisor.control import find_supervisor, shut_down, wait_for_other
from chaindeck.supervisor.errors import SupervisorElsewhere, SupervisorSilent
from chaindeck.supervisor.first_start import Installation, prepare
from chaindeck.supervisor.guard import run_guarded
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.limits import MAX_NODES
from chaindeck.supervisor.parts import list_parts, own_command
from chaindeck.supervisor.process import forget, is_systemd_listening, supervise
from chaindeck.supervisor.remote import ask, find_states
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_log = get_logger("supervisor")
_OVERTAKEN = 75
"""Another `up` was faster: look again."""

_TAKEN_UP = ("CHAINDECK_NODES", "CHAINDECK_PORT")
_READY_LINE = "\0"
"""On the pipe of `--report`: from here on nothing more is said."""


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "up",
        help="start everything and keep it well",
        description="Start nodes, coordinator and control room, and keep them well until Ctrl-C."
        " What runs already and is well stays; what is sick is replaced.",
    )
    verb.add_argument(
        "--nodes",
        type=int,
        metavar="N",
        help=f"how many nodes, 1 to {MAX_NODES} (default: $CHAINDECK_NODES, else as before, or 3)",
    )
    verb.add_argument(
        "--demo",
        action=argparse.BooleanOptionalAction,
        help="whether a few wallets pay each other all the time (default: as before, or not)",
    )
    verb.add_argument("--restart", action="store_true", help="stop what runs first")
    verb.add_argument("--detach", action="store_true", help="return when everything is ready")
    verb.add_argument("--report", action="store_true", help=argparse.SUPPRESS)
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    wishes = read_environment(os.environ)
    installation = prepare(wishes, nodes=options.nodes, demo=options.demo)
    _check_settings(installation, os.environ)
    if options.restart:
        shut_down(installation.home)
    code = _OVERTAKEN
    while code == _OVERTAKEN:
        if find_supervisor(installation.home) is not None:
            code = _join(installation)
        elif options.detach:
            code = _detach(installation)
        else:
            code = run_guarded(
                lambda: _supervise(installation, is_reporting=options.report),
                lambda pid: forget(installation.home, pid),
            )
    return code


def _check_settings(installation: Installation, environment: Mapping[str, str]) -> None:
    """Hold the environment against the rules of every part, before the first of them starts."""
    home = installation.home
    read_settings(environment)
    read_config(environment)
    describe_database(home.folder, environment)
    for node in installation.config.nodes:
        load_config(home.nodes / node.name, environment, {})


def _join(installation: Installation) -> int:
    """Say what another supervisor runs, and have it replace what is sick."""
    home = installation.home
    if is_systemd_listening() and (pid := find_supervisor(home)) is not None:
        raise SupervisorElsewhere(pid=pid, path=str(home.folder))
    if not wait_for_other(home):
        pid = find_supervisor(home)
        if pid is None:
            return _OVERTAKEN
        raise SupervisorSilent(pid=pid, path=str(home.folder))
    parts = find_states(home)
    wanted = {part.name for part in list_parts(installation)}
    if wanted != {part.name for part in parts}:
        print(f"what runs is not what {home.config} says; `chaindeck up --restart` makes it so")
    for part in parts:
        if part.state != "ready":
            why = f": {part.reason.splitlines()[0]}" if part.reason else ""
            print(f"{part.name:<12} {part.state}, and is started again{why}", flush=True)
            ask(home, partial(SupervisorClient.start_part, name=part.name))
    print(f"runs already, and is well: {', '.join(part.name for part in parts)}")
    for part in parts:
        if part.kind == "web":
            print(f"the control room is at {part.address}")
    return DONE


def _supervise(installation: Installation, *, is_reporting: bool) -> int:
    """Keep everything, in this process, until it is told to stop."""
    voice = _Voice(installation, is_reporting=is_reporting)
    try:
        asyncio.run(
            supervise(
                installation.home,
                list_parts(installation),
                tell=voice.tell,
                when_ready=voice.tell_ready,
                installation=installation,
            )
        )
    except StoreLocked:
        return _OVERTAKEN
    return DONE


def _detach(installation: Installation) -> int:
    """Start a supervisor that outlives this process, and show what it says until it is ready."""
    # What was asked for is in the configuration by now; the command line won over these.
    kept = {name: value for name, value in os.environ.items() if name not in _TAKEN_UP}
    with subprocess.Popen(  # noqa: S603 - our own command
        [own_command(), "up", "--report"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={**kept, "CHAINDECK_HOME": str(installation.home.folder)},
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            if line.rstrip("\n") == _READY_LINE:
                # It goes on without us.
                process.returncode = DONE
                for said in _first_password(installation.home):
                    print(said)
                return DONE
            print(line, end="", flush=True)
        return process.wait()


def _first_password(home: Home) -> list[str]:
    """Say with what to sign in for the first time: once, and to a person's eyes alone."""
    path = home.first_password
    if not path.exists():
        return []
    if not sys.stdout.isatty():
        return [f"sign in as admin; the first password is in {path}"]
    password = path.read_text()
    path.unlink()
    return [f"sign in as admin with the password {password}", "it is shown this once"]


class _Voice:
    """Says how the start goes on standard output; later, only in the supervisor's log."""

    def __init__(self, installation: Installation, *, is_reporting: bool) -> None:
        self._installation = installation
        self._is_reporting = is_reporting

    def tell(self, notification: Notification) -> None:
        first, *rest = notification.message.splitlines() or [""]
        self._say(f"{notification.part:<12} {first}" + (" ..." if rest else ""))

    def tell_ready(self) -> None:
        config = self._installation.config
        has_web = any(part.kind == "web" for part in list_parts(self._installation))
        node_docs = f"http://127.0.0.1:{config.nodes[0].api_port}/api/docs"
        address = f"http://127.0.0.1:{config.web_port}" if has_web else node_docs
        self._say(f"everything is ready: {address}")
        if self._is_reporting:
            self._say(_READY_LINE)
            self._retire()
            return
        for line in _first_password(self._installation.home):
            self._say(line)

    def _say(self, line: str) -> None:
        """Write without a buffer: what a full disk does not take is lost, and nothing else is."""
        try:
            os.write(sys.stdout.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            # Whoever started us has gone; the log has not.
            self._retire()
        except OSError as error:
            _log.warning("not told", line=line, reason=error.strerror or str(error))

    def _retire(self) -> None:
        """Speak into the log from now on."""
        path = self._installation.home.log("supervisor")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
        self._is_reporting = False
