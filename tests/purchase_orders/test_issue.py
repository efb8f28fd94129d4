"""Issue: refused without side effects; else number, rate, budget and content in one step."""

from decimal import Decimal

import pytest

import requisitions.services
from accounts.models import User
from budgets.ledger import BudgetExceeded, BudgetReasonRequired
from budgets.models import LedgerEntry, Stage
from core.errors import DomainError, IllegalTransition, NotAllowed
from core.models import NumberSequence, OutboxItem, TrailEvent
from purchase_orders import services
from purchase_orders.inputs import OrderLineInput
from purchase_orders.models import OrderRevision, PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW
from tests.purchase_orders.making import Maker, events_of, held, line_of
from vendors.models import Vendor


def own_order(make: Maker, *lines: OrderLineInput, **header: object) -> PurchaseOrder:
    data = make.order_data(*lines, **header)
    return services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)


def refuse(
    make: Maker, order: PurchaseOrder, reason: type[DomainError], words: str | None = None
) -> None:
    """Issuing raises, and nothing at all has changed."""
    entries, events = LedgerEntry.objects.count(), TrailEvent.objects.count()
    requests = list(Requisition.objects.values_list("pk", "status", "version"))
    with pytest.raises(reason, match=words):
        make.issue(order)
    order.refresh_from_db()
    assert (order.status, order.number, order.issued_at) == ("draft", None, None)
    assert (LedgerEntry.objects.count(), TrailEvent.objects.count()) == (entries, events)
    assert list(Requisition.objects.values_list("pk", "status", "version")) == requests
    assert not OrderRevision.objects.exists()
    assert not NumberSequence.objects.filter(kind="PO").exists()


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "cora", "olga", "ada", "nils"])
def test_only_a_buyer_issues(make: Maker, persona: str) -> None:
    order = make.draft(("2", "10"))
    with pytest.raises(NotAllowed):
        make.issue(order, actor=make.org.people[persona])
    assert held(order.pk) == 0


def test_a_vendor_that_is_not_approved_gets_no_order(make: Maker) -> None:
    order = make.draft(("2", "10"))
    vendor = Vendor.objects.get(pk=order.vendor_id)
    vendor.suspend()
    vendor.save()
    refuse(make, order, services.VendorNotApproved, "suspended")


def test_more_than_was_approved_is_refused(make: Maker) -> None:
    order = make.draft(("10", "10"))
    line = OrderLineInput(
        description="Dearer",
        quantity=Decimal(10),
        unit_price=Decimal("10.01"),
        requisition_line=line_of(order).requisition_line,
    )
    data = make.order_data(line)
    order = services.edit(order=order, data=data, actor=make.org.bea, at=NOW)
    refuse(make, order, services.AboveApproved, "new requisition")


def test_a_buyers_own_order_above_the_limit_needs_a_requisition(make: Maker) -> None:
    """bea may approve nothing alone: self-approval is not open to her by any path."""
    refuse(make, own_order(make, make.line("1", "0.01")), services.NeedsRequisition, "requisition")


def test_own_lines_beside_requested_ones_count_against_the_limit(make: Maker) -> None:
    order = make.draft(("2", "10"))
    line = OrderLineInput(
        description="Thing",
        quantity=Decimal(2),
        unit_price=Decimal(10),
        requisition_line=line_of(order).requisition_line,
    )
    data = make.order_data(line, make.line("1", "5"))
    order = services.edit(order=order, data=data, actor=make.org.bea, at=NOW)
    refuse(make, order, services.NeedsRequisition, "5")


def test_a_buyers_own_order_within_the_limit_checks_its_budget(make: Maker) -> None:
    User.objects.filter(pk=make.org.bea.pk).update(approval_limit=Decimal(1000))
    make.org.bea.refresh_from_db()
    office = make.coding(("CC400", "6600", "100"))
    too_much = own_order(make, make.line("1", "500.01", distributions=office))
    refuse(make, too_much, BudgetExceeded)
    fits = make.issue(own_order(make, make.line("1", "500", distributions=office)))
    assert (held(fits.pk), make.org.cell("CC400", "6600").encumbered) == (500, 500)


def test_a_currency_without_a_rate_is_refused(make: Maker) -> None:
    order = own_order(make, make.line("1", "10"), currency="SEK")
    refuse(make, order, DomainError, "SEK")


def test_a_budget_that_warns_wants_a_reason(make: Maker) -> None:
    User.objects.filter(pk=make.org.bea.pk).update(approval_limit=Decimal(10_000))
    make.org.bea.refresh_from_db()
    software = make.coding(("CC200", "6310", "100"))
    order = own_order(make, make.line("1", "5001", distributions=software))
    refuse(make, order, BudgetReasonRequired)
    order = services.issue(order=order, actor=make.org.bea, at=NOW, reason="Licence audit")
    assert held(order.pk) == 5001


