"""An order that nobody requested, from a draft to an issued order, over the API."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.api.conftest import Client
from tests.api.lives import get, issued, ordered, post
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(org: Any) -> None:
    rules = [("All", {"all": []}, [factories.step("manager")])]
    factories.policy(org.entity, "orders", rules, applies_to="order")


def drafted(bea: Any, price: str = "100", **more: Any) -> dict[str, Any]:
    line = {
        "description": "Cable",
        "quantity": "10",
        "unit_price": price,
        "distributions": [{"cost_center": "CC100", "gl_account": "6600"}],
    }
    body = {"vendor": "V-1000", "title": "Cables", "lines": [line], **more}
    return post(bea, "orders/", body, status=201)


def test_a_whole_life(org: Any, api: Client) -> None:
    bea = api(org.bea)
    order = drafted(bea)
    assert order["needs"] == [
        "1,000.00 EUR of this order comes from no requisition; Bea Hoffmann may decide nothing "
        "alone."
    ]
    assert order["available_actions"] == ["cancel", "edit", "submit"]
    assert (order["holder_name"], order["approval"]) == ("Bea Hoffmann", None)
    early = bea.post(f"/api/v1/orders/{order['id']}/issue/", {}, format="json")
    problem(early, 422, "needs-requisition")

    waits = post(bea, f"orders/{order['id']}/submit/")
    assert (waits["status"], waits["holder_name"]) == ("in_approval", "Dora Lindqvist")
    assert waits["holder"]["name"] == "Dora Lindqvist"
    assert waits["due_at"]
    assert waits["available_actions"] == ["withdraw"]
    again = bea.post(f"/api/v1/orders/{order['id']}/submit/", {}, format="json")
    problem(again, 409, "illegal-transition")
    edited = bea.patch(
        f"/api/v1/orders/{order['id']}/",
        {"title": "Ropes"},
        format="json",
        HTTP_IF_MATCH=f'"{waits["version"]}"',
    )
    assert "withdraw it first" in problem(edited, 409, "illegal-transition")["detail"]

    dora = api(org.dora)
    assert get(dora, f"orders/{order['id']}/")["available_actions"] == []
    step = get(dora, "approvals/?mine=true")["results"][0]
    post(dora, f"approvals/{step['id']}/approve/")
    approved = get(bea, f"orders/{order['id']}/")
    assert approved["approval"]["status"] == approved["status"] == "approved"
    assert approved["available_actions"] == ["cancel", "edit", "issue"]
    done = post(bea, f"orders/{order['id']}/issue/")
    assert (done["status"], done["open_commitment"]) == ("issued", "1000.00")
    assert (done["holder"], done["holder_name"]) == (None, "")
    told = [each["type"] for each in get(bea, f"orders/{order['id']}/history/")["results"]]
    names = ("submitted", "approved", "issued")
    assert {f"purchase_order.{name}" for name in names} <= {*told}


def test_a_covered_order_is_issued_not_sent(org: Any, api: Client) -> None:
    bea, order = api(org.bea), ordered(org)
    assert (order["needs"], order["available_actions"]) == ([], ["cancel", "edit", "issue"])
    refused = bea.post(f"/api/v1/orders/{order['id']}/submit/", {}, format="json")
    problem(refused, 409, "needs-no-approval")
    assert get(bea, f"orders/{order['id']}/")["status"] == "draft"


def test_who_may_not_and_what_is_no_reason(org: Any, api: Client) -> None:
    order = drafted(api(org.bea))
    refused = api(org.cora).post(f"/api/v1/orders/{order['id']}/submit/", {}, format="json")
    problem(refused, 403, "not-allowed")
    said = {"budget_reason": "x" * 2001}
    long = api(org.bea).post(f"/api/v1/orders/{order['id']}/submit/", said, format="json")
    assert problem(long, 422, "invalid")["errors"][0]["pointer"] == "/budget_reason"


def test_a_budget_that_stops_is_named(org: Any, api: Client) -> None:
    bea = api(org.bea)
    order = drafted(bea, "100000")
    refused = bea.post(f"/api/v1/orders/{order['id']}/submit/", {}, format="json")
    assert "CC100" in problem(refused, 409, "budget-exceeded")["errors"][0]["detail"]


def test_taken_back_it_is_a_draft_that_is_edited_and_sent_again(org: Any, api: Client) -> None:
    bea = api(org.bea)
    order = post(bea, f"orders/{drafted(bea)['id']}/submit/")
    back = post(bea, f"orders/{order['id']}/withdraw/", {"reason": "Too much"})
    assert (back["status"], back["approval"]["status"]) == ("draft", "cancelled")
    assert get(api(org.dora), "approvals/?mine=true")["results"] == []
    assert post(bea, f"orders/{order['id']}/submit/")["status"] == "in_approval"


def test_a_currency_without_a_rate_is_said_and_refused(org: Any, api: Client) -> None:
    bea = api(org.bea)
    order = drafted(bea, currency="SEK")
    assert "SEK" in order["needs"][0]
    refused = bea.post(f"/api/v1/orders/{order['id']}/submit/", {}, format="json")
    assert refused.status_code == 422, refused.content
    assert get(bea, f"orders/{order['id']}/")["status"] == "draft"


def test_a_list_takes_as_many_statements_with_more_drafts(org: Any, api: Client) -> None:
    bea = api(org.bea)
    post(bea, f"orders/{drafted(bea)['id']}/submit/")
    ordered(org)
    drafted(bea)

    def statements() -> int:
        with CaptureQueriesContext(connection) as sent:
            get(bea, "orders/")
        return len(sent)

    few = statements()
    for _ in range(3):
        post(bea, f"orders/{drafted(bea)['id']}/submit/")
        ordered(org)
        drafted(bea)
        issued(org)
    assert statements() == few
