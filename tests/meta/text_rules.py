"""Rules about documents and files of any kind. Each function returns a list of problems."""

import re
from collections.abc import Callable

MAX_FILE_BYTES = 500_000
MAX_CORPUS_BYTES = 65_536

# Spelled backwards or put together, so that this file passes its own rule.
UNFINISHED = ("ODOT"[::-1], "EMXIF"[::-1], "X" * 3)
MACHINE_PATHS = (*(f"/{top}/" for top in ("work", "root", "home", "Users")), "//:elif"[::-1])
FORBIDDEN = re.compile(
    "|".join([rf"\b{word}\b" for word in UNFINISHED] + [re.escape(path) for path in MACHINE_PATHS])
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`|^ {4}.*$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"```.*?```", re.DOTALL)
MAKE = re.compile(r"(?:^|[`$&|;\n])\s*make ([a-z]+)")
TARGET = re.compile(r"^([a-z]+):.*##", re.MULTILINE)


def find_forbidden_words(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in [FORBIDDEN.search(line)]
        if match
    ]


def find_wrong_form(path: str, data: bytes, max_bytes: int = MAX_FILE_BYTES) -> list[str]:
    """A tracked file is small UTF-8 text with Unix line ends and a last newline."""
    if len(data) > max_bytes:
        return [f"{path}: {len(data)} bytes, at most {max_bytes}"]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [f"{path}: not text"]
    if "\0" in text:
        return [f"{path}: not text"]
    if "\r" in text:
        return [f"{path}: carriage returns"]
    if text and not text.endswith("\n"):
        return [f"{path}: no newline at the end"]
    return []


def find_lock_origins(path: str, text: str) -> list[str]:
    """A lock file holds names, versions and hashes; where they come from is the reader's choice."""
    marks = ("://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ ")
    return [
        f"{path}:{number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        if any(mark in line for mark in marks)
    ]


def find_unhashed(path: str, text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    entries = [line for line in lines if "==" in line and not line.lstrip().startswith("#")]
    if not entries:
        return [f"{path}: no entries"]
    return [
        f"{path}: {entry.split()[0]} has no hash"
        for entry in entries
        if "--hash=sha256:" not in entry
    ]


def find_broken_links(path: str, text: str, exists: Callable[[str], bool]) -> list[str]:
    """Relative links must lead to a file; `exists` takes a path from the root."""
    problems = []
    folder = path.rpartition("/")[0]
    for target in LINK.findall(FENCE.sub("", text)):
        if target.startswith(("http://", "https://", "mailto:", "#")):
            continue
        resolved = _resolve(folder, target.partition("#")[0])
        if not exists(resolved):
            problems.append(f"{path}: {target} leads nowhere")
    return problems


def find_unknown_targets(path: str, text: str, makefile: str) -> list[str]:
    """`make` commands in the code of a document must be targets that `make help` lists."""
    targets = set(TARGET.findall(makefile))
    named = {target for code in CODE.findall(text) for target in MAKE.findall(code)}
    return [f"{path}: make {target} is no target" for target in sorted(named - targets)]


def _resolve(folder: str, target: str) -> str:
    parts = folder.split("/") if folder else []
    for part in target.rstrip("/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
