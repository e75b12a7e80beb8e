"""Whatever a peer says too often ends its link in the end, whichever message it is."""

from __future__ import annotations

import pytest

from chaindeck.ledger.checkpoints import encode_checkpoint, sign_checkpoint
from chaindeck.ledger.types import BlockHash, FullId
from chaindeck.protocol import limits
from chaindeck.protocol.allowance import Rate
from chaindeck.protocol.compact import make_compact
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskMissing,
    AskPayments,
    AskPeers,
    AskPool,
    BlockBody,
    BlocksUnknown,
    CheckpointNotice,
    CompactBlock,
    GivePeers,
    Headers,
    Message,
    Missing,
    Neighbours,
    Payments,
    PaymentsUnknown,
    Ping,
    Pong,
    PoolDigest,
)
from tests.ledger.forge import ALICE, BOB
from tests.protocol.stranger import Stranger
from tests.protocol.test_checkpoints import NETWORK
from tests.protocol.test_payment_relay import payment
from tests.protocol.town import Resident, Town

HEARD = (
    *(AnnouncePayments, AskBlocks, AskCompact, AskHeaders, AskMissing, AskPayments, AskPeers),
    *(AskPool, BlockBody, BlocksUnknown, CheckpointNotice, CompactBlock, GivePeers, Headers),
    *(Missing, Neighbours, Payments, PaymentsUnknown, Ping, Pong, PoolDigest),
)


def sample(kind: type[Message], town: Town, node: Resident) -> Message:
    """A message of a kind, about little or nothing, that no rule forbids."""
    block = node.mine()
    somewhere = b"\1" * 32
    quorum = encode_checkpoint(
        sign_checkpoint(town.network, block.header.height, block.hash, (ALICE, BOB))
    )
    samples: dict[type[Message], Message] = {
        AnnouncePayments: AnnouncePayments(()),
        AskBlocks: AskBlocks((BlockHash(somewhere),)),
        AskCompact: AskCompact(block.hash),
        AskHeaders: AskHeaders((block.header.previous,)),
        AskMissing: AskMissing(block.hash, (0,)),
        AskPayments: AskPayments((FullId(somewhere),)),
        AskPeers: AskPeers(),
        AskPool: AskPool(bytes(32)),
        BlockBody: BlockBody(block.raw),
        BlocksUnknown: BlocksUnknown((BlockHash(somewhere),)),
        CheckpointNotice: CheckpointNotice(quorum),
        CompactBlock: make_compact(block, bytes(8)),
        GivePeers: GivePeers(()),
        Headers: Headers(()),
        Missing: Missing(block.hash, ()),
        Neighbours: Neighbours(frozenset()),
        Payments: Payments((payment(town).raw,)),
        PaymentsUnknown: PaymentsUnknown((FullId(somewhere),)),
        Ping: Ping(1),
        Pong: Pong(1),
        PoolDigest: PoolDigest(0, bytes(8 * limits.POOL_BUCKETS)),
    }
    return samples[kind]


@pytest.mark.parametrize("kind", HEARD)
def test_flood_of_any_message_ends_the_link(
    kind: type[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in list(vars(limits).items()):
        if isinstance(value, Rate):
            monkeypatch.setattr(limits, name, Rate(3, 0.01))
    town = Town(NETWORK)
    (node,) = town.settle(1)
    message = sample(kind, town, node)
    guest = Stranger(town, node, work=node.state.tip.work + 1).introduce()
    for _ in range(3):
        guest.say(message)
        town.run(1)
    assert guest.farewell is None
    for _ in range(40):
        guest.say(message)
        town.run(1)
    assert guest.farewell == "peer-flood"


def test_every_message_that_is_heard_is_flooded_here() -> None:
    (node,) = Town().settle(1)
    assert set(node.machine._hearers) == set(HEARD)
