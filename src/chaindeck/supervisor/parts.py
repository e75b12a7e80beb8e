"""What is to run, as values: a plain function of the configuration.

A part is a command with its own data directory, where it notes that it is ready (`running.json`),
and a probe that asks it whether it is well. Nothing here starts anything.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from chaindeck.supervisor.first_start import Installation
from chaindeck.supervisor.limits import READY_TIMEOUT_S
from chaindeck.supervisor.probes import AliveProbe, GrpcProbe, HttpProbe, Probe
from chaindeck.supervisor.settings import NodeEntry

_MINING_DUTY = 0.05
"""Of one core. A block of the local network takes about a million hashes at least, a tenth of a
second with SHA instructions; from there the difficulty settles at a block in ten seconds."""

_NOTHING: Mapping[str, str] = {}
_RECORDS = ("DATABASE_URL", "REDIS_URL")
"""They hold passwords."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process that is to run."""

    name: str
    kind: str
    """node, coordinator, web or payments."""

    command: tuple[str, ...]
    folder: Path
    """Its data directory."""

    probe: Probe
    environment: Mapping[str, str] = _NOTHING
    """Added to ours; never a secret, because others can list it."""

    withheld: tuple[str, ...] = ()
    """Variables of ours that it does not get: what it has no use for, it cannot lose."""

    ports: tuple[int, ...] = ()
    """TCP ports of this machine that it will listen at."""

    ready_timeout_s: float = READY_TIMEOUT_S


def list_parts(installation: Installation) -> list[Part]:
    """Return all parts in the order in which they are started."""
    nodes = installation.config.nodes
    parts = [_node(installation, entry, is_miner=entry is nodes[0]) for entry in nodes]
    parts += [make(installation) for make in _SERVICES]
    if installation.config.demo:
        parts.append(_payments(installation))
    return [_at_home(part, installation) for part in parts]


def own_command() -> str:
    """Return the path of the `chaindeck` command that belongs to this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / "chaindeck")


def _at_home(part: Part, installation: Installation) -> Part:
    environment = {**part.environment, "CHAINDECK_HOME": str(installation.home.folder)}
    return msgspec.structs.replace(part, environment=environment)


def _node(installation: Installation, entry: NodeEntry, *, is_miner: bool) -> Part:
    folder = installation.home.nodes / entry.name
    others = [other for other in installation.config.nodes if other is not entry]
    settings = {
        "data": str(folder),
        "profile": "local",
        "name": entry.name,
        "api-port": str(entry.api_port),
        "p2p-port": str(entry.p2p_port),
        "peers": ",".join(f"127.0.0.1:{other.p2p_port}" for other in others),
        # All of them are named above, and a neighbour's network is none of ours.
        "discovery": "false",
    }
    if is_miner:
        settings |= {
            "mining": "always",
            "mining-duty": f"{_MINING_DUTY:g}",
            "mine-to": installation.payee,
        }
    options = [f"--{name}={value}" for name, value in settings.items() if value]
    return Part(
        name=entry.name,
        kind="node",
        command=(own_command(), "node", *options),
        folder=folder,
        probe=HttpProbe(),
        withheld=_RECORDS,
        ports=(entry.api_port, entry.p2p_port),
    )


def _coordinator(installation: Installation) -> Part:
    folder = installation.home.folder
    return Part(
        name="coordinator",
        kind="coordinator",
        command=(own_command(), "coordinator"),
        folder=folder / "coordinator",
        probe=GrpcProbe(folder, os.environ.get("CHAINDECK_GRPC", "").strip()),
    )


def _web(installation: Installation) -> Part:
    return Part(
        name="web",
        kind="web",
        command=(own_command(), "web"),
        folder=installation.home.folder / "web",
        probe=HttpProbe(),
        environment={"CHAINDECK_PORT": str(installation.config.web_port)},
        ports=(installation.config.web_port,),
    )


def _payments(installation: Installation) -> Part:
    return Part(
        name="payments",
        kind="payments",
        command=(own_command(), "payments"),
        folder=installation.home.folder / "payments",
        probe=AliveProbe(),
        withheld=_RECORDS,
    )


_SERVICES: tuple[Callable[[Installation], Part], ...] = (_coordinator, _web)
"""What is started beside the nodes, in this order."""
