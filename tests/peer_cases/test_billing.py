"""Two-way and three-way matching as other systems test it."""

from decimal import Decimal

import pytest

from core import outbox
from invoicing.models import Invoice
from purchase_orders import services as orders
from purchase_orders.queries import billing_status, receipt_status
from tests.factories import NOW
from tests.peer_cases.cases import figure

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("match_type", ["2-way", "3-way"])
def test_erpnext_order_bill_first(stage, case, match_type):
    given = case("erpnext-order-bill-first")
    order = stage.ordered(given.given["order"]["lines"], match_type=match_type)
    first = stage.bill(order, (1, "10"))
    assert first.status == ("cleared" if match_type == "2-way" else "captured")
    stage.receive(order, "10")
    outbox.drain()
    assert given.finally_expected["order"] == {"received_pct": "100", "billed_pct": "100"}
    assert (receipt_status(order), billing_status(order)) == ("full", "full")


def test_odoo_bill_on_received(stage, case):
    given = case("odoo-bill-on-received")
    order = stage.ordered(given.given["order"]["lines"])
    early = stage.bill(order, (1, "5"), (2, "5"))
    assert (early.status, early.exceptions.count()) == ("captured", 0)
    stage.receive(order, "5", "5")
    outbox.drain()
    early.refresh_from_db()
    assert early.status == "cleared"
    for row in given.expected_after(3)["lines"]:
        assert stage.line(order, row["line"]).billed_quantity == figure(row["billed"])


def test_odoo_refund_after_correction_ordered(stage, case):
    """Billing follows the order, so taking goods back changes nothing that was billed."""
    given = case("odoo-refund-after-correction-ordered")
    order = stage.ordered(given.given["order"]["lines"], match_type="2-way")
    receipt = stage.receive(order, "10")
    stage.bill(order, (1, "10"))
    orders.reverse_receipt(receipt=receipt, reason="Half", actor=stage.org.rob, at=NOW)
    stage.receive(order, given.steps[2]["qty"])
    outbox.drain()
    assert stage.line(order).received == figure(given.steps[2]["qty"])
    expected = given.finally_expected["lines"][0]["billed"]
    assert stage.line(order).billed_quantity == figure(expected)


def test_odoo_return_and_credit(stage, case):
    """Otherwise in order only: the credit note comes first; its figures are the case's."""
    given = case("odoo-return-and-credit")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "5", "5")
    stage.bill(order, (1, "5"), (2, "5"))
    credit = stage.bill(order, (1, "2"), (2, "2"), kind=Invoice.Kind.CREDIT_NOTE)
    assert credit.status == "cleared"
    for row in given.expected_after(4)["lines"]:
        assert stage.line(order, row["line"]).billed_quantity == figure(row["billed"])
    assert stage.cell().spent == 3 * 500 + 3 * 250


def test_oca_return_before_bill(stage, case):
    """A return before the bill: the receipt's mirror, and a new receipt of what stayed."""
    given = case("oca-return-before-bill")
    order = stage.ordered(given.given["order"]["lines"])
    receipt = stage.receive(order, "5")
    orders.reverse_receipt(receipt=receipt, reason="Two go back", actor=stage.org.rob, at=NOW)
    stage.receive(order, "3")
    expected = given.finally_expected["bill"]
    too_much = stage.bill(order, (1, "5"))
    assert too_much.status == "in_exception"
    bill = stage.bill(order, (1, expected["qty"]))
    assert bill.net == figure(expected["net"])


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_oca_open_quantities(stage, case, index):
    asked, expected = case("oca-open-quantities").alternatives[index]
    match_type = "2-way" if asked["bill_on"] == "ordered" else "3-way"
    order = stage.ordered([{"qty": asked["ordered"], "price": "10"}], match_type=match_type)
    if figure(asked["received"]):
        stage.receive(order, asked["received"])
    assert stage.line(order).open_quantity == figure(expected["to_receive"])
    to_bill = figure(expected["to_bill"])
    if to_bill:
        assert stage.bill(order, (1, to_bill)).status == "cleared"
    over = stage.bill(order, (1, "0.01"))
    assert over.status != "cleared"


def test_tryton_order_billed_on_order(stage, case):
    given = case("tryton-order-billed-on-order")
    order = stage.ordered(given.given["order"]["lines"], match_type="2-way", tax_code="DE19")
    expected = given.finally_expected["order"]
    assert order.net == figure(expected["net"])
    assert order.total == order.net + order.tax
    bill = stage.bill(order, (1, "2"), (2, "3"), tax=True)
    assert (bill.status, bill.net, bill.gross) == ("cleared", order.net, order.total)


