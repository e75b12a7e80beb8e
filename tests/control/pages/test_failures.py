"""What people read instead of a page: with rooms and search around it where that can be drawn."""

from django.test import Client
from django.test.utils import override_settings
from django.urls import path

from chaindeck.control import urls
from chaindeck.control.rights import RIGHTS, VIEWER

FRAME = 'aria-label="Rooms"'
SEARCH = 'role="search"'


def fail(request):
    raise RuntimeError(request.path)


urlpatterns = [*urls.urlpatterns, path("broken", fail, name="broken")]
handler404, handler500 = urls.handler404, urls.handler500


def test_address_with_nothing_says_what_can_be_found_and_keeps_rooms_and_search(viewer):
    text = viewer.open("/nowhere", status=404)
    assert "There is nothing at this address" in text
    assert "a block by its" in text
    assert FRAME in text
    assert SEARCH in text


def test_request_that_makes_no_sense_keeps_rooms_and_search(viewer, chain):
    text = viewer.open("/chain/?after=nonsense", status=400)
    assert "This request makes no sense: " in text
    assert FRAME in text


def test_day_that_is_none_is_told_how_to_write_one_and_costs_one_line_of_the_log(
    viewer, chain, caplog
):
    text = viewer.open("/chain/?day=2026-13-45", status=400)
    assert "This request makes no sense: a day is written 2026-01-31" in text
    (record,) = [item for item in caplog.records if item.name == "django.request"]
    assert record.exc_info is None


def test_page_of_another_role_keeps_rooms_and_search(viewer):
    text = viewer.open("/people", status=403)
    assert "You are signed in as viewer, viewer" in text
    assert FRAME in text
    assert SEARCH in text


def test_form_without_its_secret_is_told_of_in_the_frame(operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator.person)
    answer = client.post("/tokens", {"name": "x"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    assert FRAME in answer.content.decode()


def test_stranger_gets_no_frame(database):
    text = Client().get("/nowhere").content.decode()
    assert "There is nothing at this address" in text
    assert FRAME not in text


def test_person_who_needs_a_new_password_gets_no_frame(viewer):
    viewer.person.must_change_password = True
    viewer.person.save()
    assert FRAME not in viewer.open("/nowhere", status=404)


@override_settings(ROOT_URLCONF="tests.control.pages.test_failures")
def test_fault_of_ours_stands_alone_and_names_its_line_in_the_log(viewer, monkeypatch):
    monkeypatch.setitem(RIGHTS, "broken", VIEWER)
    viewer.client.raise_request_exception = False
    text = viewer.open("/broken", status=500)
    assert "It is in the log of the web under" in text
    assert FRAME not in text
