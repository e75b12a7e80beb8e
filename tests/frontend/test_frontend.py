"""The modules of pages: node's own test runner, called from here, and the size of a first visit."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from chaindeck.control.assets import FOLDER, manifest

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"
FIRST_VISIT_BYTES = 120 * 1024
PAGE_BYTES = 20 * 1024
"""Left for the page itself; the overview is about 8 kB compressed."""


@pytest.mark.parametrize("name", ["text", "connection", "live"])
def test_module_behaves_as_its_own_tests_say(name):
    done = subprocess.run(
        [NODE, "--test", HERE / f"{name}.test.mjs"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_first_visit_fits_into_120_kilobytes():
    sizes = {
        source: len(gzip.compress((FOLDER / name).read_bytes(), 9))
        for source, name in manifest().items()
    }
    assert {"app.css", "main.js", "charts.js", "chaindeck-live.js"} <= set(sizes)
    assert sum(sizes.values()) + PAGE_BYTES <= FIRST_VISIT_BYTES, sizes


def test_nothing_built_names_another_site():
    for name in manifest().values():
        text = (FOLDER / name).read_text().replace("http://www.w3.org/", "")
        for scheme in ("http://", "https://"):
            assert scheme not in text.replace("https://tailwindcss.com", ""), name
