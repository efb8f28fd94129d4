"""Matching through the services: cleared by itself, stopped with figures, waiting, judged again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from budgets.ledger import BudgetExceeded
from budgets.models import LedgerEntry
from invoicing import matching, services
from invoicing.models import Invoice, MatchException, MatchRun
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from tests.factories import NOW, TODAY
from tests.invoicing.billing import LATER, drain

pytestmark = pytest.mark.django_db


def test_what_agrees_clears_by_itself(org, make, bills):
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "100"))
    assert invoice.status == Invoice.Status.CLEARED
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (10, 1000)
    cell = org.cell("CC100", "6600")
    assert (cell.encumbered, cell.spent) == (0, 1000)
    assert not MatchException.objects.exists()


def test_every_check_is_kept_with_its_figures(make, bills):
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "100"))
    run = invoice.match_runs.get()
    assert {"quantity_received", "unit_price", "tax", "invoice_total"} <= {
        result["check"] for result in run.results
    }
    assert run.inputs["order"]["number"] == order.number
    assert matching.hash_of(run.inputs) == run.inputs_hash
    assert matching.inputs_hash(matching.restored(run.inputs)) == run.inputs_hash


def test_billing_more_than_received_stops_with_figures(make, bills):
    order = make.issued(("100", "1"))
    make.receive(order, "90")
    invoice = bills.billed(order, ("100", "1"))
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    exception = bills.exception(invoice, "quantity_received")
    assert (exception.expected, exception.actual, exception.variance) == ("90", "100", "10")
    assert "10" in exception.sentence
    assert exception.value_at_stake == Decimal("10.00")
    assert not LedgerEntry.objects.filter(document_id=invoice.pk).exists()


def test_a_later_receipt_has_it_judged_again_and_cleared(make, bills):
    order = make.issued(("100", "1"))
    make.receive(order, "90")
    invoice = bills.billed(order, ("100", "1"))
    make.receive(order, "10")
    drain()
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED
    assert invoice.exceptions.get().resolution == MatchException.Resolution.REMATCHED


def test_an_invoice_before_its_receipt_waits_without_exception(make, bills):
    order = make.issued(("10", "100"))
    invoice = bills.billed(order, ("10", "100"))
    assert invoice.status == Invoice.Status.CAPTURED
    assert invoice.waiting_until == LATER.date() + timedelta(days=14)
    assert not invoice.exceptions.exists()


def test_an_order_taken_over_may_have_been_billed_before_we_knew_it(make, bills):
    """The day that it was issued here is not the day that it was placed."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    early = bills.billed(order, ("1", "10"), issue_date=TODAY - timedelta(days=1))
    assert bills.exception(early).check_name == "dates"
    PurchaseOrder.objects.filter(pk=order.pk).update(legacy_number="4500001234")
    assert bills.match(early).status == Invoice.Status.CLEARED


def test_waiting_too_long_becomes_an_exception(make, bills):
    order = make.issued(("10", "100"))
    invoice = bills.billed(order, ("10", "100"))
    late = LATER + timedelta(days=15)
    assert services.rematch_overdue(at=late) == 1
    invoice = bills.match(invoice, at=late)
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    assert bills.exception(invoice).check_name == "quantity_received"


def test_the_same_delivery_twice_judges_once(make, bills):
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    invoice = bills.captured(order, ("10", "100"))
    for _ in range(3):
        bills.match(invoice, key="event 1")
    assert MatchRun.objects.count() == 1
    assert LedgerEntry.objects.filter(document_id=invoice.pk, stage="ACT").count() == 1


def test_an_unknown_order_is_an_exception_and_can_be_linked(finn, make, bills):
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    invoice = bills.billed(None, ("10", "100"), order_reference="PO-9", vendor=order.vendor)
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    services.link_order(invoice=invoice, order_reference=order.number, actor=finn, at=LATER)
    invoice = bills.match(invoice)
    assert invoice.status == Invoice.Status.CLEARED


@pytest.mark.parametrize(
    ("price", "status"), [("10.20", "in_exception"), ("10.15", "cleared"), ("9.00", "cleared")]
)
def test_price_tolerance_two_percent_and_fifteen(make, bills, price, status):
    """PO 100 × 10.00, 2 % AND 15.00 per line: 10.20 is 20.00 over, 10.15 is just 15.00."""
    bills.tolerance("line_amount", percent=2, absolute=15, combine="AND")
    order = make.issued(("100", "10"))
    make.receive(order, "100")
    assert bills.billed(order, ("100", price)).status == status


def test_cumulative_variance_stops_the_second_invoice(make, bills):
    bills.tolerance("line_amount", percent=2, absolute=15, combine="AND")
    order = make.issued(("100", "10"))
    make.receive(order, "100")
    assert bills.billed(order, ("60", "10.20")).status == Invoice.Status.CLEARED
    second = bills.billed(order, ("40", "10.20"))
    assert bills.exception(second).check_name == "cumulative_amount"


