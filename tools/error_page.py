"""docs/errors.md, made of the errors modules of every room.

`python -m tools.error_page` writes it; `--check` only says whether it is current.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chaindeck

PAGE = Path("docs/errors.md")
_HEAD = """# Error codes

Every rule that outside data can break has one code. APIs, logs and metrics carry it, and it never
changes its meaning. `{...}` stands for values that the error carries. This page is made of the
rooms' `errors.py` by `make generate`.
"""


def render() -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    for room in _rooms():
        errors = list(_errors(room))
        rows = [f"| `{error.code}` | {_sentence(error)} |{_guilt(error)} |" for error in errors]
        if rows:
            is_about_peers = hasattr(errors[0], "is_provable")
            question = "is the peer barred?" if is_about_peers else "is the sender blamed?"
            head = f"| code | what is wrong | {question} |\n|---|---|---|\n"
            parts.append(f"## {room}\n\n{head}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.error_page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    if parser.parse_args().check:
        is_current = PAGE.exists() and PAGE.read_text() == render()
        print("errors are current" if is_current else "not current: docs/errors.md")
        return not is_current
    PAGE.write_text(render())
    return 0


def _rooms() -> Iterator[str]:
    for room in pkgutil.iter_modules(chaindeck.__path__):
        if room.ispkg and importlib.util.find_spec(f"chaindeck.{room.name}.errors"):
            yield room.name


def _errors(room: str) -> Iterator[Any]:
    module = importlib.import_module(f"chaindeck.{room}.errors")
    classes = [error for _, error in inspect.getmembers(module, inspect.isclass)]
    coded = [
        error
        for error in classes
        if error.__module__ == module.__name__ and isinstance(error.__dict__.get("code"), str)
    ]
    yield from sorted(coded, key=lambda error: str(error.__dict__["code"]))


def _guilt(error: Any) -> str:  # noqa: ANN401 - rooms have no error class in common
    for name in ("is_blamed", "is_provable"):
        if hasattr(error, name):
            return " yes" if getattr(error, name) else " no"
    return ""


def _sentence(error: type) -> str:
    text: str = error.__dict__.get("message") or inspect.getdoc(error) or ""
    return text.split("\n\n", maxsplit=1)[0].replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
