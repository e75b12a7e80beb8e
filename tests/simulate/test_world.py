"""Virtual time and links: bytes come whole, in order, when latency and bandwidth let them."""

import random

from chaindeck.protocol.inputs import (
    BytesReceived,
    BytesTaken,
    DatagramReceived,
    DialFailed,
    PeerClosed,
    PeerConnected,
)
from chaindeck.protocol.types import make_address
from chaindeck.simulate.limits import (
    DIAL_TIMEOUT_US,
    HEALED_AFTER_US,
    REPORT_TAKEN_BYTES,
    RETRANSMIT_US,
)
from chaindeck.simulate.world import MS, Wire, World

PLAIN = Wire(10 * MS)


class Ear:
    """A resident that notes what it hears, and when."""

    def __init__(self, world, number, place=0, uplink_bytes_s=1e9):
        self.world = world
        self.number = number
        self.place = place
        self.address = make_address(f"10.0.{number}.1", 8333)
        self.uplink_bytes_s = uplink_bytes_s
        self.uplink_free_us = 0
        self.is_up = True
        self.heard = []

    def hear(self, happened):
        self.heard.append((self.world.now_us - self.world.start_us, happened))

    def of(self, kind):
        return [(at, item) for at, item in self.heard if isinstance(item, kind)]

    @property
    def link(self):
        return self.of(PeerConnected)[-1][1].link


def town(count=2, wire=PLAIN, **options):
    world = World(random.Random(1), 1_000, lambda one, other: wire)
    ears = [Ear(world, number, **options) for number in range(count)]
    for ear in ears:
        world.admit(ear)
    return world, *ears


def linked(**options):
    world, one, other = town(**options)
    world.dial(one, other.address)
    world.run_until(world.now_us + 100 * MS)
    return world, one, other


def pass_time(world, us):
    world.run_until(world.now_us + us)


def test_connection_takes_one_round_trip_and_both_ends_hear_of_it():
    world, one, other = linked()
    assert one.of(PeerConnected)[0][0] == 20 * MS
    assert other.of(PeerConnected)[0][1].is_inbound
    assert world.peer_of(one, one.link) is other
    assert world.peer_of(other, other.link) is one


def test_dial_of_nobody_fails_after_the_timeout():
    world, one, _ = town()
    world.dial(one, make_address("10.9.9.9", 1))
    pass_time(world, DIAL_TIMEOUT_US - 1)
    assert not one.heard
    pass_time(world, 1)
    assert isinstance(one.heard[0][1], DialFailed)


def test_dial_of_a_node_that_is_down_is_refused_at_once():
    world, one, other = town()
    other.is_up = False
    world.dial(one, other.address)
    pass_time(world, 20 * MS)
    assert one.of(DialFailed)


def test_bytes_arrive_after_uplink_and_latency():
    world, one, other = linked(uplink_bytes_s=1_000_000)
    sent_us = world.now_us - world.start_us
    world.send(one, one.link, bytes(5_000))
    world.send(one, one.link, bytes(1_000))
    pass_time(world, 100 * MS)
    first, second = other.of(BytesReceived)
    assert first[0] - sent_us == 5 * MS + 10 * MS
    assert second[0] - first[0] == 1 * MS
    assert world.bytes_sent == [6_000, 0]


def test_bytes_never_overtake_where_the_delay_varies():
    world, one, other = linked(wire=Wire(10 * MS, 50 * MS, 0.2))
    for number in range(200):
        world.send(one, one.link, bytes([number]))
        pass_time(world, MS)
    pass_time(world, 1000 * MS)
    assert [item.data[0] for _, item in other.of(BytesReceived)] == list(range(200))


def test_lost_packet_comes_a_retransmission_later():
    world, one, other = linked(wire=Wire(10 * MS, 0, 1.0))
    pass_time(world, 1000 * MS)
    before_us = world.now_us - world.start_us
    world.send(one, one.link, b"x")
    pass_time(world, 1000 * MS)
    assert other.of(BytesReceived)[0][0] - before_us == 10 * MS + RETRANSMIT_US


