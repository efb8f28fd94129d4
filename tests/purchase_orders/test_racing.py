"""What must hold when many act at once: numbers, tolerances, drafts, releases."""

from collections import Counter
from decimal import Decimal

import pytest

import purchase_orders.invariants
from budgets.models import AccruedSum, LedgerEntry
from core.errors import Conflict, IllegalTransition
from core.models import NumberSequence
from core.transactions import atomic
from purchase_orders import services
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.models import PurchaseOrder, Receipt
from requisitions.inputs import LineInput, RequisitionInput
from requisitions.subjects import mark_approved
from tests import factories
from tests.factories import NOW
from tests.purchase_orders.blankets import Blankets, terms
from tests.purchase_orders.making import Maker, events_of, held, line_of, run_worker
from tests.purchase_orders.test_order_by_itself import catalog_request
from tests.racing import race
from vendors.models import CatalogItem

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def make(transactional_db: None) -> Maker:
    return Maker(factories.organisation())


def test_a_hundred_issues_at_once_take_a_hundred_numbers_without_a_gap(make: Maker) -> None:
    orders = [make.draft(("1", "10")) for _ in range(100)]
    make.org.bea.has_role()
    results = race([lambda order=order: make.issue(order) for order in orders])
    failures = [each for each in results if isinstance(each, Exception)]
    assert not failures, failures[0]
    numbers = sorted(order.number for order in results)
    assert numbers == [f"PO-2026-{number:06d}" for number in range(1, 101)]
    assert make.org.cell("CC100", "6600").encumbered == 1000


def test_issues_that_are_refused_leave_no_gap(make: Maker) -> None:
    """Ten want 100 each of a budget of 500 that nobody reserved: five get it, numbered 1 to 5."""
    make.org.bea.approval_limit = Decimal(1000)
    make.org.bea.save()
    office = make.coding(("CC400", "6600", "100"))
    data = make.order_data(make.line("1", "100", distributions=office))
    orders = [
        services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
        for _ in range(10)
    ]
    results = race([lambda order=order: make.issue(order) for order in orders])
    numbers = sorted(each.number for each in results if isinstance(each, PurchaseOrder))
    assert numbers == [f"PO-2026-{number:06d}" for number in range(1, 6)]
    assert NumberSequence.objects.get(kind="PO").last == 5
    assert make.org.cell("CC400", "6600").encumbered == 500


def test_one_order_issued_twenty_times_is_issued_once(make: Maker) -> None:
    order = make.draft(("1", "10"))
    results = race([lambda: make.issue(order)] * 20)
    kinds = Counter(type(each) for each in results)
    assert kinds == {PurchaseOrder: 1, IllegalTransition: 19}
    assert held(order.pk) == 10


def test_twenty_clicks_make_one_draft(make: Maker) -> None:
    requisition = make.requisition(("1", "10"))
    results = race([lambda: make.drafts(requisition)] * 20)
    assert Counter(type(each) for each in results) == {list: 1, Conflict: 19}
    assert PurchaseOrder.objects.count() == 1


def test_receipts_at_once_never_pass_the_tolerance(make: Maker) -> None:
    order = make.tolerant("100", "10", "2")
    results = race([lambda: make.receive(order, "10")] * 20)
    kinds = Counter(type(each) for each in results)
    assert kinds == {Receipt: 10, services.OverReceipt: 10}
    assert line_of(order).received == 100
    numbers = sorted(Receipt.objects.values_list("number", flat=True))
    assert numbers == [f"GR-2026-{number:06d}" for number in range(1, 11)]


def test_a_receipt_is_reversed_once(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "4")
    undo = {"receipt": receipt, "reason": "Wrong", "actor": make.org.rob, "at": NOW}
    results = race([lambda: services.reverse_receipt(**undo)] * 10)
    assert Counter(type(each) for each in results) == {Receipt: 1, IllegalTransition: 9}
    assert line_of(order).received == 0


def test_cancel_against_receive_one_wins(make: Maker) -> None:
    for _ in range(10):
        order = make.issued(("10", "10"))
        cancelled, received = race(
            [
                lambda order=order: services.cancel(
                    order=order, actor=make.org.bea, at=NOW, reason="Wrong"
                ),
                lambda order=order: make.receive(order, "1"),
            ]
        )
        assert isinstance(cancelled, PurchaseOrder) is not isinstance(received, Receipt)
        order.refresh_from_db()
        assert (order.status == "cancelled") is (line_of(order).received == 0)


def test_what_is_unused_goes_back_once_however_many_workers(make: Maker) -> None:
    order = make.issued(("10", "10"))
    services.close(order=order, actor=make.org.bea, at=NOW, reason="Enough")
    entries = LedgerEntry.objects.count()
    freed = race([lambda: services.release_unused(order=order, at=NOW)] * 10)
    assert sorted(freed) == [0] * 9 + [100]
    assert LedgerEntry.objects.count() == entries + 1
    assert make.org.cell("CC100", "6600").available == 100_000


def test_a_document_is_kept_once_however_many_print_it(make: Maker) -> None:
    order = make.issued(("1", "10"))
    revision = order.revisions.get()
    printed = race([lambda: services.render(revision=order.revisions.get(), at=NOW)] * 4)
    assert {each.pdf_id for each in printed} == {order.revisions.get().pdf_id}
    assert revision.dispatches.count() == 1
    assert run_worker("render_document") == 1
    assert revision.dispatches.count() == 1


