"""What changed between a judgement and a decision, or before a late delivery, is seen."""

from datetime import timedelta
from decimal import Decimal

import pytest

from budgets.models import FiscalYear
from core.errors import Conflict, IllegalTransition
from core.models import StoredFile, TrailEvent
from invoicing import services, tasks
from invoicing.models import Invoice, MatchException, MatchRun
from purchase_orders import services as orders
from purchase_orders.models import PurchaseOrderLine
from tests.factories import NOW
from tests.invoicing.billing import LATER, drain
from vendors import services as vendors

pytestmark = pytest.mark.django_db
Status = Invoice.Status


@pytest.fixture(autouse=True)
def proved(books_hold):
    """The books hold whatever a test here did."""


def accept_all(invoice, actor):
    for exception in invoice.exceptions.unresolved():
        services.resolve(
            exception=exception,
            resolution=MatchException.Resolution.ACCEPTED,
            reason_code="price_agreed",
            actor=actor,
            at=NOW,
        )
    return Invoice.objects.get(pk=invoice.pk)


@pytest.fixture
def overtaken(make, bills):
    """A dear invoice of all ten, judged while the only other one still waited; that one cleared."""
    order = make.issued(("10", "10"))
    first = bills.billed(order, ("10", "10"))
    assert first.status == Status.CAPTURED
    make.receive(order, "10")
    dear = bills.billed(order, ("10", "11"))
    assert {each.check_name for each in dear.exceptions.unresolved()} >= {"unit_price"}
    assert bills.match(first).status == Status.CLEARED
    return dear


def test_accepting_a_price_does_not_let_quantities_pass_that_others_billed(
    org, fay, bills, overtaken
):
    invoice = accept_all(overtaken, fay)
    assert invoice.status == Status.IN_EXCEPTION
    assert "quantity_ordered" in {each.check_name for each in invoice.exceptions.unresolved()}
    assert PurchaseOrderLine.objects.get().billed_quantity == 10
    assert org.cell("CC100", "6600").spent == 100


