"""Signing in: what opens the door, what happens to those who guess, and who hears of it."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from chaindeck.records.limits import (
    NAME_FREE_FAILURES,
    SIGN_IN_FIRST_WAIT_S,
    SIGN_IN_FREE_FAILURES,
    SIGN_IN_LONGEST_WAIT_S,
)
from chaindeck.records.models import SignInTrial
from chaindeck.records.services import trials
from chaindeck.records.services.pending import reports_waiting
from chaindeck.records.services.people import person_create
from tests.control.house import PASSWORD, Visitor

pytestmark = pytest.mark.usefixtures("database", "coordinator")


def actions() -> list[str]:
    return [pending.body["action"] for pending in reports_waiting(limit=100)]


def guess(name: str, address: str = "10.0.0.1", password: str = "wrong"):
    given = {"username": name, "password": password}
    return Client().post("/sign-in", given, REMOTE_ADDR=address)


def test_right_password_signs_in_and_is_told_of():
    visitor = Visitor("viewer")
    assert visitor.client.get("/profile").status_code == 200
    (pending,) = reports_waiting(limit=10)
    assert pending.body["action"] == "sign-in"
    assert pending.body["user_name"] == "viewer"
    assert pending.body["ip_address"] == "127.0.0.1"


def test_wrong_password_says_the_same_as_a_wrong_name():
    person_create(username="ann", password=PASSWORD)
    texts = {
        re.sub(r'value="[^"]*"', "", guess(name).content.decode()) for name in ("ann", "nobody")
    }
    assert len(texts) == 1
    assert "Name and password do not fit together." in texts.pop()


def test_name_that_nobody_has_is_not_written_down():
    guess("my secret password")
    (pending,) = reports_waiting(limit=10)
    assert "my secret" not in str(pending.body)
    assert pending.body["user_name"] == ""
    assert not SignInTrial.objects.filter(key__contains="secret").exists()


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_too_many_failures_lock_the_name_at_that_address_and_say_until_when(name):
    person_create(username="ann", password=PASSWORD)
    for _ in range(SIGN_IN_FREE_FAILURES - 1):
        assert guess(name).status_code == 200
    locked = guess(name)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= SIGN_IN_FIRST_WAIT_S
    assert re.search(r"Try again in \d+ s, at \d\d:\d\d:\d\d UTC", locked.content.decode())
    assert actions()[-2:] == ["sign-in-failed", "sign-in-locked"]
    # Even the right password waits now, and a try that is not looked at is no failure.
    before = len(actions())
    assert guess(name, password=PASSWORD).status_code == 429
    assert len(actions()) == before
    assert SignInTrial.objects.order_by("-failures")[0].failures == SIGN_IN_FREE_FAILURES


def test_person_signs_in_from_elsewhere_while_an_address_is_locked():
    person_create(username="ann", password=PASSWORD)
    for _ in range(SIGN_IN_FREE_FAILURES):
        guess("ann")
    assert guess("ann", "10.0.0.2", PASSWORD).status_code == 302


def test_guessing_one_name_from_many_addresses_is_slowed_down():
    person_create(username="ann", password=PASSWORD)
    answers = [guess("ann", f"10.0.0.{number}") for number in range(NAME_FREE_FAILURES)]
    assert [answer.status_code for answer in answers[:-1]] == [200] * (NAME_FREE_FAILURES - 1)
    assert answers[-1].status_code == 429
    assert guess("ann", "10.0.9.9", PASSWORD).status_code == 429


def test_waits_double_up_to_a_limit_and_are_forgotten_after_a_day():
    now, waits = 1_000_000_000_000, []
    for _ in range(SIGN_IN_FREE_FAILURES + 8):
        trial = trials.trial_begin(username="ann", ip_address="a", time_ms=now)
        assert trial.is_allowed
        waits.append((trial.next_ms - now) // 1000 if trial.next_ms else 0)
        now = max(now, trial.next_ms)
    assert waits[SIGN_IN_FREE_FAILURES - 1 :][:4] == [30, 60, 120, 240]
    assert max(waits) == SIGN_IN_LONGEST_WAIT_S
    later = trials.trial_begin(username="ann", ip_address="a", time_ms=now + 86_400_001)
    assert later.next_ms == 0
    assert trials.trials_prune(time_ms=now + 3 * 86_400_000) == 2


def test_too_many_made_up_names_push_out_the_oldest(monkeypatch):
    monkeypatch.setattr(trials, "SIGN_IN_TRIALS_KEPT", 4)
    for number in range(5):
        trials.trial_begin(username=f"n{number}", ip_address="a", time_ms=1_000_000 + number)
    assert trials.trials_prune(time_ms=1_000_100) == 6
    assert SignInTrial.objects.count() == 4


def test_signing_in_forgives_earlier_failures():
    person_create(username="ann", password=PASSWORD)
    for _ in range(SIGN_IN_FREE_FAILURES - 1):
        guess("ann")
    assert guess("ann", password=PASSWORD).status_code == 302
    assert not SignInTrial.objects.exists()


def test_signing_out_ends_session_and_lines(coordinator):
    visitor = Visitor("viewer")
    key = visitor.session_key
    assert visitor.client.get("/sign-out").status_code == 405
    assert visitor.client.post("/sign-out").status_code == 302
    coordinator.settle()
    assert coordinator.ended == [(visitor.person.pk, key)]
    assert not Session.objects.filter(session_key=key).exists()
    assert actions() == ["sign-in", "sign-out"]
    assert visitor.client.post("/sign-out").status_code == 302


def test_new_password_needs_the_old_one_and_ends_all_other_sessions(coordinator):
    here, there = Visitor("viewer"), Visitor(None)
    there.name = "viewer"
    there.sign_in()
    given = {"password": "another long password", "again": "another long password"}
    assert "required" in here.client.post("/new-password", given).content.decode()
    wrong = here.client.post("/new-password", given | {"old": "x"})
    assert "This is not your password." in wrong.content.decode()
    other = here.client.post("/new-password", {**given, "old": PASSWORD, "again": "x"})
    assert "The two are not the same." in other.content.decode()
    assert here.client.post("/new-password", given | {"old": PASSWORD}).status_code == 302
    assert here.client.get("/profile").status_code == 200
    assert there.client.get("/profile").status_code == 302
    coordinator.settle()
    assert coordinator.ended == [(here.person.pk, "")]
    assert actions()[-1] == "password-changed"


@pytest.mark.parametrize(
    ("wanted", "where"),
    [("/profile?x=1", "/profile?x=1"), ("https://evil.example", "/"), ("//evil.example", "/")],
)
def test_signing_in_leads_to_the_page_that_was_wanted_and_never_elsewhere(wanted, where):
    person_create(username="ann", password=PASSWORD)
    given = {"username": "ann", "password": PASSWORD, "next": wanted}
    assert Client().post("/sign-in", given).headers["Location"] == where


def test_who_is_signed_in_is_sent_on_and_an_empty_form_comes_back():
    visitor = Visitor("viewer")
    assert visitor.client.get("/sign-in").headers["Location"] == "/"
    assert Client().post("/sign-in", {}).status_code == 200
