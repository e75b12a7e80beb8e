"""A part is started again ever later, and not for ever."""

from __future__ import annotations

from chaindeck.supervisor.history import History, Pace

PACE = Pace(backoff_first_s=1.0, backoff_most_s=4.0, give_up_after=4, give_up_window_s=100.0)


def test_waits_double_up_to_the_most_and_then_it_is_given_up() -> None:
    history = History(PACE, draw=lambda: 0.0)
    assert [history.next_wait_s(now) for now in range(5)] == [1.0, 2.0, 4.0, 4.0, None]


def test_chance_takes_up_to_a_half() -> None:
    history = History(PACE, draw=lambda: 1.0)
    assert [history.next_wait_s(now) for now in range(3)] == [0.5, 1.0, 2.0]


def test_restarts_outside_the_window_are_forgotten() -> None:
    history = History(PACE, draw=lambda: 0.0)
    for now in range(4):
        history.next_wait_s(now)
    assert history.next_wait_s(100.0) is None
    assert history.next_wait_s(103.5) == 1.0


def test_order_of_a_person_clears_the_count() -> None:
    history = History(PACE, draw=lambda: 0.0)
    for now in range(5):
        history.next_wait_s(now)
    history.clear()
    assert history.next_wait_s(5) == 1.0