def test_two_invoices_of_one_rest_cannot_both_clear(make, bills):
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    first = bills.billed(order, ("10", "100"))
    second = bills.billed(order, ("10", "100"))
    assert first.status == Invoice.Status.CLEARED
    assert second.status == Invoice.Status.IN_EXCEPTION


def test_an_excess_the_budget_cannot_bear_becomes_an_exception(org, fay, make, bills):
    """C11: the part beyond the encumbrance has its own funds check."""
    bills.tolerance("line_amount", percent=50)
    order = make.issued(("10", "50"), coding=make.coding(("CC400", "6600", "100")))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "60"))
    assert bills.exception(invoice).check_name == "budget"
    with pytest.raises(BudgetExceeded):  # whoever accepts it is told at once
        services.resolve(
            exception=bills.exception(invoice), resolution="accept", reason_code="other",
            actor=fay, at=LATER,
        )  # fmt: skip
    assert bills.exception(invoice).check_name == "budget"
    cell = org.cell("CC400", "6600")
    assert (cell.encumbered, cell.spent) == (500, 0)


def test_tax_that_cannot_be_recovered_is_spend(org, make, bills):
    order = make.issued(("1", "100"))
    PurchaseOrderLine.objects.filter(order=order).update(recoverable_percent=0)
    make.receive(order, "1")
    bills.billed(order, ("1", "100"))
    assert org.cell("CC100", "6600").spent == Decimal("119.00")


def test_each_distribution_is_settled_by_its_share(org, make, bills):
    """C25 with a remainder: 100.00 over thirds is 33.33 + 33.33 + 33.34."""
    thirds = make.coding(
        ("CC100", "6600", "33.333333"),
        ("CC100", "6300", "33.333333"),
        ("CC100", "0650", "33.333334"),
    )
    order = make.issued(("1", "100"), coding=thirds)
    make.receive(order, "1")
    bills.billed(order, ("1", "100"))
    spent = [org.cell("CC100", account).spent for account in ("6600", "6300", "0650")]
    assert spent == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]


def test_credit_for_returned_goods_takes_back_spend_and_quantity(org, make, bills):
    """C16: ACT goes down, nothing is encumbered again."""
    order = make.issued(("5", "100"))
    make.receive(order, "5")
    bills.billed(order, ("5", "100"))
    credit = bills.credit(order, ("2", "100"))
    assert credit.status == Invoice.Status.CLEARED
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (3, 300)
    cell = org.cell("CC100", "6600")
    assert (cell.encumbered, cell.spent) == (0, 300)


def test_credit_of_price_only_leaves_the_quantity(org, make, bills):
    """C14: 10 × 2.00 back."""
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    bills.billed(order, ("10", "100"))
    bills.credit(order, ("10", "2"))
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (10, 980)
    assert org.cell("CC100", "6600").spent == 980


def test_clearing_worked_numbers_of_rule_c7(org, make, bills):
    """PO 10 × 10; 6 at 10.50 → ENC 40, ACT 63; 4 at 10.50 → ENC 0, ACT 105."""
    bills.tolerance("line_amount", percent=5)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    bills.billed(order, ("6", "10.50"))
    cell = org.cell("CC100", "6600")
    assert (cell.encumbered, cell.spent) == (40, 63)
    bills.billed(order, ("4", "10.50"))
    cell = org.cell("CC100", "6600")
    assert (cell.encumbered, cell.spent) == (0, 105)


def test_matched_invoice_is_not_judged_again(make, bills):
    order = make.issued(("1", "10"))
    make.receive(order, "1")
    invoice = bills.billed(order, ("1", "10"))
    assert services.match(invoice_id=invoice.pk, key="later", at=NOW) is None


def test_an_exception_that_still_stands_keeps_its_owner_and_age(finn, make, bills):
    order = make.issued(("100", "1"))
    make.receive(order, "90")
    invoice = bills.billed(order, ("100", "1"))
    exception = bills.exception(invoice)
    services.assign(exception=exception, assignee=finn, actor=finn, at=LATER)
    invoice = bills.match(invoice, at=LATER + timedelta(days=1))
    assert bills.exception(invoice).pk == exception.pk
    assert bills.exception(invoice).assignee == finn


def test_lost_tax_falls_on_the_lines_that_carry_it(org, make, bills):
    """Two equal lines, only the second taxed and not recoverable: 19.00 on its account alone."""
    order = make.issued(("1", "100"), ("1", "100"))
    second = order.lines.get(line_number=2)
    second.recoverable_percent = 0
    second.save()
    make.receive(order, "1", "1")
    data = bills.data(order, ("1", "100"), ("1", "100"))
    data = replace(data, lines=[replace(data.lines[0], tax_code="DE0"), data.lines[1]])
    invoice = services.capture(entity=org.entity, data=data, actor=org.finn, at=NOW)
    assert bills.match(invoice).status == Invoice.Status.CLEARED
    assert org.cell("CC100", "6600").spent == Decimal("219.00")
