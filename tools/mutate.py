"""Breaks the rules on purpose and sees whether the tests notice.

    python -m tools.mutate [MODULE ...] [--workers N] [--sample N --seed S] [--evidence NAME]

A mutant is one module with one small change (`tools.mutants` lists them). It is killed when a test
fails, errs or takes far too long. The tests of the module's mirror (tests/ROOM/test_MODULE.py) try
first; a mutant that they let live meets all tests of its room. Survivors are listed with their
line; many change nothing that anybody could notice. The exit status is 1 when fewer are killed
than `FLOOR_PERCENT` of all.

One process imports pytest and the libraries once and forks for each mutant; the fork takes the
changed source through an import hook, so nothing on the disk changes.
"""

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from tools.evidence import ROOT, Record, write_record
from tools.mutants import Mutant, list_mutants, mutate_tree

FLOOR_PERCENT = 80
SOURCE_DIR = ROOT / "src"
# Words, numbers and promises: nothing in them decides.
WITHOUT_RULES = frozenset({"__init__", "errors", "ports"})
DEFAULT_ROOMS = ("chaindeck.ledger",)
# Every fork brings these along instead of importing them again.
PRELOADED = ("hypothesis", "hypothesis.strategies", "coincurve", "msgspec", "sortedcontainers")
TIME_LIMIT_FACTOR = 5  # over the unchanged run: an endless loop, not a slow machine
TIME_LIMIT_EXTRA_S = 10.0
PYTEST_OPTIONS = (
    *("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of the libraries preloaded
)
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"


@dataclass(frozen=True, slots=True)
class Stage:
    """A pytest run that a mutant must pass to survive."""

    arguments: tuple[str, ...]
    limit_s: float


@dataclass(slots=True)
class Job:
    """A mutant on its way through the stages of its module."""

    module: str
    mutant: Mutant
    stages: list[Stage]
    process: int = 0
    deadline: float = 0.0


@dataclass(slots=True)
class Report:
    """What became of the mutants of one module."""

    killed: int = 0
    timed_out: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Mutants tried."""
        return self.killed + self.timed_out + len(self.survivors)


class MutantFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed source where the module would be imported."""

    def __init__(self, module: str, path: Path, mutant: Mutant) -> None:
        self.module = module
        self.path = path
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the one module."""
        del path, target
        if fullname != self.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed tree as the module's body."""
        tree = mutate_tree(self.path.read_text(encoding="utf-8"), self.mutant)
        module.__file__ = str(self.path)
        exec(compile(tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 - our own source


def path_of(module: str) -> Path:
    """The source file of a module."""
    return SOURCE_DIR.joinpath(*module.split(".")).with_suffix(".py")


def expand_modules(names: Sequence[str]) -> list[str]:
    """Modules as named; a room stands for each of its modules that holds rules."""
    modules = []
    for name in names or DEFAULT_ROOMS:
        folder = SOURCE_DIR.joinpath(*name.split("."))
        if folder.is_dir():
            stems = sorted(path.stem for path in folder.glob("*.py"))
            modules += [f"{name}.{stem}" for stem in stems if stem not in WITHOUT_RULES]
        elif path_of(name).is_file():
            modules.append(name)
        else:
            raise SystemExit(f"no module {name}")
    return modules


def pytest_runs_of(module: str) -> list[tuple[str, ...]]:
    """The pytest arguments of each stage: the mirror first, then the rest of the room."""
    _, room, *_, stem = module.split(".")
    folder = ROOT / "tests" / room
    mirror = folder / f"test_{stem}.py"
    if not folder.is_dir():
        raise SystemExit(f"no tests for {module}: {folder.relative_to(ROOT)} is missing")
    if not mirror.is_file():
        return [(str(folder),)]
    return [(str(mirror),), (str(folder), f"--ignore={mirror}")]


def run_tests(arguments: Iterable[str], log: Path) -> int:
    """Run pytest in this process, its words into `log`; no tests at all counts as passing."""
    output = os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (0, 1, 2):
        os.dup2(output, stream)
    sys.dont_write_bytecode = True
    status = pytest.main([*PYTEST_OPTIONS, *arguments])
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else int(status)


def start(
    arguments: Iterable[str], finder: MutantFinder | None = None, log: Path = Path(os.devnull)
) -> int:
    """Fork a process group that runs the tests, changed by `finder`, and return its id."""
    process = os.fork()
    if process:
        return process
    status = 99
    try:
        os.setpgid(0, 0)
        os.environ["PYTHONHASHSEED"] = "0"
        if finder is not None:
            sys.meta_path.insert(0, finder)
        status = run_tests(arguments, log)
    finally:
        os._exit(status)


def time_stages(module: str) -> list[Stage]:
    """Run the unchanged tests once, and derive each stage's time limit."""
    stages = []
    for arguments in pytest_runs_of(module):
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as log:
            started = time.monotonic()
            _, status = os.waitpid(start(arguments, log=Path(log.name)), 0)
            took = time.monotonic() - started
            if status != 0:
                raise SystemExit(f"{log.read()}\nthe tests fail without any mutant")
        stages.append(Stage(arguments, took * TIME_LIMIT_FACTOR + TIME_LIMIT_EXTRA_S))
    return stages


def plan_jobs(modules: Sequence[str], sample: int | None, seed: int) -> list[Job]:
    """Every mutant of the modules, or a seeded sample of them."""
    jobs = []
    for module in modules:
        mutants = list_mutants(path_of(module).read_text(encoding="utf-8"))
        if not mutants:
            continue
        stages = time_stages(module)
        jobs += [Job(module, mutant, list(stages)) for mutant in mutants]
    if sample is not None and sample < len(jobs):
        jobs = random.Random(seed).sample(jobs, sample)
    return jobs


def run_jobs(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, str]]:
    """Put every mutant through its stages, `workers` at a time; yields each verdict."""
    waiting = list(reversed(jobs))
    running: dict[int, Job] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop()
            begin_stage(job)
            running[job.process] = job
        for job, verdict in collect(running):
            if verdict == SURVIVED and len(job.stages) > 1:
                job.stages.pop(0)
                waiting.append(job)
            else:
                yield job, verdict


def begin_stage(job: Job) -> None:
    """Fork the job's next test run."""
    stage = job.stages[0]
    finder = MutantFinder(job.module, path_of(job.module), job.mutant)
    job.process = start(stage.arguments, finder)
    job.deadline = time.monotonic() + stage.limit_s


def collect(running: dict[int, Job]) -> Iterator[tuple[Job, str]]:
    """Wait until some process ends or runs out of time; take it out of `running`."""
    while True:
        ended = False
        for process, job in list(running.items()):
            done, status = os.waitpid(process, os.WNOHANG)
            late = time.monotonic() > job.deadline
            if not done and late:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
            if done or late:
                ended = True
                del running[process]
                yield job, TIMED_OUT if late and not done else KILLED if status else SURVIVED
        if ended:
            return
        select.select([], [], [], 0.01)


def summarize(reports: dict[str, Report]) -> str:
    """A line for each module, then the survivors."""
    lines = []
    for module, report in reports.items():
        killed = report.killed + report.timed_out
        lines.append(f"{module}: {killed} of {report.total} killed ({report.timed_out} by time)")
    survivors = [line for report in reports.values() for line in report.survivors]
    total = sum(report.total for report in reports.values())
    lines += ["", f"{total - len(survivors)} of {total} mutants killed"]
    if survivors:
        lines += ["", "Survivors:", *survivors]
    return "\n".join(lines)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutate")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a module or a room")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="try only this many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evidence", metavar="NAME", help="write docs/evidence/NAME.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Try the mutants, print and record the result; 1 when too many survive."""
    options = parse_arguments(arguments)
    for library in PRELOADED:
        importlib.import_module(library)
    started = time.monotonic()
    modules = expand_modules(options.modules)
    reports = {module: Report() for module in modules}
    jobs = plan_jobs(modules, options.sample, options.seed)
    print(f"{len(jobs)} mutants of {len(modules)} modules", flush=True)
    for number, (job, verdict) in enumerate(run_jobs(jobs, options.workers), start=1):
        report = reports[job.module]
        if verdict == SURVIVED:
            where = path_of(job.module).relative_to(ROOT)
            report.survivors.append(f"{where}:{job.mutant.line}: {job.mutant.change}")
            print(f"survived  {report.survivors[-1]}", flush=True)
        elif verdict == TIMED_OUT:
            report.timed_out += 1
        else:
            report.killed += 1
        if number % 100 == 0:
            print(f"{number} tried, {time.monotonic() - started:.0f} s", flush=True)
    result = summarize(reports)
    print(result)
    if options.evidence:
        command = f"python -m tools.mutate {' '.join(arguments)}"
        seeds = {"sample": str(options.seed)} if options.sample else {}
        record = Record(options.evidence, command, seeds, result, time.monotonic() - started)
        print(f"recorded in {write_record(record).relative_to(ROOT)}")
    survived = sum(len(report.survivors) for report in reports.values())
    return 1 if 100 * survived > (100 - FLOOR_PERCENT) * len(jobs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
