"""A machine's life written down step by step, and lived through again.

    recorder = Recorder(settings, chain, write)     # recorder.machine, recorder.step(now_ms, input)
    result = replay(read_records(file.read))        # result.difference is None where all matched

A recording holds, for each step, the time, the input, every answer that the machine was given from
outside itself (the chain's, its key's signatures, the bytes it drew), and a digest of each effect.
The key and the seed are not in it: whoever gets a recording can live through that time again and
learns what the peers were told, and nothing that proves who a node is.

A recording is a stream of `records`, of which the first is the settings. One that ends in the
middle of a record was cut off, and is as good as what came before.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn, TypeVar, cast

import msgspec

from chaindeck.kernel import hash256
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import build_network, decode_genesis, encode_genesis
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import BlockHash, FullId, Header, KeyHash
from chaindeck.protocol.effects import Effect
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.errors import RecordingForm
from chaindeck.protocol.inputs import Input
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.ports import Chain
from chaindeck.protocol.records import decode_value, encode_record, encode_value
from chaindeck.protocol.types import Settings

FORMAT: Final = "chaindeck recording 1"
_DIGEST_BYTES: Final = 8
_PAIR: Final = 2
_UNWRITTEN: Final = ("network", "key", "seed")
"""Settings that are not written. The network is, as its document; the others are secrets."""

Value = TypeVar("Value")
Write = Callable[[bytes], None]


class Difference(msgspec.Struct, frozen=True):
    """Where a replay left the way of its recording."""

    step: int
    """Counted from 1."""

    now_ms: int
    input: str
    """What happened, by the name of its class."""

    reason: str


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to."""

    steps: int
    """That matched."""

    difference: Difference | None


class Recorder:
    """A machine whose steps are written down.

    `write` takes whole records. What it raises leaves `step` and loses its effects, so it is not to
    raise.
    """

    def __init__(self, settings: Settings, chain: Chain, write: Write) -> None:
        self.steps = 0
        self._write: Write | None = write
        self._answers: list[tuple[str, object]] = []
        recorded = msgspec.structs.replace(settings, key=_RecordedKey(settings.key, self._note))
        entropy = _RecordedEntropy(settings.seed, self._note)
        self.machine = Machine(recorded, _RecordedChain(chain, self._note), entropy)
        write(encode_record(_describe(settings)))

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        """Take one step of the machine, and write it down. A bug of the machine is noted too."""
        if self._write is None:
            return self.machine.step(now_ms, happened)
        self._answers = []
        try:
            effects = self.machine.step(now_ms, happened)
        except Exception as bug:
            self._put((now_ms, happened, self._answers, type(bug).__name__))
            raise
        self._put((now_ms, happened, self._answers, _summarise(effects)))
        return effects

    def stop(self) -> None:
        """Write no more; the machine goes on."""
        self._write = None
        self._answers = []

    def _note(self, question: str, answer: Value) -> Value:
        if self._write is not None:
            self._answers.append((question, answer))
        return answer

    def _put(self, row: Sequence[object]) -> None:
        assert self._write is not None, "nobody calls stop in the middle of a step"
        self._write(encode_record(row))
        # Whoever took no more of it has called `stop` by now.
        self.steps += self._write is not None


def replay(records: Iterator[bytes]) -> Replayed:
    """Live through a recording with a new machine, up to the first step that differs."""
    first = next(records, None)
    if first is None:
        raise RecordingForm(reason="it is empty")
    settings, answers = _restore(first), _Answers()
    machine = Machine(
        msgspec.structs.replace(settings, key=_ReplayedKey(settings.key, answers)),
        _ReplayedChain(answers),
        _ReplayedEntropy(answers),
    )
    matched = 0
    for record in records:
        now_ms, happened, given, outcome = _read_step(record)
        reason = _live(machine, now_ms, happened, answers.take(given), outcome)
        if reason is not None:
            name = type(happened).__name__
            return Replayed(matched, Difference(matched + 1, now_ms, name, reason))
        matched += 1
    return Replayed(matched, None)


# Steps


def _read_step(raw: bytes) -> tuple[int, Input, Sequence[tuple[str, object]], object]:
    match decode_value(raw):
        case (int(now_ms), happened, tuple(given), tuple() | str() as outcome) if (
            isinstance(happened, Input)
            and _are_pairs(given)
            and (isinstance(outcome, str) or _are_pairs(outcome))
        ):
            return now_ms, happened, given, outcome
        case _:
            raise RecordingForm(reason="a record is no step")


