"""Blocks that wait have their signatures checked, and are judged in their turn all the same."""

from __future__ import annotations

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger import foresight as foresight_module
from chaindeck.ledger.foresight import Foresight
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import Judging, run_here
from chaindeck.ledger.types import Block, FullId, Transaction
from tests.ledger.forge import ALICE, BOB, CAROL, Forge, coinbase, pay, spend
from tests.ledger.keeping import Standing


def hand_on(forge: Forge, giver: SigningKey, taker: SigningKey) -> Transaction:
    """Pay the newest coin of a key to another."""
    outpoint, coin = forge.owned(giver)[-1]
    return spend(forge.network.id, [(outpoint, coin)], [pay(taker.key_hash, coin.amount)], giver)


def waiting() -> tuple[Standing, list[Block]]:
    """Three blocks whose headers are known, each spending what the one before makes."""
    standing = Standing()
    blocks = []
    for giver, taker in ((ALICE, BOB), (BOB, CAROL), (CAROL, ALICE)):
        blocks.append(standing.forge.extend([hand_on(standing.forge, giver, taker)]))
    for block in blocks:
        standing.state.add_header(block.header, block.seal, standing.now_ms)
    return standing, blocks


def knows(standing: Standing, block: Block) -> bool:
    ids = [FullId(full_id) for full_id in block.index.full_ids]
    return set(standing.state.cache.known(ids)) == {1}


def unknown_when_judged(standing: Standing, block: Block) -> int:
    """Submit a block; return how many of its transactions were judged with their signatures."""
    steps = standing.state.submit_block(block, standing.now_ms)
    counts: list[int] = []
    answer = None
    while True:
        try:
            job = steps.send(answer)
        except StopIteration:
            (count,) = counts
            return count
        if isinstance(job, Judging):
            counts.append(job.unknown)
        answer = job() if job else None


def test_block_that_was_foreseen_is_judged_without_its_signatures() -> None:
    standing, blocks = waiting()
    foresight = Foresight(standing.state)
    for block in blocks:
        assert run_here(foresight.look_at(block))
    assert standing.state.next_height == 1, "nothing has moved"
    assert [unknown_when_judged(standing, block) for block in blocks] == [0, 0, 0]
    assert standing.state.tip.header.hash == blocks[-1].hash
    assert standing.keeper.held == standing.forge.coins.held


def test_block_that_was_not_foreseen_is_judged_with_them() -> None:
    standing, blocks = waiting()
    assert [unknown_when_judged(standing, block) for block in blocks] == [2, 2, 2]


def test_block_whose_coins_are_nowhere_yet_is_foreseen_once_they_are() -> None:
    standing, (first, second, third) = waiting()
    foresight = Foresight(standing.state)
    assert not run_here(foresight.look_at(second))
    assert not knows(standing, second)
    standing.submit(first)
    assert run_here(foresight.look_at(second))
    assert run_here(foresight.look_at(third))
    assert knows(standing, third)


def test_what_was_foreseen_is_forgotten_after_its_turn() -> None:
    standing, (first, second, _) = waiting()
    foresight = Foresight(standing.state)
    assert run_here(foresight.look_at(first))
    foresight.forget(first.hash)
    foresight.forget(first.hash)
    assert not run_here(foresight.look_at(second)), "what the first made is nowhere"


def test_turn_that_never_comes_is_forgotten_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight_module, "MAX_FORESEEN", 1)
    standing, (first, second, third) = waiting()
    foresight = Foresight(standing.state)
    assert run_here(foresight.look_at(first))
    assert run_here(foresight.look_at(second))
    assert run_here(foresight.look_at(third))
    assert not run_here(Foresight(standing.state).look_at(third))
    assert not run_here(foresight.look_at(second)), "what the first made is forgotten"


def test_wrong_signature_is_left_to_the_judgement() -> None:
    standing = Standing()
    outpoint, coin = standing.forge.owned(ALICE)[0]
    theft = spend(standing.network.id, [(outpoint, coin)], [pay(BOB.key_hash, coin.amount)], BOB)
    block = standing.forge.assemble([theft])
    standing.state.add_header(block.header, block.seal, standing.now_ms)
    assert not run_here(Foresight(standing.state).look_at(block))
    assert standing.state.cache.known([theft.full_id]) == b"\0"
    with pytest.raises(errors.NotOwner):
        standing.submit(block)


def test_double_spend_that_was_foreseen_is_refused_in_its_turn() -> None:
    """A signature may be good where the payment is not: each block takes the coin for unspent."""
    standing = Standing()
    outpoint, coin = standing.forge.owned(ALICE)[0]
    once, again = (
        spend(standing.network.id, [(outpoint, coin)], [pay(taker.key_hash, coin.amount)], ALICE)
        for taker in (BOB, CAROL)
    )
    first = standing.forge.extend([once])
    second = standing.forge.assemble([again])
    foresight = Foresight(standing.state)
    for block in (first, second):
        standing.state.add_header(block.header, block.seal, standing.now_ms)
        assert run_here(foresight.look_at(block))
    standing.submit(first)
    with pytest.raises(errors.MissingInput):
        standing.submit(second)


def test_block_of_an_unknown_header_or_with_a_wrong_body_is_not_looked_at() -> None:
    standing = Standing()
    forge = standing.forge
    stranger = forge.assemble([hand_on(forge, ALICE, BOB)])
    assert not run_here(Foresight(standing.state).look_at(stranger))
    wrong = forge.assemble([hand_on(forge, ALICE, BOB)], reward=coinbase(7, BOB.key_hash, 1))
    for block in (stranger, wrong):
        standing.state.add_header(block.header, block.seal, standing.now_ms)
    assert not run_here(Foresight(standing.state).look_at(wrong))
    assert run_here(Foresight(standing.state).look_at(stranger))
