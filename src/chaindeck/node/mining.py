"""Making blocks: on demand, all the time at a duty cycle, when payments arrive, or on an interval.

The search for a nonce is native and runs in a thread of its own, in slices: after each the miner
looks whether the tip has moved or better payments wait. Outside miners do the same over the API. On
a network that lists its miners a seal key is needed; it signs blocks and is no wallet.

What keeps a plan from making a block may pass: another miner's turn, checkpoints that contradict
each other, a clock that was set back, a full disk. It waits for that, says so, and goes on.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import msgspec

from chaindeck.kernel import StopFlag, search_nonce
from chaindeck.ledger.codec import decode_block, decode_header, encode_signature
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.errors import CodedError, RuleError
from chaindeck.ledger.headers import check_not_held
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.seals import may_seal, sign_seal
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import Admitted, Connected, Disconnected, Event, Fixed
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.templates import Body, build_body, build_template
from chaindeck.ledger.types import Block, BlockHash, Header, Height, KeyHash
from chaindeck.node.errors import CommandError, MiningHalted, NotAMiner
from chaindeck.node.limits import MINING_REST_S, SEARCH_SLICE_S, TEMPLATE_REFRESH_S
from chaindeck.node.logs import get_logger
from chaindeck.node.service import NodeService
from chaindeck.store.errors import StoreError

MiningMode = Literal["off", "always", "transaction", "interval", "hybrid"]
"""`hybrid` is `transaction` and `interval` together."""

_EXTRA_NONCE_BYTES = 8
_FIRST_SLICE = 200_000
"""Nonces of the first slice, until the rate is known."""

_RATE_WEIGHT = 0.2
_PASSING = (RuleError, CommandError, StoreError)
"""What may be otherwise after the next block or checkpoint, or after a while."""

_log = get_logger("mining")


class MiningPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a node mines by itself."""

    mode: MiningMode = "off"
    threads: int = 1
    duty: float = 1.0
    """Share of the time that is spent searching."""

    interval_ms: int = 10_000


