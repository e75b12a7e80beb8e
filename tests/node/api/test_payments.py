"""Payments are taken one by one, in lists and packed, and what became of one can be asked."""

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger.codec import decode_header, decode_transaction
from chaindeck.ledger.merkle import check_branch
from chaindeck.ledger.pool_types import DropCode, Dropped
from chaindeck.node.errors import BatchTooLarge, ContentTypeUnknown
from chaindeck.node.limits import MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS
from tests.ledger.forge import BOB, CAROL
from tests.node.api.serving import payment_form
from tests.node.running import faucet_payment

BYTES = "application/octet-stream"
PATH = "/api/transactions"


@pytest.fixture(autouse=True)
def _clean(api):
    api.command("/api/dev/reset")


def make(api, coin=0, **options):
    return faucet_payment(api.service, BOB.key_hash, coin=coin, **options)


def test_good_payment_is_accepted_and_waits(api):
    payment = make(api, fee=300)
    answer = api.offer(payment)
    assert answer.status == 200
    assert answer.json == {
        "id": payment.id.hex(), "status": "accepted", "fee": 300, "replaced": [], "error": None,
    }  # fmt: skip
    assert payment.id in api.service.state.pool


def test_payment_offered_twice_is_a_conflict(api):
    payment = make(api)
    api.offer(payment)
    answer = api.offer(payment)
    assert (answer.status, answer.code) == (409, "pool-known")


def test_payment_that_breaks_a_rule_is_refused_with_code_and_field(api):
    form = payment_form(make(api))
    form["outputs"][0]["amount"] = 0
    del form["id"]
    answer = api.post(PATH, form)
    assert answer.status == 422
    assert answer.json["error"] == {
        "code": "tx-amount-range",
        "message": "an amount is from 1 to 9000000000000000, not 0",
        "field": "outputs[0].amount",
    }


def test_replacement_names_what_it_pushed_out_and_a_poorer_one_is_a_conflict(api):
    first, second = make(api, fee=10), make(api, fee=5_000)
    api.offer(first)
    assert api.offer(second).json["replaced"] == [first.id.hex()]
    third = make(api, fee=6)
    answer = api.offer(third)
    assert (answer.status, answer.code) == (409, "pool-replacement-fee-rate")


def test_dry_run_tells_the_same_and_changes_nothing(api):
    payment = make(api)
    answer = api.post(f"{PATH}?dry_run=1", payment_form(payment))
    assert answer.json["status"] == "accepted"
    assert payment.id not in api.service.state.pool


def test_list_is_answered_item_by_item_in_order(api):
    good, other = make(api, 0), make(api, 1)
    bad = payment_form(make(api, 2))
    bad["timestamp"] = -1
    items = [payment_form(good), bad, 7, payment_form(good), payment_form(other)]
    answers = api.post(PATH, items).json
    assert [answer["status"] for answer in answers] == [
        "accepted", "rejected", "rejected", "rejected", "accepted",
    ]  # fmt: skip
    assert [answer["id"] for answer in answers] == [
        good.id.hex(), None, None, good.id.hex(), other.id.hex(),
    ]  # fmt: skip
    codes = [answer["error"]["code"] for answer in answers if answer["error"]]
    assert codes == ["json-shape", "json-shape", "pool-known"]


def test_list_in_which_a_payment_spends_an_earlier_one_is_taken_whole(api):
    parent = make(api)
    items = [parent, spend_change(api, parent)]
    answers = api.post(PATH, [payment_form(item) for item in items]).json
    assert {answer["status"] for answer in answers} == {"accepted"}


def spend_change(api, parent):
    from chaindeck.ledger.coins import Coin
    from chaindeck.node.dev import FAUCET_KEY
    from tests.ledger.forge import pay, spend

    change = parent.outputs[1]
    coin = Coin(FAUCET_KEY.key_hash, change.amount, 1, is_reward=False)
    outputs = [pay(CAROL.key_hash, change.amount)]
    return spend(api.service.network.id, [(parent.outpoint(1), coin)], outputs, FAUCET_KEY)


def test_packed_payments_are_answered_like_a_list(api):
    payments = [make(api, coin) for coin in range(3)]
    raw = b"".join(payment.raw for payment in payments)
    answers = api.post(PATH, raw, kind=BYTES).json
    assert [answer["id"] for answer in answers] == [payment.id.hex() for payment in payments]


def test_packed_payments_cut_short_are_refused_as_a_whole(api):
    payments = [make(api, coin) for coin in range(2)]
    raw = b"".join(payment.raw for payment in payments)[:-1]
    answer = api.post(PATH, raw, kind=BYTES)
    assert (answer.status, answer.code) == (422, "encoding-truncated")
    assert not len(api.service.state.pool)


@pytest.mark.parametrize(("body", "kind"), [(b"[]", "application/json"), (b"", BYTES)])
def test_nothing_is_answered_with_nothing(api, body, kind):
    assert api.post(PATH, body, kind=kind).json == []


@pytest.mark.parametrize("count", [MAX_BATCH_TRANSACTIONS, MAX_BATCH_TRANSACTIONS + 1])
def test_batch_has_at_most_1000_payments(api, count):
    answer = api.post(PATH, [1] * count)
    if count <= MAX_BATCH_TRANSACTIONS:
        assert len(answer.json) == count
    else:
        assert (answer.status, answer.code) == (413, BatchTooLarge.code)


