"""People, where they are signed in, and their tokens."""

from __future__ import annotations

from django.db.models import QuerySet

from chaindeck.records.models import ApiToken, Person, Visit
from chaindeck.records.models.people import Role


def people_all() -> QuerySet[Person]:
    return Person.objects.order_by("username")


def is_first_password_open() -> bool:
    """Answer whether an administrator still has the password that was made for them."""
    return Person.objects.filter(role=Role.ADMIN, must_change_password=True).exists()


def visits_of(person: Person) -> QuerySet[Visit]:
    """Return where somebody is signed in, the latest first."""
    return person.visits.order_by("-last_seen")


def tokens_of(person: Person | None) -> QuerySet[ApiToken]:
    """Return the tokens of one person or of all, the newest first."""
    found = ApiToken.objects.select_related("owner").order_by("-created", "-pk")
    return found if person is None else found.filter(owner=person)
