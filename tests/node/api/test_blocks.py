"""Pages of the chain, streams of it, single blocks of any branch, and blocks handed in."""

import asyncio
import json
from itertools import pairwise

import pytest

from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.node.api import blocks as blocks_module
from chaindeck.node.describe import describe_transaction
from chaindeck.node.errors import BodyAwaited, HeightUnknown
from chaindeck.node.limits import BLOCK_MARGIN_BYTES, MAX_STREAMS
from tests.ledger.forge import ALICE, BOB, Forge
from tests.node.api.serving import serving
from tests.node.running import faucet_payment

NDJSON = "application/x-ndjson"
BYTES = "application/octet-stream"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A chain of 40 blocks, the last with three payments."""
    with serving(tmp_path_factory.mktemp("grown")) as api:
        api.mine(39)
        for coin in range(3):
            payment = faucet_payment(api.service, BOB.key_hash, coin=coin)
            assert api.offer(payment).status == 200
        api.mine()
        yield api


def lines_of(answer):
    return [json.loads(line) for line in answer.body.splitlines()]


def test_pages_join_into_the_whole_chain(grown):
    blocks: list = []
    start: int | None = 0
    while start is not None:
        page = grown.get(f"/api/blockchain?from={start}&limit=17").json
        blocks += page["blocks"]
        start = page["next"]
    assert [block["height"] for block in blocks] == list(range(41))
    for before, block in pairwise(blocks):
        assert block["previous"] == before["hash"]
    assert page["tip"] == blocks[-1]["hash"]


def test_page_above_the_tip_is_empty_and_the_last(grown):
    page = grown.get("/api/blockchain?from=41").json
    assert (page["blocks"], page["next"]) == ([], None)


@pytest.mark.parametrize(("limit", "status"), [(0, 400), (1, 200), (2_000, 200), (2_001, 400)])
def test_page_has_from_1_to_2000_blocks(grown, limit, status):
    answer = grown.get(f"/api/blockchain?limit={limit}")
    assert answer.status == status
    if status == 400:
        assert (answer.code, answer.json["error"]["field"]) == ("api-parameter", "limit")


def test_stream_is_the_whole_chain_as_lines(grown):
    answer = grown.get("/api/blockchain", Accept=NDJSON)
    assert answer.headers["content-type"] == NDJSON
    lines = lines_of(answer)
    assert [line["height"] for line in lines] == list(range(41))
    assert decode_block(bytes.fromhex(lines[-1]["raw"])).hash.hex() == lines[-1]["hash"]
    assert len(lines[-1]["transactions"]) == 4


def test_stream_starts_and_ends_where_asked(grown):
    lines = lines_of(grown.get("/api/blockchain?from=3&limit=2", Accept=NDJSON))
    assert [line["height"] for line in lines] == [3, 4]


def test_stream_of_nothing_is_empty(grown):
    answer = grown.get("/api/blockchain?from=99", Accept=NDJSON)
    assert (answer.status, answer.body) == (200, b"")


def test_stream_comes_in_several_pieces(grown, monkeypatch):
    monkeypatch.setattr(blocks_module, "STREAM_PIECE_BYTES", 100)
    assert len(lines_of(grown.get("/api/blockchain", Accept=NDJSON))) == 41


def test_head_of_a_stream_reads_no_block(grown):
    answer = grown.ask("HEAD", "/api/blockchain", Accept=NDJSON)
    assert (answer.status, answer.body) == (200, b"")


def test_stream_beyond_the_places_is_told_to_come_back(grown):
    places = grown.app.context.streams
    places.taken = MAX_STREAMS
    try:
        answer = grown.get("/api/blockchain", Accept=NDJSON)
    finally:
        places.taken = 0
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "api-busy", "5")


def test_stream_that_breaks_off_is_logged_and_has_no_proper_end(grown, monkeypatch, caplog):
    def broken(*_):
        yield b"{}\n"
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(blocks_module, "export_lines", broken)
    monkeypatch.setattr(blocks_module, "STREAM_PIECE_BYTES", 1)
    with grown.line() as line:
        line.sendall(
            b"GET /api/blockchain HTTP/1.1\r\nhost: localhost\r\naccept: "
            + NDJSON.encode()
            + b"\r\n\r\n"
        )
        received = b""
        while part := line.recv(65_536):
            received += part
    assert b"{}\n" in received
    assert not received.endswith(b"0\r\n\r\n")
    assert "the disk is gone" in caplog.text


def test_block_is_found_by_height_and_by_hash(grown):
    by_height = grown.get("/api/block/40")
    block = by_height.json
    assert by_height.body == grown.get(f"/api/block/{block['hash']}").body
    assert (block["height"], block["tx_count"], len(block["transactions"])) == (40, 4, 4)
    assert (block["is_active"], block["confirmations"], block["next"]) == (True, 1, None)
    assert block["miner"].startswith("tdeck1")


def test_block_below_the_tip_names_the_next_and_counts_confirmations(grown):
    block = grown.get("/api/block/38").json
    assert block["confirmations"] == 3
    assert block["next"] == grown.get("/api/block/39").json["hash"]


def test_cached_block_still_counts_confirmations(fresh):
    fresh.mine()
    assert fresh.get("/api/block/1").json["confirmations"] == 1
    fresh.mine()
    assert fresh.get("/api/block/1").json["confirmations"] == 2


def test_block_of_many_transactions_is_described_in_order(grown, monkeypatch):
    monkeypatch.setattr(blocks_module, "SLICE_TRANSACTIONS", 2)
    grown.app.context.encoded_blocks._items.clear()
    block = grown.get("/api/block/40").json
    stored = grown.service.load_block(bytes.fromhex(block["hash"]))
    ids = [tx_id.hex() for tx_id in stored.index.txids]
    assert [transaction["id"] for transaction in block["transactions"]] == ids


def test_description_is_the_form_that_wallets_send(grown):
    payment = faucet_payment(grown.service, ALICE.key_hash, coin=5)
    described = describe_transaction(grown.service.network, payment)
    assert (described.pop("full_id"), described.pop("size")) == (
        payment.full_id.hex(), payment.size,
    )  # fmt: skip
    assert described == transaction_to_json(payment, "tdeck")


def test_raw_block_is_its_bytes(grown):
    answer = grown.get("/api/block/40?raw=1")
    assert answer.headers["content-type"] == BYTES
    assert decode_block(answer.body).hash.hex() == grown.get("/api/block/40").json["hash"]


@pytest.mark.parametrize(
    ("block", "status", "code"),
    [
        ("41", 404, HeightUnknown.code),
        ("9" * 10, 404, "api-height"),
        ("9" * 11, 400, "api-parameter"),
        ("-1", 400, "api-parameter"),
        ("tip", 400, "api-parameter"),
        ("0" * 64, 404, "chain-unknown-block"),
        ("A" * 64, 400, "api-parameter"),
        ("%C2%B2", 400, "api-parameter"),
        ("1/2", 404, "api-not-found"),
        ("", 404, "api-not-found"),
    ],
)
def test_block_that_is_not_there_is_said_so(grown, block, status, code):
    answer = grown.get(f"/api/block/{block}")
    assert (answer.status, answer.code) == (status, code)


def test_block_of_which_only_the_header_is_here_is_awaited(fresh):
    forge = Forge(fresh.service.network)
    block = forge.assemble()
    entry = forge.enter(block)
    fresh.call(fresh.service.state.tree.add_header, entry)
    answer = fresh.get(f"/api/block/{block.hash.hex()}")
    assert (answer.status, answer.code) == (404, BodyAwaited.code)


def side_block(api, parent=0):
    """A block beside the active chain."""
    forge = Forge(api.service.network)
    for height in range(1, parent + 1):
        raw = api.get(f"/api/block/{height}?raw=1").body
        forge.tip = forge.enter(decode_block(raw))
        forge.tree.add_header(forge.tip)
    return forge.assemble(took_ms=777)


def test_block_handed_in_as_bytes_or_json_becomes_the_tip(fresh):
    block = side_block(fresh)
    answer = fresh.post("/api/block", block.raw, kind=BYTES, token=fresh.cookie)
    assert answer.json == {
        "hash": block.hash.hex(), "height": 1, "status": "accepted", "is_active": True,
    }  # fmt: skip
    again = fresh.post("/api/block", {"raw": block.raw.hex()}, token=fresh.cookie)
    assert again.json["status"] == "known"


def test_block_of_a_side_branch_is_shown_as_such(fresh):
    fresh.mine(2)
    block = side_block(fresh, parent=1)
    answer = fresh.post("/api/block", block.raw, kind=BYTES, token=fresh.cookie)
    assert answer.json["is_active"] is False
    shown = fresh.get(f"/api/block/{block.hash.hex()}").json
    assert (shown["is_active"], shown["confirmations"], shown["next"]) == (False, 0, None)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", BYTES, 422, "encoding-length"),
        (b"\x00" * 200, BYTES, 422, "encoding-trailing"),
        (b"{", "application/json", 400, "json-syntax"),
        (b'{"raw": "0"}', "application/json", 422, "json-shape"),
        (b'{"raw": "00\\n"}', "application/json", 422, "json-hex"),
        (b'{"raw": "", "more": 1}', "application/json", 422, "json-shape"),
        (b"{}", "application/json", 422, "json-shape"),
        (b"x", "text/plain", 415, "api-content-type"),
    ],
)
def test_malformed_block_is_refused(api, body, kind, status, code):
    answer = api.post("/api/block", body, kind=kind, token=api.cookie)
    assert (answer.status, answer.code) == (status, code)


def test_block_that_breaks_a_rule_is_refused_with_its_code(api):
    block = side_block(api)
    spoiled = bytes([9]) + block.raw[1:]
    answer = api.post("/api/block", spoiled, kind=BYTES, token=api.cookie)
    assert (answer.status, answer.code) == (422, "header-version")


def test_block_may_be_as_large_as_the_network_says_and_a_margin(api):
    limit = api.service.network.genesis.max_block_bytes + BLOCK_MARGIN_BYTES
    for size, code in ((limit, "encoding-trailing"), (limit + 1, "api-body-size")):
        answer = api.post("/api/block", bytes(size), kind=BYTES, token=api.cookie)
        assert answer.code == code


def test_reader_who_leaves_ends_the_stream(grown, monkeypatch):
    taken = asyncio.Event()

    def endless(*_):
        while True:
            yield b"{}\n" * 10_000

    monkeypatch.setattr(blocks_module, "export_lines", endless)
    with grown.line() as line:
        line.sendall(
            b"GET /api/blockchain HTTP/1.1\r\nhost: localhost\r\naccept: "
            + NDJSON.encode()
            + b"\r\n\r\n"
        )
        assert line.recv(10)
        assert grown.app.context.streams.taken == 1

    async def freed():
        while grown.app.context.streams.taken:
            await asyncio.sleep(0.01)
        taken.set()

    grown.run(freed())
    assert taken.is_set()
