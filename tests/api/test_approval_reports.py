"""The reports on emergencies and on where approvals wait, over the API."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.conftest import Client
from tests.api.lives import get
from tests.api.test_problems import problem
from tests.factories import decide_all, line_input, submitted

pytestmark = pytest.mark.django_db
REPORTS = ("emergency-review", "approval-bottlenecks")


@pytest.fixture
def bought(org: Any) -> Any:
    """An emergency of yesterday, approved."""
    made = submitted(
        org, line_input(org, 1, "900"), emergency=True, emergency_reason="Down",
        references={"incident": "INC-1"},
    )  # fmt: skip
    decide_all(made)
    return made


@pytest.mark.parametrize("name", REPORTS)
def test_they_are_for_oversight(org: Any, api: Client, name: str) -> None:
    for person in (org.bea, org.fay, org.axel, org.dora):
        problem(api(person).get(f"/api/v1/reports/{name}/"), 403, "not-allowed")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    ("query", "slug"),
    [("since=yesterday", "invalid-filter"), ("cost_center=CC100", "unknown-filter")],
)
def test_what_cannot_be_asked_is_said(
    org: Any, api: Client, name: str, query: str, slug: str
) -> None:
    problem(api(org.olga).get(f"/api/v1/reports/{name}/?{query}"), 400, slug)


def test_an_emergency_and_how_it_stands(org: Any, api: Client, bought: Any) -> None:
    body = get(api(org.olga), "reports/emergency-review/")
    assert (body["count"], body["approved"], body["rate"]) == (1, 1, "1.0000")
    assert Decimal(body["amount"]) == 900
    (row,) = body["rows"]
    assert row["document"] == {
        "type": "requisition", "id": str(bought.pk), "title": bought.title
    }  # fmt: skip
    assert (row["incident"], row["status"], row["settled_by"]) == ("INC-1", "due", None)
    assert [each["name"] for each in row["approved_by"]] == ["Sven Aydin"]
    assert [each["person"]["name"] for each in body["requesters"]] == ["Rita Sommer"]


def test_how_long_steps_take(org: Any, api: Client, bought: Any) -> None:
    body = get(api(org.olga), "reports/approval-bottlenecks/?since=2026-01-01")
    (step,) = body["steps"]
    assert (step["kind"], step["document_type"], step["count"]) == ("on_call", "requisition", 1)
    assert (step["median_hours"], step["waiting"], step["oldest_at"]) == ("0.0", 0, None)
    assert [each["person"] for each in body["people"]] == [str(org.sven.pk)]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_they_come_as_files(org: Any, api: Client, bought: Any, name: str, kind: str) -> None:
    answer = api(org.olga).get(f"/api/v1/reports/{name}/?format={kind}")
    assert answer.status_code == 200 and b"".join(answer.streaming_content)
