"""Judging whole blocks: each rule broken once, and both sides of each limit."""

import pytest

from chaindeck.kernel import _native
from tests.kernel.build import (
    CURVE_ORDER,
    KEYS,
    Scene,
    Spent,
    carry,
    coinbase,
    encode_body,
    encode_full,
    pay,
    payment,
    raise_s,
    sign_all,
    txid_of,
)

MAX = 9_000_000_000_000_000
OTHER = KEYS[1]


def scene_with(*transactions, coins=(), reward=1000, **rules):
    """Start a block: a coinbase, then these transactions."""
    scene = Scene(coins={coin.outpoint: coin.packed for coin in coins})
    vars(scene.rules).update(rules)
    scene.add(coinbase(scene.rules.height, [pay(reward)]), *transactions)
    return scene


def coin(number=1, **values):
    return Scene().coin(number, **values)


def suspect(scene, **options):
    verdict = scene.check(_native, **options)
    assert verdict.is_valid == (verdict.suspect == -1)
    return verdict.suspect


def suspect_of(spent, outputs, *, edit=lambda signature: signature, **rules):
    """Judge one payment that stands between two good ones; -1 or its place, which is 2."""
    good = [coin(100), coin(101)]
    first, last = (payment([each], [pay(900)]) for each in good)
    middle = payment(spent, outputs, edit)
    return suspect(scene_with(first, middle, last, coins=[*good, *spent], **rules))


class TestValidBlock:
    def test_verdict_says_fees_coins_and_signatures(self, native):
        a = coin(1, amount=500)
        b = coin(2, amount=700, key=OTHER, has_own_signature=True)
        first = payment([a, b], [pay(600), carry(b"note"), pay(500)])
        inside = Spent(txid_of(first), 0, amount=600)
        second = payment([inside], [pay(590)])
        scene = scene_with(first, second, coins=[a, b])
        verdict = scene.check(native)
        assert (verdict.is_valid, verdict.suspect, verdict.fees) == (True, -1, 110)
        assert verdict.recovered == 3
        reward = Spent(txid_of(scene.transactions[0]), 0, height=10, is_coinbase=True)
        change = Spent(txid_of(first), 2, amount=500, height=10)
        paid = Spent(txid_of(second), 0, amount=590, height=10)
        expected = [(each.outpoint, each.packed) for each in (reward, change, paid)]
        assert verdict.created == expected

    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_long_chain_inside_one_block_is_valid(self, threads):
        scene = scene_with(coins=[coin()])
        spent = coin()
        for step in range(1, 40):
            transaction = payment([spent], [pay(1000 - step)])
            scene.add(transaction)
            spent = Spent(txid_of(transaction), amount=1000 - step)
        verdict = scene.check(_native, threads=threads)
        assert (verdict.suspect, verdict.fees, verdict.recovered) == (-1, 39, 39)
        assert [key for key, _ in verdict.created] == [
            txid_of(scene.transactions[0]) + bytes(4),
            spent.outpoint,
        ]

    def test_block_of_the_coinbase_alone_is_valid(self):
        assert suspect(scene_with()) == -1

    def test_good_payment_between_good_ones_is_valid(self):
        assert suspect_of([coin()], [pay(1000)]) == -1


