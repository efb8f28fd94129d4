"""What people decide: accept within authority, return, wait, reject, dispute, void."""

from decimal import Decimal

import pytest

from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from invoicing import services
from invoicing.inputs import InvoiceLineInput
from invoicing.models import Invoice, MatchException
from purchase_orders.models import PurchaseOrderLine
from tests.factories import NOW
from tests.invoicing.billing import drain

pytestmark = pytest.mark.django_db
Resolution = MatchException.Resolution


@pytest.fixture
def stopped(make, bills):
    """100 × 1.00 ordered, 90 received, 100 billed."""
    order = make.issued(("100", "1"))
    make.receive(order, "90")
    return bills.billed(order, ("100", "1"))


def resolve(exception, actor, resolution=Resolution.ACCEPTED, **given):
    given.setdefault("reason_code", "quantity_agreed")
    return services.resolve(
        exception=exception, resolution=resolution, actor=actor, at=NOW, **given
    )


@pytest.mark.parametrize("name", ["rita", "axel", "rob", "cora", "olga", "ada", "nils", "bea"])
def test_only_accounts_payable_resolves(org, bills, stopped, name):
    with pytest.raises(DomainError):
        resolve(bills.exception(stopped), org.people[name])
    stopped.refresh_from_db()
    assert stopped.status == Invoice.Status.IN_EXCEPTION


def test_who_captured_it_does_not_accept_it(finn, bills, stopped):
    with pytest.raises(NotAllowed):
        resolve(bills.exception(stopped), finn)
    assert bills.exception(stopped).status == MatchException.Status.OPEN


def test_accepting_needs_a_reason_code(fay, bills, stopped):
    with pytest.raises(Invalid):
        resolve(bills.exception(stopped), fay, reason_code="because")


def test_accepting_above_the_limit_is_refused(org, finn, fay, make, bills):
    order = make.issued(("100", "10"))
    make.receive(order, "80")
    invoice = bills.billed(order, ("100", "10"), actor=fay)
    with pytest.raises(NotAllowed, match="limit"):
        resolve(bills.exception(invoice), finn)


@pytest.mark.parametrize(("limit", "allowed"), [("9.99", False), ("10.00", True)])
def test_the_limit_includes_its_amount(fay, bills, stopped, limit, allowed):
    fay.variance_limit = Decimal(limit)
    exception = bills.exception(stopped)
    if allowed:
        resolve(exception, fay)
    else:
        with pytest.raises(NotAllowed):
            resolve(exception, fay)


@pytest.mark.parametrize(
    ("received", "lines", "rate", "check", "value"),
    [
        ("10", [("10", "11")], 1, "unit_price", "10"),  # 1.00 a piece
        ("10", [("10", "11")], 2, "line_amount", "20"),  # in base currency
        ("5", [("10", "10")], 1, "quantity_received", "50"),
        ("5", [("10", "100", 10)], 1, "quantity_received", "50"),  # per ten
        ("10", [("1", "10", 1, "KGM")], 1, "unit", "10"),  # no figure says it: all of the line
    ],
)
def test_what_accepting_costs(make, bills, received, lines, rate, check, value):
    order = make.issued(("10", "10"))
    make.receive(order, received)
    said = [
        InvoiceLineInput(
            quantity=Decimal(quantity), unit_price=Decimal(price), order_line_reference="1",
            price_base_quantity=Decimal(more[0] if more else 1), unit=more[1] if more[1:] else "",
        )
        for quantity, price, *more in lines
    ]  # fmt: skip
    invoice = bills.captured(order, lines=said)
    Invoice.objects.filter(pk=invoice.pk).update(rate=rate)
    assert bills.exception(bills.match(invoice), check).value_at_stake == Decimal(value)


@pytest.mark.parametrize(("limit", "allowed"), [("19.99", False), ("20.00", True)])
def test_the_limit_is_for_the_invoice_not_for_each_of_its_lines(fay, make, bills, limit, allowed):
    """Of each line 10.00, of which three checks speak; the order's total says 20.00 once more."""
    fay.variance_limit = Decimal(limit)
    order = make.issued(("10", "10"), ("10", "10"))
    make.receive(order, "10", "10")
    invoice = bills.billed(order, ("10", "11"), ("10", "11"))
    first = invoice.exceptions.filter(line__line_number=1)
    second = invoice.exceptions.filter(line__line_number=2)
    assert first.count() == second.count() == 3
    for exception in first:
        resolve(exception, fay)
    if not allowed:
        with pytest.raises(NotAllowed, match=r"accepted on this invoice, 20\.00 is above"):
            resolve(second[0], fay)
        return
    for exception in second:
        resolve(exception, fay)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED


