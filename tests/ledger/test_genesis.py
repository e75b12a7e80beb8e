"""A genesis document is exact, checked, and committed to by every block."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import hash256
from chaindeck.ledger import errors, profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.genesis import (
    Allocation,
    Genesis,
    build_network,
    check_genesis,
    decode_genesis,
    encode_genesis,
)
from chaindeck.ledger.limits import (
    MAX_ALLOCATIONS,
    MAX_AMOUNT,
    MAX_CHECKPOINT_SIGNERS,
    MAX_MINERS,
)
from chaindeck.ledger.types import Data, KeyHash
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, KEYS, address, dev_genesis, pay


def distinct_addresses(count: int) -> tuple[str, ...]:
    return tuple(
        encode_address(KeyHash(number.to_bytes(20, "big")), "tdeck") for number in range(count)
    )


class TestDocument:
    def test_canonical_form_is_sorted_json_without_spaces(self) -> None:
        genesis = dev_genesis()
        canonical = json.dumps(
            msgspec.to_builtins(genesis), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert encode_genesis(genesis) == canonical.encode()

    @pytest.mark.parametrize("genesis", [profiles.dev(), profiles.local(), dev_genesis()])
    def test_reading_gives_back_what_was_written(self, genesis: Genesis) -> None:
        assert decode_genesis(encode_genesis(genesis)) == genesis

    def test_order_and_spaces_of_the_file_do_not_matter(self) -> None:
        genesis = dev_genesis()
        loose = json.dumps(dict(reversed(msgspec.to_builtins(genesis).items())), indent=4)
        assert build_network(decode_genesis(loose.encode())).id == build_network(genesis).id

    @pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"name": "\xff"}'])
    def test_what_is_no_json_is_said_so(self, raw: bytes) -> None:
        with pytest.raises(errors.JsonSyntax):
            decode_genesis(raw)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"maturity": "ten"}, "maturity"),
            ({"maturity": 1.5}, "maturity"),
            ({"difficulty": "asert"}, "difficulty"),
            ({"allocations": [{"address": 1, "amount": 1}]}, "allocations[0].address"),
            ({"name": None}, "name"),
        ],
    )
    def test_wrong_types_name_the_field(self, change: dict[str, object], field: str) -> None:
        document = {**msgspec.to_builtins(dev_genesis()), **change}
        with pytest.raises(errors.JsonShape) as raised:
            decode_genesis(json.dumps(document).encode())
        assert raised.value.field == field

    def test_unknown_and_missing_names_are_refused(self) -> None:
        document = msgspec.to_builtins(dev_genesis())
        with pytest.raises(errors.JsonShape, match="unknown field `colour`"):
            decode_genesis(json.dumps({**document, "colour": "red"}).encode())
        del document["subsidy"]
        with pytest.raises(errors.JsonShape, match="missing required field `subsidy`"):
            decode_genesis(json.dumps(document).encode())

    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_typed_error(self, raw: bytes) -> None:
        with pytest.raises(errors.RuleError):
            decode_genesis(raw)


class TestRanges:
    def test_document_is_checked_when_it_is_read(self) -> None:
        with pytest.raises(errors.GenesisRange):
            decode_genesis(encode_genesis(dev_genesis(maturity=-1)))

    @pytest.mark.parametrize(
        ("field", "least", "most"),
        [
            ("time_ms", 1, 2**53 - 1),
            ("block_interval_ms", 10, 3_600_000),
            ("subsidy", 0, MAX_AMOUNT),
            ("halving_interval", 1, 2**53 - 1),
            ("maturity", 0, 1_000_000),
            ("max_block_bytes", 1_000, 32_000_000),
            ("max_block_signatures", 1, 1_000_000),
            ("mining_diversity_permille", 0, 999),
        ],
    )
    def test_numbers_are_in_range(self, field: str, least: int, most: int) -> None:
        check_genesis(dev_genesis(**{field: least}))
        check_genesis(dev_genesis(**{field: most}))
        for number in (least - 1, most + 1):
            with pytest.raises(errors.GenesisRange) as raised:
                check_genesis(dev_genesis(**{field: number}))
            assert raised.value.field == field

    @pytest.mark.parametrize("name", ["a", "a" * 32, "plant-7", "0"])
    def test_good_names(self, name: str) -> None:
        check_genesis(dev_genesis(name=name))

    @pytest.mark.parametrize("name", ["", "a" * 33, "-a", "a-", "A", "a b", "a_b", "\u00e9", "a\n"])
    def test_bad_names(self, name: str) -> None:
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(name=name))
        assert raised.value.field == "name"

    @pytest.mark.parametrize("prefix", ["", "a" * 17, "A", "d1", "d-k"])
    def test_bad_prefixes(self, prefix: str) -> None:
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(address_prefix=prefix, allocations=()))
        assert raised.value.field == "address_prefix"

    @pytest.mark.parametrize("bits", [0, -1, 0x1D800000, 1 << 32, 0xFF7FFFFF])
    def test_easiest_target_is_canonical(self, bits: int) -> None:
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(easiest_bits=bits))
        assert raised.value.field == "easiest_bits"

    @pytest.mark.parametrize("amount", [0, MAX_AMOUNT + 1])
    def test_allocation_amounts_are_in_range(self, amount: int) -> None:
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(allocations=(Allocation(address(BOB), amount),)))
        assert raised.value.field == "allocations[0].amount"

    def test_allocations_together_are_in_range(self) -> None:
        most = Allocation(address(BOB), MAX_AMOUNT)
        check_genesis(dev_genesis(allocations=(most,)))
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(allocations=(most, Allocation(address(BOB), 1))))
        assert raised.value.field == "allocations"


class TestSigners:
    @pytest.mark.parametrize(
        ("field", "most"), [("miners", MAX_MINERS), ("checkpoint_signers", MAX_CHECKPOINT_SIGNERS)]
    )
    def test_lists_are_bounded(self, field: str, most: int) -> None:
        quorum = {"checkpoint_quorum": most} if field == "checkpoint_signers" else {}
        check_genesis(dev_genesis(**{field: distinct_addresses(most)}, **quorum))
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(**{field: distinct_addresses(most + 1)}, **quorum))
        assert raised.value.field == field

    def test_allocations_are_bounded_and_may_repeat_an_owner(self) -> None:
        one = Allocation(address(BOB), 1)
        network = build_network(dev_genesis(allocations=(one,) * MAX_ALLOCATIONS))
        assert len(next(block_transactions(network.block)).outputs) == MAX_ALLOCATIONS
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(dev_genesis(allocations=(one,) * (MAX_ALLOCATIONS + 1)))
        assert raised.value.field == "allocations"

    @pytest.mark.parametrize("field", ["miners", "checkpoint_signers"])
    def test_nobody_is_listed_twice(self, field: str) -> None:
        twice = (address(ALICE), address(BOB), address(ALICE).upper())
        with pytest.raises(errors.GenesisRepeated) as raised:
            check_genesis(dev_genesis(**{field: twice}, checkpoint_quorum=0))
        assert raised.value.field == f"{field}[2]"

    @pytest.mark.parametrize("field", ["miners", "checkpoint_signers"])
    def test_addresses_are_of_this_network(self, field: str) -> None:
        with pytest.raises(errors.AddressPrefix) as raised:
            check_genesis(dev_genesis(**{field: (address(ALICE, "deck"),)}))
        assert raised.value.field == f"{field}[0]"

    @pytest.mark.parametrize(
        ("signers", "quorum", "is_good"),
        [(0, 0, True), (0, 1, False), (1, 1, True), (1, 0, False), (4, 2, False), (4, 3, True),
         (4, 4, True), (4, 5, False), (5, 2, False), (5, 3, True)],
    )  # fmt: skip
    def test_quorum_is_a_majority(self, signers: int, quorum: int, *, is_good: bool) -> None:
        genesis = dev_genesis(
            checkpoint_signers=tuple(address(key) for key in KEYS[:signers]),
            checkpoint_quorum=quorum,
        )
        if is_good:
            check_genesis(genesis)
            return
        with pytest.raises(errors.GenesisRange) as raised:
            check_genesis(genesis)
        assert raised.value.field == "checkpoint_quorum"


class TestNetwork:
    def test_id_is_the_hash_of_the_canonical_form(self) -> None:
        genesis = dev_genesis()
        network = build_network(genesis)
        assert network.id == hash256(encode_genesis(genesis))
        assert network.magic == network.id[:4]
        assert network.block.header.previous == network.id

    @pytest.mark.parametrize(
        "change",
        [{"name": "other"}, {"maturity": 2}, {"subsidy": 1}, {"mining_diversity_permille": 1}],
    )
    def test_every_parameter_changes_every_hash(self, change: dict[str, object]) -> None:
        one, other = build_network(dev_genesis()), build_network(dev_genesis(**change))
        assert one.id != other.id
        assert one.block.hash != other.block.hash

    def test_first_block_pays_the_allocations(self) -> None:
        network = build_network(dev_genesis(time_ms=1_234_567))
        header = network.block.header
        (reward,) = block_transactions(network.block)
        assert (header.height, header.time_ms, header.tx_count) == (0, 1_234_567, 1)
        assert (header.nonce, header.target_bits) == (0, network.genesis.easiest_bits)
        assert reward.timestamp == 1_234
        assert reward.inputs[0].outpoint == bytes(36)
        assert reward.outputs == (pay(ALICE.key_hash, 1_000_000), pay(ALICE.key_hash, 500_000))

    def test_without_allocations_the_first_block_says_its_name(self) -> None:
        network = build_network(profiles.local(name="plant-7"))
        (reward,) = block_transactions(network.block)
        assert reward.outputs == (Data(b"plant-7"),)

    def test_lists_become_key_hashes(self) -> None:
        keys = [ALICE, BOB, CAROL, DAVE, KEYS[4]]
        genesis = profiles.consortium(
            name="grid",
            time_ms=1,
            miners=[address(key, "deck") for key in keys],
            checkpoint_signers=[address(key, "deck") for key in keys[:4]],
        )
        network = build_network(genesis)
        assert network.miners == {key.key_hash for key in keys}
        assert network.checkpoint_signers == {key.key_hash for key in keys[:4]}
        assert network.seal_window == 2
        assert network.genesis.checkpoint_quorum == 3
        assert network.easiest_target == 0xFFFFF << 216

    def test_network_is_built_of_a_checked_document_only(self) -> None:
        with pytest.raises(errors.GenesisRange):
            build_network(dev_genesis(name="No Name"))


class TestProfiles:
    def test_each_says_what_it_is_for(self) -> None:
        dev, local = profiles.dev(), profiles.local()
        assert (dev.address_prefix, dev.difficulty, dev.maturity) == ("tdeck", "none", 1)
        assert (local.address_prefix, local.difficulty, local.maturity) == ("deck", "step100", 10)
        for genesis in (dev, local):
            assert genesis.block_interval_ms == 10_000
            assert genesis.subsidy == 2_500_000_000
            assert genesis.halving_interval == 1_576_800
            assert genesis.max_block_bytes == 8_000_000
            assert genesis.max_block_signatures == 50_000
            assert genesis.time_ms == 1_767_225_600_000

    def test_consortium_needs_no_checkpoint_signers(self) -> None:
        genesis = profiles.consortium(name="grid", time_ms=1, miners=[address(ALICE, "deck")])
        assert genesis.checkpoint_quorum == 0
        assert (genesis.maturity, genesis.mining_diversity_permille) == (100, 500)

    def test_bad_parameters_are_refused(self) -> None:
        with pytest.raises(errors.GenesisRange):
            profiles.local(name="")