class TestCoinbase:
    def check(self, *outputs, outpoints=None, signature=b"", own=None, **rules):
        height = rules.get("height", 10)
        outpoints = [(bytes(32), height)] if outpoints is None else outpoints
        body = encode_body(outpoints, outputs)
        scene = Scene(
            [encode_full(body, signature, [b""] * len(outpoints) if own is None else own)]
        )
        vars(scene.rules).update(rules)
        return suspect(scene)

    def test_block_without_transactions_is_suspect_at_once(self):
        assert suspect(Scene()) == 0

    def test_reward_is_limited_by_subsidy(self):
        assert self.check(pay(400), pay(600)) == -1
        assert self.check(pay(400), pay(601)) == 0

    def test_reward_may_include_fees_and_no_more(self):
        spent = coin()
        for reward, expected in ((1300, -1), (1301, 0)):
            transaction = payment([spent], [pay(700)])
            assert suspect(scene_with(transaction, coins=[spent], reward=reward)) == expected

    def test_less_than_the_reward_may_be_taken(self):
        assert self.check(carry(b"nothing")) == -1

    def test_coinbase_needs_an_output(self):
        assert self.check() == 0

    def test_coinbase_amounts_are_in_range(self):
        assert self.check(pay(0)) == 0
        assert self.check(pay(MAX), subsidy=MAX) == -1
        assert self.check(pay(MAX + 1), subsidy=MAX + 1) == 0
        assert self.check(pay(MAX), pay(1), subsidy=MAX + 1) == 0
        assert self.check(pay(2**64 - 1), pay(2)) == 0

    def test_coinbase_names_its_height(self):
        assert self.check(pay(1), outpoints=[(bytes(32), 9)]) == 0
        assert self.check(pay(1), outpoints=[(bytes(32), 11)]) == 0
        assert self.check(pay(1), height=2**32 - 1) == -1

    def test_coinbase_has_exactly_one_input_and_that_is_zero(self):
        assert self.check(pay(1), outpoints=[]) == 0
        assert self.check(pay(1), outpoints=[(bytes(32), 10)] * 2) == 0
        assert self.check(pay(1), outpoints=[(bytes(31) + b"\x01", 10)]) == 0

    def test_coinbase_has_no_signature(self):
        assert self.check(pay(1), signature=bytes(65)) == 0
        assert self.check(pay(1), own=[bytes(65)]) == 0

    def test_size_of_the_coinbase_is_limited(self):
        size = len(coinbase(10, [pay(1)]))
        assert self.check(pay(1), max_transaction_size=size) == -1
        assert self.check(pay(1), max_transaction_size=size - 1) == 0

    def test_second_coinbase_is_suspect(self):
        scene = scene_with(coinbase(10, [pay(1)]))
        assert suspect(scene) == 1


class TestShapeAndMoney:
    def test_payment_needs_an_input_and_an_output(self):
        assert suspect_of([coin()], []) == 2
        assert suspect(scene_with(encode_full(encode_body([], [pay(1)])))) == 1

    def test_input_of_the_zero_transaction_is_suspect(self):
        zero = Spent(bytes(32), 3)
        assert suspect_of([zero], [pay(1)]) == 2

    def test_size_is_limited(self):
        spent = coin()
        outputs = [pay(1000)] + [carry(bytes(256))] * 3
        size = len(payment([spent], outputs))
        assert suspect_of([spent], outputs, max_transaction_size=size) == -1
        assert suspect_of([spent], outputs, max_transaction_size=size - 1) == 2

    def test_outputs_may_not_exceed_inputs(self):
        assert suspect_of([coin(1), coin(2)], [pay(1500), pay(500)]) == -1
        assert suspect_of([coin(1), coin(2)], [pay(1500), pay(501)]) == 2

    def test_amounts_are_positive_and_in_range(self):
        rich = coin(1, amount=MAX)
        assert suspect_of([rich], [pay(MAX)]) == -1
        assert suspect_of([rich], [pay(MAX + 1)]) == 2
        assert suspect_of([rich], [pay(0)]) == 2
        assert suspect_of([rich], [pay(2**64 - 1), pay(2)]) == 2

    def test_sums_stay_in_range(self):
        assert suspect_of([coin(1, amount=MAX - 1), coin(2, amount=1)], [pay(MAX)]) == -1
        assert suspect_of([coin(1, amount=MAX), coin(2, amount=1)], [pay(1)]) == 2
        assert suspect_of([coin(1, amount=2**64 - 1), coin(2, amount=2)], [pay(1)]) == 2

    def test_sum_of_fees_stays_in_range(self):
        coins = [coin(1, amount=MAX), coin(2, amount=2)]
        first, second = payment(coins[:1], [pay(1)]), payment(coins[1:], [pay(1)])
        assert suspect(scene_with(first, second, coins=coins)) == -1
        third_coin = coin(3, amount=2)
        third = payment([third_coin], [pay(1)])
        assert suspect(scene_with(first, second, third, coins=[*coins, third_coin])) == 3

    def test_payment_of_data_alone_gives_all_to_fees(self):
        assert suspect_of([coin()], [carry(b"anchor")]) == -1