def test_an_order_is_issued_once(make: Maker) -> None:
    order = make.issued(("2", "10"))
    with pytest.raises(IllegalTransition):
        make.issue(order)
    assert held(order.pk) == 20


def test_issue_fixes_number_rate_budget_and_content(make: Maker) -> None:
    order = make.issued(("7", "11"), ("1", "3"))
    assert (order.number, order.status, order.issued_at) == ("PO-2026-000001", "issued", NOW)
    assert order.rate == 1
    assert held(order.pk) == 80
    revision = order.revisions.get()
    assert (revision.revision, revision.issued_by) == (1, make.org.bea)
    assert revision.content["number"] == "PO-2026-000001"
    assert revision.content["total"] == "95.2"
    assert [line["net"] for line in revision.content["lines"]] == ["77", "3"]
    assert revision.content["requisitions"] == ["REQ-2026-000001"]
    assert events_of(order.pk) == ["order.created", "order.issued"]
    event = TrailEvent.objects.get(type="order.issued")
    assert event.changes == [{"field": "status", "old": "draft", "new": "issued"}]
    assert OutboxItem.objects.filter(handler="purchase_orders.render_document").count() == 1


def test_c3_an_order_uses_up_the_estimate_by_quantity(make: Maker) -> None:
    """Requested 10 × 10; an order of 7 at 11 leaves PRE 30 and holds ENC 77."""
    requisition = make.requisition(("10", "10"))
    line = requisition.lines.get()
    order = make.drafts(requisition, quantities={line.pk: Decimal(7)})[0]
    dearer = OrderLineInput(
        description="Thing", quantity=Decimal(7), unit_price=Decimal(11), requisition_line=line
    )
    data = make.order_data(dearer)
    order = make.issue(services.edit(order=order, data=data, actor=make.org.bea, at=NOW))
    assert (held(requisition.pk, Stage.PRE), held(order.pk)) == (30, 77)
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.PARTIALLY_ORDERED
    cell = make.org.cell("CC100", "6600")
    assert (cell.pre_encumbered, cell.encumbered) == (30, 77)


def test_c3_by_amount_takes_what_is_ordered(make: Maker) -> None:
    requisition = make.requisition(("1", "5000"), basis="amount")
    line = requisition.lines.get()
    order = make.drafts(requisition, quantities={line.pk: Decimal("0.6")})[0]
    make.issue(order)
    assert (held(requisition.pk, Stage.PRE), held(order.pk)) == (2000, 3000)


def test_no_cent_of_the_estimate_stays_when_all_is_ordered(make: Maker) -> None:
    requisition = make.requisition(("3", "33.333333"))
    line = requisition.lines.get()
    for left in ("66.67", "33.34", "0"):
        order = make.drafts(requisition, quantities={line.pk: Decimal(1)})[0]
        make.issue(order)
        assert held(requisition.pk, Stage.PRE) == Decimal(left)
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.ORDERED


def test_c25_each_distribution_holds_its_own_share(make: Maker) -> None:
    coding = make.coding(
        ("CC100", "6600", "33.333333"),
        ("CC100", "6300", "33.333333"),
        ("CC100", "0650", "33.333334"),
    )
    make.issued(("1", "100"), coding=coding)
    cells = [make.org.cell("CC100", account) for account in ("6600", "6300", "0650")]
    assert [cell.encumbered for cell in cells] == [
        Decimal("33.33"),
        Decimal("33.33"),
        Decimal("33.34"),
    ]
    assert all(cell.pre_encumbered == 0 for cell in cells)


def test_the_rate_is_frozen_when_issued(make: Maker) -> None:
    User.objects.filter(pk=make.org.bea.pk).update(approval_limit=Decimal(10_000))
    make.org.bea.refresh_from_db()
    order = make.issue(own_order(make, make.line("1", "100"), currency="USD"))
    assert (order.rate, held(order.pk)) == (Decimal("0.90"), 90)


def test_numbers_follow_each_other_within_an_entity_and_year(make: Maker) -> None:
    numbers = [make.issued(("1", "1")).number for _ in range(3)]
    assert numbers == ["PO-2026-000001", "PO-2026-000002", "PO-2026-000003"]


def test_a_closed_requisition_is_not_ordered_any_more(make: Maker) -> None:
    requisition = make.requisition(("2", "10"))
    order = make.drafts(requisition)[0]
    requisitions.services.close(
        requisition=requisition, actor=make.org.bea, at=NOW, reason="Not needed"
    )
    refuse(make, order, IllegalTransition)


def test_two_parts_booked_to_the_very_same_use_up_both_reservations(make: Maker) -> None:
    same = make.coding(("CC100", "6600", "50"), ("CC100", "6600", "50"))
    requisition = make.requisition(("3", "33.33"), coding=same)
    (order,) = make.drafts(requisition)
    make.issue(order)
    assert (held(requisition.pk, Stage.PRE), held(order.pk)) == (0, Decimal("99.99"))
