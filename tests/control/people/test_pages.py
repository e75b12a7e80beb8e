"""Profile, people and tokens as their pages show and change them."""

import re

import pytest
from django.test import Client

from chaindeck.control.limits import MAX_TOKENS_OF_ONE
from chaindeck.control.people import tokens, users, visiting
from chaindeck.records.models import ApiToken, Person, Visit
from chaindeck.records.services.pending import reports_waiting
from chaindeck.records.services.people import person_create, token_create
from tests.control.house import PASSWORD, Visitor, bearer, token_for

pytestmark = pytest.mark.usefixtures("database", "coordinator")


def actions() -> list[str]:
    return [pending.body["action"] for pending in reports_waiting(limit=100)]


def test_profile_keeps_how_pages_look():
    visitor = Visitor("viewer")
    look = {"theme": "dark", "density": "compact", "time_zone": "Asia/Tokyo"}
    assert visitor.client.post("/profile", look | {"reduces_motion": "on"}).status_code == 302
    page = visitor.client.get("/profile").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-density="compact"' in page
    assert 'data-motion="reduced"' in page
    assert "JST" in page
    wrong = visitor.client.post("/profile", look | {"time_zone": "Moon/Base"})
    assert "Select a valid choice" in wrong.content.decode()


def test_profile_lists_where_one_is_signed_in_and_can_end_it(coordinator):
    here, there = Visitor("viewer"), Visitor(None)
    there.name = "viewer"
    there.sign_in(HTTP_USER_AGENT="Other/1.0", REMOTE_ADDR="10.1.1.1")
    page = here.client.get("/profile").content.decode()
    assert "Other/1.0" in page
    assert "10.1.1.1" in page
    # The key would open the session, so no page has it.
    key = there.session_key
    assert key not in page
    name = page.split("Other/1.0")[1].split('name="session" value="')[1].split('"')[0]
    assert here.client.post("/profile/end-session", {"session": name}).status_code == 302
    assert there.client.get("/profile").status_code == 302
    coordinator.settle()
    assert coordinator.ended == [(here.person.pk, key)]
    assert here.client.post("/profile/end-session", {"session": "x"}).status_code == 404
    assert actions()[-1] == "session-ended"


def test_profile_names_a_browser_in_words_and_has_what_it_said_of_itself():
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    visitor = Visitor(None)
    person_create(username="reader", password=PASSWORD)
    visitor.name = "reader"
    visitor.sign_in(HTTP_USER_AGENT=agent)
    page = visitor.client.get("/profile").content.decode()
    assert "<summary>Firefox on Linux</summary>" in page
    assert agent in page


def test_new_token_comes_with_a_request_that_works_as_it_stands():
    visitor = Visitor("viewer")
    given = {"name": "mine", "scope": "read", "days": "7"}
    page = visitor.client.post("/tokens", given).content.decode()
    said = re.search(r"curl -H '(Authorization: Bearer cdw_[\w-]+)' (http://[^<\"]+)", page)
    assert said is not None
    name, _, value = said[1].partition(": ")
    assert said[2].endswith("/api/status/")
    answer = Client().get("/api/status/", headers={name: value})
    assert answer.status_code == 200


def test_one_may_end_this_very_session():
    visitor = Visitor("viewer")
    page = visitor.client.get("/profile").content.decode()
    name = page.split('name="session" value="')[1].split('"')[0]
    visitor.client.post("/profile/end-session", {"session": name})
    assert visitor.client.get("/profile").status_code == 302


def test_all_other_sessions_end_at_once():
    here, there = Visitor("viewer"), Visitor(None)
    there.name = "viewer"
    there.sign_in()
    assert here.client.post("/profile/end-others").status_code == 302
    assert there.client.get("/profile").status_code == 302
    assert here.client.get("/profile").status_code == 200