def test_accepting_the_last_exception_clears_the_invoice(org, fay, bills, stopped):
    resolve(bills.exception(stopped), fay)
    stopped.refresh_from_db()
    assert stopped.status == Invoice.Status.CLEARED
    assert org.cell("CC100", "6600").spent == 100
    exception = stopped.exceptions.get()
    assert (exception.resolution, exception.resolved_by) == (Resolution.ACCEPTED, fay)


def test_a_resolved_exception_is_not_resolved_again(fay, bills, stopped):
    exception = bills.exception(stopped)
    resolve(exception, fay)
    with pytest.raises(IllegalTransition):
        resolve(exception, fay)


def test_returning_tells_why_and_closes_its_exceptions(finn, bills, stopped):
    resolve(
        bills.exception(stopped), finn, Resolution.RETURNED, reason_code="QTY", comment="Ten short"
    )
    stopped.refresh_from_db()
    assert (stopped.status, stopped.return_code) == (Invoice.Status.RETURNED, "QTY")
    assert not stopped.exceptions.unresolved().exists()


def test_waiting_keeps_it_until_the_receipt(finn, make, bills, stopped):
    resolve(bills.exception(stopped), finn, Resolution.WAITED)
    stopped.refresh_from_db()
    assert stopped.status == Invoice.Status.CAPTURED
    assert stopped.waiting_until is not None
    make.receive(stopped.order, "10")
    drain()
    stopped.refresh_from_db()
    assert stopped.status == Invoice.Status.CLEARED


def test_an_accepted_variance_is_not_raised_again_at_the_same_figures(fay, make, bills):
    order = make.issued(("10", "10"), ("10", "10"))
    make.receive(order, "5", "10")
    invoice = bills.billed(order, ("10", "10"), ("10", "11"))
    for exception in invoice.exceptions.unresolved():
        if exception.check_name != "quantity_received":
            resolve(exception, fay, reason_code="price_agreed")
    make.receive(order, "5")
    drain()
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED


def test_unlinked_lines_cannot_be_accepted(fay, bills):
    invoice = bills.billed(None, ("1", "10"), order_reference="PO-404", vendor_name="Nobody")
    for exception in invoice.exceptions.unresolved():
        try:
            resolve(exception, fay, reason_code="other")
        except (NotAllowed, Conflict):
            continue
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.IN_EXCEPTION


@pytest.mark.parametrize("verb", ["reject", "dispute"])
def test_rejecting_and_disputing_need_a_reason(finn, stopped, verb):
    with pytest.raises(Invalid):
        getattr(services, verb)(invoice=stopped, reason=" ", actor=finn, at=NOW)
    stopped.refresh_from_db()
    assert stopped.status == Invoice.Status.IN_EXCEPTION


def test_a_disputed_invoice_is_matched_again_on_request(finn, bills, stopped):
    services.dispute(invoice=stopped, reason="Where are the ten?", actor=finn, at=NOW)
    services.request_match(invoice=stopped, actor=finn, at=NOW)
    assert bills.match(stopped).status == Invoice.Status.IN_EXCEPTION


def test_clearing_with_open_exceptions_is_refused(fay, stopped):
    with pytest.raises(Conflict):
        services.clear(invoice=stopped, actor=fay, at=NOW)


@pytest.mark.parametrize("name", ["finn", "rita", "bea", "cora", "nils"])
def test_only_the_ap_manager_voids(org, make, bills, name):
    order = make.issued(("1", "10"))
    make.receive(order, "1")
    invoice = bills.billed(order, ("1", "10"))
    with pytest.raises(NotAllowed):
        services.void(invoice=invoice, reason="oops", actor=org.people[name], at=NOW)


def test_voiding_mirrors_the_books_and_the_order(org, fay, make, bills):
    """C17: exact mirror, encumbered again while the line is open."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("4", "10"))
    services.void(invoice=invoice, reason="Wrong order", actor=fay, at=NOW)
    cell = org.cell("CC100", "6600")
    assert (cell.encumbered, cell.spent) == (100, 0)
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (0, 0)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.VOID


def test_voiding_a_credit_note_gives_back_exactly_what_it_took(org, fay, make, bills):
    """Its quantity was fixed when it cleared, whatever the billed average became since."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    bills.billed(order, ("10", "10"))
    credit = bills.credit(order, ("2", "10"))
    bills.credit(order, ("4", "1"))
    services.void(invoice=credit, reason="Goods were kept", actor=fay, at=NOW)
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (10, 96)
    assert org.cell("CC100", "6600").spent == 96