def test_body_has_at_most_16_megabytes(api):
    for size, code in ((MAX_BATCH_BYTES, "json-size"), (MAX_BATCH_BYTES + 1, "api-body-size")):
        answer = api.post(PATH, b" " * size, kind="application/json")
        assert (answer.status, answer.code) == (413, code)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "json-syntax"),
        (b"{", "application/json", 400, "json-syntax"),
        (b"[1,", "application/json", 400, "json-syntax"),
        (b"\xff", "application/json", 400, "json-syntax"),
        (b"null", "application/json; charset=utf-8", 422, "json-shape"),
        (b"[" * 2_000, "application/json", 400, "json-syntax"),
        (b"{}", "application/xml", 415, ContentTypeUnknown.code),
        (b"a=b", "application/x-www-form-urlencoded", 415, "api-content-type"),
    ],
)
def test_malformed_body_is_refused(api, body, kind, status, code):
    answer = api.post(PATH, body, kind=kind)
    assert (answer.status, answer.code) == (status, code)


def test_list_cut_off_in_the_middle_offers_nothing(api):
    body = b"[" + str(payment_form(make(api))).replace("'", '"').replace("None", "null").encode()
    answer = api.post(PATH, body, kind="application/json")
    assert answer.code == "json-syntax"
    assert not len(api.service.state.pool)


def test_waiting_payments_are_listed_by_fee_age_or_size(api):
    poor, rich = make(api, 0, fee=1), make(api, 1, fee=9_000)
    api.offer(poor)
    api.offer(rich)
    ids = {}
    for sort in ("fee", "age", "size"):
        page = api.get(f"{PATH}?sort={sort}").json
        ids[sort] = [item["id"] for item in page["transactions"]]
        assert page["cursor"] is None
    assert ids["fee"] == [rich.id.hex(), poor.id.hex()]
    assert ids["age"] == [poor.id.hex(), rich.id.hex()]
    assert sorted(ids["size"]) == sorted(ids["fee"])


@pytest.mark.parametrize("sort", ["fee", "age", "size"])
def test_pages_join_into_all_that_waits(api, sort):
    payments = [make(api, coin, fee=coin) for coin in range(5)]
    for payment in payments:
        api.offer(payment)
    found, query = [], ""
    while True:
        page = api.get(f"{PATH}?sort={sort}&limit=2{query}").json
        found += [item["id"] for item in page["transactions"]]
        if page["cursor"] is None:
            break
        query = f"&cursor={page['cursor']}"
    assert sorted(found) == sorted(payment.id.hex() for payment in payments)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "sort=name", "cursor=x", f"cursor={'9' * 64}", "dry_run=1", "a=b"],
)
def test_bad_parameter_of_a_list_is_refused(api, query):
    answer = api.get(f"{PATH}?{query}")
    assert (answer.status, answer.code) == (400, "api-parameter")


def test_unknown_transaction_is_said_to_be_unknown(api):
    assert api.get(f"/api/transaction/{'0' * 64}").json == {"id": "0" * 64, "status": "unknown"}


def test_waiting_transaction_tells_fee_and_position(api):
    ahead, payment = make(api, 0, fee=9_000), make(api, 1, fee=5)
    api.offer(ahead)
    api.offer(payment)
    answer = api.get(f"/api/transaction/{payment.id.hex()}").json
    assert (answer["status"], answer["fee"]) == ("pooled", 5)
    assert answer["position"] == {"bytes_ahead": ahead.size, "blocks": 1}
    assert answer["transaction"]["full_id"] == payment.full_id.hex()


def test_confirmed_transaction_is_proved_down_to_the_header(api):
    payments = [make(api, coin) for coin in range(5)]
    for payment in payments:
        api.offer(payment)
    (block_hash,) = api.mine()
    api.mine(2)
    for payment in payments:
        answer = api.get(f"/api/transaction/{payment.id.hex()}?proof=1").json
        assert (answer["status"], answer["height"], answer["block"]) == ("confirmed", 1, block_hash)
        assert answer["confirmations"] == 3
        proof = answer["proof"]
        header = decode_header(bytes.fromhex(proof["header"]))
        branch = [bytes.fromhex(node) for node in proof["branch"]]
        leaf = bytes.fromhex(proof["transaction"])
        check_branch(leaf, proof["index"], proof["size"], branch, header.merkle_root)
        assert decode_transaction(leaf).id == payment.id
        assert header.hash.hex() == block_hash


def test_proof_comes_only_when_asked_for(api):
    (block_hash,) = api.mine()
    tx_id = api.get(f"/api/block/{block_hash}").json["transactions"][0]["id"]
    assert "proof" not in api.get(f"/api/transaction/{tx_id}").json


def test_dropped_transaction_tells_why(api):
    tx_id = bytes([7]) * 32
    api.call(api.service._forget, Dropped(tx_id, DropCode.EXPIRED, "waited for 9 ms"))
    answer = api.get(f"/api/transaction/{tx_id.hex()}").json
    assert answer == {
        "id": tx_id.hex(), "status": "dropped", "reason": "expired", "detail": "waited for 9 ms",
    }  # fmt: skip


@pytest.mark.parametrize("tx_id", ["0", "G" * 64, "0" * 63, "A" * 64])
def test_what_is_no_id_is_refused(api, tx_id):
    answer = api.get(f"/api/transaction/{tx_id}")
    assert (answer.status, answer.code) == (400, "api-parameter")


def test_rejections_are_counted_by_code(api):
    before = api.app.context.meters.rejected[errors.AlreadyPooled.code]
    payment = make(api)
    api.offer(payment)
    api.offer(payment)
    assert api.app.context.meters.rejected["pool-known"] == before + 1