def test_visits_are_noted_now_and_then(monkeypatch):
    visitor = Visitor("viewer")
    Visit.objects.update(last_seen="2020-01-01T00:00:00Z")
    visiting._noted_s.clear()
    visitor.client.get("/profile")
    assert Visit.objects.get().last_seen.year > 2020
    monkeypatch.setattr(visiting, "VISITS_REMEMBERED", 1)
    assert visiting._is_due("a")
    assert visiting._is_due("b")
    assert not visiting._is_due("b")
    assert visiting._is_due("a")


def test_admin_makes_somebody_whose_password_is_shown_once():
    admin = Visitor("admin")
    page = admin.client.post("/people", {"username": "ann", "role": "operator"}).content.decode()
    password = page.split("<code")[1].split(">")[1].split("<")[0]
    assert password not in admin.client.get("/people").content.decode()
    ann = Visitor(None)
    ann.name = "ann"
    assert ann.sign_in(password).status_code == 302
    assert ann.client.get("/profile").headers["Location"] == "/new-password"
    assert "person-created" in actions()
    again = admin.client.post("/people", {"username": "ann", "role": "viewer"})
    assert "There is somebody of this name already." in again.content.decode()
    bad = admin.client.post("/people", {"username": "<b>", "role": "viewer"})
    assert "Enter a valid username" in bad.content.decode()


def test_no_more_people_than_lists_show(monkeypatch):
    monkeypatch.setattr(users, "MAX_PEOPLE", 1)
    admin = Visitor("admin")
    page = admin.client.post("/people", {"username": "ann", "role": "viewer"})
    assert "There are 1 people already." in page.content.decode()


def test_theme_changes_from_any_page_and_leads_back_there():
    ann = Visitor("viewer", "ann")
    page = ann.client.get("/chain/?from=3").content.decode()
    assert 'name="theme" value="dark"' in page
    given = {"theme": "dark", "back": "/chain/?from=3"}
    answer = ann.client.post("/profile/theme", given)
    assert answer.headers["Location"] == "/chain/?from=3"
    assert 'data-theme="dark"' in ann.client.get("/chain/").content.decode()
    assert Person.objects.get(username="ann").time_zone == "UTC"


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "x", ""])
def test_theme_leads_nowhere_else(back):
    ann = Visitor("viewer", "ann")
    answer = ann.client.post("/profile/theme", {"theme": "light", "back": back})
    assert answer.headers["Location"] == "/"
    assert ann.client.post("/profile/theme", {"theme": "pink"}).status_code == 400


def test_orders_about_people_and_tokens_say_whom_they_concern_and_what_follows():
    admin, ann = Visitor("admin"), Visitor("viewer", "ann")
    token_create(owner=ann.person, name="backup", scopes=("read",))
    page = admin.client.get("/people").content.decode()
    assert "ann is signed out everywhere at once and cannot sign in again" in page
    for order in ("Disable ann", "Give ann a new password", "Give ann this role"):
        assert re.search(
            rf"<summary[^>]*>[^<]+</summary><div><p>[^<]+</p><button[^>]*>{order}<", page
        )
    tokens = admin.client.get("/tokens").content.decode()
    assert "Programs that use backup are refused from now on" in tokens
    assert ">Revoke backup<" in tokens


def test_role_change_signs_out_at_once(coordinator):
    admin, ann = Visitor("admin"), Visitor("viewer", "ann")
    path = f"/people/{ann.person.pk}/role"
    page = admin.client.post(path, {"role": "operator"})
    assert "ann is operator now" in page.content.decode()
    assert ann.client.get("/profile").status_code == 302
    coordinator.settle()
    assert coordinator.ended == [(ann.person.pk, "")]
    assert "role-changed" in actions()
    assert "is no role" in admin.client.post(path, {"role": "king"}).content.decode()
    assert admin.client.post("/people/999/role", {"role": "viewer"}).status_code == 404


