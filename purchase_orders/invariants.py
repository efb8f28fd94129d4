"""What ties orders and receipts to the ledger and to each other; run by `verify_books`."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q

from budgets import invariants
from budgets.invariants import (
    MOST_FAULTS,
    Proof,
    Row,
    cell_name,
    differences,
    disagreements,
    figures,
    first,
    first_rows,
)
from budgets.models import AccruedSum, Commitment, Stage
from budgets.queries import costs
from core.models import OutboxItem
from core.money import ZERO
from purchase_orders import accrual_proof, accruals, agreement_proofs
from purchase_orders.models import (
    BilledLine,
    ChangeOrder,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)

_HOLDING = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)
_WAITING = (ChangeOrder.Status.IN_APPROVAL, ChangeOrder.Status.APPROVED)


def register() -> None:
    invariants.register("Order commitments", commitments, proves=("M3", "M11"))
    invariants.register("Draw-downs", agreement_proofs.draw_downs, proves=("M9",))
    invariants.register("Blanket commitments", agreement_proofs.commitments, proves=("M3",))
    invariants.register("Numbers of releases", agreement_proofs.numbers)
    invariants.register("Change orders", changes, proves=("M4", "M11"))
    invariants.register("Ended orders", ended, proves=("M3", "M15"))
    invariants.register("Order sums", sums, proves=("M9",))
    invariants.register("Order rates", rates, proves=("M10",))
    invariants.register("Receipts", receipts)
    invariants.register("Billed lines", billed)
    invariants.register("Received, not invoiced", accrued)


def commitments() -> Proof:
    """What an order committed and what waits for later years = its distributions, one by one.

    Committed = open + liquidated + released; a forward commitment is in no balance (C29). What a
    blanket order commits follows its releases, not its lines (C24).
    """
    blankets = PurchaseOrder.objects.filter(kind=PurchaseOrder.Kind.BLANKET)
    # By the few that are left out: all the rest need not be looked up in lines and orders.
    others = OrderDistribution.objects.filter(
        Q(line__order__issued_at=None) | Q(line__order__kind=PurchaseOrder.Kind.BLANKET)
    )
    stored = OrderDistribution.objects.exclude(pk__in=others.values("pk"))
    rows = Commitment.objects.filter(stage=Stage.ENC, document_type=PurchaseOrder.document_type)
    rows = rows.exclude(document_id__in=blankets.values("pk"))
    later = rows.filter(holds=False)  # accounts that take from their budget when it is billed
    stored = stored.exclude(pk__in=later.values("distribution_id"))
    held = rows.filter(holds=True)
    faults = [
        f"order distribution {key}: costs {figures(says)}, committed {figures(told)}"
        for key, says, told in disagreements(
            stored.values_list("pk", "amount"),
            costs(held),
            most=MOST_FAULTS,
        )
    ]
    return Proof(f"{rows.count():,} commitments of orders", faults)


def changes() -> Proof:
    """A change order holds nothing unless it waits; once issued, nothing of it is held twice."""
    waiting = ChangeOrder.objects.filter(status__in=_WAITING)
    held = Commitment.objects.filter(
        stage=Stage.PRE, document_type=ChangeOrder.document_type
    ).exclude(amount=F("liquidated") + F("released"))
    suspects = held.exclude(document_id__in=waiting.values("pk")).order_by("pk")
    faults = [
        f"change order {each.document_number}: does not wait and still reserves {each.open:,.2f}"
        for each in suspects[:MOST_FAULTS]
    ]
    return Proof(f"{ChangeOrder.objects.count():,} change orders, {waiting.count():,} wait", faults)


def ended() -> Proof:
    """An order that expects nothing more holds nothing, once the worker has given it back."""
    open_commitments = Commitment.objects.filter(
        stage=Stage.ENC, document_type=PurchaseOrder.document_type
    ).exclude(amount=F("liquidated") + F("released"))
    others = PurchaseOrder.objects.exclude(status__in=_HOLDING)
    suspects = others.filter(pk__in=open_commitments.values("document_id")).order_by("pk")
    faults = [
        f"order {order.number or order.pk}: is {order.status} and still commits"
        for order in suspects[:MOST_FAULTS]
        if not _is_being_released(order)
    ]
    return Proof(f"{others.count():,} orders that commit nothing", faults)


def _is_being_released(order: PurchaseOrder) -> bool:
    """Whether the work that gives its commitment back is promised and not given up."""
    return OutboxItem.objects.filter(
        handler="purchase_orders.release_unused",
        arguments__document_id=str(order.pk),
        done_at=None,
        parked_at=None,
    ).exists()


def sums() -> Proof:
    """Distributions add up to their line, lines to their order, net and tax to its total."""
    lines = PurchaseOrderLine.objects.filter(order__issued_at__isnull=False)
    orders = PurchaseOrder.objects.filter(issued_at__isnull=False)
    # What belongs to no issued order is not known there: its parts need not say whose they are.
    only: dict[str, Any] = {"most": MOST_FAULTS, "known_only": True}
    shares = OrderDistribution.objects.values_list("line_id", "amount")
    odd_lines = disagreements(lines.values_list("pk", "net"), shares, **only)
    parts = PurchaseOrderLine.objects.values_list("order_id", "net")
    odd_orders = disagreements(orders.values_list("pk", "net"), parts, **only)
    odd_totals = orders.exclude(total=F("net") + F("tax")).order_by("pk")
    faults = [
        *(
            f"{_line_name(key)}: net {says[0]}, its parts {told[0]}"
            for key, says, told in odd_lines
        ),
        *(
            f"order {PurchaseOrder.objects.get(pk=key)}: net {says[0]}, its lines {told[0]}"
            for key, says, told in odd_orders
        ),
        *(
            f"order {each}: total {each.total}, net and tax {each.net + each.tax}"
            for each in odd_totals[:MOST_FAULTS]
        ),
    ]
    return Proof(f"{parts.count():,} lines of orders, {orders.count():,} are issued", faults)


def _line_name(pk: UUID) -> str:
    line = PurchaseOrderLine.objects.select_related("order").get(pk=pk)
    return f"order {line.order} line {line.line_number}"


def rates() -> Proof:
    """Every order's commitments are in its currency, at the rate that was frozen when it issued."""
    order = PurchaseOrder.objects.filter(
        pk=OuterRef("document_id"), currency=OuterRef("currency"), rate=OuterRef("rate")
    )
    held = Commitment.objects.filter(stage=Stage.ENC, document_type=PurchaseOrder.document_type)
    faults = [
        f"commitment {each.pk} of order {each.document_number}: at {each.rate} {each.currency}, "
        "which its order is not"
        for each in first_rows(held.exclude(Exists(order)))
    ]
    return Proof("currency and rate of what orders commit", faults)


