"""What ties orders and receipts to the ledger and to each other; run by `verify_books`."""

from django.db.models import F, OuterRef, Subquery, Sum

from budgets import invariants
from budgets.invariants import Proof, differences, figures, first, rows
from budgets.models import Commitment, Stage
from core.models import OutboxItem
from purchase_orders.models import (
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)

_HOLDING = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)
_COUNTED = (Receipt.Status.POSTED, Receipt.Status.REVERSED)


def register() -> None:
    invariants.register("Order commitments", commitments)
    invariants.register("Ended orders", ended)
    invariants.register("Order sums", sums)
    invariants.register("Receipts", receipts)


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
        ReceiptLine.objects.filter(receipt__status__in=_COUNTED)
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
