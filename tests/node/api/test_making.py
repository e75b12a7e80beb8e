"""Blocks are made by the node on demand, or outside from a template."""

import asyncio
import struct
import threading
import time

import pytest

from chaindeck.kernel import search_nonce
from chaindeck.node.api import making
from chaindeck.node.errors import NotAMiner
from chaindeck.node.limits import MAX_LONG_POLLS, MAX_MINED_AT_ONCE
from tests.ledger.forge import ALICE, BOB, address
from tests.node.api.serving import WAIT_S, serving
from tests.node.running import faucet_payment


def template(api, query=""):
    return api.get(f"/api/template?address={address(BOB)}{query}", token=api.cookie)


def test_node_mines_what_it_is_asked_for(fresh):
    answer = fresh.command("/api/mine", {"blocks": 3, "address": address(BOB)})
    assert (len(answer["hashes"]), answer["height"]) == (3, 3)
    assert fresh.get("/api/block/3").json["miner"] == address(BOB)
    answer = fresh.command("/api/mine", {})
    assert answer["height"] == 4


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"blocks": 0}, "json-shape"), ({"blocks": MAX_MINED_AT_ONCE + 1}, "json-shape"),
        ({"blocks": "1"}, "json-shape"), ({"address": "x"}, "address-form"),
        ({"block": 1}, "json-shape"), ([], "json-shape"),
    ],
)  # fmt: skip
def test_malformed_wish_is_refused(api, form, code):
    answer = api.post("/api/mine", form, token=api.cookie)
    assert (answer.status, answer.code) == (422, code)


def test_node_that_may_not_mine_says_so(api, monkeypatch):
    async def refuse(*_):
        raise NotAMiner(reason="other miners must seal first")

    monkeypatch.setattr(api.app.context.miner, "mine", refuse)
    answer = api.post("/api/mine", {}, token=api.cookie)
    assert (answer.status, answer.code) == (409, "mine-not-a-miner")


class Endless:
    """In the place of a miner: mines until it is cancelled, and notes both."""

    def __init__(self):
        self.started = threading.Event()
        self.ended = threading.Event()

    async def mine(self, *_):
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


@pytest.fixture
def endless(monkeypatch):
    miner = Endless()

    def on(api):
        monkeypatch.setattr(api.app.context.miner, "mine", miner.mine)
        return miner

    return on


def test_command_of_a_client_that_left_ends(fresh, endless):
    miner = endless(fresh)
    with fresh.line() as line:
        line.sendall(
            b"POST /api/mine HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n"
            b"authorization: Bearer " + fresh.cookie.encode() + b"\r\n\r\n{}"
        )
        assert miner.started.wait(WAIT_S)
        assert not miner.ended.is_set()
    assert miner.ended.wait(WAIT_S)


def test_command_under_way_at_a_stop_is_told_so(tmp_path, endless):
    with serving(tmp_path) as api:
        miner = endless(api)
        answers = []
        waiter = threading.Thread(
            target=lambda: answers.append(api.post("/api/mine", {}, token=api.cookie))
        )
        waiter.start()
        assert miner.started.wait(WAIT_S)
    assert miner.ended.is_set()
    waiter.join(WAIT_S)
    assert (answers[0].status, answers[0].code) == (503, "api-stopping")


def test_template_becomes_a_block(fresh):
    payment = faucet_payment(fresh.service, ALICE.key_hash, fee=7)
    fresh.offer(payment)
    work = template(fresh).json
    assert (work["height"], work["fees"], work["needs_seal"]) == (1, 7, False)
    assert work["transactions"] == [payment.raw.hex()]
    header = bytes.fromhex(work["header"])
    nonce, _ = search_nonce(header, bytes.fromhex(work["target"]), 0, 1 << 40)
    raw = header[:-8] + struct.pack("<Q", nonce) + b"\x00"
    raw += bytes.fromhex(work["coinbase"]) + b"".join(map(bytes.fromhex, work["transactions"]))
    answer = fresh.post("/api/block", raw, kind="application/octet-stream", token=fresh.cookie).json
    assert (answer["status"], answer["is_active"]) == ("accepted", True)
    assert fresh.get(f"/api/transaction/{payment.id.hex()}").json["status"] == "confirmed"


def test_two_templates_are_never_the_same_search(api):
    first, second = template(api).json, template(api).json
    assert first["id"] != second["id"]
    assert first["coinbase"] != second["coinbase"]


def test_long_poll_waits_for_another_tip(fresh):
    tip = fresh.get("/api/status").json["tip"]
    answers = []
    waiter = threading.Thread(
        target=lambda: answers.append(template(fresh, f"&longpoll={tip}").json)
    )
    waiter.start()
    while not fresh.app.context.long_polls.taken:
        time.sleep(0.005)
    assert not answers
    (block_hash,) = fresh.mine()
    waiter.join()
    assert answers[0]["previous"] == block_hash
    assert fresh.app.context.long_polls.taken == 0


def test_long_poll_for_another_tip_than_this_answers_at_once(api):
    assert template(api, f"&longpoll={'0' * 64}").status == 200


def test_long_poll_ends_by_itself(api, monkeypatch):
    monkeypatch.setattr(making, "LONG_POLL_S", 0.05)
    tip = api.get("/api/status").json["tip"]
    assert template(api, f"&longpoll={tip}").json["previous"] == tip


def test_only_so_many_may_wait(api):
    places = api.app.context.long_polls
    places.taken = MAX_LONG_POLLS
    try:
        answer = template(api, f"&longpoll={'0' * 64}")
    finally:
        places.taken = 0
    assert (answer.status, answer.code) == (503, "api-busy")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "api-parameter"), ("?address=x", 422, "address-form"),
        (f"?address={address(BOB)}&longpoll=0", 400, "api-parameter"),
    ],
)  # fmt: skip
def test_bad_parameter_is_refused(api, query, status, code):
    answer = api.get(f"/api/template{query}", token=api.cookie)
    assert (answer.status, answer.code) == (status, code)
