"""Two decisions on one invoice at the same moment: one wins, the other sees it, the books hold."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from core.errors import DomainError
from core.models import OutboxItem
from invoicing import services
from invoicing.models import Invoice, MatchException, MatchRun
from purchase_orders import services as orders
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from tests import factories
from tests.factories import NOW, TODAY
from tests.invariants.fixtures import assert_books_hold
from tests.invoicing.billing import LATER, Biller, drain
from tests.purchase_orders.making import Maker, held
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 30
Status = Invoice.Status


@pytest.fixture
def org(transactional_db):
    made = factories.organisation()
    for name in ("rita", "axel", "dora", "bea", "rob", "finn", "fay"):
        assert made.people[name].roles  # read before the threads do
    return made


class Desk:
    """What each person, or the worker, would do with an invoice now."""

    def __init__(self, org: factories.Organisation) -> None:
        self.org = org
        self.make, self.bills = Maker(org), Biller(org)
        self.order = self.make.issued(("1000", "10"))
        self.make.receive(self.order, "1000")

    def stopped(self) -> Invoice:
        """Dated a day before its order: one exception that somebody may accept."""
        return self.bills.billed(self.order, ("1", "10"), issue_date=TODAY - timedelta(days=1))

    def match(self, invoice: Invoice) -> Any:
        return services.match(invoice_id=invoice.pk, key=f"again {invoice.pk}", at=LATER)

    def resolve(self, invoice: Invoice) -> Any:
        return services.resolve(
            exception=invoice.exceptions.order_by("pk")[0],
            resolution=MatchException.Resolution.ACCEPTED,
            reason_code="other",
            actor=self.org.fay,
            at=NOW,
        )

    def bring_back(self, invoice: Invoice) -> Any:
        return services.return_to_vendor(
            invoice=invoice, code="OTH", reason="Wrong day", actor=self.org.finn, at=NOW
        )

    def link(self, invoice: Invoice) -> Any:
        return services.link_order(
            invoice=invoice, order_reference=self.order.number, actor=self.org.finn, at=NOW
        )

    def void(self, invoice: Invoice) -> Any:
        return services.void(invoice=invoice, reason="By mistake", actor=self.org.fay, at=NOW)


VERBS = ("match", "resolve", "bring_back", "link", "void")


def at_once(desk: Desk, invoice: Invoice, verbs: tuple[str, ...]) -> dict[str, bool]:
    """Which of them passed; whatever did not pass was refused by a rule."""
    results = race([lambda verb=verb: getattr(desk, verb)(invoice) for verb in verbs])
    faults = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, DomainError) for each in faults), faults
    passed = [not isinstance(each, Exception) for each in results]
    return dict(zip(verbs, passed, strict=True))


def expected(before: str, passed: dict[str, bool]) -> str:
    if passed.get("void"):
        return Status.VOID
    if passed.get("bring_back"):
        return Status.RETURNED
    return Status.CLEARED if passed.get("resolve") else before


@pytest.mark.parametrize("pair", [*combinations(VERBS, 2), VERBS], ids="-".join)
def test_of_decisions_at_once_one_ends_the_invoice(org, pair):
    desk = Desk(org)
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        invoice = desk.stopped()
        if "void" in pair and "resolve" not in pair:
            desk.resolve(invoice)
            invoice.refresh_from_db()
        before = invoice.status
        passed = at_once(desk, invoice, pair)
        invoice.refresh_from_db()
        assert invoice.status == expected(before, passed), passed
        assert not (passed.get("bring_back") and passed.get("resolve")), "paid and returned"
        assert MatchRun.objects.filter(key=f"again {invoice.pk}").count() <= 1
        settled = invoice.status != Status.IN_EXCEPTION
        assert invoice.exceptions.unresolved().exists() is not settled
        outcomes[invoice.status] += 1
    billed = PurchaseOrderLine.objects.get(order=desk.order).billed_quantity
    assert billed == Invoice.objects.filter(status=Status.CLEARED).count()
    assert_books_hold()
    drain()
    assert not OutboxItem.objects.filter(done_at=None).exists()


def closing(desk: Desk, order: PurchaseOrder) -> Callable[[], Any]:
    def close() -> None:
        orders.close(order=order, actor=desk.org.bea, at=NOW, reason="Enough")
        orders.release_unused(order=order, at=NOW)

    return close


def reopening(desk: Desk, order: PurchaseOrder) -> Callable[[], Any]:
    closing(desk, order)()
    return lambda: orders.reopen(order=order, actor=desk.org.bea, at=NOW, reason="More comes")


@pytest.mark.parametrize("change", [closing, reopening])
def test_a_void_beside_a_closing_or_reopening_commits_what_the_order_then_holds(org, change):
    desk = Desk(org)
    for _ in range(12):
        order = desk.make.issued(("10", "10"))
        desk.make.receive(order, "10")
        invoice = desk.bills.billed(order, ("4", "10"))
        results = race([change(desk, order), lambda invoice=invoice: desk.void(invoice)])
        assert not [each for each in results if isinstance(each, Exception)], results
        order.refresh_from_db()
        assert held(order.pk) == (0 if order.status == PurchaseOrder.Status.CLOSED else 100)
    drain()
    assert_books_hold()


def test_invoices_taken_in_while_goods_arrive_wait_for_nobody_in_a_circle(org):
    """Their foreign keys are looked at when they commit, while receipts hold the order's lines."""
    desk = Desk(org)
    order = desk.make.issued(("1000", "10"))
    jobs = [lambda: desk.make.receive(order, "1")] * 8
    for turn in range(3):
        bills = [
            lambda n=n, turn=turn: desk.bills.captured(order, ("1", "10"), number=f"R {turn}.{n}")
            for n in range(8)
        ]
        failures = [each for each in race(jobs + bills) if isinstance(each, Exception)]
        assert not failures, failures[0]


