"""Tokens are shown once, kept as hashes, and known to every process of the data directory."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from chaindeck.node.api import tokens as tokens_module
from chaindeck.node.api.tokens import SCOPES, TokenBook, read_cookie
from chaindeck.node.errors import TokenForm, TokenNameTaken, TokenNameUnknown
from chaindeck.store.errors import FileInvalid


def scopes_of(book, token):
    identity = book.identify(token)
    assert identity is not None
    return identity.scopes


def test_token_is_known_by_its_scopes(tmp_path):
    book = TokenBook(tmp_path)
    token = book.create_token(["mine", "read"], "miner 7")
    assert scopes_of(book, token) == {"read", "mine"}
    (record,) = book.records()
    assert (record.label, record.scopes) == ("miner 7", ("read", "mine"))


def test_file_holds_no_secret_and_is_the_owners_alone(tmp_path):
    token = TokenBook(tmp_path).create_token(SCOPES, "all")
    path = tmp_path / "api-tokens.json"
    secret = token.split("_", 2)[2]
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_cookie_is_new_at_every_start_and_the_owners_alone(tmp_path):
    book = TokenBook(tmp_path)
    path = book.write_cookie()
    first = read_cookie(tmp_path)
    assert scopes_of(book, first) == set(SCOPES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = TokenBook(tmp_path)
    assert again.identify(first) is None
    again.write_cookie()
    assert again.identify(first) is None
    assert again.identify(read_cookie(tmp_path)) is not None


def test_revoked_token_lets_nobody_in(tmp_path):
    book = TokenBook(tmp_path)
    token = book.create_token(["read"], "gone")
    assert book.revoke("gone").scopes == ("read",)
    assert book.identify(token) is None
    with pytest.raises(TokenNameUnknown) as caught:
        book.revoke("gone")
    assert caught.value.code == "token-name-unknown"


def test_name_belongs_to_one_token_and_is_free_again_after_it(tmp_path):
    book = TokenBook(tmp_path)
    first = book.create_token(["read"], "miner 7")
    with pytest.raises(TokenNameTaken) as caught:
        book.create_token(["mine"], "miner 7")
    assert caught.value.code == "token-name-taken"
    assert scopes_of(book, first) == {"read"}
    book.revoke("miner 7")
    assert scopes_of(book, book.create_token(["mine"], "miner 7")) == {"mine"}


def test_tokens_made_by_several_at_once_are_all_kept(tmp_path):
    def make(worker):
        book = TokenBook(tmp_path)
        return [book.create_token(["read"], f"{worker} {number}") for number in range(10)]

    with ThreadPoolExecutor(4) as pool:
        made = [token for tokens in pool.map(make, range(4)) for token in tokens]
    book = TokenBook(tmp_path)
    assert all(book.identify(token) for token in made)
    assert len(book.records()) == 40


def test_token_made_or_revoked_by_another_process_is_noticed_at_once(tmp_path):
    node, tool = TokenBook(tmp_path), TokenBook(tmp_path)
    token = tool.create_token(["read"], "made elsewhere")
    assert node.identify(token) is not None
    tool.revoke("made elsewhere")
    assert node.identify(token) is None


def test_tokens_survive_a_restart(tmp_path):
    token = TokenBook(tmp_path).create_token(["admin"], "kept")
    assert scopes_of(TokenBook(tmp_path), token) == {"admin"}


@pytest.mark.parametrize(
    ("scopes", "label", "field"),
    [
        ([], "a", "scopes"), (["root"], "a", "scopes"), (["read"], "", "label"),
        (["read"], "x" * 65, "label"), (["read"], "a\nb", "label"),
    ],
)  # fmt: skip
def test_unusable_token_is_refused(tmp_path, scopes, label, field):
    with pytest.raises(TokenForm) as caught:
        TokenBook(tmp_path).create_token(scopes, label)
    assert caught.value.field == field


def test_label_may_have_64_characters(tmp_path):
    assert TokenBook(tmp_path).create_token(["read"], "x" * 64)


def test_only_so_many_tokens_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens_module, "MAX_TOKENS", 2)
    book = TokenBook(tmp_path)
    book.create_token(["read"], "1")
    book.create_token(["read"], "2")
    with pytest.raises(TokenForm, match="revoke one"):
        book.create_token(["read"], "3")


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "cd_" + t.split("_", 1)[1][1:]]
)
def test_token_that_differs_in_anything_is_not_known(tmp_path, change):
    book = TokenBook(tmp_path)
    token = book.create_token(["read"], "exact")
    assert book.identify(change(token)) is None


def test_damaged_file_is_an_error_and_not_an_empty_book(tmp_path):
    (tmp_path / "api-tokens.json").write_text("{")
    with pytest.raises(FileInvalid):
        TokenBook(tmp_path)