def test_what_waits_for_a_person_claims_its_part_of_the_order(make, bills):
    """Nobody bills beside it what it may still be paid for."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    dear = bills.billed(order, ("10", "11"))
    second = bills.billed(order, ("10", "10"))
    assert "quantity_ordered" in {each.check_name for each in second.exceptions.unresolved()}
    assert dear.exceptions.filter(check_name__startswith="quantity").count() == 0


def test_what_is_new_can_be_accepted_then(fay, overtaken):
    stopped = accept_all(overtaken, fay)
    assert accept_all(stopped, fay).status == Status.CLEARED
    assert PurchaseOrderLine.objects.get().billed_quantity == 20


def test_what_was_received_and_taken_back_waits_again(rob, fay, make, bills):
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "5")
    invoice = bills.billed(order, ("10", "10"))
    orders.reverse_receipt(receipt=receipt, reason="Wrong", actor=rob, at=NOW)
    assert accept_all(invoice, fay).status == Status.CAPTURED


def test_what_may_not_be_accepted_any_more_stops_though_it_was_accepted(fay, make, bills):
    rule = bills.tolerance("unit_price", percent=1)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "11"))
    rule.action = "block"
    rule.save()
    stopped = accept_all(invoice, fay)
    assert stopped.status == Status.IN_EXCEPTION
    assert bills.exception(stopped).outcome == "block"


def test_clearing_by_hand_looks_again_too(fay, bills, overtaken):
    for exception in overtaken.exceptions.unresolved():
        exception.resolve(actor=fay, at=NOW, resolution="accept")
        exception.save()
    with pytest.raises(Conflict, match="again"):
        services.clear(invoice=overtaken, actor=fay, at=NOW)
    overtaken.refresh_from_db()
    assert overtaken.status == Status.IN_EXCEPTION


def test_who_waits_is_not_cleared_by_hand(fay, make, bills):
    invoice = bills.billed(make.issued(("10", "10")), ("10", "10"))
    with pytest.raises(IllegalTransition):
        services.clear(invoice=invoice, actor=fay, at=NOW)


@pytest.fixture
def disputed(finn, make, bills):
    """90 of 100 came, all are billed; somebody argues with the vendor."""
    order = make.issued(("100", "1"))
    make.receive(order, "90")
    invoice = bills.billed(order, ("100", "1"))
    return services.dispute(invoice=invoice, reason="Where are ten?", actor=finn, at=NOW)


def test_a_receipt_does_not_end_a_dispute(make, disputed):
    make.receive(disputed.order, "10")
    drain()
    disputed.refresh_from_db()
    assert disputed.status == Status.DISPUTED


def test_a_match_promised_before_the_dispute_comes_too_late(make, disputed):
    key = "promised by a receipt"
    assert services.match(invoice_id=disputed.pk, key=key, at=LATER, asked=False) is None
    disputed.refresh_from_db()
    assert disputed.status == Status.DISPUTED


@pytest.mark.parametrize("verb", ["reject", "return_to_vendor"])
def test_a_match_promised_before_it_went_back_comes_too_late(finn, disputed, verb):
    code = {"code": "OTH"} if verb == "return_to_vendor" else {}
    getattr(services, verb)(invoice=disputed, reason="Not ours", actor=finn, at=NOW, **code)
    assert services.match(invoice_id=disputed.pk, key="promised", at=LATER) is None


def test_whoever_asks_ends_the_dispute(finn, make, disputed):
    make.receive(disputed.order, "10")
    services.request_match(invoice=disputed, actor=finn, at=NOW)
    drain()
    disputed.refresh_from_db()
    assert disputed.status == Status.CLEARED


def test_a_receipt_asks_for_all_that_wait_and_passes_over_what_is_settled(finn, make, bills):
    order = make.issued(("10", "10"))
    gone, waits = bills.billed(order, ("4", "10")), bills.billed(order, ("6", "10"))
    services.reject(invoice=gone, reason="Not ours", actor=finn, at=NOW)
    assert services.rematch_order(order_id=order.pk, actor=None, at=NOW) == 1
    make.receive(order, "10")
    drain()
    waits.refresh_from_db()
    assert waits.status == Status.CLEARED


def test_a_vendor_that_may_be_paid_again_has_judged_again_what_stopped_for_it(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    known = {"vendor": order.vendor, "actor": org.vera}
    vendors.suspend(**known, at=NOW, reason="Under review")
    stopped = bills.billed(order, ("4", "10"))
    assert bills.exception(stopped).check_name == "vendor"
    dear = bills.billed(order, ("1", "12"))
    drain()
    vendors.reinstate(**known, at=NOW)
    event = TrailEvent.objects.get(type="vendor.reinstated")
    for _ in range(2):
        tasks.rematch_after_approval(event_id=str(event.pk), document_id=str(order.vendor_id))
    assert (asked_for(stopped), asked_for(dear)) == (1, 1)
    drain()
    stopped.refresh_from_db()
    assert stopped.status == Status.CLEARED
    assert "vendor" not in {each.check_name for each in dear.exceptions.unresolved()}


def test_in_a_closed_year_the_match_stops_for_a_person_instead_of_failing(finn, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    years = FiscalYear.objects.filter(entity=order.entity)
    years.update(is_open=False)
    invoice = bills.billed(order, ("10", "10"))
    assert invoice.status == Status.IN_EXCEPTION
    assert "closed" in bills.exception(invoice, "budget").sentence
    years.update(is_open=True)
    assert bills.match(invoice).status == Status.CLEARED


def test_the_day_of_waiting_is_over_when_it_is_over_where_we_are(make, bills):
    """At 22:30 UTC it is the next day in Hamburg, from the end of March on."""
    order = make.issued(("10", "10"))
    invoice = bills.billed(order, ("10", "10"))
    until = invoice.waiting_until
    late = NOW.replace(month=until.month, day=until.day, hour=22, minute=30)
    assert services.rematch_overdue(at=late) == 0
    assert services.rematch_overdue(at=late + timedelta(hours=1)) == 1


def test_naming_the_order_does_not_make_a_second_invoice_of_one_number(finn, make, bills):
    """It was captured for a vendor nobody knew; the order names one who sent that number before."""
    order = make.issued(("10", "10"))
    bills.captured(order, ("1", "10"), number="R-77")
    unknown = bills.captured(None, ("1", "10"), number="R 77", vendor_name="Somebody")
    with pytest.raises(services.DuplicateInvoice):
        services.link_order(invoice=unknown, order_reference=order.number, actor=finn, at=NOW)
    unknown.refresh_from_db()
    assert unknown.order is None and unknown.vendor is None


def test_a_refused_file_leaves_nothing(rita, org, documents):
    data = (documents / "invoice.xml").read_bytes()
    with pytest.raises(Exception, match="accounts payable"):
        services.import_file(entity=org.entity, data=data, filename="a.xml", actor=rita, at=NOW)
    assert not StoredFile.objects.exists()


def test_one_judgement_per_key_however_often_it_is_delivered(make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.captured(order, ("4", "10"))
    for _ in range(3):
        services.match(invoice_id=invoice.pk, key="once", at=LATER)
    assert MatchRun.objects.filter(invoice=invoice).count() == 1
    assert PurchaseOrderLine.objects.get().billed_quantity == Decimal(4)


def asked_for(invoice):
    events = TrailEvent.objects.filter(document_id=invoice.pk, type="invoice.match_requested")
    return events.count()


def told_again(receipt):
    """What the worker does when the receipt's work is delivered once more."""
    event = TrailEvent.objects.get(document_id=receipt.pk, type="receipt.posted")
    tasks.rematch_after_receipt(event_id=str(event.pk), document_id=str(receipt.pk))