def test_a_receipt_asks_for_every_invoice_that_others_settle_meanwhile(org):
    desk = Desk(org)
    ask = {"order_id": desk.order.pk, "actor": None, "at": NOW}
    for _ in range(ROUNDS):
        invoices = [desk.stopped() for _ in range(3)]
        jobs = [lambda each=each: desk.bring_back(each) for each in invoices[:2]]
        *_, asked = race([*jobs, lambda: services.rematch_order(**ask)])
        assert asked in (1, 2, 3)
        desk.bring_back(invoices[2])


def test_a_file_that_comes_twice_at_once_is_taken_in_once(org, documents):
    """Also where its bytes are kept from an earlier try, and its vendor is unknown."""
    given = {"entity": org.entity, "filename": "a.xml", "actor": org.finn, "at": NOW}
    given["data"] = (documents / "invoice.xml").read_bytes()
    first = services.import_file(**given)
    assert first.vendor is None, "the number of a known vendor would stop it anyway"
    services.reject(invoice=first, reason="Not yet", actor=org.finn, at=NOW)
    results = race([lambda: services.import_file(**given)] * 6)
    assert Counter(type(each) for each in results) == {Invoice: 1, services.DuplicateInvoice: 5}


def test_m14_an_invoice_uploaded_and_keyed_at_once_comes_in_once(org, documents):
    """The file as the vendor sent it, and the paper that somebody types in another spelling."""
    org.vendor.name = "Nordwind Cloud GmbH"
    org.vendor.save()
    bills, data = Biller(org), (documents / "invoice.xml").read_bytes()

    def key() -> Invoice:
        return bills.captured(None, ("1", "7"), vendor=org.vendor, number=" nw 2026/0417. ")

    def upload() -> Invoice:
        given = {"entity": org.entity, "filename": "a.xml", "actor": org.finn, "at": NOW}
        return services.import_file(data=data, **given)

    first = upload()
    assert (first.number, first.vendor) == ("NW-2026-0417", org.vendor)
    services.reject(invoice=first, reason="Not yet", actor=org.finn, at=NOW)
    results = race([key, upload] * 5)
    assert Counter(type(each) for each in results) == {Invoice: 1, services.DuplicateInvoice: 9}


@pytest.mark.parametrize("tolerance", [0, 20])
def test_m12_of_ten_invoices_of_a_fifth_at_once_five_and_the_tolerance_pass(org, tolerance):
    """All that was ordered has come. What is beyond it waits for somebody, and books nothing."""
    desk = Desk(org)
    order = desk.make.issued(("100", "10"))
    desk.make.receive(order, "100")
    if tolerance:
        for check in ("quantity_ordered", "quantity_received"):
            desk.bills.tolerance(check, percent=tolerance)
    invoices = [desk.bills.captured(order, ("20", "10")) for _ in range(10)]
    jobs = [lambda each=each: desk.match(each) for each in invoices]
    failures = [each for each in race(jobs) if isinstance(each, Exception)]
    assert not failures, failures[0]
    states = Counter(Invoice.objects.values_list("status", flat=True))
    passed = 6 if tolerance else 5
    assert states == {Status.CLEARED: passed, Status.IN_EXCEPTION: 10 - passed}
    line = order.lines.get()
    assert (line.billed_quantity, line.billed_amount) == (passed * 20, passed * 200)
    assert org.cell("CC100", "6600").spent == passed * 200
    assert_books_hold()