def test_tryton_order_billed_on_receipt(stage, case):
    given = case("tryton-order-billed-on-receipt")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "2", "3")
    first, second = stage.bill(order, (1, "1"), (2, "1")), stage.bill(order, (1, "1"), (2, "2"))
    assert (first.status, second.status) == ("cleared", "cleared")
    billed = sum(line.billed_quantity for line in order.lines.all())
    assert billed == figure(given.expected_after(3)["sum_of_quantities"])


def test_tryton_receive_half(stage, case):
    given = case("tryton-receive-half")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "5")
    expected = given.finally_expected
    assert stage.line(order).open_quantity == figure(expected["lines"][0]["to_receive"])
    assert stage.bill(order, (1, Decimal("5.01"))).status == "in_exception"
    other = stage.ordered(given.given["order"]["lines"])
    stage.receive(other, "5")
    assert stage.bill(other, (1, expected["bill"]["qty"])).status == "cleared"


def test_tryton_bill_line_removed(stage, case):
    given = case("tryton-bill-line-removed")
    order = stage.ordered(given.given["order"]["lines"], match_type="2-way")
    assert stage.bill(order, (1, "1")).status == "cleared"
    assert billing_status(order) == "partial"
    for number in given.finally_expected["new_bill"]["lines"]:
        assert stage.bill(order, (number, "1")).status == "cleared"
    assert billing_status(order) == "full"


def test_idempiere_bill_before_receipt(stage, case):
    given = case("idempiere-bill-before-receipt")
    order = stage.ordered(given.given["order"]["lines"])
    bill = stage.bill(order, (1, "3"))
    assert (bill.status, bill.exceptions.count()) == ("captured", 0)
    stage.receive(order, "3")
    outbox.drain()
    bill.refresh_from_db()
    assert bill.status == "cleared"


def test_idempiere_receipt_before_bill(stage, case):
    given = case("idempiere-receipt-before-bill")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "3")
    assert stage.bill(order, (1, "3")).status == "cleared"
    assert stage.line(order).billed_quantity == figure(given.finally_expected["matches"][0]["qty"])


WARNINGS = {
    "exceeds received not billed": ("quantity_received", "exception"),
    "exceeds ordered not billed": ("quantity_ordered", "exception"),
    "received above ordered": ("quantity_received", "flag"),
}


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4])
def test_bc_match_warnings(stage, case, index):
    given = case("bc-match-warnings")
    asked, expected = given.alternatives[index]
    order = stage.ordered([{"qty": given.given["ordered"], "price": "1"}], over="50")
    stage.receive(order, asked["received"])
    if figure(asked["billed_before"]):
        assert stage.bill(order, (1, asked["billed_before"])).status == "cleared"
    bill = stage.bill(order, (1, asked["bill"]))
    seen = {
        (result["check"], result["outcome"])
        for result in bill.match_runs.latest("at").results
        if result["check"].startswith("quantity") and result["outcome"] != "pass"
    }
    assert {WARNINGS[warning] for warning in expected["warnings"]} <= seen
    assert (bill.status == "cleared") == (
        not any(WARNINGS[warning][1] == "exception" for warning in expected["warnings"])
    )


@pytest.mark.parametrize("index", [0, 1])
def test_bc_match_two_lines(stage, case, index):
    """Two bill lines on one order line are judged together."""
    given = case("bc-match-two-lines")
    asked, expected = given.alternatives[index]
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, given.given["received"])
    bill = stage.bill(order, *[(1, quantity) for quantity in asked["bill_lines"]])
    if expected["outcome"] == "ok":
        assert bill.status == "cleared"
        assert stage.line(order).billed_quantity == 5
    else:
        assert stage.checks(bill) >= {"quantity_received"}
        exception = bill.exceptions.get(check_name="quantity_received")
        assert exception.variance == "1"


def test_oca_plan_limits(stage, case):
    """Otherwise: there is no plan of instalments; a bill of 2 with 1 received stops by 1."""
    given = case("oca-plan-limits")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, given.given["cases"][2]["received"])
    bill = stage.bill(order, (1, "2"))
    assert bill.exceptions.get(check_name="quantity_received").variance == "1"
