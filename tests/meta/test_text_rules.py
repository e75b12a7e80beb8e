"""Documents and files keep the house rules, and each rule notices a bad sample."""

import pytest

from tests.meta import text_rules
from tests.meta.tree import (
    CORPUS,
    ROOT,
    expect_none,
    list_documents,
    list_files,
    list_pictures,
    list_text_files,
    read_text,
)

MAX_PICTURES = 10
MAX_PICTURE_BYTES = 300_000
LOCKS = ("requirements/dev.lock", "requirements/runtime.lock")
HASHED = "six==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"


def in_tree(rule, paths, *rest):
    return [problem for path in paths for problem in rule(path, read_text(path), *rest)]


def test_no_file_holds_a_forbidden_word():
    expect_none(in_tree(text_rules.find_forbidden_words, list_text_files()))


def test_every_file_is_small_text():
    problems = [
        problem
        for path in list_text_files()
        for problem in text_rules.find_wrong_form(path, (ROOT / path).read_bytes())
    ]
    expect_none(problems)


def test_pictures_are_few_and_small():
    pictures = list_pictures()
    assert len(pictures) <= MAX_PICTURES
    for path in pictures:
        data = (ROOT / path).read_bytes()
        assert data.startswith(b"\x89PNG"), path
        assert len(data) <= MAX_PICTURE_BYTES, path


def test_corpus_of_the_fuzzer_is_small():
    corpus = [path for path in list_files() if path.startswith(CORPUS)]
    sizes = {path: (ROOT / path).stat().st_size for path in corpus}
    assert not {path for path, size in sizes.items() if size > text_rules.MAX_CORPUS_BYTES}


def test_lock_files_name_no_origin_and_every_hash():
    expect_none(in_tree(text_rules.find_lock_origins, LOCKS))
    expect_none(in_tree(text_rules.find_unhashed, LOCKS))


def test_links_in_documents_lead_to_files():
    def exists(path):
        return (ROOT / path).exists()

    expect_none(in_tree(text_rules.find_broken_links, list_documents(), exists))


def test_commands_in_documents_are_make_targets():
    makefile = read_text("Makefile")
    expect_none(in_tree(text_rules.find_unknown_targets, list_documents(), makefile))


@pytest.mark.parametrize("word", [*text_rules.UNFINISHED, *text_rules.MACHINE_PATHS])
def test_forbidden_word_is_caught(word):
    assert text_rules.find_forbidden_words("a.py", f"x = 1\n# {word} y\n") == [f"a.py:2: {word}"]


@pytest.mark.parametrize("text", ["a method", "the network/wide rule", "fixed by me", "https://a"])
def test_innocent_words_pass(text):
    assert not text_rules.find_forbidden_words("a.py", text)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"x" * (text_rules.MAX_FILE_BYTES + 1), "bytes"),
        (b"\xff\xfe\n", "not text"),
        (b"a\0b\n", "not text"),
        (b"a\r\n", "carriage"),
        (b"a", "newline"),
    ],
)
def test_wrong_form_is_caught(data, complaint):
    (problem,) = text_rules.find_wrong_form("a.txt", data)
    assert complaint in problem


@pytest.mark.parametrize("data", [b"", b"a\n", b"x" * (text_rules.MAX_FILE_BYTES - 1) + b"\n"])
def test_right_form_passes(data):
    assert not text_rules.find_wrong_form("a.txt", data)


@pytest.mark.parametrize(
    "line",
    ["--index-url https://a.example/simple", "--find-links wheels", "six @ https://a.example/six"],
)
def test_origin_in_a_lock_file_is_caught(line):
    assert text_rules.find_lock_origins("dev.lock", HASHED + line + "\n")
    assert not text_rules.find_lock_origins("dev.lock", HASHED)


def test_entry_without_hash_is_caught():
    assert not text_rules.find_unhashed("dev.lock", HASHED)
    assert text_rules.find_unhashed("dev.lock", HASHED + "seven==7.0\n")
    assert text_rules.find_unhashed("dev.lock", "")


def test_broken_link_is_caught():
    there = {"docs/protocol.md", "README.md"}.__contains__
    good = "[a](protocol.md#x) [b](../README.md) [c](https://a.example) [d](#here)"
    assert not text_rules.find_broken_links("docs/kernel.md", good, there)
    (problem,) = text_rules.find_broken_links("docs/kernel.md", "[e](README.md)", there)
    assert problem == "docs/kernel.md: README.md leads nowhere"


@pytest.mark.parametrize(
    "text", ["`make fly`", "```sh\nmake fly\n```", "    make fly\n", "`cd x && make fly`"]
)
def test_unknown_make_target_is_caught(text):
    makefile = "run: ready ## Run\n"
    assert text_rules.find_unknown_targets("a.md", text, makefile) == [
        "a.md: make fly is no target"
    ]
    assert not text_rules.find_unknown_targets("a.md", text.replace("fly", "run"), makefile)


def test_make_as_an_english_word_passes():
    assert not text_rules.find_unknown_targets("a.md", "It may make sense.", "")
