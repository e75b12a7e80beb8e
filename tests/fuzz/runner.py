"""Runs one target under the coverage-guided fuzzer; `python -m tests.fuzz` is the way in.

The process may grow by `MEMORY_MIB` over what it held before the first input, and one input may
take `INPUT_LIMIT_S`: a decoder that lets a short input cost more than that can be used to stop a
node. Inputs that broke something are kept in `build/fuzz/TARGET/`; the small ones that taught us
something belong into `tests/fuzz/corpus/TARGET/`, where `test_corpus.py` replays them for ever.
"""

import importlib.machinery
import resource
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FOUND = ROOT / "build" / "fuzz"
MEMORY_MIB = 64
INPUT_LIMIT_S = 10  # of wall time: a busy machine may hold an innocent input for seconds
MAX_INPUT_BYTES = 4096


def run_target(name: str, *, seconds: int, runs: int, seed: int, folder: Path) -> None:
    """Fuzz one target; never returns: the fuzzer ends the process, with status 0 if all held."""
    with atheris.instrument_imports(include=["chaindeck"]):
        # The editable install's own finder gives loaders that cannot be instrumented; plain source
        # files come first, and the compiled module, which is not among them, still from there.
        sys.path.insert(0, str(ROOT / "src"))
        sys.meta_path.insert(1, importlib.machinery.PathFinder)
        from tests.fuzz.seeds import make_seeds
        from tests.fuzz.targets import PREFIX, TARGETS
    if name not in TARGETS:
        sys.exit(f"no target {name}; there are {', '.join(TARGETS)}")
    found = folder / name
    inputs = found / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(make_seeds(PREFIX).get(name, ())):
        (inputs / f"seed-{number}").write_bytes(data)
    kept = CORPUS / name
    options = [
        f"-max_total_time={seconds}",
        f"-runs={runs}",
        f"-seed={seed}",
        f"-timeout={INPUT_LIMIT_S}",
        f"-rss_limit_mb={peak_memory_mib() + MEMORY_MIB}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    folders = [str(inputs), *([str(kept)] if kept.is_dir() else [])]
    atheris.Setup([sys.argv[0], *options, *folders], TARGETS[name])
    atheris.Fuzz()


def peak_memory_mib() -> int:
    """The most that this process has held so far; the fuzzer compares the same figure."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
