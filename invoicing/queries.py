"""What the pages of accounts payable show."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.acts import Performed, acts_of, performed_in
from accounts.models import Duty, Role, User
from invoicing.models import Invoice, InvoiceLine, MatchException, MatchRun
from purchase_orders import queries as orders
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, ReceiptLine
from vendors.models import Vendor

UNPAID_FOR = timedelta(days=60)  # so long what was cleared may still wait for its payment

TABS = (
    ("open", "To do"),
    ("in_exception", "In exception"),
    ("waiting", "Waiting for receipt"),
    ("cleared", "Cleared"),
    ("closed", "Returned or void"),
    ("all", "All"),
)
_TAB_STATES: dict[str, tuple[str, ...]] = {
    "open": Invoice.OPEN,
    "in_exception": (Invoice.Status.IN_EXCEPTION,),
    "waiting": (Invoice.Status.CAPTURED,),
    "cleared": (Invoice.Status.CLEARED, Invoice.Status.IN_PAYMENT, Invoice.Status.PAID),
    "closed": (Invoice.Status.RETURNED, Invoice.Status.REJECTED, Invoice.Status.VOID),
}


def invoices(user: User, *, tab: str = "all", search: str = "") -> QuerySet[Invoice]:
    """Invoices a person may see, for the list: one query whatever their number."""
    found = Invoice.objects.visible_to(user).select_related("vendor", "order")
    if tab in _TAB_STATES:
        found = found.filter(status__in=_TAB_STATES[tab])
    if tab == "waiting":
        found = found.filter(waiting_until__isnull=False)
    words = search.strip()
    if words:
        found = found.filter(
            Q(number__icontains=words)
            | Q(vendor_name__icontains=words)
            | Q(order__number__iexact=words)
            | Q(order_reference__iexact=words)
        )
    return found


def invoice_on(order: PurchaseOrder) -> str:
    """An invoice or credit note that stands against an order, by name; empty when there is none."""
    standing = order.invoices.exclude(status__in=_TAB_STATES["closed"]).order_by("pk").first()
    return f"{standing.get_kind_display()} {standing.number}" if standing else ""


def acts_on(order: UUID) -> list[QuerySet[Any]]:
    """Who did what on the whole purchase, invoices included."""
    entered = Invoice.objects.filter(order=order)
    accepted_by = MatchException.objects.filter(
        invoice__order=order, resolution=MatchException.Resolution.ACCEPTED
    )
    return [
        *orders.acts_on(order),
        acts_of(Duty.ENTER_INVOICE, entered, "captured_by"),
        acts_of(Duty.RESOLVE, accepted_by, "resolved_by"),
    ]


_performed = performed_in(acts_on)


def performed_on(order: PurchaseOrder | None) -> Performed:
    """Who did what on the whole purchase. Statements: 1; none without an order."""
    return {} if order is None else _performed(order.pk)


def performed_for(vendor: Vendor, *, at: datetime) -> Performed:
    """Who entered what a vendor is owed, or accepted what differs in it. Statements: 1."""
    owed = Invoice.objects.filter(
        Q(status__in=Invoice.OPEN) | Q(cleared_at__gt=at - UNPAID_FOR), vendor=vendor
    )
    accepted_by = MatchException.objects.filter(
        invoice__in=owed.order_by().values("pk"), resolution=MatchException.Resolution.ACCEPTED
    )
    people = defaultdict(set)
    acts = (
        acts_of(Duty.ENTER_INVOICE, owed, "captured_by"),
        acts_of(Duty.RESOLVE, accepted_by, "resolved_by"),
    )
    for duty, person in acts[0].union(acts[1]):
        people[duty].add(person)
    return people


def exceptions_queue(user: User) -> QuerySet[MatchException]:
    """Unresolved exceptions, oldest first."""
    return (
        MatchException.objects.visible_to(user)
        .unresolved()
        .select_related("invoice__vendor", "invoice__order", "line", "assignee", "entity")
        .order_by("pk")
    )


def expects_receipt(invoice: Invoice) -> bool:
    """Whether more can still be received of what the invoice bills."""
    return invoice.lines.filter(
        order_line__quantity__gt=F("order_line__received"),
        order_line__order__status=PurchaseOrder.Status.ISSUED,
    ).exists()


def accepted(invoice: Invoice) -> QuerySet[MatchException]:
    """The variances of an invoice that somebody accepted, in that order."""
    return (
        invoice.exceptions.filter(resolution=MatchException.Resolution.ACCEPTED)
        .select_related("resolved_by")
        .order_by("resolved_at", "pk")
    )


def exceptions_count(user: User) -> int:
    """How many exceptions wait for a person of accounts payable."""
    if not user.has_role(Role.AP_CLERK, Role.AP_MANAGER):
        return 0
    return MatchException.objects.filter(entity_id=user.entity_id).unresolved().count()


def latest_run(invoice: Invoice) -> MatchRun | None:
    return invoice.match_runs.order_by("-pk").first()


@dataclass(frozen=True)
class LineTrio:
    """One billed line beside what was ordered and what arrived."""

    line: InvoiceLine
    order_line: PurchaseOrderLine | None
    received: Decimal | None
    receipts: list[ReceiptLine]


def trios(invoice: Invoice) -> list[LineTrio]:
    """The three documents of an invoice, line by line, in two queries."""
    lines = list(invoice.lines.select_related("order_line"))
    receipts: dict[Any, list[ReceiptLine]] = {}
    posted = ReceiptLine.objects.filter(
        order_line__in=[line.order_line_id for line in lines if line.order_line_id]
    ).exclude(receipt__status="draft")
    for each in posted.select_related("receipt").order_by("receipt__pk"):
        receipts.setdefault(each.order_line_id, []).append(each)
    return [
        LineTrio(
            line=line,
            order_line=line.order_line,
            received=line.order_line.received if line.order_line else None,
            receipts=receipts.get(line.order_line_id, []),
        )
        for line in lines
    ]
