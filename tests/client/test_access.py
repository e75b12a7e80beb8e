"""A token goes to whom it belongs, and a cookie never further than this machine."""

import json

import pytest

from chaindeck.client import Access, UrlInvalid


def make_folder(tmp_path, url="http://127.0.0.1:9000", cookie="cd_cookie_x"):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "running.json").write_text(json.dumps({"url": url, "pid": 1}))
    (tmp_path / "api.cookie").write_text(cookie + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://host", "http://", "http://h:0", "http://h:99999",
            "http://user@h", "http://h/?a=1"]
)  # fmt: skip
def test_address_that_is_none_is_refused(url) -> None:
    with pytest.raises(UrlInvalid) as raised:
        Access(url)
    assert raised.value.code == "client-url"


def test_address_is_taken_apart() -> None:
    access = Access("https://[::1]/node/")
    assert (access.host, access.port, access.prefix) == ("::1", 443, "/node")
    assert access.url == "https://[::1]:443/node"
    assert access.events_url == "wss://[::1]:443/node/ws/events"
    assert access.is_loopback
    assert repr(access) == "Access('https://[::1]:443/node')"


def test_cookie_of_the_node_that_listens_there_is_found(tmp_path) -> None:
    folder = make_folder(tmp_path)
    access = Access("http://localhost:9000", folders=[folder])
    assert access.headers() == {"authorization": "Bearer cd_cookie_x"}
    assert Access("http://127.0.0.1:9001", folders=[folder]).token is None


def test_cookie_never_leaves_this_machine(tmp_path) -> None:
    folder = make_folder(tmp_path, "http://0.0.0.0:9000")
    assert Access("http://example.org:9000", folders=[folder]).headers() == {}
    assert Access("http://127.0.0.1:9000", folders=[folder]).token == "cd_cookie_x"
    elsewhere = make_folder(tmp_path / "b", "http://10.0.0.1:9000")
    assert Access("http://127.0.0.1:9000", folders=[elsewhere]).token is None


def test_given_token_comes_before_the_cookie_and_is_not_renewed(tmp_path) -> None:
    access = Access("http://127.0.0.1:9000", token="mine", folders=[make_folder(tmp_path)])
    assert access.token == "mine"
    assert not access.renew()


def test_cookie_of_a_restarted_node_is_read_anew(tmp_path) -> None:
    access = Access("http://127.0.0.1:9000", folders=[make_folder(tmp_path)])
    assert not access.renew()
    make_folder(tmp_path, cookie="cd_cookie_y")
    assert access.renew()
    assert access.token == "cd_cookie_y"


def test_unreadable_folder_is_passed_over(tmp_path) -> None:
    (tmp_path / "running.json").write_text("{")
    assert Access("http://127.0.0.1:9000", folders=[tmp_path, tmp_path / "no"]).token is None
