"""What ties invoices to the ledger and to their orders; run by `verify_books`."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Max, Min, Q, Sum

from budgets import invariants
from budgets.invariants import Proof, Row, differences, figures, first, rows
from budgets.models import LedgerEntry, Stage
from core.money import ZERO
from invoicing.models import Invoice, InvoiceLine
from purchase_orders.models import PurchaseOrderLine

_CLEARED = (Invoice.Status.CLEARED, Invoice.Status.IN_PAYMENT, Invoice.Status.PAID)


def register() -> None:
    invariants.register("Invoices", spend)
    invariants.register("Billed on orders", billed)


def spend() -> Proof:
    """Spend in the ledger = net and lost tax of cleared invoices; of no other invoice any is left.

    Where the tax of an invoice is recoverable in part or differs by line, spend lies between net
    and gross.
    """
    cleared = Invoice.objects.filter(status__in=_CLEARED).order_by("pk")
    counted = (
        LedgerEntry.objects.filter(stage=Stage.ACT, document_type=Invoice.document_type)
        .order_by("document_id")
        .values("document_id")
        .annotate(total=Sum("document_amount"))
        .values_list("document_id", "total", "total")
    )
    faults = (
        f"invoice {key}: should cost {figures(says)} (least, most), the ledger says {told[0]:,.2f}"
        for key, says, told in differences(_costs(cleared), rows(counted))
        if not says[0] <= told[0] <= says[1]
    )
    net = cleared.aggregate(total=Sum("net"))["total"] or ZERO
    return Proof(f"{cleared.count():,} cleared invoices, net {net:,.2f}", first(faults))


def _costs(cleared: object) -> Iterator[Row]:
    """Least and most that each cleared invoice may cost, signed, in its own currency."""
    recovered = "lines__order_line__recoverable_percent"
    for pk, kind, net, tax, least, most in cleared.annotate(
        least=Min(recovered), most=Max(recovered)
    ).values_list("pk", "kind", "net", "tax", "least", "most"):
        low = net if most == 100 or most is None else min(net, net + tax)
        high = net + tax if least is not None and least < 100 else net
        if most == 0:
            low = net + tax
        yield pk, (-high, -low) if kind == Invoice.Kind.CREDIT_NOTE else (low, high)


def billed() -> Proof:
    """Billed quantity and net on every order line = its cleared invoices less credit notes.

    A credit note for the price alone takes no quantity back.
    """
    stored = (
        PurchaseOrderLine.objects.exclude(billed_amount=0, billed_quantity=0)
        .order_by("pk")
        .values_list("pk", "billed_amount", "billed_quantity")
    )
    credit = Q(invoice__kind=Invoice.Kind.CREDIT_NOTE)
    counted = (
        InvoiceLine.objects.filter(invoice__status__in=_CLEARED, order_line__isnull=False)
        .order_by("order_line_id")
        .values("order_line_id")
        .annotate(
            plus=Sum("net", filter=~credit),
            minus=Sum("net", filter=credit),
            delivered=Sum("quantity", filter=~credit),
            returned=Sum("quantity", filter=credit),
        )
        .values_list("order_line_id", "plus", "minus", "delivered", "returned")
    )
    faults = (
        f"order line {key}: billed {figures(says[:2])} (net, quantity), its invoices say "
        f"{figures(told[:2])}"
        for key, says, told in differences(_twice(stored), _netted(counted))
        if says[0] != told[0] or not told[2] <= says[1] <= told[1]
    )
    return Proof(f"{InvoiceLine.objects.count():,} invoice lines", first(faults))


def _twice(stored: object) -> Iterator[Row]:
    for key, (amount, quantity) in rows(stored):
        yield key, (amount, quantity, quantity)


def _netted(counted: object) -> Iterator[Row]:
    for key, (plus, minus, delivered, returned) in rows(counted):
        values: tuple[Decimal, ...] = (plus - minus, delivered, delivered - returned)
        yield key, values
