"""The looks afterwards over the API: whose they are, and how they are settled."""

from datetime import timedelta
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Ratification
from tests.api.conftest import Client
from tests.api.test_problems import problem
from tests.factories import NOW, Organisation, approved

pytestmark = pytest.mark.django_db
URL = "/api/v1/ratifications/"


@pytest.fixture
def task(org: Organisation) -> Ratification:
    """Of a request of Rita's; it falls to Axel, and its day is over."""
    return Ratification.objects.create(
        entity=org.entity,
        request=ApprovalRequest.objects.get(subject_id=approved(org).pk),
        requester=org.rita,
        assignee=org.axel,
        incident="INC-77",
        due_at=NOW - timedelta(hours=1),
        created_at=NOW - timedelta(days=2),
    )


def settle(client: Any, task: Ratification, verb: str, **said: Any) -> Any:
    return client.post(f"{URL}{task.pk}/{verb}/", said, format="json")


def test_it_is_seen_by_whom_it_concerns(org: Organisation, task: Ratification, api: Client) -> None:
    sees = {name for name, who in org.people.items() if api(who).get(URL).json()["results"]}
    assert sees == {"rita", "axel", "cora", "olga", "ada"}
    (row,) = api(org.axel).get(f"{URL}?overdue=true").json()["results"]
    assert (row["incident"], row["is_overdue"], row["amount"]) == ("INC-77", True, "100.00")
    assert row["available_actions"] == ["object", "ratify"]
    assert api(org.axel).get(f"{URL}?overdue=false").json()["results"] == []
    assert api(org.rita).get(URL).json()["results"][0]["available_actions"] == []


def test_only_whom_it_falls_to_settles_it(
    org: Organisation, task: Ratification, api: Client
) -> None:
    for person in (org.rita, org.cora, org.ada):
        problem(settle(api(person), task, "ratify"), 403, "not-allowed")
    problem(settle(api(org.dora), task, "ratify"), 404, "not-found")
    done = settle(api(org.axel), task, "ratify", comment="It burned")
    assert (done.json()["status"], done.json()["comment"]) == ("ratified", "It burned")
    problem(settle(api(org.axel), task, "object", comment="No"), 409, "illegal-transition")


def test_an_objection_says_why(org: Organisation, task: Ratification, api: Client) -> None:
    axel = api(org.axel)
    found = problem(settle(axel, task, "object"), 422, "invalid")
    assert [each["pointer"] for each in found["errors"]] == ["/comment"]
    done = settle(axel, task, "object", comment="It could have waited")
    assert (done.json()["status"], done.json()["is_overdue"]) == ("objected", False)
