"""Rules about Python source that no linter states. Each function returns a list of problems."""

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass

MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 600

# Name of a support file elsewhere -> the name it has in every room of this house.
HOUSE_NAMES = {
    "exceptions": "errors",
    "error": "errors",
    "constants": "limits",
    "consts": "limits",
    "limit": "limits",
    "interfaces": "ports",
    "protocols": "ports",
    "port": "ports",
    "models_types": "types",
    "typing": "types",
    "common": "a name that says what it holds",
    "helpers": "a name that says what it holds",
    "misc": "a name that says what it holds",
    "utils": "a name that says what it holds",
}

# A suppressed check names what it suppresses and then says why.
SUPPRESSIONS = (
    (re.compile(r"#\s*noqa"), re.compile(r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*\s+(- )?\w.{9,}")),
    (re.compile(r"#\s*type:\s*ignore"), re.compile(r"# type: ignore\[[\w, -]+\]\s+(# |- )\w.{9,}")),
    (re.compile(r"#\s*pragma:"), re.compile(r"# pragma: no (cover|branch)\s+(- )?\w.{9,}")),
)

SKIPPING_CALLS = frozenset({"skip", "skipif", "xfail", "importorskip", "skipUnless", "skipTest"})


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """A class of a room's `errors.py` that carries a code."""

    path: str
    name: str
    code: str


def find_missing_docstring(path: str, source: str) -> list[str]:
    is_bare_package = not source.strip() and path.startswith("tests/")
    if is_bare_package or ast.get_docstring(ast.parse(source)):
        return []
    return [f"{path}: the first screen must say what this module is"]


def find_missing_init(paths: list[str]) -> list[str]:
    """Folders below src that hold Python and no `__init__.py`."""
    folders = {path.rpartition("/")[0] for path in paths} - {"src"}
    return [
        f"{folder}: no __init__.py" for folder in folders if f"{folder}/__init__.py" not in paths
    ]


def find_long_code(path: str, source: str) -> list[str]:
    problems = []
    lines = len(source.splitlines())
    if lines > MAX_MODULE_LINES:
        problems.append(f"{path}: {lines} lines, at most {MAX_MODULE_LINES}")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                problems.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, "
                    f"at most {MAX_FUNCTION_LINES}"
                )
    return problems


def find_uncommon_name(path: str) -> list[str]:
    stem = path.rpartition("/")[2].removesuffix(".py")
    if stem in HOUSE_NAMES:
        return [f"{path}: this house calls it {HOUSE_NAMES[stem]}"]
    return []


def find_bare_suppressions(path: str, source: str) -> list[str]:
    problems = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        for trigger, with_reason in SUPPRESSIONS:
            if trigger.search(token.string) and not with_reason.search(token.string):
                problems.append(
                    f"{path}:{token.start[0]}: name the code and give the reason: {token.string}"
                )
    return problems


def find_skips(path: str, source: str) -> list[str]:
    """Tests say `@pytest.mark.needs(...)`; nothing else may keep a test from running."""
    return [
        f"{path}:{node.lineno}: {node.attr}: say pytest.mark.needs instead"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in SKIPPING_CALLS
    ]


def collect_error_classes(path: str, source: str) -> list[ErrorClass]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            match statement:
                case (
                    ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                    | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                ):
                    found.append(ErrorClass(path, node.name, code))
    return found


def find_shared_codes(classes: list[ErrorClass]) -> list[str]:
    owners: dict[str, str] = {}
    problems = []
    for error in classes:
        if error.code in owners:
            problems.append(
                f"{error.path}: {error.name} shares the code {error.code} with {owners[error.code]}"
            )
        owners.setdefault(error.code, error.name)
    return problems


def find_unused_errors(
    classes: list[ErrorClass], sources: Mapping[str, str], tests: Mapping[str, str]
) -> list[str]:
    """Classes that no source file raises or that no test names by class or code."""
    problems = []
    for error in classes:
        named = re.compile(rf"\b{error.name}\b")
        quoted = re.compile(rf"[\"']{re.escape(error.code)}[\"']")
        if not any(named.search(text) for path, text in sources.items() if path != error.path):
            problems.append(f"{error.path}: {error.name} is raised nowhere")
        if not any(named.search(text) or quoted.search(text) for text in tests.values()):
            problems.append(f"{error.path}: no test names {error.name} or {error.code}")
    return problems


def find_undocumented_codes(classes: list[ErrorClass], documents: str) -> list[str]:
    return [
        f"{error.path}: {error.code} stands in no document"
        for error in classes
        if f"`{error.code}`" not in documents
    ]


def collect_benchmark_names(source: str) -> list[str]:
    """Names given as plain strings to `Benchmark(...)`."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Benchmark":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
            values = [*given, *node.args[:1]]
            names += [str(value.value) for value in values if isinstance(value, ast.Constant)]
    return names
