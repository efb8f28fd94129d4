"""Year ends and proposed releases over the API: the same services, in the words of the contract."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from budgeting.models import YearEnd
from budgeting.services import year_ends
from purchase_orders import services
from tests.budgets.postings import Desk
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import Maker, held

JANUARY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def desk(org: Organisation) -> Desk:
    return Desk(org, org.cells["CC100", "6600", None])


def test_the_preview_says_line_by_line_what_would_go_over(
    org: Organisation, desk: Desk, api: Any
) -> None:
    order = desk.order("10", "10")
    desk.bill(order, quantity="7", liquidate="70", actual="70")
    answer = api(org.cora).get("/api/v1/year-ends/preview/?fiscal_year=2026&policy=without_budget")
    assert answer.status_code == 200
    [line] = answer.json()
    assert (line["amount"], line["activated"], line["available"], line["is_short"]) == (
        "30.00",
        "0.00",
        "0.00",
        True,
    )
    assert not YearEnd.objects.exists()
    refused = api(org.rita).get("/api/v1/year-ends/preview/?fiscal_year=2026")
    assert refused.status_code == 403


def test_a_year_end_is_shown_with_its_sums_and_undone(
    org: Organisation, desk: Desk, api: Any
) -> None:
    desk.order("10", "10")
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2026,
        policy="with_budget",
        reason="Books of 2026",
        actor=org.cora,
        at=JANUARY,
    )
    year_ends.run(year_end=year_end, at=JANUARY)
    shown = api(org.cora).get(f"/api/v1/year-ends/{year_end.pk}/").json()
    assert (shown["status"], shown["rolled"], shown["amount"], shown["budget"]) == (
        "run",
        1,
        "100.00",
        "100.00",
    )
    assert shown["available_actions"] == ["reverse", "close"]
    lines = api(org.cora).get(f"/api/v1/year-ends/{year_end.pk}/lines/").json()["results"]
    assert [(line["amount"], line["state"]) for line in lines] == [("100.00", "rolled")]
    refused = api(org.dora).post(f"/api/v1/year-ends/{year_end.pk}/reverse/", {"reason": "No"})
    assert (refused.status_code, refused.json()["type"]) == (403, "not-allowed")
    undone = api(org.cora).post(
        f"/api/v1/year-ends/{year_end.pk}/reverse/", {"reason": "Too early"}
    )
    assert (undone.status_code, undone.json()["status"]) == (200, "reversed")


def test_a_year_end_before_the_year_is_over_is_a_conflict(org: Organisation, api: Any) -> None:
    said = {"fiscal_year": 2027, "policy": "with_budget", "reason": "Too early"}
    answer = api(org.cora).post("/api/v1/year-ends/", said)
    assert answer.status_code == 409


def test_proposals_are_accepted_in_bulk_and_undone(org: Organisation, api: Any) -> None:
    make = Maker(org)
    orders = [make.issued(("10", "10")), make.issued(("5", "20"))]
    services.propose(entity=org.entity, at=NOW + timedelta(days=91))
    listed = api(org.cora).get("/api/v1/release-proposals/?status=open").json()["results"]
    assert {each["amount"] for each in listed} == {"100.00"}
    ids = [each["id"] for each in listed]
    assert (
        api(org.olga).post("/api/v1/release-proposals/accept/", {"proposals": ids}).status_code
        == 403
    )
    said = {"proposals": ids, "reason": "Done"}
    batch = api(org.cora).post("/api/v1/release-proposals/accept/", said)
    assert (batch.status_code, sorted(batch.json()["proposals"])) == (200, sorted(ids))
    undone = api(org.bea).post(
        f"/api/v1/release-proposals/{ids[0]}/reverse/", {"reason": "Too eager"}
    )
    assert undone.status_code == 200
    assert [held(order.pk) for order in orders] == [100, 100]
