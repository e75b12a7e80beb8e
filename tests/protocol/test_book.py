"""The book of addresses: what it takes in, what it tries, what it bars, what it keeps."""

from __future__ import annotations

import pytest

from chaindeck.protocol import limits
from chaindeck.protocol.book import PeerBook
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.types import Address, NodeKey, make_address

KEY = NodeKey(b"\x02" + bytes(32))
NOW_S = 1_900_000_000
NOW_MS = NOW_S * 1_000


def at(number: int, port: int = 8333) -> Address:
    return make_address(f"93.{number // 65_536}.{number // 256 % 256}.{number % 256}", port)


@pytest.fixture
def book() -> PeerBook:
    return PeerBook(Entropy(bytes(32)))


class TestLearning:
    def test_an_address_is_new_once(self, book: PeerBook) -> None:
        assert book.learn(at(1), "discovery", NOW_S)
        assert not book.learn(at(1), "discovery", NOW_S + 5)
        assert book.get(at(1)).seen_s == NOW_S + 5
        assert len(book) == 1

    def test_an_address_without_a_port_is_nobody(self, book: PeerBook) -> None:
        assert not book.learn(at(1, port=0), "discovery", NOW_S)

    def test_an_operator_makes_a_known_address_one_to_keep(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S)
        book.learn(at(1), "static", NOW_S)
        assert book.get(at(1)).is_kept
        assert book.by_source() == {"static": 1}

    def test_no_source_fills_the_book(self, book: PeerBook) -> None:
        for number in range(limits.MAX_PEERS_PER_SOURCE):
            assert book.learn(at(number), "aa", NOW_S)
        assert not book.learn(at(9_999), "aa", NOW_S)
        assert book.learn(at(9_999), "bb", NOW_S)
        assert book.by_source() == {"exchange": limits.MAX_PEERS_PER_SOURCE + 1}

    def test_a_full_book_makes_room_at_the_cost_of_its_fullest_source(self, book: PeerBook) -> None:
        for source in range(4):
            for number in range(limits.MAX_PEERS_PER_SOURCE):
                book.learn(at(source * 1_000 + number), f"source{source}", NOW_S + number)
        assert len(book) == limits.MAX_KNOWN_PEERS
        assert book.learn(at(9_999), "new", NOW_S)
        assert len(book) == limits.MAX_KNOWN_PEERS
        assert book.get(at(0)) is None, "the one that was not heard of for longest"

    def test_the_fullest_source_gets_no_room_at_the_cost_of_others(
        self, book: PeerBook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_KNOWN_PEERS", 3)
        for number in range(3):
            book.learn(at(number), "aa", NOW_S)
        assert not book.learn(at(7), "aa", NOW_S)

    def test_those_to_keep_are_never_given_up(
        self, book: PeerBook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_KNOWN_PEERS", 2)
        book.learn(at(1), "static", NOW_S)
        book.learn(at(2), "static", NOW_S)
        assert not book.learn(at(3), "discovery", NOW_S)
        book.learn(at(4), "static", NOW_S)
        assert len(book) == 3

    def test_an_own_address_is_never_learned_again(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S)
        book.is_self(at(1))
        assert not book.learn(at(1), "static", NOW_S)
        for number in range(limits.MAX_OWN_ADDRESSES + 5):
            book.is_self(at(100 + number))
        assert book.learn(at(100 + limits.MAX_OWN_ADDRESSES), "static", NOW_S)

    def test_what_nobody_heard_of_for_a_week_is_forgotten(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S)
        book.learn(at(2), "static", NOW_S)
        book.drop_stale(NOW_S + limits.PEER_STALE_S)
        assert len(book) == 2
        book.drop_stale(NOW_S + limits.PEER_STALE_S + 1)
        assert [known.address for known in book] == [at(2)]

    def test_forgetting_a_stranger_changes_nothing(self, book: PeerBook) -> None:
        book.forget(at(1))
        assert not len(book)


class TestPassingOn:
    def test_fresh_addresses_travel_one_hop_further(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S, hops=2)
        (peer,) = book.sample(10, NOW_S)
        assert (peer.address, peer.seen_s, peer.hops) == (at(1), NOW_S, 3)

    def test_far_travelled_and_stale_ones_stay(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S, hops=limits.MAX_HOPS)
        book.learn(at(2), "discovery", NOW_S - limits.PEER_STALE_S - 1)
        assert book.sample(10, NOW_S) == ()

    def test_hearing_of_it_from_nearer_shortens_its_way(self, book: PeerBook) -> None:
        book.learn(at(1), "aa", NOW_S, hops=9)
        book.learn(at(1), "bb", NOW_S, hops=2)
        assert book.get(at(1)).hops == 2


class TestDialling:
    def test_waits_double_up_to_five_minutes(self, book: PeerBook) -> None:
        book.learn(at(1), "static", NOW_S)
        waits = [book.failed(at(1), NOW_MS) for _ in range(12)]
        for number, wait in enumerate(waits):
            plain = min(1_000 << number, 300_000)
            assert plain <= wait < plain * 1.25
        assert book.failed(at(2), NOW_MS) == 0

    def test_an_address_that_never_answers_is_forgotten_unless_it_is_to_keep(
        self, book: PeerBook
    ) -> None:
        for address, source in ((at(1), "aa"), (at(2), "dns")):
            book.learn(address, source, NOW_S)
            for _ in range(limits.MAX_FAILURES):
                book.failed(address, NOW_MS)
        assert [known.address for known in book] == [at(2)]

    def test_a_healthy_link_starts_the_waits_anew(self, book: PeerBook) -> None:
        book.learn(at(1), "static", NOW_S)
        for _ in range(5):
            book.failed(at(1), NOW_MS)
        book.proved_healthy(at(1))
        book.proved_healthy(at(9))
        assert book.failed(at(1), NOW_MS) < 2_000

    def test_only_those_are_candidates_who_are_due_and_not_linked_or_barred(
        self, book: PeerBook
    ) -> None:
        for number in range(5):
            book.learn(at(number), "static", NOW_S)
        book.failed(at(0), NOW_MS)
        book.dialled(at(1))
        book.linked(at(2), KEY, NOW_S)
        book.bar(at(3), None, NOW_MS + 1)
        book.linked(at(99), KEY, NOW_S)
        found = book.candidates(NOW_MS, [KEY])
        assert [known.address for known in found] == [at(4)]
        book.wait(at(4), NOW_MS + 10)
        assert book.candidates(NOW_MS, [KEY]) == []


class TestBars:
    def test_a_bar_holds_for_key_and_machine_until_its_time(self, book: PeerBook) -> None:
        book.bar(at(1), KEY, NOW_MS + 10)
        assert book.is_barred(at(1, port=1), None, NOW_MS)
        assert book.is_barred(at(2), KEY, NOW_MS)
        assert not book.is_barred(at(1), KEY, NOW_MS + 10)
        assert set(book.bars(NOW_MS)) == {KEY.hex(), "93.0.0.1:0"}
        assert book.bars(NOW_MS + 10) == {}

    def test_on_loopback_only_the_one_port_is_barred(self, book: PeerBook) -> None:
        here = make_address("127.0.0.1", 8333)
        book.bar(here, None, NOW_MS + 10)
        assert book.is_barred(here, None, NOW_MS)
        assert not book.is_barred(make_address("127.0.0.1", 8334), None, NOW_MS)

    def test_a_pardon_lifts_all_of_it(self, book: PeerBook) -> None:
        book.bar(at(1), KEY, NOW_MS + 10)
        book.pardon(at(1))
        book.pardon(at(5))
        assert not book.is_barred(at(1), KEY, NOW_MS)

    def test_of_bars_only_so_many_are_kept(
        self, book: PeerBook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_BARS", 2)
        for number in range(3):
            book.bar(at(number), None, NOW_MS + 10)
        assert not book.is_barred(at(0), None, NOW_MS)
        assert book.is_barred(at(2), None, NOW_MS)


class TestKeeping:
    def test_proved_addresses_outlive_a_restart(self, book: PeerBook) -> None:
        book.learn(at(1), "discovery", NOW_S)
        book.learn(at(2), "discovery", NOW_S)
        book.linked(at(1), KEY, NOW_S)
        other = PeerBook(Entropy(bytes(32)))
        other.restore([*book.encode(), b"nonsense"])
        assert [known.address for known in other] == [at(1)]
        assert other.get(at(1)).key == KEY
        assert other.by_source() == {"remembered": 1}
        other.restore(book.encode())
        assert len(other) == 1
