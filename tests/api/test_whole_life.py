"""One purchase, from the request to the report, over nothing but the API."""

from typing import Any

import pytest

from core import outbox
from tests.api.conftest import Client
from tests.api.lives import approved, billed, get, issued, ordered, post, received
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db


def cell(org: Any, api: Client) -> dict[str, Any]:
    rows = get(api(org.cora), "budgets/?cost_center=CC100&gl_account=6600&fiscal_year=2026")
    return rows["results"][0]


def test_a_purchase_goes_its_whole_life(org: Any, api: Client) -> None:
    requisition = approved(org)
    assert cell(org, api)["pre_encumbered"] == "1000.00"

    bea = api(org.bea)
    draft = post(bea, f"requisitions/{requisition['id']}/order/", status=201)
    assert (draft["status"], draft["number"]) == ("draft", None)
    found = get(bea, f"orders/?requisition={requisition['id']}")["results"]
    assert [each["id"] for each in found] == [draft["id"]]
    assert "issue" in draft["available_actions"]

    order = post(bea, f"orders/{draft['id']}/issue/")
    assert order["number"].startswith("PO-2026-")
    assert (order["net"], order["tax"], order["total"]) == ("1000.00", "190.00", "1190.00")
    assert order["open_commitment"] == "1000.00"
    held = cell(org, api)
    assert (held["pre_encumbered"], held["encumbered"]) == ("0.00", "1000.00")

    outbox.drain()
    pdf = bea.get(f"/api/v1/orders/{order['id']}/pdf/")
    assert pdf.status_code == 200
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"].startswith("attachment")
    assert b"".join(pdf.streaming_content).startswith(b"%PDF-")

    receipt = received(org, order, "6")
    assert receipt["status"] == "posted"
    assert get(bea, f"orders/{order['id']}/")["receipt_status"] == "partial"

    first = billed(org, order, "6")
    assert first["status"] == "cleared", first["match"]
    assert first["match"]["outcome"]
    received(org, order, "4")
    second = billed(org, order, "4", "99.00", number="R-2")
    assert second["status"] == "cleared", second["match"]

    done = get(bea, f"orders/{order['id']}/")
    assert (done["receipt_status"], done["billing_status"]) == ("full", "full")
    assert done["lines"][0]["billed_amount"] == "996.00"
    assert done["open_commitment"] == "0.00"
    spent = cell(org, api)
    assert (spent["encumbered"], spent["spent"]) == ("0.00", "996.00")
    assert spent["available"] == "99004.00"

    entries = get(api(org.cora), f"ledger-entries/?document_id={second['id']}")["results"]
    assert sorted((each["stage"], each["amount"]) for each in entries) == [
        ("ACT", "396.00"),
        ("ENC", "-400.00"),
    ]
    assert {each["event"] for each in entries} == {"invoice.cleared"}
    issue = get(api(org.cora), "ledger-entries/?event=purchase_order.issued")["results"]
    assert {each["document"]["number"] for each in issue} == {order["number"]}
    trace = get(bea, f"orders/{order['id']}/trace/?page_size=200")["results"]
    told = [each["type"] for each in trace]
    for event in (
        "requisition.submitted",
        "requisition.approved",
        "purchase_order.issued",
        "receipt.posted",
        "invoice.captured",
        "invoice.cleared",
    ):
        assert event in told
    assert told.index("requisition.submitted") < told.index("purchase_order.issued")
    assert [each["sequence"] for each in trace] == sorted(each["sequence"] for each in trace)


def test_the_report_ties_to_the_ledger(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "6")
    billed(org, order, "4")
    report = get(api(org.cora), "reports/commitments/?fiscal_year=2026&cost_center=CC100")
    assert (report["ties"], report["difference"]) == (True, "0.00")
    row = next(each for each in report["rows"] if each["gl_account"] == "6600")
    assert {
        name: row[name]
        for name in ("encumbered", "received_not_invoiced", "spent", "available", "budget")
    } == {
        "budget": "100000.00",
        "encumbered": "600.00",
        "received_not_invoiced": "200.00",
        "spent": "400.00",
        "available": "99000.00",
    }


def test_more_billed_than_received_waits_for_a_person(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "9")
    invoice = billed(org, order, "10")
    assert invoice["status"] == "in_exception"
    finding = next(each for each in invoice["exceptions"] if each["status"] == "open")
    assert finding["check"] == "quantity_received"
    finn, fay = api(org.finn), api(org.fay)
    url = f"match-exceptions/{finding['id']}"
    taken = post(finn, f"{url}/assign/", {"assignee": "finn@demo.example"})
    assert (taken["status"], taken["assignee"]["name"]) == ("assigned", org.finn.name)
    no_code = fay.post(f"/api/v1/{url}/resolve/", {"resolution": "accept"}, format="json")
    problem(no_code, 422, "invalid")
    waiting = post(finn, f"{url}/resolve/", {"resolution": "wait_for_receipt"})
    assert waiting["status"] == "resolved"
    received(org, order, "1")
    outbox.drain()
    assert get(finn, f"invoices/{invoice['id']}/")["status"] == "cleared"


def test_the_same_invoice_twice_is_409(org: Any, api: Client) -> None:
    order = issued(org)
    billed(org, order, "1", number="INV-001")
    again = api(org.finn).post(
        "/api/v1/invoices/",
        {
            "number": "inv 1",
            "vendor": "V-1000",
            "issue_date": "2026-03-05",
            "lines": [{"description": "x", "quantity": "1", "unit_price": "1.00"}],
        },
        format="json",
    )
    problem(again, 409, "duplicate-invoice")


