"""What peers send, offered to the chain and the pool one after the other; verdicts as inputs.

Knows the service and how to wait for it; whom a verdict concerns is the machine's to know.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from chaindeck.ledger.checkpoints import decode_checkpoint
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.pool_types import Rejected
from chaindeck.ledger.types import Block, Transaction
from chaindeck.node.limits import PAYMENTS_JUDGED_AT_ONCE, STORE_RETRY_S
from chaindeck.node.logs import get_logger
from chaindeck.node.service import NodeService
from chaindeck.protocol.inputs import (
    BlockJudged,
    CheckpointJudged,
    Input,
    PaymentsJudged,
)
from chaindeck.protocol.types import LinkId
from chaindeck.store.errors import StoreError

_log = get_logger("network")

BlockOffer = tuple[Block, LinkId | None]
Ticket = tuple[int, tuple[Transaction, ...]]


class Judges:
    """Queues into the service, one of blocks and one of payments; what comes out told as inputs.

    `tell` takes a verdict; `tell_news` is called before it, so that the machine hears what became
    of the chain before it hears why. The machine bounds both queues: it hands over only so much.
    Blocks that find the chain busy are foreseen meanwhile, on their way from one queue to another.
    """

    def __init__(
        self, service: NodeService, tell: Callable[[Input], None], tell_news: Callable[[], None]
    ) -> None:
        self._service = service
        self._tell = tell
        self._tell_news = tell_news
        self._coming: asyncio.Queue[BlockOffer] = asyncio.Queue()
        self._blocks: asyncio.Queue[BlockOffer | None] = asyncio.Queue()
        self._unjudged = 0
        self._payments: asyncio.Queue[Ticket | None] = asyncio.Queue()
        self._stopping = asyncio.Event()

    def offer_block(self, block: Block, link: LinkId | None) -> None:
        self._unjudged += 1
        queue = self._blocks if self._unjudged == 1 else self._coming
        queue.put_nowait((block, link))

    def offer_payments(self, ticket: int, transactions: tuple[Transaction, ...]) -> None:
        self._payments.put_nowait((ticket, transactions))

    def stop(self) -> None:
        """Let `judge_blocks` and `judge_payments` end after what they are at.

        They are not to be cancelled: the chain finishes what it has begun.
        """
        self._stopping.set()
        self._blocks.put_nowait(None)
        self._payments.put_nowait(None)

    async def foresee_blocks(self) -> None:
        """Have the long part of blocks done while others before them are at the chain.

        It has no end of its own, and may be cancelled at any time.
        """
        while True:
            offer = await self._coming.get()
            if not await self._foresee(offer[0]):
                # What it spends may be made by those before it that were not foreseen.
                await self._blocks.join()
                await self._foresee(offer[0])
            self._blocks.put_nowait(offer)

    async def _foresee(self, block: Block) -> bool:
        try:
            return await self._service.foresee(block)
        except Exception as bug:  # noqa: BLE001 - logged; the block has its turn all the same
            _log.error("a block could not be foreseen", bug, hash=block.hash.hex())
            return False

    async def judge_blocks(self) -> None:
        while (offer := await self._blocks.get()) is not None and not self._stopping.is_set():
            block, link = offer
            error = await self._submit(block)
            self._unjudged -= 1
            self._tell_news()
            self._tell(BlockJudged(block.hash, link, error))
            self._blocks.task_done()

    async def judge_payments(self) -> None:
        """Offer what several peers sent at once, so that its signatures are checked together."""
        while (first := await self._payments.get()) is not None and not self._stopping.is_set():
            tickets = [first]
            count = len(first[1])
            while count < PAYMENTS_JUDGED_AT_ONCE and not self._payments.empty():
                following = self._payments.get_nowait()
                if following is None:
                    # The end; it is looked for again after this round.
                    self._payments.put_nowait(None)
                    break
                tickets.append(following)
                count += len(following[1])
            errors = await self._submit_all(tickets)
            self._tell_news()
            start = 0
            for ticket, transactions in tickets:
                end = start + len(transactions)
                self._tell(PaymentsJudged(ticket, tuple(errors[start:end])))
                start = end

    async def judge_checkpoint(self, raw: bytes, link: LinkId) -> None:
        error: RuleError | None = None
        try:
            await self._service.fix(decode_checkpoint(raw))
        except RuleError as refused:
            error = refused
        except StoreError as failed:
            _log.error("a checkpoint could not be kept", failed)
        self._tell_news()
        self._tell(CheckpointJudged(link, error))

    async def _submit(self, block: Block) -> RuleError | None:
        """Offer a block until the store can take it: a full disk is no verdict."""
        is_told = False
        while not self._stopping.is_set():
            try:
                await self._service.submit_block(block)
            except RuleError as refused:
                return refused
            except StoreError as failed:
                if not is_told:
                    is_told = True
                    _log.error("a block waits until it can be kept", failed, hash=block.hash.hex())
                await self._rest()
            except Exception as bug:  # noqa: BLE001 - logged; the queue behind it is not to stand still
                _log.error("a block could not be judged", bug, hash=block.hash.hex())
                return None
            else:
                return None
        return None

    async def _submit_all(self, tickets: list[Ticket]) -> list[RuleError | None]:
        together = [item for _, transactions in tickets for item in transactions]
        try:
            results = await self._service.submit_transactions(together)
        except StoreError as failed:
            # They are let go: comparing pools brings them again.
            _log.error("payments could not be kept", failed, count=len(together))
            return [None] * len(together)
        except Exception as bug:  # noqa: BLE001 - logged; the queue behind them is not to stand still
            _log.error("payments could not be judged", bug, count=len(together))
            return [None] * len(together)
        return [item.error if isinstance(item, Rejected) else None for item in results]

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STORE_RETRY_S):
                await self._stopping.wait()
