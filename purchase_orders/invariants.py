"""What ties orders and receipts to the ledger and to each other; run by `verify_books`."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db.models import F, OuterRef, Subquery, Sum

from budgets import invariants
from budgets.invariants import Proof, Row, cell_name, differences, figures, first, rows
from budgets.models import AccruedSum, Commitment, Stage
from core.models import OutboxItem
from core.money import ZERO
from purchase_orders import accruals
from purchase_orders.models import (
    BilledLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)

_HOLDING = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)


def register() -> None:
    invariants.register("Order commitments", commitments)
    invariants.register("Ended orders", ended)
    invariants.register("Order sums", sums)
    invariants.register("Receipts", receipts)
    invariants.register("Billed lines", billed)
    invariants.register("Received, not invoiced", accrued)


def commitments() -> Proof:
    """What an order committed when it was issued = its distributions, one by one."""
    stored = OrderDistribution.objects.filter(line__order__issued_at__isnull=False).order_by("pk")
    held = Commitment.objects.filter(
        stage=Stage.ENC, document_type=PurchaseOrder.document_type
    ).order_by("distribution_id")
    faults = (
        f"order distribution {key}: costs {figures(says)}, committed {figures(told)}"
        for key, says, told in differences(
            rows(stored.values_list("pk", "amount")),
            rows(held.values_list("distribution_id", "document_amount")),
        )
    )
    return Proof(f"{stored.count():,} distributions of issued orders", first(faults))


def ended() -> Proof:
    """An order that expects nothing more holds nothing, once the worker has given it back."""
    open_commitments = Commitment.objects.filter(
        stage=Stage.ENC, document_type=PurchaseOrder.document_type
    ).exclude(amount=F("liquidated") + F("released"))
    others = PurchaseOrder.objects.exclude(status__in=_HOLDING)
    suspects = others.filter(pk__in=open_commitments.values("document_id")).order_by("pk")
    faults = [
        f"order {order.number or order.pk}: is {order.status} and still commits"
        for order in suspects[: invariants.MOST_FAULTS]
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
    """Distributions add up to their line, lines to their order."""
    shares = OrderDistribution.objects.filter(line=OuterRef("pk")).order_by().values("line")
    lines = PurchaseOrderLine.objects.filter(order__issued_at__isnull=False)
    odd_lines = lines.annotate(
        parts=Subquery(shares.annotate(s=Sum("amount")).values("s"))
    ).exclude(parts=F("net"))
    nets = PurchaseOrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    orders = PurchaseOrder.objects.filter(issued_at__isnull=False)
    odd_orders = orders.annotate(parts=Subquery(nets.annotate(s=Sum("net")).values("s"))).exclude(
        parts=F("net")
    )
    most = invariants.MOST_FAULTS
    faults = [
        *(
            f"order {line.order} line {line.line_number}: net {line.net}, its parts {line.parts}"
            for line in odd_lines.select_related("order").order_by("pk")[:most]
        ),
        *(
            f"order {order}: net {order.net}, its lines {order.parts}"
            for order in odd_orders.order_by("pk")[:most]
        ),
    ]
    return Proof(f"{lines.count():,} lines of {orders.count():,} issued orders", faults)


def receipts() -> Proof:
    """Received and rejected on every order line = its posted receipts and their mirrors."""
    stored = (
        PurchaseOrderLine.objects.exclude(received=0, rejected=0)
        .order_by("pk")
        .values_list("pk", "received", "rejected")
    )
    counted = (
        ReceiptLine.objects.filter(receipt__status__in=accruals.COUNTED)
        .order_by("order_line_id")
        .values("order_line_id")
        .annotate(taken=Sum("quantity"), refused=Sum("rejected_quantity"))
        .values_list("order_line_id", "taken", "refused")
    )
    faults = (
        f"order line {key}: received and rejected {figures(says)}, its receipts {figures(told)}"
        for key, says, told in differences(rows(stored), rows(counted))
    )
    return Proof(f"{Receipt.objects.count():,} receipts", first(faults))


def billed() -> Proof:
    """Billed quantity and net on every order line = its billed lines."""
    stored = (
        PurchaseOrderLine.objects.exclude(billed_quantity=0, billed_amount=0)
        .order_by("pk")
        .values_list("pk", "billed_quantity", "billed_amount")
    )
    counted = (
        BilledLine.objects.order_by("order_line_id")
        .values("order_line_id")
        .annotate(quantities=Sum("quantity"), nets=Sum("net"))
        .values_list("order_line_id", "quantities", "nets")
    )
    faults = (
        f"order line {key}: billed quantity and net {figures(says)}, its billed lines "
        f"{figures(told)}"
        for key, says, told in differences(rows(stored), rows(counted))
    )
    return Proof(f"{BilledLine.objects.count():,} billed lines", first(faults))


def accrued() -> Proof:
    """What every budget accrues, now and day by day = what came and was billed of order lines."""
    counted: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    moves = accruals.movements(PurchaseOrderLine.objects.all(), streamed=True)
    for (cell, day), amount in moves.items():
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
