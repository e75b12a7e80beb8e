"""The mutation runner: which changes it makes, and that it tells killed from survived."""

import ast
import subprocess
import sys

import pytest

from tests.meta.tree import ROOT
from tools.mutants import list_mutants, mutate_tree
from tools.mutate import expand_modules, path_of, pytest_runs_of


def mutate_all(source):
    return {ast.unparse(mutate_tree(source, mutant)) for mutant in list_mutants(source)}


@pytest.mark.parametrize(
    ("source", "mutated"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a == b", {"a != b"}),
        ("a in b", {"a not in b"}),
        (
            "0 < a < 9",
            {"0 <= a < 9", "0 >= a < 9", "0 < a <= 9", "0 < a >= 9", "1 < a < 9", "0 < a < 10"},
        ),
        ("a + b", {"a - b"}),
        ("a >> b", {"a << b"}),
        ("a += b", {"a -= b"}),
        ("a and b", {"a or b"}),
        ("not a", {"a"}),
        ("a = 7", {"a = 8"}),
        ("a = True", {"a = False"}),
        ("a = b'x'", {"a = b'x!'"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("raise a", {"pass"}),
        ("check(a)", {"pass"}),
        ("for a in b:\n    break", {"for a in b:\n    continue"}),
        ("if a:\n    b = c", {"if not a:\n    b = c"}),
    ],
)
def test_each_kind_of_change_is_made(source, mutated):
    assert mutate_all(source) == mutated


@pytest.mark.parametrize(
    "source",
    [
        "assert a < 7",
        "'''Text of 7 words.'''",
        "a: int | None",
        "Value = int | str",
        "def f(a: Tuple[7]) -> Tuple[7]:\n    pass",
        "from a import b",
        "raise_nothing = f'at {a + 1}'",
        "def f():\n    return None",
        "a = 7  # equivalent: nothing reads it",
    ],
)
def test_what_decides_nothing_is_left_alone(source):
    assert not mutate_all(source)


def test_equivalence_needs_a_reason():
    assert mutate_all("a = 7  # equivalent:")


def test_every_mutant_of_the_rules_compiles():
    modules = expand_modules([])
    assert modules
    for module in modules:
        source = path_of(module).read_text()
        for mutant in list_mutants(source):
            compile(mutate_tree(source, mutant), module, "exec")


def test_unknown_module_is_refused():
    with pytest.raises(SystemExit, match="no module"):
        expand_modules(["chaindeck.attic"])


def test_mirror_runs_before_the_rest_of_the_room():
    mirror, rest = pytest_runs_of("chaindeck.ledger.codec")
    assert mirror == (str(ROOT / "tests/ledger/test_codec.py"),)
    assert rest[0] == str(ROOT / "tests/ledger")


RULES = """
def check(amount):
    if amount > 9:
        raise ValueError(amount)
    while amount < 0:
        amount += 1
    return amount
"""
TESTS = """
import pytest
from room.deck.rules import check

def test_limit():
    with pytest.raises(ValueError):
        check(10)

def test_counts_up():
    assert check(-3) == 0
"""
DRIVER = """
import sys
from pathlib import Path
from tools import mutate
root = Path(sys.argv[1])
mutate.ROOT, mutate.SOURCE_DIR = root, root / "src"
mutate.TIME_LIMIT_FACTOR, mutate.TIME_LIMIT_EXTRA_S = 3, 10.0
mutate.FLOOR_PERCENT = int(sys.argv[2])
sys.exit(mutate.main(["room.deck.rules", "--workers", "2"]))
"""


@pytest.fixture(params=[90, 91], ids=["floor holds", "floor broken"])
def finished(tmp_path, request):
    """The runner's work on a small room with one test missing: nine of ten mutants are killed."""
    package = tmp_path / "src" / "room" / "deck"
    tests = tmp_path / "tests" / "deck"
    for folder in (package, tests):
        folder.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "rules.py").write_text(RULES)
    (tests / "test_rules.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), str(request.param)],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": f"{ROOT}:{tmp_path / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_runner_lists_the_survivors_and_fails_below_its_floor(finished, request):
    expected = 0 if "holds" in request.node.name else 1
    assert finished.returncode == expected, finished.stderr
    survivors = finished.stdout.partition("Survivors:\n")[2].splitlines()
    assert "src/room/deck/rules.py:3: amount > 9: GtE" in survivors
    assert not [line for line in survivors if "do not raise" in line or "return None" in line]
    assert "by time" in finished.stdout
    assert "(0 by time)" not in finished.stdout