class TestCoins:
    def test_missing_coin_is_suspect(self):
        assert suspect(scene_with(payment([coin()], [pay(1)]))) == 1

    def test_repeated_input_is_suspect(self):
        assert suspect_of([coin(), coin()], [pay(1)]) == 2

    def test_repeated_input_from_the_same_block_is_suspect(self):
        first = payment([coin()], [pay(900)])
        inside = Spent(txid_of(first), amount=900)
        scene = scene_with(first, payment([inside, inside], [pay(1)]), coins=[coin()])
        assert suspect(scene) == 2

    def test_coin_spent_by_two_transactions_is_suspect_at_the_second(self):
        first, second = payment([coin()], [pay(900)]), payment([coin()], [pay(800)])
        other = coin(2)
        scene = scene_with(first, payment([other], [pay(1)]), second, coins=[coin(), other])
        assert suspect(scene) == 3

    def test_output_of_the_block_spent_twice_is_suspect_at_the_second(self):
        first = payment([coin()], [pay(900)])
        inside = Spent(txid_of(first), amount=900)
        scene = scene_with(
            first, payment([inside], [pay(2)]), payment([inside], [pay(1)]), coins=[coin()]
        )
        assert suspect(scene) == 3

    def test_repeated_transaction_is_suspect(self):
        transaction = payment([coin()], [pay(900)])
        assert suspect(scene_with(transaction, transaction, coins=[coin()])) == 2

    def test_same_body_under_other_signatures_is_a_repeated_transaction(self):
        own = coin(has_own_signature=True)
        scene = scene_with(payment([coin()], [pay(9)]), payment([own], [pay(9)]), coins=[own])
        assert suspect(scene) == 2

    def test_output_of_a_later_transaction_is_suspect(self):
        later = payment([coin()], [pay(900)])
        early = payment([Spent(txid_of(later), amount=900)], [pay(1)])
        assert suspect(scene_with(early, later, coins=[coin()])) == 1

    @pytest.mark.parametrize("index", [1, 2])
    def test_data_output_or_one_that_is_not_there_is_suspect(self, index):
        first = payment([coin()], [pay(900), carry(b"data")])
        second = payment([Spent(txid_of(first), index, amount=900)], [pay(1)])
        assert suspect(scene_with(first, second, coins=[coin()])) == 2

    def test_coinbase_coin_is_spendable_from_maturity_on(self):
        for height, expected in ((7, -1), (8, 2), (10, 2), (11, 2)):
            spent = coin(height=height, is_coinbase=True)
            assert suspect_of([spent], [pay(1)], maturity=3) == expected

    def test_other_coins_need_no_maturity(self):
        assert suspect_of([coin(height=10)], [pay(1)], maturity=3) == -1

    def test_coinbase_of_the_same_block_is_spendable_only_without_maturity(self):
        for maturity, expected in ((0, -1), (1, 1)):
            scene = scene_with(maturity=maturity)
            own = Spent(txid_of(scene.transactions[0]), height=10, is_coinbase=True)
            scene.add(payment([own], [pay(1)]))
            assert suspect(scene) == expected


def _by_other_key(signature):
    return OTHER.sign_recoverable(bytes(32), hasher=None) if signature else b""


