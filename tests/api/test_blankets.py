"""Blanket orders over the API: made, released from, read with their log."""

from decimal import Decimal

import pytest

from tests.api.conftest import signed_in
from tests.api.lives import get, post
from tests.api.test_problems import problem
from tests.purchase_orders.making import Maker

LINE = {
    "description": "Cable",
    "quantity": "1500",
    "unit_price": "100",
    "distributions": [{"cost_center": "CC100", "gl_account": "6600"}],
}
BLANKET = {"vendor": "V-1000", "kind": "blanket", "limit": "150000", "lines": [LINE]}


@pytest.fixture
def bea(org):
    org.bea.approval_limit = Decimal(10_000_000)
    org.bea.save()
    return signed_in(org.bea)


@pytest.fixture
def blanket(bea):
    made = post(bea, "orders/", BLANKET, status=201)
    return post(bea, f"orders/{made['id']}/issue/")


def released(bea, blanket, quantity, *, status=201):
    lines = [{"agreement_line": blanket["lines"][0]["id"], "quantity": quantity}]
    return post(bea, f"orders/{blanket['id']}/release/", {"lines": lines}, status=status)


def test_a_blanket_order_without_a_limit_is_refused(bea):
    problem = post(bea, "orders/", {**BLANKET, "limit": None}, status=422)
    assert [each["pointer"] for each in problem["errors"]] == ["/limit"]
    problem = post(bea, "orders/", {**BLANKET, "kind": "standard"}, status=422)
    assert [each["pointer"] for each in problem["errors"]] == ["/limit"]


def test_its_limits_are_shown_and_changed(bea):
    made = post(bea, "orders/", {**BLANKET, "minimum": "10", "valid_to": "2027-12-31"}, status=201)
    assert (made["limit_by"], made["limit"], made["commits"]) == ("amount", "150000.00", "releases")
    assert (made["released"], made["unscheduled_balance"]) == ("0.00", "150000.00")
    assert made["agreement"] is None
    answer = bea.patch(f"/api/v1/orders/{made['id']}/", {"limit": "99.5"}, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["limit"], answer.json()["minimum"]) == ("99.50", "10.00")
    answer = bea.patch(f"/api/v1/orders/{made['id']}/", {"kind": "standard"}, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["limit"], answer.json()["unscheduled_balance"]) == (None, None)


def test_a_release_is_drafted_issued_and_logged(bea, blanket):
    assert "release" in blanket["available_actions"]
    draft = released(bea, blanket, "200")
    assert (draft["kind"], draft["status"], draft["number"]) == ("release", "draft", None)
    assert (draft["agreement"], draft["agreement_number"]) == (blanket["id"], blanket["number"])
    assert draft["lines"][0]["agreement_line"] == blanket["lines"][0]["id"]
    assert draft["limit"] is None
    release = post(bea, f"orders/{draft['id']}/issue/")
    assert release["number"] == f"{blanket['number']}/001"
    assert release["open_commitment"] == "20000.00"
    read = get(bea, f"orders/{blanket['id']}/")
    assert (read["released"], read["unscheduled_balance"]) == ("20000.00", "130000.00")
    assert read["open_commitment"] == "0.00"
    post(bea, f"orders/{draft['id']}/cancel/", {"reason": "Wrong"})
    rows = get(bea, f"orders/{blanket['id']}/drawdown/")["results"]
    assert [(row["cause"], row["amount"], row["released"]) for row in rows] == [
        ("issued", "20000.00", "20000.00"),
        ("cancelled", "-20000.00", "0.00"),
    ]
    assert {row["release_number"] for row in rows} == {release["number"]}
    assert rows[1]["reason"] == "Wrong"


def test_a_refusal_says_what_is_left(bea, blanket):
    problem = released(bea, blanket, "1500.01", status=422)
    assert problem["type"].endswith("beyond-agreement")
    assert [each["pointer"] for each in problem["errors"]] == ["/lines"]
    assert "150,000.00 are left" in problem["detail"]


def test_what_is_no_blanket_order_is_not_released_from(bea, org):
    made = post(bea, "orders/", {"vendor": "V-1000", "lines": [LINE]}, status=201)
    released(bea, made, "1", status=409)
    assert get(bea, f"orders/{made['id']}/drawdown/")["results"] == []


def test_only_buyers_release(org, bea, blanket):
    released(signed_in(org.rob), blanket, "1", status=403)
    released(signed_in(org.rita), blanket, "1", status=404)


def test_releases_are_found_by_their_blanket_order(bea, blanket):
    one = released(bea, blanket, "1")
    found = get(bea, f"orders/?agreement={blanket['number']}")["results"]
    assert [each["id"] for each in found] == [one["id"]]
    assert [each["id"] for each in get(bea, "orders/?kind=blanket")["results"]] == [blanket["id"]]


@pytest.mark.parametrize("quantity", ["0", "-1", "1e5", "NaN", "", None, "9999999999999"])
def test_a_quantity_that_is_none_is_refused(bea, blanket, quantity):
    released(bea, blanket, quantity, status=422)


def test_an_approved_request_becomes_a_release(org, bea, blanket):
    asked = Maker(org).requisition(("10", "100"))
    asked.lines.update(description="Cable")
    said = {"agreement": blanket["number"]}
    path = f"/api/v1/requisitions/{asked.pk}/order/"
    both = bea.post(path, {**said, "quantities": {}}, format="json")
    assert problem(both, 422, "invalid")["errors"][0]["pointer"] == "/quantities"
    made = post(bea, f"requisitions/{asked.pk}/order/", said, status=201)
    assert (made["kind"], made["agreement_number"]) == ("release", blanket["number"])
    assert made["lines"][0]["requisition_line"] == str(asked.lines.get().pk)
    problem(bea.post(path, said, format="json"), 409, "conflict")
    line = {"agreement_line": blanket["lines"][0]["id"], "quantity": "1"}
    line["requisition_line"] = str(asked.lines.get().pk)
    path = f"/api/v1/orders/{blanket['id']}/release/"
    refused = bea.post(path, {"lines": [line]}, format="json")
    assert problem(refused, 422, "invalid")["errors"][0]["code"] == "max_value"
