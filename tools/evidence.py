"""Writes what a long proof found to `docs/evidence/<name>.md`.

A record is dated and names the commit, the machine, the seeds, the command and the result; it
never names a host, a user or a path. Run as `python -m tools.evidence NAME -- COMMAND...` it runs
the command, records the end of what it printed, and exits as the command did.
"""

import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE_DIR = ROOT / "docs" / "evidence"
TAIL_LINES = 40  # of a command's output: the summary and the seeds, not every dot


@dataclass(frozen=True, slots=True)
class Record:
    """One proof that was run: what, with which seeds, and what came out."""

    name: str
    command: str
    seeds: Mapping[str, str]
    result: str
    seconds: float


def describe_commit() -> str:
    """The commit that was measured, marked when the tree held other changes."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "not committed yet"
    changed = _git("status", "--porcelain", "--", ".", ":!docs/evidence")
    return f"{commit} with uncommitted changes" if changed else commit


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory, system and Python; nothing that names the host."""
    return {
        "processor": _processor_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory_bytes() / 2**30:.0f} GiB",
        "system": _system_name(),
        "python": platform.python_version(),
    }


def write_record(record: Record, directory: Path = EVIDENCE_DIR) -> Path:
    """Write the record over an older one of the same name and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{record.name}.md"
    path.write_text(render_record(record), encoding="utf-8")
    return path


def render_record(record: Record) -> str:
    """The record as Markdown."""
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": describe_commit(),
        **describe_machine(),
        "seeds": ", ".join(f"{key} {value}" for key, value in record.seeds.items()) or "none",
        "took": f"{record.seconds:.0f} s",
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in facts.items())
    return (
        f"# Evidence: {record.name}\n\n"
        f"| what | value |\n|---|---|\n{table}\n\n"
        f"    {record.command}\n\n"
        f"```\n{_without_paths(record.result).strip()}\n```\n"
    )


def main(arguments: Sequence[str]) -> int:
    """Run `NAME -- COMMAND...`, record it, and return the command's exit status."""
    if len(arguments) < 3 or arguments[1] != "--":
        print("usage: python -m tools.evidence NAME -- COMMAND...", file=sys.stderr)
        return 2
    name, command = arguments[0], list(arguments[2:])
    started = time.monotonic()
    lines, status = _run_and_show(command)
    record = Record(
        name=name,
        command=_without_paths(shlex.join(command)),
        seeds=_seeds_printed(lines),
        result="\n".join(lines[-TAIL_LINES:]) + f"\nexit status {status}",
        seconds=time.monotonic() - started,
    )
    print(f"recorded in {write_record(record).relative_to(ROOT)}")
    return status


def _run_and_show(command: list[str]) -> tuple[list[str], int]:
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return lines, process.returncode


def _seeds_printed(lines: Sequence[str]) -> dict[str, str]:
    found = (re.search(r"\b(\w*SEED)=(\d+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def _without_paths(text: str) -> str:
    return text.replace(f"{ROOT}/", "").replace(str(ROOT), ".").replace(str(Path.home()), "~")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        if match:
            return f"{match[1]} ({platform.machine()})"
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _system_name() -> str:
    release = Path("/etc/os-release")
    if release.exists():
        match = re.search(r'^PRETTY_NAME="?([^"\n]+)', release.read_text(), re.MULTILINE)
        if match:
            return match[1]
    return platform.system()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