class TestSignatures:
    def test_one_signature_serves_all_inputs_of_one_owner(self):
        coins = [coin(1), coin(2), coin(3)]
        scene = scene_with(payment(coins, [pay(1)]), coins=coins)
        assert scene.check(_native).recovered == 1

    @pytest.mark.parametrize("has_own_signature", [False, True])
    @pytest.mark.parametrize(
        "edit",
        [
            _by_other_key,
            raise_s,
            lambda _: bytes(65),
            lambda s: s[:64] + b"\x04",
            lambda s: s[:64] + bytes([s[64] ^ 1]),
            lambda s: s[:32] + CURVE_ORDER.to_bytes(32, "big") + s[64:],
            lambda _: b"",
        ],
    )
    def test_wrong_signature_is_suspect(self, edit, has_own_signature):
        spent = coin(has_own_signature=has_own_signature)
        assert suspect_of([spent], [pay(1)], edit=edit) == 2

    def test_inputs_of_two_owners_under_one_signature_are_suspect(self):
        assert suspect_of([coin(1), coin(2, key=OTHER)], [pay(1)]) == 2

    def test_second_owner_may_sign_alone(self):
        alone = coin(2, key=OTHER, has_own_signature=True)
        assert suspect_of([coin(1), alone, coin(3)], [pay(1)]) == -1
        assert suspect_of([alone, coin(1)], [pay(1)]) == -1

    def test_signature_that_serves_no_input_is_suspect(self):
        spent = [coin(has_own_signature=True)]
        body = encode_body([(spent[0].txid, 0)], [pay(1)])
        _, own = sign_all(body, spent)
        for shared, expected in ((b"", -1), (own[0], 1)):
            assert suspect(scene_with(encode_full(body, shared, own), coins=spent)) == expected

    def test_own_signature_of_a_stranger_is_suspect(self):
        mine, alone = coin(1), coin(2, has_own_signature=True)
        body = encode_body([(mine.txid, 0), (alone.txid, 0)], [pay(1)])
        shared, _ = sign_all(body, [mine, alone])
        _, stranger = sign_all(body, [mine, coin(2, key=OTHER, has_own_signature=True)])
        scene = scene_with(encode_full(body, shared, stranger), coins=[mine, alone])
        assert suspect(scene) == 1

    @pytest.mark.parametrize("change", [{"amount": 1001}, {"key": OTHER}])
    def test_signature_commits_to_amount_and_owner_of_the_coin(self, change):
        transaction = payment([coin()], [pay(1)])
        assert suspect(scene_with(transaction, coins=[coin()])) == -1
        assert suspect(scene_with(transaction, coins=[coin(**change)])) == 1

    def test_signature_commits_to_the_network(self):
        transaction = payment([coin()], [pay(1)])
        assert suspect(scene_with(transaction, coins=[coin()], network_id=bytes(32))) == 1


class TestKnownTransactions:
    def spoiled(self, *spoiled):
        coins = [coin(number) for number in range(30)]
        edit = {True: lambda _: bytes(65), False: lambda signature: signature}
        return scene_with(
            *(
                payment([each], [pay(1)], edit[number in spoiled])
                for number, each in enumerate(coins, start=1)
            ),
            coins=coins,
        )

    def test_known_transaction_is_not_recovered(self):
        known = bytearray(31)
        known[5] = 1
        verdict = self.spoiled(5).check(_native, known=bytes(known))
        assert (verdict.is_valid, verdict.recovered) == (True, 29)
        assert self.spoiled().check(_native, known=b"\x01" * 31).recovered == 0

    def test_known_transaction_still_needs_its_coin(self):
        scene = self.spoiled()
        scene.coins.pop(coin(3).outpoint)
        assert suspect(scene, known=b"\x01" * 31) == 4

    def test_known_transaction_still_needs_a_signature(self):
        scene = scene_with(payment([coin()], [pay(1)], lambda _: b""), coins=[coin()])
        assert suspect(scene, known=b"\x01\x01") == 1

    @pytest.mark.parametrize("threads", [1, 2, 4])
    def test_first_of_many_wrong_signatures_is_the_suspect(self, threads):
        assert suspect(self.spoiled(9, 10, 17, 30), threads=threads) == 9

    def test_earlier_of_wrong_signature_and_missing_coin_is_the_suspect(self):
        for spoiled, missing, expected in ((5, 20, 5), (20, 5, 5), (30, 1, 1), (1, 30, 1)):
            scene = self.spoiled(spoiled)
            scene.coins.pop(coin(missing - 1).outpoint)
            assert suspect(scene) == expected

    def test_suspect_block_creates_nothing(self):
        assert self.spoiled(5).check(_native).created == []


class TestMisuse:
    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"coins": []}, "one coin"),
            ({"coins": [b"short"]}, "33 bytes"),
            ({"known": b""}, "known"),
            ({"network_id": b""}, "network_id"),
            ({"max_amount": 2**63}, "max_amount"),
            ({"threads": 0}, "threads"),
        ],
    )
    def test_argument_of_the_wrong_size_is_a_value_error(self, change, match):
        scene = scene_with(payment([coin()], [pay(1)]))
        arguments = {"coins": [None], "known": bytes(2), **vars(scene.rules), **change}
        with pytest.raises(ValueError, match=match):
            _native.check_block(scene.index(_native), **arguments)

    def test_coin_that_is_no_bytes_is_a_type_error(self):
        scene = scene_with(payment([coin()], [pay(1)]))
        with pytest.raises(TypeError):
            _native.check_block(scene.index(_native), ["x" * 33], bytes(2), **vars(scene.rules))
