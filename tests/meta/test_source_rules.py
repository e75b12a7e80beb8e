"""The Python source keeps the house rules, and each rule notices a bad sample."""

import pytest

from tests.meta import source_rules
from tests.meta.source_rules import ErrorClass
from tests.meta.tree import expect_none, list_documents, list_files, list_python, read_text

OURS = ("src/", "bench/", "tools/", "tests/")
SKIPS_ITSELF = {"tests/conftest.py"}  # carries out `needs`
ERRORS = [path for path in list_python("src/") if path.endswith("/errors.py")]


def in_tree(rule, paths):
    return [problem for path in paths for problem in rule(path, read_text(path))]


def every_error_class():
    return [
        error
        for path in ERRORS
        for error in source_rules.collect_error_classes(path, read_text(path))
    ]


def test_every_module_has_a_docstring():
    expect_none(in_tree(source_rules.find_missing_docstring, list_python(*OURS)))


def test_every_folder_of_source_is_a_package():
    expect_none(source_rules.find_missing_init(list_python("src/")))


def test_functions_and_modules_stay_short():
    expect_none(in_tree(source_rules.find_long_code, list_python(*OURS)))


def test_support_files_have_their_common_names():
    paths = list_python("src/")
    expect_none([problem for path in paths for problem in source_rules.find_uncommon_name(path)])


def test_every_suppressed_check_says_why():
    expect_none(in_tree(source_rules.find_bare_suppressions, list_python(*OURS)))


def test_no_test_is_skipped():
    paths = [path for path in list_python("tests/") if path not in SKIPS_ITSELF]
    expect_none(in_tree(source_rules.find_skips, paths))


def test_no_two_errors_share_a_code():
    expect_none(source_rules.find_shared_codes(every_error_class()))


def test_every_error_is_raised_and_tested():
    sources = {path: read_text(path) for path in list_python("src/")}
    tests = {
        path: read_text(path)
        for path in list_files()
        if path.startswith("tests/")
        and path.endswith((".py", ".json"))
        and not path.startswith("tests/meta/")
    }
    expect_none(source_rules.find_unused_errors(every_error_class(), sources, tests))


def test_every_error_code_is_documented():
    documents = "\n".join(read_text(path) for path in list_documents() if path.startswith("docs/"))
    expect_none(source_rules.find_undocumented_codes(every_error_class(), documents))


def test_every_benchmark_stands_in_the_table_of_its_document():
    documents = "\n".join(read_text(path) for path in list_documents() if path.startswith("docs/"))
    missing = [
        f"{path}: {name}"
        for path in list_python("bench/")
        for name in source_rules.collect_benchmark_names(read_text(path))
        if f"| {name} |" not in documents
    ]
    expect_none(missing)


LONG_FUNCTION = "def walk():\n" + "    step()\n" * source_rules.MAX_FUNCTION_LINES
LONGEST_FUNCTION = "def walk():\n" + "    step()\n" * (source_rules.MAX_FUNCTION_LINES - 1)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (source_rules.find_missing_docstring, '"""Says it."""\n', "x = 1\n"),
        (source_rules.find_long_code, LONGEST_FUNCTION, LONG_FUNCTION),
        (
            source_rules.find_long_code,
            "x = 1\n" * source_rules.MAX_MODULE_LINES,
            "x = 1\n" * (source_rules.MAX_MODULE_LINES + 1),
        ),
        (
            source_rules.find_bare_suppressions,
            "x = 1  # noqa: E741 - the paper calls it so\n",
            "x = 1  # noqa: E741\n",
        ),
        (
            source_rules.find_bare_suppressions,
            "x = f()  # type: ignore[no-any-return]  # the library ships no types\n",
            "x = f()  # type: ignore\n",
        ),
        (
            source_rules.find_bare_suppressions,
            "x = 1  # pragma: no cover - only on big-endian machines\n",
            "x = 1  # pragma: no cover\n",
        ),
        (
            source_rules.find_skips,
            "@pytest.mark.needs('clang')\ndef test_a(): pass\n",
            "@pytest.mark.xfail\ndef test_a(): pass\n",
        ),
        (source_rules.find_skips, "x = 1\n", "pytest.skip('not today')\n"),
    ],
)
def test_rule_passes_the_good_sample_and_catches_the_bad_one(rule, good, bad):
    assert not rule("sample.py", good)
    assert len(rule("sample.py", bad)) == 1


def test_package_without_init_is_caught():
    paths = ["src/chaindeck/__init__.py", "src/chaindeck/lost/found.py"]
    assert source_rules.find_missing_init(paths) == ["src/chaindeck/lost: no __init__.py"]


def test_uncommon_support_file_is_caught():
    assert source_rules.find_uncommon_name("src/chaindeck/store/exceptions.py")
    assert not source_rules.find_uncommon_name("src/chaindeck/store/errors.py")


def test_error_classes_are_read_from_both_kinds_of_assignment():
    source = 'class A(E):\n    code = "a-b"\n\nclass B(E):\n    code: str = "b-c"\n'
    assert source_rules.collect_error_classes("errors.py", source) == [
        ErrorClass("errors.py", "A", "a-b"),
        ErrorClass("errors.py", "B", "b-c"),
    ]


def test_shared_code_is_caught():
    classes = [ErrorClass("errors.py", "A", "same"), ErrorClass("errors.py", "B", "same")]
    assert len(source_rules.find_shared_codes(classes)) == 1
    assert not source_rules.find_shared_codes(classes[:1])


def test_error_that_nothing_raises_or_tests_is_caught():
    classes = [ErrorClass("errors.py", "Late", "time-late")]
    raised, tested = {"rules.py": "raise Late(1)"}, {"test_rules.py": "code == 'time-late'"}
    assert not source_rules.find_unused_errors(classes, raised, tested)
    assert not source_rules.find_unused_errors(classes, raised, {"test_rules.py": "raises(Late)"})
    assert len(source_rules.find_unused_errors(classes, {"errors.py": "class Late"}, tested)) == 1
    assert len(source_rules.find_unused_errors(classes, raised, {"test_rules.py": "Latest"})) == 1


def test_undocumented_code_is_caught():
    classes = [ErrorClass("errors.py", "Late", "time-late")]
    assert source_rules.find_undocumented_codes(classes, "the time-later rule")
    assert not source_rules.find_undocumented_codes(classes, "| `time-late` | too late |")


def test_benchmark_names_are_read_however_they_are_given():
    source = 'Benchmark("hash", "MH/s")\nBenchmark(name="root", unit="ms")\nBenchmark(name)\n'
    assert source_rules.collect_benchmark_names(source) == ["hash", "root"]