def test_a_receipt_asks_once_for_each_invoice_however_often_it_is_delivered(make, bills):
    order = make.issued(("10", "10"))
    invoice = bills.billed(order, ("4", "10"))
    first, second = make.receive(order, "1"), make.receive(order, "1")
    for receipt in (first, first, second, first):
        told_again(receipt)
    assert asked_for(invoice) == 1  # one judgement sees both
    third = make.receive(order, "1")
    told_again(first)
    assert asked_for(invoice) == 1
    told_again(third)
    assert asked_for(invoice) == 2


def test_a_receipt_that_is_told_late_asks_for_nothing_that_came_after_it(finn, make, bills):
    """An invoice captured, linked or judged since then knows the receipt, or will know it."""
    order = make.issued(("10", "10"))
    early = bills.billed(order, ("1", "10"))
    receipt = make.receive(order, "1")
    later = [bills.captured(order, ("4", "10")), bills.billed(order, ("5", "10"))]
    astray = bills.billed(None, ("6", "10"), vendor=order.vendor)
    services.link_order(invoice=astray, order_reference=order.number, actor=finn, at=NOW)
    assert bills.match(early).status == Status.CLEARED
    before = TrailEvent.objects.count()
    told_again(receipt)
    assert TrailEvent.objects.count() == before
    assert [asked_for(each) for each in (early, *later, astray)] == [0, 0, 0, 1]


def test_whoever_waits_since_a_receipt_that_no_judgement_saw_is_asked_for(org, fay, make, bills):
    """A person sends the invoice back to waiting before the worker hears of the receipt."""
    order = make.issued(("10", "10"))
    invoice = bills.billed(order, ("4", "12"))
    receipt = make.receive(order, "4")
    services.resolve(
        exception=invoice.exceptions.unresolved()[0],
        resolution=MatchException.Resolution.WAITED,
        reason_code="",
        comment="It is on its way.",
        actor=fay,
        at=NOW,
    )
    told_again(receipt)
    assert asked_for(invoice) == 1


def test_accepting_all_from_an_exception_that_somebody_settled_accepts_nothing(fay, bills, make):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    early = NOW.date() - timedelta(days=1)
    invoice = bills.billed(order, ("4", "12"), issue_date=early)
    seen = invoice.exceptions.unresolved().order_by("pk")[0]
    said = {"resolution": MatchException.Resolution.ACCEPTED, "reason_code": "other"}
    services.resolve(exception=seen, **said, actor=fay, at=NOW)
    left = invoice.exceptions.unresolved().count()
    assert left
    with pytest.raises(IllegalTransition):
        services.resolve_all(exception=seen, **said, actor=fay, at=NOW)
    assert invoice.exceptions.unresolved().count() == left