class Miner:
    """Makes blocks for one service. `mine` at any time; `run` follows a plan until cancelled."""

    def __init__(
        self,
        service: NodeService,
        plan: MiningPlan,
        reward_to: KeyHash | None = None,
        seal_key: SigningKey | None = None,
    ) -> None:
        self._service = service
        self.plan = plan
        self._seal_key = seal_key
        self._reward_to = reward_to
        self._searcher = ThreadPoolExecutor(1, thread_name_prefix="mining")
        self._turn = asyncio.Lock()
        self._stop = StopFlag()
        self._payment_came = asyncio.Event()
        self._something_happened = asyncio.Event()
        self._waits_for: CodedError | None = None
        self._has_failed = False
        self._extra_nonce = os.urandom(_EXTRA_NONCE_BYTES)
        self._blocks = 0
        self._rate = 0.0
        service.listen(self._hear)

    def hash_rate(self) -> float:
        """Return hashes a second while searching, of late; 0 where none was or none can be."""
        return 0.0 if self.warnings() else self._rate

    def warnings(self) -> list[str]:
        """Say why the plan makes no blocks, if it should."""
        if self._has_failed:
            return ["Mining ended by a fault of this program; its log has the details."]
        return [f"Mining waits: {self._waits_for}."] if self._waits_for else []

    async def mine(self, blocks: int, key_hash: KeyHash | None = None) -> list[BlockHash]:
        """Mine so many blocks on the tip, each paying `key_hash`; return their hashes.

        Several who want blocks take turns, a block each. Cancelling ends it.
        """
        mined: list[BlockHash] = []
        while len(mined) < blocks:
            async with self._turn:
                block = await self._search(self._payee(key_hash))
                await self._service.submit_block(block)
            mined.append(block.hash)
        return mined

    async def run(self) -> None:
        """Mine by the plan until cancelled. Payments that wait from before count as just come."""
        self._payment_came.set()
        try:
            while self.plan.mode != "off":
                if await self._is_block_due():
                    await self._try_to_mine()
        except Exception:
            self._has_failed = True
            raise

    def close(self) -> None:
        """End a search that is under way."""
        self._stop.set()
        self._searcher.shutdown(wait=True)

    async def _is_block_due(self) -> bool:
        """Wait for the plan's next moment; return whether there is something to do."""
        interval_s = self.plan.interval_ms / 1000
        match self.plan.mode:
            case "always":
                return True
            case "interval":
                await asyncio.sleep(interval_s)
                return True
            case "hybrid":
                has_payment = await self._is_in_time(self._payment_came, interval_s)
                return self._has_work() or not has_payment
        await self._payment_came.wait()
        return self._has_work()

    def _has_work(self) -> bool:
        """Whether payments wait, of those that were told."""
        self._payment_came.clear()
        return len(self._service.state.pool) > 0

    async def _try_to_mine(self) -> None:
        """Make a block, or wait for what may let the next attempt make one."""
        self._something_happened.clear()
        try:
            await self.mine(1)
        except _PASSING as error:
            self._tell(error)
            self._waits_for = error
            await self._is_in_time(self._something_happened, MINING_REST_S)
            if self._has_work():
                self._payment_came.set()
            elif self.plan.mode == "transaction":
                self._waits_for = None

    def _tell(self, error: CodedError) -> None:
        """Log a reason to wait when it is a new one; that others have their turn is none."""
        if self._waits_for is None or self._waits_for.code != error.code:
            say = _log.info if isinstance(error, NotAMiner) else _log.warning
            say("mining waits", code=error.code, reason=str(error))

    async def _is_in_time(self, event: asyncio.Event, limit_s: float) -> bool:
        """Wait for something, but no longer than so; return whether it came."""
        try:
            async with asyncio.timeout(limit_s):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def _search(self, payee: KeyHash) -> Block:
        """Search on the tip, and on those that follow it, until a block is found."""
        while True:
            self._check_running()
            parent = self._service.tip
            self._check_turn(parent)
            body = self._body(parent, payee)
            check_not_held(body.header, self._service.clock.now_ms())
            self._waits_for = None
            header = await self._search_body(parent, body)
            if header is not None:
                return decode_block(header.raw + encode_signature(self._seal(header)) + body.raw)

    async def _search_body(self, parent: Entry, body: Body) -> Header | None:
        """Search slice by slice; None as soon as the body is out of date."""
        loop = asyncio.get_running_loop()
        target = target_of(body.header.target_bits)
        assert target is not None, "the rule gives canonical bits"
        goal, nonce = target.to_bytes(32, "big"), 0
        started = time.monotonic()
        while (
            self._service.tip.header.hash == parent.header.hash
            and time.monotonic() - started < TEMPLATE_REFRESH_S
        ):
            count = int(self._rate * SEARCH_SLICE_S) or _FIRST_SLICE
            slice_started = time.perf_counter()
            found, tried = await loop.run_in_executor(
                self._searcher,
                partial(
                    search_nonce,
                    body.header.raw,
                    goal,
                    nonce,
                    count,
                    self.plan.threads,
                    self._stop,
                ),
            )
            took_s = time.perf_counter() - slice_started
            self._learn_rate(tried, took_s)
            if found is not None:
                return decode_header(body.header.raw[:-8] + found.to_bytes(8, "little"))
            nonce += count
            await asyncio.sleep(took_s * (1 - self.plan.duty) / self.plan.duty)
        return None

    def _body(self, parent: Entry, payee: KeyHash) -> Body:
        service = self._service
        height = Height(parent.header.height + 1)
        time_ms = max(service.clock.now_ms(), parent.header.time_ms + 1)
        required = required_bits(service.network, service.state.tree, parent, time_ms)
        self._blocks += 1
        return build_body(
            build_template(service.state.pool, service.network, height),
            payee,
            previous=parent.header.hash,
            time_ms=time_ms,
            target_bits=required.target_bits,
            data=self._extra_nonce + self._blocks.to_bytes(8, "little"),
        )

    def _payee(self, key_hash: KeyHash | None) -> KeyHash:
        """Whom a block pays; where blocks are sealed, it is the sealer."""
        if self._needs_seal:
            if self._seal_key is None:
                raise NotAMiner(reason="blocks of this network are sealed, and it has no seal key")
            if self._seal_key.key_hash not in self._service.network.miners:
                raise NotAMiner(reason="the seal key is not a listed miner's")
            return self._seal_key.key_hash
        payee = key_hash or self._reward_to
        if payee is None:
            raise NotAMiner(reason="it has no address to pay")
        return payee

    def _seal(self, header: Header) -> bytes:
        if not self._needs_seal:
            return b""
        assert self._seal_key is not None, "_payee refuses to go on without"
        return sign_seal(header, self._seal_key)

    @property
    def _needs_seal(self) -> bool:
        return bool(self._service.network.miners)

    def _check_turn(self, parent: Entry) -> None:
        state, key = self._service.state, self._seal_key
        if key and not may_seal(self._service.network, state.tree, parent, key.key_hash):
            raise NotAMiner(reason="other miners must seal first")

    def _check_running(self) -> None:
        state = self._service.state
        conflict = state.checkpoints.conflict
        if conflict is not None and state.checkpoints.is_disputed(state.tip.header.height):
            raise MiningHalted(height=conflict[0].height)

    def _learn_rate(self, tried: int, took_s: float) -> None:
        rate = tried / max(took_s, 1e-6)
        self._rate = rate if not self._rate else self._rate + _RATE_WEIGHT * (rate - self._rate)

    def _hear(self, event: Event) -> None:
        match event:
            case Admitted():
                self._payment_came.set()
            case Connected() | Disconnected() | Fixed():
                self._something_happened.set()
