"""The files of the project as the meta tests see them: tracked, or new and not ignored."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = "tests/fuzz/corpus/"  # inputs for the fuzzer: bytes, not text
PICTURES = "docs/pictures/"


@cache
def list_files() -> tuple[str, ...]:
    """Paths relative to the root, with `/`, in order."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return tuple(sorted(path for path in done.stdout.split("\0") if (ROOT / path).is_file()))


@cache
def read_text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def list_text_files() -> list[str]:
    return [path for path in list_files() if not path.startswith((CORPUS, PICTURES))]


def list_pictures() -> list[str]:
    return [path for path in list_files() if path.startswith(PICTURES)]


def list_python(*folders: str) -> list[str]:
    return [path for path in list_files() if path.endswith(".py") and path.startswith(folders)]


def list_documents() -> list[str]:
    return [path for path in list_files() if path.endswith(".md")]


def expect_none(problems: list[str]) -> None:
    """Fail with every problem on a line of its own."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
