"""Pages over real records: a chain of twelve blocks in a file, and somebody signed in."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.records.growing import Grower


class Visitor:
    """Somebody with a role who opens pages."""

    def __init__(self, role: str) -> None:
        from chaindeck.records.services.people import person_create

        self.person, _ = person_create(username=role, password="a long password", role=role)
        self.client = Client()
        self.client.force_login(self.person)

    def open(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.content.decode()[:2_000]
        return answer.content.decode()

    def queries(self, path: str) -> int:
        # The first visit of a session is noted.
        self.client.get(path)
        with CaptureQueriesContext(connection) as seen:
            self.client.get(path)
        return len(seen.captured_queries)


@pytest.fixture
def chain(database, rng) -> Grower:
    from tests.records.test_chain import grown

    made: Grower = grown(rng)
    return made


@pytest.fixture
def viewer(database) -> Visitor:
    return Visitor("viewer")


@pytest.fixture
def operator(database) -> Visitor:
    return Visitor("operator")


@pytest.fixture
def admin(database) -> Visitor:
    return Visitor("admin")
