"""Which nodes are watched: those of `config.json`, the one of `NODE_URL`, and those added."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from chaindeck.client import Access, UrlInvalid
from chaindeck.coordinator.limits import MAX_NODES
from chaindeck.node.logs import get_logger

ENVIRONMENT_NAME = "node-url"
"""What the node of `NODE_URL` is called."""

_CONFIG_NAME, _RUNNING_NAME = "config.json", "running.json"
_log = get_logger("coordinator")


class _ConfigNode(msgspec.Struct, frozen=True):
    name: str
    api_port: int
    p2p_port: int = 0


class _Config(msgspec.Struct, frozen=True):
    nodes: tuple[_ConfigNode, ...] = ()


class _Running(msgspec.Struct, frozen=True):
    url: str


_CONFIG = msgspec.json.Decoder(_Config)
_RUNNING = msgspec.json.Decoder(_Running)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One node to watch; `origin` is config, environment or added."""

    name: str
    url: str
    origin: str
    folder: Path | None = None
    p2p_port: int = 0

    def access(self) -> Access:
        return Access(self.url, folders=[self.folder] if self.folder else [])


def list_sources(home: Path, node_url: str, rows: Sequence[dict[str, Any]]) -> tuple[Source, ...]:
    """Return all nodes by name. `rows` are those of records, of which some were added by hand.

    Of two with one address the first counts: configured, then environment, then added.
    """
    found = [*_configured(home)]
    if node_url:
        found.append(Source(name=ENVIRONMENT_NAME, url=node_url, origin="environment"))
    found += _added(rows, {source.name for source in found})
    by_url: dict[str, Source] = {}
    for source in found:
        by_url.setdefault(source.url, source)
    return tuple(sorted(by_url.values(), key=lambda source: source.name))[:MAX_NODES]


def forgotten(sources: Sequence[Source], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of rows whose node is watched no longer."""
    names = {source.name for source in sources}
    return [row["name"] for row in rows if row["name"] not in names]


def _configured(home: Path) -> list[Source]:
    path = home / _CONFIG_NAME
    try:
        config = _CONFIG.decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.warning("the configuration cannot be read", path=str(path), reason=str(error))
        return []
    return [_own(home, node) for node in config.nodes]


def _own(home: Path, node: _ConfigNode) -> Source:
    """A running node says where it listens; another is expected where it was told to."""
    folder = home / "nodes" / node.name
    url = f"http://127.0.0.1:{node.api_port}"
    try:
        url = Access(_RUNNING.decode((folder / _RUNNING_NAME).read_bytes()).url).url
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, UrlInvalid):
        """It does not run, or is about to stop."""
    return Source(name=node.name, url=url, origin="config", folder=folder, p2p_port=node.p2p_port)


def _added(rows: Sequence[dict[str, Any]], taken: set[str]) -> list[Source]:
    return [
        Source(name=row["name"], url=row["url"], origin="added")
        for row in rows
        if not row["is_ours"] and row["name"] not in taken | {ENVIRONMENT_NAME} and row["url"]
    ]
