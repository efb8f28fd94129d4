"""Change orders over the API."""

from typing import Any

import pytest

from tests.api.conftest import Client
from tests.api.lives import get, issued, post
from tests.api.test_problems import problem
from tests.purchase_orders.blankets import Blankets
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db


def body(order: dict[str, Any], **facts: Any) -> dict[str, Any]:
    line = order["lines"][0]["id"]
    return {
        "order": order["number"],
        "reason_code": "need",
        "reason": "More people",
        "lines": [{"order_line": line, **facts}],
    }


def test_a_change_from_draft_to_the_next_revision(org: Any, api: Client) -> None:
    bea, order = api(org.bea), issued(org)
    made = post(bea, "change-orders/", body(order, quantity="12"), status=201)
    assert (made["status"], made["difference"], made["base_revision"]) == ("draft", "200.00", 1)
    assert made["available_actions"] == ["edit", "submit", "withdraw"]
    waiting = post(bea, f"change-orders/{made['id']}/submit/")
    assert (waiting["status"], bool(waiting["needs"])) == ("in_approval", True)
    while waiting["status"] == "in_approval":
        holder = waiting["approval"]["steps"]
        person = next(
            each
            for each in org.people.values()
            if each.name in [step["assignee"]["name"] for step in holder
                             if step["status"] == "active"]
        )  # fmt: skip
        client = api(person)
        for step in get(client, "approvals/?mine=true")["results"]:
            post(client, f"approvals/{step['id']}/approve/")
        waiting = get(bea, f"change-orders/{made['id']}/")
    issued_change = post(bea, f"change-orders/{made['id']}/issue/")
    assert issued_change["status"] == "issued"
    now = get(bea, f"orders/{order['id']}/")
    assert (now["revision"], now["net"], now["open_commitment"]) == (2, "1200.00", "1200.00")
    told = get(bea, f"change-orders/{made['id']}/history/")["results"]
    assert next(iter(told))["type"] == "change_order.drafted"
    row = next(each for each in issued_change["differences"] if each["field"].endswith("quantity"))
    assert (row["old"], row["new"]) == ("10", "12")


def test_less_is_approved_at_once_and_a_draft_can_be_edited(org: Any, api: Client) -> None:
    bea, order = api(org.bea), issued(org)
    made = post(bea, "change-orders/", body(order, quantity="12"), status=201)
    edited = bea.patch(
        f"/api/v1/change-orders/{made['id']}/",
        {"lines": body(order, quantity="9")["lines"], "terms": {"note": "Ring twice"}},
        format="json",
        HTTP_IF_MATCH='"1"',
    )
    assert edited.status_code == 200, edited.content
    assert edited.json()["terms"]["note"] == "Ring twice"
    passed = post(bea, f"change-orders/{made['id']}/submit/")
    assert (passed["status"], passed["needs"], passed["approval"]) == ("approved", [], None)
    gone = post(bea, f"change-orders/{made['id']}/withdraw/", {"reason": "Not now"})
    assert gone["status"] == "withdrawn"


def test_refusals_name_the_field_or_the_state(org: Any, api: Client) -> None:
    bea, order = api(org.bea), issued(org)
    refused = bea.post("/api/v1/change-orders/", body(order, quantity="-1"), format="json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/lines/0/quantity"
    made = post(bea, "change-orders/", body(order, quantity="9"), status=201)
    again = bea.post("/api/v1/change-orders/", body(order, quantity="8"), format="json")
    problem(again, 409, "conflict")
    early = bea.post(f"/api/v1/change-orders/{made['id']}/issue/", {}, format="json")
    problem(early, 409, "illegal-transition")
    assert api(org.rita).get(f"/api/v1/change-orders/{made['id']}/").status_code == 200
    assert api(org.nils).get(f"/api/v1/change-orders/{made['id']}/").status_code == 404
    assert get(bea, f"change-orders/?order={order['number']}&status=draft")["results"]


def test_the_figures_of_a_blanket_order_change_by_terms(org: Any, api: Client) -> None:
    bea, blanket = api(org.bea), Blankets(Maker(org)).issued(commits="limit")
    said = {"order": blanket.number, "reason_code": "need", "reason": "More people"}
    made = post(bea, "change-orders/", {**said, "terms": {"limit": "120000"}}, status=201)
    assert (made["difference"], made["terms"]["limit"]) == ("-30000.00", "120000.00")
    assert made["terms"]["minimum"] == "0.00"
    answer = bea.patch(
        f"/api/v1/change-orders/{made['id']}/",
        {"terms": {"minimum": "120000.01"}},
        format="json",
    )
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "/minimum"
    post(bea, f"change-orders/{made['id']}/submit/")
    post(bea, f"change-orders/{made['id']}/issue/")
    now = get(bea, f"orders/{blanket.pk}/")
    assert (now["limit"], now["open_commitment"]) == ("120000.00", "120000.00")
    order = issued(org)
    refused = bea.post(
        "/api/v1/change-orders/", {**body(order), "terms": {"limit": "1"}}, format="json"
    )
    assert problem(refused, 422, "invalid")["errors"][0]["code"] == "not_here"
