"""People and tokens: what opens the door, and what does not."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chaindeck.records.bulk import moment
from chaindeck.records.errors import (
    ChoiceUnknown,
    LastAdmin,
    NameTaken,
    RecordUnknown,
    TokenRefused,
)
from chaindeck.records.models.people import Role
from chaindeck.records.services import people

pytestmark = pytest.mark.usefixtures("database")


def test_first_administrator_gets_a_random_password_that_must_be_changed():
    password = people.admin_ensure()
    assert password is not None
    assert len(password) >= 20
    person = people.person_verify(username="admin", password=password)
    assert person is not None
    assert person.must_change_password
    assert person.may(Role.ADMIN)
    assert people.admin_ensure() is None


def test_password_is_kept_as_argon2_with_modest_memory():
    person, _ = people.person_create(username="ann", password="correct horse battery")
    assert person.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_wrong_name_password_or_closed_account_opens_nothing():
    person, password = people.person_create(username="ann")
    assert people.person_verify(username="bob", password=password) is None
    assert people.person_verify(username="ann", password="x") is None
    person.is_active = False
    person.save()
    assert people.person_verify(username="ann", password=password) is None


def test_second_person_of_a_name_is_refused():
    people.person_create(username="ann")
    with pytest.raises(NameTaken) as caught:
        people.person_create(username="ann")
    assert caught.value.code == "records-name-taken"


def test_only_admin_stays_one_and_stays_in():
    people.admin_ensure()
    for change in (
        lambda: people.person_set_role(username="admin", role="viewer"),
        lambda: people.person_set_active(username="admin", is_active=False),
    ):
        with pytest.raises(LastAdmin) as caught:
            change()
        assert caught.value.code == "records-last-admin"
    people.person_create(username="ann", role="admin")
    assert not people.person_set_active(username="admin", is_active=False).is_active


def test_roles_include_those_below():
    person, _ = people.person_create(username="ann", role="operator")
    assert [person.may(role) for role in Role] == [True, True, False]
    assert people.person_set_role(username="ann", role="admin").may(Role.ADMIN)
    with pytest.raises(ChoiceUnknown) as caught:
        people.person_set_role(username="ann", role="king")
    assert caught.value.code == "records-choice"
    with pytest.raises(RecordUnknown) as unknown:
        people.person_set_role(username="bob", role="admin")
    assert unknown.value.code == "records-unknown"


def test_new_password_replaces_the_old_one():
    _, old = people.person_create(username="ann", must_change_password=True)
    people.person_set_password(username="ann", password="another one that is long")
    assert people.person_verify(username="ann", password=old) is None
    person = people.person_verify(username="ann", password="another one that is long")
    assert person is not None
    assert not person.must_change_password


def test_token_opens_until_it_ends_or_is_revoked():
    owner, _ = people.person_create(username="ann")
    token, text = people.token_create(owner=owner, name="ci", scopes=["submit", "read"])
    assert token.scopes == "read submit"
    assert text not in str(token.__dict__.values())
    assert people.token_verify(text=text).owner == owner
    people.token_revoke(token_id=token.pk)
    with pytest.raises(TokenRefused) as caught:
        people.token_verify(text=text)
    assert caught.value.code == "records-token"
    with pytest.raises(RecordUnknown):
        people.token_revoke(token_id=token.pk)


def test_token_that_has_ended_or_whose_owner_may_not_sign_in_opens_nothing():
    owner, _ = people.person_create(username="ann")
    ended, text = people.token_create(owner=owner, name="ci", scopes=["read"], lasts_s=60)
    people.token_verify(text=text)
    ended.expires = moment(0)
    ended.save()
    with pytest.raises(TokenRefused):
        people.token_verify(text=text)
    _, text = people.token_create(owner=owner, name="ci", scopes=["read"])
    owner.is_active = False
    owner.save()
    with pytest.raises(TokenRefused):
        people.token_verify(text=text)


def test_use_of_a_token_is_noted_once_a_minute():
    owner, _ = people.person_create(username="ann")
    _, text = people.token_create(owner=owner, name="ci", scopes=["read"])
    assert people.token_verify(text=text).last_used is not None
    with CaptureQueriesContext(connection) as queries:
        people.token_verify(text=text)
    assert len(queries) == 1


def test_unknown_scope_is_refused():
    owner, _ = people.person_create(username="ann")
    with pytest.raises(ChoiceUnknown):
        people.token_create(owner=owner, name="ci", scopes=["read", "everything"])
