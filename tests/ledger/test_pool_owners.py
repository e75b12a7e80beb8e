"""An owner finds what waits for him without a search, as long as transactions have few outputs.

That the answer is that of a search, whatever happens to a pool, is shown in `test_pool_model`.
"""

from __future__ import annotations

import pytest

from chaindeck.ledger.limits import POOL_LISTED_OUTPUTS
from chaindeck.ledger.pool_owners import payments_to
from chaindeck.ledger.types import KeyHash, Transaction
from tests.ledger.forge import ALICE, BOB, CAROL
from tests.ledger.waiting import GRANT, Waiting, ids


def wait(world: Waiting, *owners: KeyHash, parts: int = 2, size: int | None = None) -> Transaction:
    """Let a payment to these owners, in turns, wait."""
    return world.wait(world.spend([world.grant()], GRANT, parts=parts, to=owners, size=size))


def listed(world: Waiting, owner: KeyHash) -> list[bytes]:
    return [entry.id for entry in world.pool.owners.listed(owner)]


def test_owner_finds_the_payments_to_him_the_oldest_first() -> None:
    world = Waiting()
    one = wait(world, ALICE.key_hash, BOB.key_hash)
    two = wait(world, ALICE.key_hash, ALICE.key_hash)
    three = wait(world, CAROL.key_hash, ALICE.key_hash)
    assert listed(world, ALICE.key_hash) == ids(one, two, three)
    assert listed(world, BOB.key_hash) == ids(one)
    world.mine(one)
    assert listed(world, ALICE.key_hash) == ids(two, three)
    assert listed(world, BOB.key_hash) == []
    world.unmine()
    assert listed(world, ALICE.key_hash) == ids(one, two, three)


def test_index_is_empty_when_the_pool_is() -> None:
    world = Waiting()
    for parts in (1, 3, POOL_LISTED_OUTPUTS + 1):
        wait(world, ALICE.key_hash, BOB.key_hash, parts=parts, size=600)
    world.pool.remove([entry for _, entry in world.pool.by_age()])
    assert not world.pool.owners._payers
    assert not world.pool.owners.unlisted()


@pytest.mark.parametrize("extra", [0, 1])
def test_transaction_with_many_outputs_is_searched_instead(extra: int) -> None:
    world = Waiting()
    wide = wait(world, ALICE.key_hash, BOB.key_hash, parts=POOL_LISTED_OUTPUTS + extra)
    assert listed(world, ALICE.key_hash) == ([] if extra else ids(wide))
    (entry,) = world.pool.owners.unlisted() or world.pool.owners.listed(ALICE.key_hash)
    places = [place for place, _ in payments_to(entry, BOB.key_hash)]
    assert places == [wide.outpoint(index) for index in range(1, POOL_LISTED_OUTPUTS + extra, 2)]
    assert list(payments_to(entry, CAROL.key_hash)) == []
    assert sum(item.amount for _, item in payments_to(entry, ALICE.key_hash)) >= GRANT // 2


def test_data_belongs_to_nobody() -> None:
    world = Waiting()
    note = wait(world, ALICE.key_hash, parts=1, size=250)
    assert len(note.outputs) > 1
    (entry,) = world.pool.owners.listed(ALICE.key_hash)
    assert [place for place, _ in payments_to(entry, ALICE.key_hash)] == [note.outpoint(0)]
