"""The page says which test shows what; each of them is there."""

import re

import pytest

from tests.meta.tree import ROOT

NAMED = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", (ROOT / "docs/protocol.md").read_text())


def test_page_names_tests():
    assert len(NAMED) > 40
    assert len(set(NAMED)) == len(NAMED)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_named_test_is_there(file, name):
    assert f"def {name}(" in (ROOT / file).read_text()