def test_a_receipt_is_posted_by_creating_it_and_taken_back_by_its_mirror(
    org: Any, api: Client
) -> None:
    order = issued(org)
    receipt = received(org, order, "6")
    rob = api(org.rob)
    problem(rob.post(f"/api/v1/receipts/{receipt['id']}/post/"), 409, "illegal-transition")
    gone = post(rob, f"receipts/{receipt['id']}/reverse/", {"reason": "Wrong order"})
    assert gone["status"] == "reversed"
    mirror = get(rob, f"receipts/{gone['reversed_by']}/")
    assert (mirror["reverses"], mirror["lines"][0]["quantity"]) == (receipt["id"], "-6")
    assert mirror["available_actions"] == []
    again = rob.post(f"/api/v1/receipts/{receipt['id']}/reverse/", {"reason": "x"}, format="json")
    problem(again, 409, "illegal-transition")


def test_more_than_ordered_is_not_received(org: Any, api: Client) -> None:
    order = issued(org)
    line = {"order_line": order["lines"][0]["id"], "quantity": "10.000001"}
    answer = api(org.rob).post(
        "/api/v1/receipts/", {"order": order["id"], "lines": [line]}, format="json"
    )
    assert problem(answer, 422, "over-receipt")["errors"][0]["pointer"] == "/lines/0/quantity"


def test_the_buyer_does_not_receive_the_own_order(org: Any, api: Client) -> None:
    order = issued(org)
    line = {"order_line": order["lines"][0]["id"], "quantity": "1"}
    answer = api(org.bea).post(
        "/api/v1/receipts/", {"order": order["id"], "lines": [line]}, format="json"
    )
    problem(answer, 403, "segregation-of-duties")


def test_a_closed_order_gives_its_rest_back_and_can_be_reopened(org: Any, api: Client) -> None:
    order = issued(org)
    bea = api(org.bea)
    problem(bea.post(f"/api/v1/orders/{order['id']}/close/"), 422, "invalid")
    held = post(bea, f"orders/{order['id']}/hold/", {"reason": "Dispute"})
    assert held["status"] == "on_hold"
    post(bea, f"orders/{order['id']}/resume/")
    closed = post(bea, f"orders/{order['id']}/close/", {"reason": "Not needed"})
    assert (closed["status"], closed["close_reason"]) == ("closed", "Not needed")
    outbox.drain()
    assert cell(org, api)["encumbered"] == "0.00"
    problem(
        bea.post(f"/api/v1/orders/{order['id']}/close/", {"reason": "x"}, format="json"),
        409,
        "illegal-transition",
    )
    opened = post(bea, f"orders/{order['id']}/reopen/", {"reason": "After all"})
    assert opened["status"] == "issued"
    assert cell(org, api)["encumbered"] == "1000.00"


def test_a_final_invoice_closes_its_order(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "6")
    invoice = billed(org, order, "6", is_final=True)
    assert (invoice["status"], invoice["is_final"]) == ("cleared", True)
    closed = get(api(org.bea), f"orders/{order['id']}/")
    assert (closed["status"], closed["billing_status"]) == ("closed", "final")
    assert invoice["number"] in closed["close_reason"]


def test_an_order_without_a_document_yet_has_no_pdf(org: Any, api: Client) -> None:
    order = issued(org)
    problem(api(org.bea).get(f"/api/v1/orders/{order['id']}/pdf/"), 409, "document-pending")


def test_a_draft_order_is_changed_by_its_buyer(org: Any, api: Client) -> None:
    draft = ordered(org)
    bea = api(org.bea)
    answer = bea.patch(
        f"/api/v1/orders/{draft['id']}/", {"delivery_terms": "DAP Hamburg"}, format="json"
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["delivery_terms"] == "DAP Hamburg"
    assert answer.json()["lines"][0]["net"] == "1000.00"
    assert answer.json()["lines"][0]["requisition_line"] == draft["lines"][0]["requisition_line"]
    problem(
        api(org.finn).patch(f"/api/v1/orders/{draft['id']}/", {"note": "x"}, format="json"),
        403,
        "not-allowed",
    )


def test_nobody_of_the_other_entity_sees_any_of_it(org: Any, api: Client) -> None:
    order = issued(org)
    receipt = received(org, order, "6")
    invoice = billed(org, order, "7")
    outbox.drain()
    nils = api(org.nils)
    paths = [
        f"orders/{order['id']}/",
        f"orders/{order['id']}/pdf/",
        f"orders/{order['id']}/history/",
        f"orders/{order['id']}/trace/",
        f"receipts/{receipt['id']}/",
        f"receipts/{receipt['id']}/history/",
        f"invoices/{invoice['id']}/",
        f"invoices/{invoice['id']}/history/",
        f"match-exceptions/{invoice['exceptions'][0]['id']}/",
    ]
    for path in paths:
        problem(nils.get(f"/api/v1/{path}"), 404, "not-found")
    for path in ("orders", "receipts", "invoices", "match-exceptions", "ledger-entries", "events"):
        assert get(nils, f"{path}/")["results"] == [], path
    line = {"order_line": order["lines"][0]["id"], "quantity": "1"}
    answer = nils.post("/api/v1/receipts/", {"order": order["id"], "lines": [line]}, format="json")
    assert {each["pointer"] for each in problem(answer, 422, "invalid")["errors"]} == {
        "/order",
        "/lines/0/order_line",
    }
