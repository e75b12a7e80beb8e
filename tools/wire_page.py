"""The parts of docs/protocol.md that the tables of the wire are written in.

`python -m tools.wire_page` writes them between their marks; `--check` only says whether they are
current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from chaindeck.protocol.frames import sync_limits, type_limits
from chaindeck.protocol.kinds import SyncKind
from chaindeck.protocol.messages import Type
from chaindeck.protocol.transitions import TRANSITIONS, Phase

PAGE = Path("docs/protocol.md")


def phases() -> str:
    """Draw what a peer may say in each phase."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {phase.value}" for phase in (Phase.DIALLED, Phase.ANSWERING)]
    said: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, spoken), following in TRANSITIONS.items():
        said.setdefault((phase, following), []).append(spoken.name)
    for (phase, following), names in said.items():
        lines.append(f"    {phase.value} --> {following.value}: {', '.join(names)}")
    return "\n".join([*lines, f"    {Phase.CLOSING.value} --> [*]", "```"])


def sizes() -> str:
    """List the types with the longest payload of each."""
    lines = ["| byte | type | longest payload, bytes |", "|---|---|---|"]
    for kind, limit in type_limits(0).items():
        text = "by kind, see below" if kind == Type.CHAIN_SYNC else f"{limit:,}"
        lines.append(f"| {kind} | {Type(kind).name} | {text} |")
    return "\n".join(lines)


def sync_sizes() -> str:
    """List the kinds of CHAIN_SYNC with the longest payload of each."""
    lines = ["| kind | CHAIN_SYNC | longest payload, bytes |", "|---|---|---|"]
    larger = sync_limits(1)
    for kind, limit in sorted(sync_limits(0).items()):
        grows = " + max_block_bytes" if larger[kind] > limit else ""
        lines.append(f"| {kind} | {SyncKind(kind).name} | {limit:,}{grows} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {"phases": phases, "sizes": sizes, "sync-sizes": sync_sizes}


def render(text: str) -> str:
    """Return the text of the page with its parts as they are now."""
    for name, make in PARTS.items():
        begin = f"<!-- {name}, made by tools/wire_page.py -->\n"
        end = f"\n<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"the part {name} is not marked once")
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}{make()}{end}{after}"
    return text


def write(*, is_check: bool) -> int:
    """Write the page, or only look; return 1 where looking finds it stale."""
    text = PAGE.read_text()
    if is_check:
        is_current = text == render(text)
        print("wire tables are current" if is_current else f"not current: {PAGE}")
        return not is_current
    PAGE.write_text(render(text))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.wire_page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    return write(is_check=parser.parse_args().check)


if __name__ == "__main__":
    sys.exit(main())
