"""Each rule of a header in its place, from both sides."""

from __future__ import annotations

import pytest

from chaindeck.kernel import hash256
from chaindeck.ledger import errors
from chaindeck.ledger.codec import decode_header
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.headers import check_header, check_not_held, genesis_entry
from chaindeck.ledger.seals import sign_seal
from chaindeck.ledger.targets import target_of, work_of
from chaindeck.ledger.types import Header
from tests.ledger.forge import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    Forge,
    address,
    dev_network,
    remake,
)


def check(forge: Forge, header: Header, seal: bytes = b"") -> None:
    check_header(forge.network, forge.tree, forge.tip, header, seal)


class TestPlace:
    def test_good_header_adds_its_work(self) -> None:
        forge = Forge()
        forge.extend()
        header = forge.assemble().header
        entry = check_header(forge.network, forge.tree, forge.tip, header, b"")
        target = target_of(header.target_bits)
        assert target is not None
        assert entry.header == header
        assert entry.work == forge.tip.work + work_of(target)
        assert entry.base_bits == header.target_bits
        assert entry.sealer is None

    def test_genesis_counts_no_work(self) -> None:
        network = dev_network()
        entry = genesis_entry(network)
        assert (entry.work, entry.sealer) == (0, None)
        assert entry.base_bits == network.genesis.easiest_bits
        assert entry.header == network.block.header

    def test_version_is_one(self) -> None:
        forge = Forge()
        raw = forge.assemble().header.raw
        with pytest.raises(errors.HeaderVersion) as raised:
            check(forge, decode_header(b"\x02" + raw[1:]))
        assert (raised.value.field, raised.value.values) == ("version", {"version": 2})

    def test_parent_is_the_one_it_names(self) -> None:
        forge = Forge()
        with pytest.raises(errors.UnknownParent) as raised:
            check(forge, remake(forge.assemble().header, previous=bytes(32)))
        assert raised.value.field == "previous"
        assert raised.value.values == {"previous": "00" * 32}
        assert not raised.value.is_blamed

    @pytest.mark.parametrize("height", [0, 2])
    def test_height_is_the_next(self, height: int) -> None:
        forge = Forge()
        with pytest.raises(errors.HeaderHeight) as raised:
            check(forge, remake(forge.assemble().header, height=height))
        assert raised.value.field == "height"
        assert raised.value.values == {"actual": height, "expected": 1}

    def test_block_has_at_least_its_coinbase(self) -> None:
        forge = Forge()
        with pytest.raises(errors.EmptyBlock) as raised:
            check(forge, remake(forge.assemble().header, tx_count=0))
        assert raised.value.field == "tx_count"

    def test_time_is_after_the_parents(self) -> None:
        forge = Forge()
        before = forge.tip.header.time_ms
        check(forge, forge.assemble(took_ms=1).header)
        for took_ms in (0, -1):
            with pytest.raises(errors.TimeNotAfter) as raised:
                check(forge, remake(forge.assemble().header, time_ms=before + took_ms))
            assert raised.value.field == "time_ms"
            assert raised.value.values == {
                "time_ms": before + took_ms,
                "previous_time_ms": before,
            }

    @pytest.mark.parametrize("bits", [0x207FFFFE, 0x2100FFFF, 0, 0x1D800000])
    def test_target_is_the_computed_one_bit_for_bit(self, bits: int) -> None:
        forge = Forge()
        with pytest.raises(errors.WrongTarget) as raised:
            check(forge, remake(forge.assemble().header, target_bits=bits))
        assert raised.value.field == "target_bits"
        assert raised.value.values == {"actual": bits, "expected": 0x207FFFFF}

    def test_hash_is_under_the_target(self) -> None:
        forge = Forge()
        header = forge.assemble().header
        tries = (remake(header, nonce=nonce) for nonce in range(1_000))
        lazy = next(header for header in tries if header.hash[0] > 0x7F)
        with pytest.raises(errors.NotEnoughWork) as raised:
            check(forge, lazy)
        assert raised.value.field == "nonce"
        assert raised.value.values == {"hash": hash256(lazy.raw).hex()}


