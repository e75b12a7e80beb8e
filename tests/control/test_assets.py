"""Built files, as they are sent; and what is said where there are none."""

import gzip
import json

import pytest

from chaindeck.control import assets
from chaindeck.control.errors import AssetsMissing


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A folder in the place of the real one, and nothing remembered of that."""
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    caches = (assets.manifest, assets.assets)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


def test_files_have_built_names_and_are_packed_once(built):
    body = b"a { color: red }" * 100
    (built / "app-1a2b.css").write_bytes(body)
    (built / "live.js").write_bytes(b"export const a = 1;")
    (built / "manifest.json").write_text(
        json.dumps({"app.css": "app-1a2b.css", "live.js": "live.js"})
    )
    assert assets.url_of("app.css") == "/static/app-1a2b.css"
    style = assets.assets()["/static/app-1a2b.css"]
    assert style.body == body
    assert gzip.decompress(style.packed) == body
    assert b"immutable" in dict(style.headers)[b"cache-control"]
    assert dict(style.headers)[b"content-type"] == b"text/css; charset=utf-8"
    module = assets.assets()["/static/live.js"]
    assert b"immutable" not in dict(module.headers)[b"cache-control"]


def test_installation_without_built_files_says_how_to_make_them(built):
    with pytest.raises(AssetsMissing, match="make assets") as missing:
        assets.assets()
    assert missing.value.code == "web-assets-missing"
