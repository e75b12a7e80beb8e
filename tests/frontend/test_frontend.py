"""The modules of pages: their own tests, called from here; how they are built, and how large."""

import gzip
import json
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


def names_in(folder: Path) -> set[str]:
    return set(json.loads((folder / "manifest.json").read_text()).values())


def launch_build(folder: Path) -> subprocess.Popen[str]:
    words = [NODE, HERE.parents[1] / "frontend" / "build.mjs", folder]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_who_reads_while_it_is_built_finds_all_of_one_build(tmp_path):
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "app-former.css").write_text("of the build before")
    (folder / "app-older.css").write_text("of the one before that")
    (folder / "manifest.json").write_text('{"app.css": "app-former.css"}')
    with launch_build(folder) as building:
        while building.poll() is None:
            for name in names_in(folder):
                assert (folder / name).stat().st_size
        assert building.returncode == 0, building.stdout and building.stdout.read()
    assert "app-former.css" not in names_in(folder)
    # Who read the former manifest just before still finds what it names, until the next build.
    kept = {path.name for path in folder.iterdir()}
    assert kept == names_in(folder) | {"manifest.json", "app-former.css"}
    assert list(tmp_path.iterdir()) == [folder]


def test_build_that_fails_leaves_the_former_one_alone(tmp_path):
    folder = tmp_path / "built"
    folder.mkdir()
    # What cannot be read as a manifest was not written by a build.
    (folder / "manifest.json").write_text("{")
    with launch_build(folder) as building:
        assert building.wait(120) != 0
    assert (folder / "manifest.json").read_text() == "{"
    assert [path.name for path in tmp_path.rglob("*")] == ["built", "manifest.json"]