def _are_pairs(rows: Sequence[object]) -> bool:
    return all(isinstance(row, tuple) and len(row) == _PAIR for row in rows)


class _DivergedError(Exception):
    """The machine asked for something else than it did when it was recorded."""


class _Answers:
    """What is left of the answers of one step."""

    def __init__(self) -> None:
        self.left: deque[tuple[str, object]] = deque()

    def take(self, given: Sequence[tuple[str, object]]) -> _Answers:
        self.left = deque(given)
        return self

    def next(self, question: str) -> Any:  # noqa: ANN401 - each question has its kind of answer
        if not self.left:
            _diverge(f"it asked for {question}, which it did not when it was recorded")
        asked, answer = self.left.popleft()
        if asked != question:
            _diverge(f"it asked for {question} where it asked for {asked} when it was recorded")
        return answer


def _diverge(reason: str) -> NoReturn:
    raise _DivergedError(reason)


def _live(
    machine: Machine, now_ms: int, happened: Input, answers: _Answers, outcome: object
) -> str | None:
    """Take one step; return how it differs from the recorded one."""
    try:
        done: object = _summarise(machine.step(now_ms, happened))
    except _DivergedError as error:
        return str(error)
    except Exception as bug:  # noqa: BLE001 - a bug that was recorded is to come again
        done = type(bug).__name__
    if isinstance(done, str) and done != outcome:
        return _compare(outcome, done)
    if answers.left:
        return f"it did not ask for {answers.left[0][0]}, which it did when it was recorded"
    if done == outcome:
        return None
    return _compare(outcome, done)


def _compare(recorded: object, done: object) -> str:
    if not (isinstance(recorded, tuple) and isinstance(done, tuple)):
        return f"{_word(done)} where there was {_word(recorded)}"
    for place, (old, new) in enumerate(zip(recorded, done, strict=False), 1):
        if old != new:
            which = "another" if old[0] == new[0] else "a"
            return f"effect {place} is {which} {new[0]} where there was {old[0]}"
    return f"{len(done)} effects where there were {len(recorded)}"


def _word(outcome: object) -> str:
    return f"{len(outcome)} effects" if isinstance(outcome, tuple) else str(outcome)


def _summarise(effects: Sequence[Effect]) -> tuple[tuple[str, bytes], ...]:
    """Return the name and a digest of each effect."""
    return tuple(
        (type(effect).__name__, hashlib.sha256(encode_value(effect)).digest()[:_DIGEST_BYTES])
        for effect in effects
    )


# Settings


def _describe(settings: Settings) -> dict[str, object]:
    written = {
        name: getattr(settings, name)
        for name in settings.__struct_fields__
        if name not in _UNWRITTEN
    }
    return {
        "format": FORMAT,
        "genesis": encode_genesis(settings.network.genesis),
        "public_key": settings.key.public_key,
        "settings": written,
    }


def _restore(raw: bytes) -> Settings:
    """Return settings with the public half of a key and no seed; raise `RecordingForm`."""
    described = decode_value(raw)
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise RecordingForm(reason=f"it does not begin with {FORMAT!r}")
    try:
        written = dict(described["settings"])
        if written["admitted"] is not None:
            written["admitted"] = frozenset(written["admitted"])
        network = build_network(decode_genesis(described["genesis"]))
        key = _ShownKey(described["public_key"])
        return Settings(network=network, key=key, seed=b"", **written)
    except (RuleError, KeyError, TypeError, ValueError) as error:
        raise RecordingForm(reason=f"its settings are none: {error}") from error


# What a machine asks


class _RecordedKey(SigningKey):
    """Signs as another key does, and notes what came out."""

    __slots__ = ("_inner", "_note")

    def __init__(self, inner: SigningKey, note: Callable[[str, bytes], bytes]) -> None:
        self._inner, self._note = inner, note
        self.public_key, self.key_hash = inner.public_key, inner.key_hash

    def sign(self, digest: bytes) -> bytes:
        return self._note("sign", self._inner.sign(digest))


class _ReplayedKey(SigningKey):
    """Signs as it is written."""

    __slots__ = ("_answers",)

    def __init__(self, shown: SigningKey, answers: _Answers) -> None:
        self._answers = answers
        self.public_key, self.key_hash = shown.public_key, shown.key_hash

    def sign(self, digest: bytes) -> bytes:
        del digest
        return cast("bytes", self._answers.next("sign"))


