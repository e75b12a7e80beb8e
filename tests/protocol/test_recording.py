"""What was recorded is lived through again step by step, and the first difference is named."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import cast

import pytest

from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import MissingInput, RuleError
from chaindeck.ledger.ports import Entry
from chaindeck.protocol import inputs, records, topology
from chaindeck.protocol.errors import RecordingForm
from chaindeck.protocol.inputs import BytesReceived, Input, TimerFired
from chaindeck.protocol.limits import MAX_RECORD_BYTES
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.messages import Headers, Ping
from chaindeck.protocol.ports import Chain
from chaindeck.protocol.recording import Difference, Recorder, Replayed, replay
from chaindeck.protocol.records import decode_value, encode_record, encode_value, read_records
from chaindeck.protocol.types import LinkId, NodeKey, make_address
from tests.ledger.forge import ALICE, BOB, mine, pay, remake, spend
from tests.protocol.stranger import Stranger
from tests.protocol.town import Resident, Town

BOB_COIN = Coin(BOB.key_hash, 2, 0, is_reward=False)


class Recorded:
    """A town whose second node is recorded from its first step."""

    def __init__(self, **settings: object) -> None:
        self.town = Town()
        self.town.settle(1)
        self.node = Resident(
            self.town, 1, static_peers=(self.town.residents[0].address,), **settings
        )
        self.written = io.BytesIO()
        self.recorder = Recorder(self.node.settings, self.node.view, self.write)
        parts = vars(self.recorder.machine)
        recorded = SimpleNamespace(**parts, step=self.recorder.step)
        self.node.machine = cast("Machine", recorded)
        self.town.residents.append(self.node)
        self.node.start()

    def write(self, record: bytes) -> None:
        self.written.write(record)

    def replay(self) -> Replayed:
        self.written.seek(0)
        return replay(read_records(self.written.read))


def busy_town() -> Recorded:
    """Let everything that a machine asks of the world come up."""
    made = Recorded()
    town, node, other = made.town, made.node, made.town.residents[0]
    town.run(2_000)
    outpoint, coin = other.standing.forge.owned(ALICE)[0]
    outputs = [pay(BOB.key_hash, coin.amount - 1_000)]
    payment = spend(town.network.id, [(outpoint, coin)], outputs, ALICE)
    other.pay(payment)
    town.run(500)
    other.mine(payment)
    town.run(500)
    node.mine()
    town.run(500)
    town.settle(1, statics="all")
    town.run(40_000)
    stranger = Stranger(town, node).introduce()
    stranger.say(Ping(7))
    timeless = mine(remake(node.assemble().header, time_ms=1))
    stranger.say(Headers(((timeless, b""),)))
    town.run(2_000)
    assert stranger.farewell == "peer-headers"
    assert node.tip == other.tip == town.residents[2].tip
    return made


def test_replay_of_a_busy_time_matches_to_the_end() -> None:
    made = busy_town()
    assert made.recorder.steps > 50
    assert made.replay() == Replayed(made.recorder.steps, None)


def test_settings_come_back_without_secrets() -> None:
    listed = frozenset({NodeKey(b"\x02" * 33), NodeKey(b"\x03" * 33)})
    made = Recorded(admitted=listed, least_work=1 << 70)
    made.town.run(1_000)
    raw = made.written.getvalue()
    assert made.node.settings.seed not in raw
    assert (2).to_bytes(32, "big") not in raw
    assert made.replay().difference is None


def test_whatever_a_machine_asks_came_up() -> None:
    made = busy_town()
    made.written.seek(0)
    _, *steps = [decode_value(raw) for raw in read_records(made.written.read)]
    asked = {question for _, _, answers, _ in steps for question, _ in answers}
    ports = {name for name in vars(Chain) if not name.startswith("_")}
    assert asked == ports | {"sign", "draw"}
    refused = [answer for step in steps for _, answer in step[2] if isinstance(answer, RuleError)]
    assert len(refused) == 1


def test_recording_stops_and_the_machine_goes_on() -> None:
    made = busy_town()
    made.recorder.stop()
    size, steps = len(made.written.getvalue()), made.recorder.steps
    made.node.mine()
    made.town.run(30_000)
    assert len(made.written.getvalue()) == size
    assert made.recorder.steps == steps
    assert made.replay() == Replayed(steps, None)
    assert made.town.residents[0].tip == made.node.tip


def test_recording_that_was_cut_off_is_good_up_to_there() -> None:
    made = busy_town()
    raw = made.written.getvalue()
    counts = set()
    for cut in (len(raw) - 1, len(raw) - 1_000, len(raw) // 2):
        result = replay(read_records(io.BytesIO(raw[:cut]).read))
        assert result.difference is None
        counts.add(result.steps)
    assert max(counts) == made.recorder.steps - 1
    assert len(counts) == 3


class TestDifference:
    def changed(self, made: Recorded, number: int, **fields: object) -> Replayed:
        """Replay with one step of the recording changed."""
        made.written.seek(0)
        rows = [decode_value(raw) for raw in read_records(made.written.read)]
        names = ("now_ms", "input", "answers", "outcome")
        row = dict(zip(names, rows[number], strict=True)) | fields
        rows[number] = tuple(row[name] for name in names)
        stream = io.BytesIO(b"".join(encode_record(item) for item in rows))
        return replay(read_records(stream.read))

    def step(self, made: Recorded, number: int) -> tuple:
        made.written.seek(0)
        decoded: tuple = decode_value(list(read_records(made.written.read))[number])
        return decoded

    def find(self, made: Recorded, question: str) -> int:
        """Return the first step in which something is asked."""
        for number in range(1, made.recorder.steps + 1):
            if any(asked == question for asked, _ in self.step(made, number)[2]):
                return number
        raise AssertionError(f"nobody asks for {question}")

    def test_other_effect_is_named_with_its_step(self) -> None:
        made = busy_town()
        number = next(
            number
            for number in range(1, made.recorder.steps)
            if self.step(made, number)[3][:1] and self.step(made, number)[3][0][0] == "Send"
        )
        now_ms, happened, _, outcome = self.step(made, number)
        other = ((outcome[0][0], bytes(8)), *outcome[1:])
        result = self.changed(made, number, outcome=other)
        name = type(happened).__name__
        reason = "effect 1 is another Send where there was Send"
        assert result == Replayed(number - 1, Difference(number, now_ms, name, reason))

    @pytest.mark.parametrize(
        ("outcome", "reason"),
        [
            ((), "2 effects where there were 0"),
            ("KeyError", "2 effects where there was KeyError"),
            ((("Dial", b""),), "effect 1 is a SetSyncing where there was Dial"),
        ],
    )
    def test_first_step_that_ends_otherwise_is_told(self, outcome: object, reason: str) -> None:
        result = self.changed(busy_town(), 1, outcome=outcome)
        assert result.difference is not None
        assert (result.steps, result.difference.input) == (0, "Started")
        assert result.difference.reason == reason

    def test_effect_that_is_one_too_many_is_told(self) -> None:
        made = busy_town()
        outcome = self.step(made, 1)[3]
        result = self.changed(made, 1, outcome=outcome[:-1])
        assert result.difference is not None
        count = len(outcome)
        assert result.difference.reason == f"{count} effects where there were {count - 1}"

    def test_question_that_was_not_asked_is_told(self) -> None:
        result = self.changed(busy_town(), 1, answers=())
        assert result.difference is not None
        assert "which it did not when it was recorded" in result.difference.reason

    def test_another_question_is_told(self) -> None:
        made = busy_town()
        answers = self.step(made, 1)[2]
        result = self.changed(made, 1, answers=(("find", None), *answers))
        assert result.difference is not None
        assert "where it asked for find when it was recorded" in result.difference.reason

    def test_answer_that_nobody_asked_for_is_told(self) -> None:
        made = busy_town()
        answers = self.step(made, 1)[2]
        result = self.changed(made, 1, answers=(*answers, ("find", None)))
        assert result.difference is not None
        assert result.difference.reason.startswith("it did not ask for find")

    def test_draw_of_another_length_is_told(self) -> None:
        made = busy_town()
        number = self.find(made, "draw")
        answers = [
            (asked, answer[:-1] if asked == "draw" else answer)
            for asked, answer in self.step(made, number)[2]
        ]
        result = self.changed(made, number, answers=tuple(answers))
        assert result.difference is not None
        assert "bytes where it drew" in result.difference.reason


def test_bug_is_recorded_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Recorded()
    made.town.run(2_000)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(KeyError):
        made.node.step(BytesReceived(LinkId(999), b""))
    made.node.step(TimerFired())
    assert made.replay() == Replayed(made.recorder.steps, None)
    with monkeypatch.context() as patched:
        patched.setattr(topology.Topology, "start", fail)
        result = made.replay()
    assert result.difference is not None
    assert result.difference.reason.startswith("ZeroDivisionError where there was")


class TestRecords:
    @pytest.mark.parametrize(
        "value",
        [
            None, True, 0, -1, (1 << 63) - 1, 1 << 63, -(1 << 63), -(1 << 63) - 1, 1 << 300, b"x",
            "x", (), (1, (2, b"3")), {"a": 1, "b": (2,)}, make_address("10.0.0.7", 8_333),
            BytesReceived(LinkId(3), b"abc"), TimerFired(),
        ],
    )  # fmt: skip
    def test_value_comes_out_as_it_went_in(self, value: object) -> None:
        assert decode_value(encode_value(value)) == value

    def test_blocks_payments_and_entries_come_out_whole(self) -> None:
        resident = Town().settle(1)[0]
        block = resident.mine()
        entry = resident.state.tip
        payment = spend(b"n" * 32, [(b"o" * 36, BOB_COIN)], [pay(BOB.key_hash, 1)], BOB)
        there = decode_value(encode_value((block, entry, payment)))
        assert there[0].raw == block.raw
        assert there[1:] == (entry, payment)
        assert isinstance(there[1], Entry)

    def test_error_comes_out_with_its_values(self) -> None:
        error = MissingInput(field="inputs[3]", input=3)
        there = decode_value(encode_value(error))
        assert type(there) is MissingInput
        assert (there.field, there.values, str(there)) == (error.field, error.values, str(error))
        assert isinstance(there, RuleError)

    def test_every_input_has_a_form(self) -> None:
        names = {item.__name__ for item in Input.__args__}
        assert names <= set(records._STRUCTS)
        assert vars(inputs).keys() >= names

    def test_what_no_machine_knows_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(TypeError, match="nothing that a machine knows: object"):
            encode_value(object())

    def test_sets_are_written_in_order(self) -> None:
        assert decode_value(encode_value(frozenset({b"b", b"a"}))) == (b"a", b"b")

    @pytest.mark.parametrize(
        "raw",
        [
            b"", b"\xc1", encode_value(b"x") + b"x", b"\x81\xa7unknown\x90", b"\x80",
            b"\x81\xa5error\x93\xa7unknown\xc0\x90", b"\x81\xa5Block\xc4\x01x",
            b"\x81\xaaTimerFired\x91\x01", b"\x81\xa7integer\xa1x",
        ],
    )  # fmt: skip
    def test_what_was_never_encoded_is_refused(self, raw: bytes) -> None:
        with pytest.raises(RecordingForm) as raised:
            decode_value(raw)
        assert raised.value.code == "recording-form"

    def test_stream_in_small_pieces_is_read_the_same(self) -> None:
        stream = io.BytesIO(encode_record((1, b"x" * 100)) + encode_record((2,)) + b"\x05\x00")
        rows = [decode_value(raw) for raw in read_records(lambda _: stream.read(1))]
        assert rows == [(1, b"x" * 100), (2,)]

    def test_length_beyond_the_limit_is_refused_before_it_is_read(self) -> None:
        stream = io.BytesIO((MAX_RECORD_BYTES + 1).to_bytes(4, "little") + b"x")
        with pytest.raises(RecordingForm, match="a record of"):
            list(read_records(stream.read))

    @pytest.mark.parametrize("first", [None, (), {"format": "another"}, {}])
    def test_stream_that_begins_otherwise_is_refused(self, first: object) -> None:
        with pytest.raises(RecordingForm, match="does not begin"):
            replay(iter([encode_value(first)]))

    @pytest.mark.parametrize(
        "changed",
        [
            {"settings": None}, {"settings": {}}, {"settings": {"admitted": 7}},
            {"settings": {"admitted": None, "colour": 1}}, {"genesis": b"{}"},
            {"genesis": None}, {"public_key": None},
        ],
    )  # fmt: skip
    def test_settings_that_are_none_are_refused(self, changed: dict) -> None:
        made = Recorded()
        made.written.seek(0)
        described = decode_value(next(read_records(made.written.read)))
        with pytest.raises(RecordingForm, match="its settings are none"):
            replay(iter([encode_value({**described, **changed})]))

    @pytest.mark.parametrize("changed", [{"mesh_below": -1}, {"mesh_below": None}])
    def test_settings_with_which_no_machine_can_live_are_refused(self, changed: dict) -> None:
        made = Recorded()
        made.written.seek(0)
        described = decode_value(next(read_records(made.written.read)))
        settings = {**described["settings"], **changed}
        with pytest.raises(RecordingForm, match="its settings are none"):
            replay(iter([encode_value({**described, "settings": settings})]))

    @pytest.mark.parametrize(
        "step",
        [
            None, (), (1, 2, 3, 4), ("now", TimerFired(), (), ()), (1, b"", (), ()),
            (1, TimerFired(), None, ()), (1, TimerFired(), (b"xy",), ()),
            (1, TimerFired(), (("tip",),), ()), (1, TimerFired(), (), 7),
            (1, TimerFired(), (), (b"xy",)),
        ],
    )  # fmt: skip
    def test_record_that_is_no_step_is_refused(self, step: object) -> None:
        made = Recorded()
        made.written.seek(0)
        first = next(read_records(made.written.read))
        with pytest.raises(RecordingForm, match="no step"):
            replay(iter([first, encode_value(step)]))

    def test_empty_stream_is_refused(self) -> None:
        with pytest.raises(RecordingForm, match="empty"):
            replay(iter([]))