def test_an_order_that_makes_itself_is_made_once_and_said_nothing_else_of(make: Maker) -> None:
    requisition = catalog_request(make, ("DOCK", "2"))
    results = race([lambda: services.order_by_itself(requisition=requisition, at=NOW)] * 6)
    assert sorted(map(len, results)) == [0] * 5 + [1]
    assert "requisition.left_to_buyer" not in events_of(requisition.pk)


def test_orders_of_two_vendors_and_approvals_lock_budgets_in_no_circle(make: Maker) -> None:
    """One takes the second budget first; approvals take the first, then the second."""
    low, high = sorted([("CC100", "6600"), ("CC100", "0650")], key=lambda c: make.org.cell(*c).pk)
    item = make.org.items["DOCK"]
    mouse = CatalogItem.objects.create(
        vendor=make.org.other_vendor,
        sku="MOUSE",
        name="Mouse",
        unit="C62",
        unit_price=Decimal(9),
        currency="EUR",
    )
    desk = [
        LineInput(quantity=Decimal(1), catalog_item=each, distributions=make.coding((*cell, "100")))
        for each, cell in ((item, high), (mouse, low))
    ]
    both = [
        LineInput(
            description="Thing",
            quantity=Decimal(1),
            unit_price=Decimal(5),
            distributions=make.coding((*cell, "100")),
        )
        for cell in (low, high)
    ]
    for _ in range(10):
        desks = [
            make.approved(RequisitionInput(title="Desk", currency="EUR", lines=desk))
            for _ in range(3)
        ]
        asked = [
            make.submitted(
                RequisitionInput(title="Things", currency="EUR", vendor=make.org.vendor, lines=both)
            )
            for _ in range(5)
        ]
        jobs = [lambda r=r: services.order_by_itself(requisition=r, at=NOW) for r in desks]
        jobs += [
            lambda r=r: mark_approved(subject_id=r.pk, actor=make.org.dora, at=NOW) for r in asked
        ]
        failures = [each for each in race(jobs) if isinstance(each, Exception)]
        assert not failures, failures[0]
    assert PurchaseOrder.objects.filter(status="issued").count() == 60


def test_receipts_and_bills_at_once_on_crossing_budgets_leave_the_sums_exact(make: Maker) -> None:
    """Two orders name the same two budgets the other way round; nobody waits in a circle."""
    parts = (("CC100", "6600", "50"), ("CC100", "6300", "50"))
    there, back = (
        make.issued(("20", "3.33"), coding=make.coding(*parts)),
        make.issued(("20", "3.33"), coding=make.coding(*reversed(parts))),
    )
    orders = [there, back] * 10
    results = race([lambda order=order: make.receive(order, "1") for order in orders])
    assert Counter(type(each) for each in results) == {Receipt: 20}
    assert accrued(make) == Decimal("66.60")

    def bill(order: PurchaseOrder) -> None:
        with atomic():
            fresh = PurchaseOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
            change = {line_of(fresh).pk: (Decimal(1), Decimal("3.33"), False)}
            services.bill(order=fresh, lines=change, actor=None, at=NOW)

    jobs = [lambda order=order: bill(order) for order in [there, back] * 5]
    jobs += [lambda order=order: make.receive(order, "1") for order in [there, back] * 5]
    results = race(jobs)
    assert Counter(type(each) for each in results) == {type(None): 10, Receipt: 10}
    assert accrued(make) == Decimal("66.60")
    assert not purchase_orders.invariants.accrued().faults


def accrued(make: Maker) -> Decimal:
    sums = AccruedSum.objects.filter(cell__entity=make.org.entity, day=None)
    return sum((each.amount for each in sums), Decimal(0))


def test_releases_at_once_never_pass_the_limit_and_are_numbered_without_a_gap(make: Maker) -> None:
    """Thirty of 10 want a limit of 100 that may be exceeded by 10 %: eleven get it."""
    blankets = Blankets(make)
    blanket = blankets.issued(limit="100", allowance_percent="10", commits="limit")
    drafts = [blankets.release_draft(blanket, "0.1") for _ in range(30)]
    make.org.bea.has_role()
    results = race([lambda each=each: make.issue(each) for each in drafts])
    kinds = Counter(type(each) for each in results)
    assert kinds == {PurchaseOrder: 11, BeyondAgreement: 19}
    numbers = sorted(each.number for each in results if isinstance(each, PurchaseOrder))
    assert numbers == [f"{blanket.number}/{turn:03d}" for turn in range(1, 12)]
    assert held(blanket.pk) == 0
    assert make.org.cell("CC100", "6600").encumbered == 110


def test_releases_end_and_begin_at_once(make: Maker) -> None:
    """While ten are cancelled, ten others are issued: what is released is what stands."""
    blankets = Blankets(make)
    blanket = blankets.issued(limit="100", commits="limit")
    standing = [blankets.release(blanket, "0.05") for _ in range(10)]
    drafts = [blankets.release_draft(blanket, "0.05") for _ in range(10)]
    make.org.bea.has_role()
    cancel = {"actor": make.org.bea, "at": NOW, "reason": "Not needed"}
    results = race(
        [
            *(lambda each=each: services.cancel(order=each, **cancel) for each in standing),
            *(lambda each=each: make.issue(each) for each in drafts),
        ]
    )
    assert {type(each) for each in results} == {PurchaseOrder}
    race([lambda each=each: services.release_unused(order=each, at=NOW) for each in standing])
    run_worker("release_unused")
    assert terms(blanket).released == 50
    assert held(blanket.pk) == 50