def test_sender_is_told_what_was_taken_in_steps():
    world, one, _ = linked()
    world.send(one, one.link, bytes(REPORT_TAKEN_BYTES - 1))
    pass_time(world, 100 * MS)
    assert not one.of(BytesTaken)
    world.send(one, one.link, b"x")
    pass_time(world, 100 * MS)
    assert one.of(BytesTaken)[0][1].count == REPORT_TAKEN_BYTES


def test_what_was_sent_before_a_close_arrives_before_it():
    world, one, other = linked()
    world.send(one, one.link, b"bye")
    world.close(one, one.link)
    pass_time(world, 100 * MS)
    kinds = [type(item) for _, item in other.heard[1:]]
    assert kinds == [BytesReceived, PeerClosed]
    assert len(one.of(PeerClosed)) == 1
    assert world.peer_of(one, one.link) is None


def test_parted_nodes_get_what_waited_in_order_after_the_heal():
    world, one, other = linked()
    world.part({one.number: 0, other.number: 1})
    for number in range(3):
        world.send(one, one.link, bytes([number]))
    pass_time(world, 500 * MS)
    assert not other.of(BytesReceived)
    world.heal()
    healed_us = world.now_us - world.start_us
    world.send(one, one.link, b"\x03")
    pass_time(world, 3 * HEALED_AFTER_US)
    heard = other.of(BytesReceived)
    assert [item.data[0] for _, item in heard] == [0, 1, 2, 3]
    assert HEALED_AFTER_US <= heard[0][0] - healed_us <= 2 * HEALED_AFTER_US


def test_close_across_a_partition_is_heard_after_the_heal():
    world, one, other = linked()
    world.part({one.number: 0, other.number: 1})
    world.close(one, one.link)
    pass_time(world, 1000 * MS)
    assert not other.of(PeerClosed)
    world.heal()
    pass_time(world, 3 * HEALED_AFTER_US)
    assert other.of(PeerClosed)


def test_dial_across_a_partition_times_out():
    world, one, other = town()
    world.part({one.number: 0, other.number: 1})
    world.dial(one, other.address)
    pass_time(world, DIAL_TIMEOUT_US)
    assert one.of(DialFailed)


def test_peers_of_a_crashed_node_notice_and_of_a_silent_crash_do_not():
    for is_silent in (False, True):
        world, one, other = linked()
        one.is_up = False
        world.close_all(one, is_silent=is_silent)
        pass_time(world, 1000 * MS)
        assert bool(other.of(PeerClosed)) is not is_silent


def test_node_that_came_back_resets_what_it_does_not_know():
    world, one, other = linked()
    world.close_all(one, is_silent=True)
    world.send(other, other.link, b"hello?")
    pass_time(world, 100 * MS)
    assert not one.of(BytesReceived)
    assert other.of(PeerClosed)


def test_multicast_reaches_the_same_place_and_no_other():
    world, one, other = town()
    third = Ear(world, 2, place=1)
    world.admit(third)
    world.datagram(one, None, b"here")
    pass_time(world, 100 * MS)
    assert other.of(DatagramReceived)
    assert not third.heard
    assert not one.heard


def test_datagram_to_one_reaches_it_alone():
    world, one, other = town()
    world.datagram(one, other.address, b"you")
    world.datagram(one, make_address("10.9.9.9", 1), b"nobody")
    pass_time(world, 100 * MS)
    assert [item.data for _, item in other.of(DatagramReceived)] == [b"you"]


def test_trace_hash_knows_who_when_and_what():
    def trace(data, number=0):
        world, one, _ = linked()
        world.mark(one, number)
        world.send(one, one.link, data)
        return world.trace_hash

    assert trace(b"a" * 20) == trace(b"a" * 20)
    assert len({trace(b"a" * 20), trace(b"b" * 20), trace(b"a" * 21), trace(b"a" * 20, 1)}) == 4