def receipts() -> Proof:
    """Received and rejected on every order line = its posted receipts and their mirrors."""
    stored = PurchaseOrderLine.objects.values_list("pk", "received", "rejected")
    counted = ReceiptLine.objects.filter(receipt__status__in=accruals.COUNTED).values_list(
        "order_line_id", "quantity", "rejected_quantity"
    )
    faults = [
        f"order line {key}: received and rejected {figures(says)}, its receipts {figures(told)}"
        for key, says, told in disagreements(stored, counted, most=MOST_FAULTS)
    ]
    return Proof(f"{Receipt.objects.count():,} receipts", faults)


def billed() -> Proof:
    """Billed quantity and net on every order line = its billed lines."""
    stored = PurchaseOrderLine.objects.values_list("pk", "billed_quantity", "billed_amount")
    counted = BilledLine.objects.values_list("order_line_id", "quantity", "net")
    faults = [
        f"order line {key}: billed quantity and net {figures(says)}, its billed lines "
        f"{figures(told)}"
        for key, says, told in disagreements(stored, counted, most=MOST_FAULTS)
    ]
    return Proof(f"{BilledLine.objects.count():,} billed lines", faults)


def accrued() -> Proof:
    """What every budget accrues, now and day by day = what came and was billed of order lines."""
    counted: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    for (cell, day), amount in accrual_proof.counted().items():
        counted[cell, date.min] += amount  # of all days: it stands before them
        counted[cell, day] += amount
    stored = {
        (cell, day or date.min): amount
        for cell, day, amount in AccruedSum.objects.values_list("cell_id", "day", "amount")
    }
    faults = (
        f"budget cell {cell} ({cell_name(cell)}): received, not invoiced "
        f"{'now' if day == date.min else f'moved on {day}'} {figures(says)}, its documents say "
        f"{figures(told)}"
        for (cell, day), says, told in differences(_in_order(stored), _in_order(counted))
    )
    total = sum((amount for (_, day), amount in counted.items() if day == date.min), ZERO)
    return Proof(f"{len(stored):,} sums, {total:,.2f} waits for invoices", first(faults))


def _in_order(sums: Mapping[tuple[int, date], Decimal]) -> list[Row]:
    return [(key, (sums[key],)) for key in sorted(sums)]
