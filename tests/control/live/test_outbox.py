"""What waits for a reader: in order, bounded, coalesced only where it must."""

from chaindeck.control.limits import LIVE_BATCH_EVENTS, LIVE_BEHIND_BYTES, LIVE_COALESCE_EVENTS
from chaindeck.control.live.outbox import Outbox, pack
from chaindeck.rpc.forms import Event


def packed(seq: int, key: str = "", topic: str = "node", text: str = ""):
    data = {"text": text}
    return pack(Event(seq=seq, time_ms=0, topic=topic, kind="changed", key=key, data=data))


def drain(outbox: Outbox) -> list[int]:
    seen = []
    while taken := outbox.take():
        assert len(taken) <= LIVE_BATCH_EVENTS
        seen += [item.event.seq for item in taken]
    return seen


def test_reader_that_keeps_up_gets_every_event():
    outbox = Outbox()
    for seq in range(1, LIVE_COALESCE_EVENTS + 1):
        outbox.put(packed(seq, "same"))
    assert drain(outbox) == list(range(1, LIVE_COALESCE_EVENTS + 1))


def test_reader_who_is_behind_gets_the_newest_of_each_key_in_order():
    outbox = Outbox()
    for seq in range(1, LIVE_COALESCE_EVENTS + 1):
        outbox.put(packed(seq, "ab"[seq % 2]))
    outbox.put(packed(1001, "c"))
    outbox.put(packed(1002, "a"))
    outbox.put(packed(1003, "a"))
    assert drain(outbox) == [LIVE_COALESCE_EVENTS - 1, 1001, 1003]
    outbox.put(packed(1004, "a"))
    outbox.put(packed(1005, "a"))
    assert drain(outbox) == [1004, 1005]
    assert outbox._bytes == 0
    assert not outbox._newest


def test_events_without_a_key_are_never_coalesced():
    outbox = Outbox()
    for seq in range(1, 2 * LIVE_COALESCE_EVENTS):
        outbox.put(packed(seq))
    assert drain(outbox) == list(range(1, 2 * LIVE_COALESCE_EVENTS))


def test_reader_too_far_behind_is_lost_and_holds_no_memory():
    outbox = Outbox()
    big = "x" * 1_000_000
    number = LIVE_BEHIND_BYTES // 1_000_000 + 1
    for seq in range(1, number - 1):
        outbox.put(packed(seq, text=big))
    assert len(outbox) == number - 2
    outbox.put(packed(number, text=big))
    outbox.put(packed(number + 1, text=big))
    outbox.put(packed(number + 2, text=big))
    assert len(outbox) == 0
    assert outbox.is_too_far_behind


def test_dropped_topics_are_gone_and_others_stay():
    outbox = Outbox()
    for seq in range(1, 7):
        outbox.put(packed(seq, "k", "node" if seq % 2 else "block"))
    outbox.drop(["node"])
    assert outbox.first == 2
    assert drain(outbox) == [2, 4, 6]
    assert outbox.first is None


def test_what_was_missed_is_put_before_what_waits():
    outbox = Outbox()
    outbox.put(packed(10, "a"))
    outbox.merge([packed(7, "b"), packed(12, "b")])
    assert drain(outbox) == [7, 10, 12]