class TestClock:
    def test_block_ahead_of_the_clock_is_held_and_nobody_blamed(self) -> None:
        header = Forge().assemble().header
        check_not_held(header, header.time_ms - 30_000)
        check_not_held(header, header.time_ms + 10**9)
        with pytest.raises(errors.Held) as raised:
            check_not_held(header, header.time_ms - 30_001)
        assert (raised.value.field, raised.value.values) == ("time_ms", {"ahead_ms": 30_001})
        assert not raised.value.is_blamed


def sealed_network(permille: int = 500) -> Network:
    return dev_network(
        miners=tuple(address(key) for key in (ALICE, BOB, CAROL)),
        mining_diversity_permille=permille,
    )


class TestSeal:
    def test_listed_miner_seals(self) -> None:
        forge = Forge(sealed_network(), miner=ALICE)
        assert forge.enter(forge.assemble()).sealer == ALICE.key_hash

    def test_seal_is_needed_where_miners_are_listed(self) -> None:
        forge = Forge(sealed_network(), miner=ALICE)
        with pytest.raises(errors.SealMissing) as raised:
            check(forge, forge.assemble().header, b"")
        assert raised.value.field == "seal"

    def test_seal_is_refused_where_none_are(self) -> None:
        forge = Forge()
        header = forge.assemble().header
        with pytest.raises(errors.SealUnexpected) as raised:
            check(forge, header, sign_seal(header, ALICE))
        assert raised.value.field == "seal"

    def test_stranger_seals_nothing(self) -> None:
        forge = Forge(sealed_network(), miner=DAVE)
        with pytest.raises(errors.SealNotListed) as raised:
            forge.enter(forge.assemble())
        assert raised.value.field == "seal"
        assert raised.value.values == {"signer": DAVE.key_hash.hex()}

    def test_malformed_seal_is_refused(self) -> None:
        forge = Forge(sealed_network(), miner=ALICE)
        with pytest.raises(errors.SealMalformed) as raised:
            check(forge, forge.assemble().header, bytes(65))
        assert raised.value.field == "seal"

    def test_miner_lets_others_go_first(self) -> None:
        forge = Forge(sealed_network(permille=999), miner=ALICE)
        assert forge.network.seal_window == 2
        forge.extend(miner=ALICE)
        forge.extend(miner=BOB)
        for miner in (ALICE, BOB):
            with pytest.raises(errors.SealTooSoon) as raised:
                forge.enter(forge.assemble(miner=miner))
            assert raised.value.field == "seal"
            assert raised.value.values == {"signer": miner.key_hash.hex(), "window": 2}
        forge.extend(miner=CAROL)
        forge.extend(miner=ALICE)
        assert forge.tip.sealer == ALICE.key_hash

    def test_without_diversity_one_miner_may_go_on(self) -> None:
        forge = Forge(sealed_network(permille=0), miner=ALICE)
        assert forge.network.seal_window == 0
        forge.extend()
        forge.extend()
        assert forge.tip.header.height == 2

    def test_work_comes_before_the_seal(self) -> None:
        """A header without work is refused for that, before anybody recovers a signature."""
        forge = Forge(sealed_network(), miner=ALICE)
        header = forge.assemble().header
        tries = (remake(header, nonce=nonce) for nonce in range(1_000))
        lazy = next(header for header in tries if header.hash[0] > 0x7F)
        with pytest.raises(errors.NotEnoughWork):
            check(forge, lazy, bytes(65))

    def test_window_looks_along_the_branch_it_builds_on(self) -> None:
        forge = Forge(sealed_network(), miner=ALICE)
        start = forge.tip
        forge.extend(miner=ALICE)
        side = forge.assemble(parent=start, miner=ALICE, took_ms=11_000)
        assert forge.enter(side, start).sealer == ALICE.key_hash
