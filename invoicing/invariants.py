"""What ties invoices to the ledger and to their orders; run by `verify_books`."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, Max, Min, Q, QuerySet, Sum, Value, When

from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, Row, disagreements, figures, first
from budgets.models import LedgerEntry, Stage
from core.fields import QuantityField
from core.fields import amount as sql_amount
from core.money import ZERO
from invoicing.models import Invoice, InvoiceLine, MatchException
from purchase_orders.models import PurchaseOrderLine

_NO_PIECES = Value(ZERO, output_field=QuantityField())
_MANY = 500  # invoices asked for in one statement
_CLEARED = (Invoice.Status.CLEARED, Invoice.Status.IN_PAYMENT, Invoice.Status.PAID)


def register() -> None:
    invariants.register("Invoices", spend)
    invariants.register("Billed on orders", billed, proves=("M12",))
    invariants.register("Cleared invoices", settled, proves=("M13",))


def spend() -> Proof:
    """Spend in the ledger = net and lost tax of cleared invoices; of no other invoice any is left.

    Where the tax of an invoice is recoverable in part or differs by line, spend lies between net
    and gross.
    """
    cleared = Invoice.objects.filter(status__in=_CLEARED)
    credit = Case(When(kind=Invoice.Kind.CREDIT_NOTE, then=sql_amount(0) - F("net")), default="net")
    should = cleared.annotate(cost=credit)
    booked = LedgerEntry.objects.filter(stage=Stage.ACT, document_type=Invoice.document_type)
    losing = should.filter(lines__order_line__recoverable_percent__lt=100)
    told = dict(losing.values_list("pk", "cost"))  # they cost more than their net; what exactly?
    other = disagreements(
        should.values_list("pk", "cost"), booked.values_list("document_id", "document_amount")
    )
    told |= {key: sums[0] for key, _, sums in other}
    faults = _overcharged(cleared, told)
    net = cleared.aggregate(total=Sum("net"))["total"] or ZERO
    return Proof(f"{cleared.count():,} cleared invoices, net {net:,.2f}", first(faults))


def _overcharged(cleared: QuerySet[Invoice], told: dict[UUID, Decimal]) -> Iterator[str]:
    """Those of these invoices that cost more or less by the ledger than they may."""
    keys = sorted(told)
    for start in range(0, len(keys), _MANY):
        few = keys[start : start + _MANY]
        costs = dict(_costs(cleared.filter(pk__in=few)))
        for key in few:
            least, most = costs.get(key, (ZERO, ZERO))
            if not least <= told[key] <= most:
                yield (
                    f"invoice {key}: should cost {figures((least, most))} (least, most), the "
                    f"ledger says {told[key]:,.2f}"
                )


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
    stored = PurchaseOrderLine.objects.values_list("pk", "billed_amount", "billed_quantity")
    mine = InvoiceLine.objects.filter(invoice__status__in=_CLEARED, order_line__isnull=False)
    credit = Q(invoice__kind=Invoice.Kind.CREDIT_NOTE)
    signed = mine.annotate(
        amount=Case(When(credit, then=sql_amount(0) - F("net")), default="net"),
        pieces=Case(When(credit, then=_NO_PIECES - F("quantity")), default="quantity"),
    )
    other = disagreements(stored, signed.values_list("order_line_id", "amount", "pieces"))
    faults = [
        f"order line {key}: billed {figures(says)} (net, quantity), its invoices say "
        f"{figures(told)}"
        for key, says, told in other
        if says[0] != told[0] or not told[1] <= says[1] <= _delivered(mine.exclude(credit), key)
    ]
    return Proof(f"{InvoiceLine.objects.count():,} invoice lines", first(faults))


def _delivered(lines: QuerySet[InvoiceLine], order_line: UUID) -> Decimal:
    """The most that may be billed of a line: all of it, where credit notes were for the price."""
    found = lines.filter(order_line=order_line).aggregate(total=Sum("quantity"))
    return found["total"] or ZERO


def settled() -> Proof:
    """What may be paid has no open exception, and each that was accepted says who, why and when."""
    exceptions = MatchException.objects.filter(invoice__status__in=_CLEARED)
    accepted = exceptions.filter(resolution=MatchException.Resolution.ACCEPTED)
    nameless = accepted.filter(
        Q(resolved_by=None) | Q(resolved_at=None) | Q(reason_code="", comment="")
    )
    faults = [
        *(
            f"invoice {each.invoice_id}: may be paid, and its exception {each.check_name} is open"
            for each in exceptions.unresolved().order_by("pk")[:MOST_FAULTS]
        ),
        *(
            f"invoice {each.invoice_id}: nobody says why its exception {each.check_name} was "
            "accepted"
            for each in nameless.order_by("pk")[:MOST_FAULTS]
        ),
    ]
    return Proof(f"{accepted.count():,} accepted exceptions", faults)