class _ShownKey(SigningKey):
    """A key of which only the public half is here."""

    __slots__ = ()

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key
        self.key_hash = KeyHash(hash256(public_key)[:20])


class _RecordedEntropy(Entropy):
    """Draws as another does, and notes what came out."""

    __slots__ = ("_note",)

    def __init__(self, seed: bytes, note: Callable[[str, bytes], bytes]) -> None:
        super().__init__(seed)
        self._note = note

    def draw(self, count: int) -> bytes:
        return self._note("draw", super().draw(count))


class _ReplayedEntropy(Entropy):
    """Draws what is written."""

    __slots__ = ("_answers",)

    def __init__(self, answers: _Answers) -> None:
        super().__init__(b"")
        self._answers = answers

    def draw(self, count: int) -> bytes:
        drawn = cast("bytes", self._answers.next("draw"))
        if len(drawn) != count:
            _diverge(f"it drew {count} bytes where it drew {len(drawn)} when it was recorded")
        return drawn


class _RecordedChain:
    """`ports.Chain` of another, every answer noted."""

    def __init__(self, chain: Chain, note: Callable[[str, Any], Any]) -> None:
        self._chain = chain
        self._note = note

    def tip(self) -> Entry:
        return cast("Entry", self._note("tip", self._chain.tip()))

    def best_header(self) -> Entry:
        return cast("Entry", self._note("best_header", self._chain.best_header()))

    def find(self, block_hash: BlockHash) -> Entry | None:
        return cast("Entry | None", self._note("find", self._chain.find(block_hash)))

    def active_hash(self, height: int) -> BlockHash | None:
        answer = self._note("active_hash", self._chain.active_hash(height))
        return cast("BlockHash | None", answer)

    def load_seal(self, block_hash: BlockHash) -> bytes:
        return cast("bytes", self._note("load_seal", self._chain.load_seal(block_hash)))

    def add_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        try:
            answer = self._chain.add_header(header, seal, now_ms)
        except RuleError as error:
            self._note("add_header", error)
            raise
        return cast("Entry", self._note("add_header", answer))

    def is_wanted(self, block_hash: BlockHash) -> bool:
        return cast("bool", self._note("is_wanted", self._chain.is_wanted(block_hash)))

    def is_here(self, block_hash: BlockHash) -> bool:
        return cast("bool", self._note("is_here", self._chain.is_here(block_hash)))

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        return cast("bytes | None", self._note("load_body", self._chain.load_body(block_hash)))

    def waiting(self, full_id: FullId) -> bytes | None:
        return cast("bytes | None", self._note("waiting", self._chain.waiting(full_id)))

    def waiting_ids(self) -> Sequence[FullId]:
        answer = tuple(self._chain.waiting_ids())
        return cast("Sequence[FullId]", self._note("waiting_ids", answer))


class _ReplayedChain:
    """`ports.Chain` that answers what is written, whatever it is asked about."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    def tip(self) -> Entry:
        return cast("Entry", self._answers.next("tip"))

    def best_header(self) -> Entry:
        return cast("Entry", self._answers.next("best_header"))

    def find(self, _block_hash: BlockHash) -> Entry | None:
        return cast("Entry | None", self._answers.next("find"))

    def active_hash(self, _height: int) -> BlockHash | None:
        return cast("BlockHash | None", self._answers.next("active_hash"))

    def load_seal(self, _block_hash: BlockHash) -> bytes:
        return cast("bytes", self._answers.next("load_seal"))

    def add_header(self, _header: Header, _seal: bytes, _now_ms: int) -> Entry:
        answer = self._answers.next("add_header")
        if isinstance(answer, RuleError):
            raise answer
        return cast("Entry", answer)

    def is_wanted(self, _block_hash: BlockHash) -> bool:
        return cast("bool", self._answers.next("is_wanted"))

    def is_here(self, _block_hash: BlockHash) -> bool:
        return cast("bool", self._answers.next("is_here"))

    def load_body(self, _block_hash: BlockHash) -> bytes | None:
        return cast("bytes | None", self._answers.next("load_body"))

    def waiting(self, _full_id: FullId) -> bytes | None:
        return cast("bytes | None", self._answers.next("waiting"))

    def waiting_ids(self) -> Sequence[FullId]:
        return cast("Sequence[FullId]", self._answers.next("waiting_ids"))
