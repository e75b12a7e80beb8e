"""The examples of the documents, in a page of another origin, as people would put them there."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("chromium")
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
NODE = Path(sys.executable).with_name("node")
ESBUILD = ROOT / "frontend/node_modules/esbuild/bin/esbuild"
OPTIONS = ("--bundle", "--format=esm", "--jsx=automatic")


def serve(system, pages):
    """Put pages elsewhere, with the address of this control room in them."""
    here = system.url.removeprefix("http://")
    for path in pages:
        system.elsewhere.pages[path.name] = path.read_text().replace("127.0.0.1:8000", here)


def expect_blocks(page, system):
    page.locator('live-dashboard[state="live"]').wait_for()
    system.mine()
    height = system.node.get("/api/status")["height"]
    page.locator('live-dashboard [part="height"]').get_by_text(f"{height:,}").wait_for()
    page.get_by_role("listitem").get_by_text(f"{height} with 1 transactions").wait_for()


def test_plain_page_shows_blocks_as_they_come(window, system):
    opened = window()
    serve(system, [EXAMPLES / "live.html"])
    page = opened.open(f"{system.elsewhere.origin}/live.html")
    expect_blocks(page, system)


def test_react_page_shows_blocks_as_they_come(window, system, tmp_path):
    built = tmp_path / "live-react.js"
    subprocess.run(
        [NODE, ESBUILD, EXAMPLES / "live-react.jsx", *OPTIONS, f"--outfile={built}"],
        check=True,
        env={"NODE_PATH": str(ROOT / "frontend/node_modules")},
        stderr=subprocess.DEVNULL,
    )
    opened = window()
    serve(system, [EXAMPLES / "live-react.html", built])
    page = opened.open(f"{system.elsewhere.origin}/live-react.html")
    page.get_by_text("Live", exact=True).first.wait_for()
    expect_blocks(page, system)
