"""Receipts: partial, several, over within tolerance, rejected goods, undone by a mirror."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.duties import DutiesConflict
from budgets.models import LedgerEntry
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import NumberSequence, TrailEvent
from purchase_orders import queries, services
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import PurchaseOrder, Receipt
from tests.factories import NOW
from tests.purchase_orders.making import Maker, events_of, held, line_of


def refuse(
    make: Maker,
    order: PurchaseOrder,
    reason: type[DomainError],
    *quantities: str,
    **options: object,
) -> DomainError:
    """Receiving raises, and nothing at all has changed."""
    before = list(order.lines.values_list("pk", "received", "rejected"))
    receipts, events = Receipt.objects.count(), TrailEvent.objects.count()
    with pytest.raises(reason) as refused:
        make.receive(order, *quantities, **options)
    assert list(order.lines.values_list("pk", "received", "rejected")) == before
    assert (Receipt.objects.count(), TrailEvent.objects.count()) == (receipts, events)
    return refused.value


@pytest.mark.parametrize("persona", ["rita", "axel", "finn", "cora", "olga", "ada", "nils"])
def test_only_a_receiver_receives(make: Maker, persona: str) -> None:
    refuse(make, make.issued(("2", "10")), NotAllowed, "1", actor=make.org.people[persona])


def test_the_buyer_of_an_order_does_not_receive_it(make: Maker) -> None:
    order = make.issued(("2", "10"))
    with pytest.raises(DutiesConflict, match="somebody else must confirm what arrived"):
        make.receive(order, "1", actor=make.org.bea)
    assert not Receipt.objects.exists()
    tried = TrailEvent.objects.get(type="person.kept_apart")
    assert (tried.actor, tried.data["document_id"]) == (make.org.bea, str(order.pk))


def test_nothing_is_received_on_an_order_that_is_not_issued(make: Maker) -> None:
    refuse(make, make.draft(("2", "10")), IllegalTransition, "1")
    held_order = make.issued(("2", "10"))
    services.hold(order=held_order, actor=make.org.bea, at=NOW)
    refuse(make, held_order, IllegalTransition, "1")
    closed = make.issued(("2", "10"))
    services.close(order=closed, actor=make.org.bea, at=NOW, reason="Enough")
    refuse(make, closed, IllegalTransition, "1")


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "0.0000001"])
def test_a_quantity_that_is_none_is_refused(make: Maker, quantity: str) -> None:
    refused = refuse(make, make.issued(("2", "10")), Invalid, quantity)
    assert refused.errors[0].pointer == "/lines/0/quantity"


def test_a_delivery_of_tomorrow_is_refused(make: Maker) -> None:
    tomorrow = NOW.date() + timedelta(days=1)
    refused = refuse(make, make.issued(("2", "10")), Invalid, "1", received_on=tomorrow)
    assert refused.errors[0].pointer == "/received_on"


def test_a_line_of_another_order_or_named_twice_is_refused(make: Maker) -> None:
    order, other = make.issued(("2", "10")), make.issued(("2", "10"))
    for lines in ([line_of(other)], [line_of(order), line_of(order)], []):
        with pytest.raises(Invalid):
            services.post_receipt(
                order=order,
                lines=[ReceiptInput(line, Decimal(1)) for line in lines],
                received_on=NOW.date(),
                actor=make.org.rob,
                at=NOW,
            )
    assert not Receipt.objects.exists()


def test_rejecting_needs_a_reason(make: Maker) -> None:
    refused = refuse(make, make.issued(("2", "10")), Invalid, "1", rejected="1")
    assert refused.errors[0].pointer == "/lines/0/reason"


def test_more_than_ordered_is_refused_without_tolerance(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    refused = refuse(make, order, services.OverReceipt, "0.000001")
    assert refused.slug == "over-receipt"


def test_over_receipt_counts_all_receipts_together(make: Maker) -> None:
    """Tolerance 2 %: receipts 50 + 50 + 2 pass; 0.01 more is refused."""
    order = make.tolerant("100", "10", "2")
    for quantity in ("50", "50", "2"):
        make.receive(order, quantity)
    refused = refuse(make, order, services.OverReceipt, "0.01")
    assert "0.01 too many" in refused.detail
    assert line_of(order).received == 102
    assert queries.receipt_status(order) == "over"


def test_rejected_goods_leave_the_line_open(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "6", rejected="4", reason="Broken in transit")
    line = line_of(order)
    assert (line.received, line.rejected, line.open_quantity) == (6, 4, 4)
    make.receive(order, "4")
    assert queries.receipt_status(order) == "full"


def test_receipts_are_counted_and_numbered(make: Maker) -> None:
    order = make.issued(("10", "10"), ("5", "1"))
    entries = LedgerEntry.objects.count()
    first = make.receive(order, "4", delivery_note="LS-77", received_on=date(2026, 3, 1))
    second = make.receive(order, "1", "5")
    assert (first.number, second.number) == ("GR-2026-000001", "GR-2026-000002")
    assert (first.received_by, first.received_on) == (make.org.rob, date(2026, 3, 1))
    assert [line.received for line in order.lines.all()] == [5, 5]
    assert events_of(first.pk) == ["receipt.posted"]
    # C6: receiving leaves every stage as it is.
    assert LedgerEntry.objects.count() == entries
    assert held(order.pk) == 105


def test_a_refused_receipt_takes_no_number(make: Maker) -> None:
    order = make.issued(("1", "10"))
    refuse(make, order, services.OverReceipt, "2")
    assert not NumberSequence.objects.filter(kind="GR").exists()


def test_a_reversal_mirrors_the_receipt(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "6", rejected="1", reason="Wet")
    mirror = services.reverse_receipt(
        receipt=receipt, reason="Wrong order", actor=make.org.rob, at=NOW
    )
    receipt.refresh_from_db()
    line = mirror.lines.get()
    assert (line.quantity, line.rejected_quantity) == (-6, -1)
    assert (mirror.reverses, mirror.status, mirror.note) == (receipt, "posted", "Wrong order")
    assert receipt.status == "reversed"
    assert receipt.lines.get().quantity == 6
    stored = line_of(order)
    assert (stored.received, stored.rejected) == (0, 0)
    assert queries.receipt_status(order) == "none"
    assert events_of(receipt.pk) == ["receipt.posted", "receipt.reversed"]
    make.receive(order, "10")


def test_a_receipt_is_reversed_once_and_a_mirror_never(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "6")
    undo = {"reason": "Wrong", "actor": make.org.rob, "at": NOW}
    mirror = services.reverse_receipt(receipt=receipt, **undo)
    for each in (receipt, mirror):
        with pytest.raises(IllegalTransition):
            services.reverse_receipt(receipt=each, **undo)
    assert line_of(order).received == 0


def test_a_reversal_needs_a_reason_and_the_role(make: Maker) -> None:
    receipt = make.receive(make.issued(("10", "10")), "6")
    with pytest.raises(Invalid):
        services.reverse_receipt(receipt=receipt, reason=" ", actor=make.org.rob, at=NOW)
    with pytest.raises(NotAllowed):
        services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rita, at=NOW)
    receipt.refresh_from_db()
    assert receipt.status == "posted"


def test_what_was_billed_cannot_be_taken_back_as_received(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "6")
    billed = {line_of(order).pk: (Decimal(6), Decimal(60), False)}
    services.bill(order=order, lines=billed, actor=None, at=NOW)
    with pytest.raises(Conflict, match="credit note"):
        services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rob, at=NOW)
    assert line_of(order).received == 6


def test_derived_states_follow_the_lines(make: Maker) -> None:
    order = make.issued(("10", "10"), ("5", "1"))
    states = lambda: (queries.receipt_status(order), queries.billing_status(order))  # noqa: E731
    assert states() == ("none", "none")
    make.receive(order, "10")
    services.bill(
        order=order,
        lines={line_of(order).pk: (Decimal(10), Decimal(100), False)},
        actor=None,
        at=NOW,
    )
    assert states() == ("partial", "partial")
    services.bill(
        order=order,
        lines={line_of(order, 2).pk: (Decimal(5), Decimal(5), False)},
        actor=None,
        at=NOW,
    )
    assert states() == ("partial", "full")
    services.bill(
        order=order,
        lines={line_of(order, 2).pk: (Decimal(1), Decimal(1), False)},
        actor=None,
        at=NOW,
    )
    order = services.close(order=order, actor=make.org.bea, at=NOW, reason="Enough")
    assert states() == ("short_closed", "over")
    services.bill(
        order=order, lines={line_of(order).pk: (Decimal(0), Decimal(0), True)}, actor=None, at=NOW
    )
    assert states() == ("short_closed", "final")


def test_of_a_line_by_amount_its_worth_counts_against_what_is_billed(make: Maker) -> None:
    """Two bills of 300 state a quantity of one each; half of 1 000 received covers them not."""
    order = make.issued(("1", "1000"), basis="amount")
    make.receive(order, "0.6")
    second = make.receive(order, "0.4")
    billed = {line_of(order).pk: (Decimal(2), Decimal(600), False)}
    services.bill(order=order, lines=billed, actor=None, at=NOW)
    undo = {"reason": "Wrong", "actor": make.org.rob, "at": NOW}
    services.reverse_receipt(receipt=second, **undo)
    with pytest.raises(Conflict, match="600"):
        services.reverse_receipt(receipt=order.receipts.first(), **undo)