def test_disabled_person_is_out_at_once_with_tokens_and_may_come_back(coordinator):
    admin, ann = Visitor("admin"), Visitor("viewer", "ann")
    _, text = token_create(owner=ann.person, name="t", scopes=("read",))
    path = f"/people/{ann.person.pk}/active"
    admin.client.post(path, {"is_active": "0"})
    assert ann.client.get("/profile").status_code == 302
    assert ann.sign_in().status_code == 200
    assert Client().get("/api/nodes", **bearer(text)).status_code == 401
    coordinator.settle()
    assert (ann.person.pk, "") in coordinator.ended
    admin.client.post(path, {"is_active": "1"})
    assert ann.sign_in().status_code == 302
    assert {"person-disabled", "person-enabled"} <= set(actions())


def test_last_admin_stays_one():
    admin = Visitor("admin")
    for path, given in (("role", {"role": "viewer"}), ("active", {"is_active": "0"})):
        page = admin.client.post(f"/people/{admin.person.pk}/{path}", given)
        assert "admin is the only admin who can sign in" in page.content.decode()
    assert Person.objects.get(username="admin").may("admin")


def test_reset_gives_a_password_for_one_time():
    admin, ann = Visitor("admin"), Visitor("viewer", "ann")
    page = admin.client.post(f"/people/{ann.person.pk}/reset").content.decode()
    password = page.split("<code")[1].split(">")[1].split("<")[0]
    assert ann.client.get("/profile").status_code == 302
    assert ann.sign_in(PASSWORD).status_code == 200
    assert ann.sign_in(password).status_code == 302
    assert ann.client.get("/profile").headers["Location"] == "/new-password"
    assert admin.client.post("/people/999/reset").status_code == 404


def test_token_is_shown_once_and_revoked(coordinator):
    ann = Visitor("operator", "ann")
    given = {"name": "backup", "scope": "operate", "days": "7"}
    page = ann.client.post("/tokens", given).content.decode()
    text = page.split("<code")[1].split(">")[1].split("<")[0]
    assert Client().get("/api/nodes", **bearer(text)).status_code == 200
    page = ann.client.get("/tokens").content.decode()
    assert "backup" in page
    assert text not in page
    assert "<option>admin</option>" not in page
    token = ApiToken.objects.get()
    assert ann.client.post(f"/tokens/{token.pk}/revoke").status_code == 302
    assert Client().get("/api/nodes", **bearer(text)).status_code == 401
    coordinator.settle()
    assert coordinator.ended == [(ann.person.pk, "")]
    assert actions()[-2:] == ["token-made", "token-revoked"]


def test_token_may_not_be_mightier_than_who_makes_it():
    ann = Visitor("viewer", "ann")
    page = ann.client.post("/tokens", {"name": "x", "scope": "admin", "days": ""})
    assert "cannot make a token with the scope admin" in page.content.decode()
    text = token_for("admin", "operate")
    body = {"name": "x", "scope": "admin"}
    answer = Client().post("/api/tokens", body, content_type="application/json", **bearer(text))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "web-scope")


def test_others_tokens_are_seen_and_revoked_by_admins_alone():
    token_for("viewer", "read", "bob")
    token = ApiToken.objects.get()
    ann, admin = Visitor("operator", "ann"), Visitor("admin")
    assert "bob" not in ann.client.get("/tokens").content.decode()
    assert ann.client.post(f"/tokens/{token.pk}/revoke").status_code == 404
    assert "bob" in admin.client.get("/tokens").content.decode()
    assert admin.client.post(f"/tokens/{token.pk}/revoke").status_code == 302


def test_one_person_has_a_bounded_number_of_tokens(monkeypatch):
    monkeypatch.setattr(tokens, "MAX_TOKENS_OF_ONE", 1)
    assert MAX_TOKENS_OF_ONE > 1
    ann = Visitor("operator", "ann")
    given = {"name": "x", "scope": "read", "days": "7"}
    ann.client.post("/tokens", given)
    assert "at most 1 tokens" in ann.client.post("/tokens", given).content.decode()
    answer = ann.client.post("/api/tokens", {"name": "y", "scope": "read"}, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "web-tokens")
