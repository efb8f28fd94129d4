"""Reading orders: derived states, numbers old and new, what is still to come, the life of one."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan

import approvals.queries
from accounts.acts import Performed, acts_of, performed_in
from accounts.models import Duty, Entity, User
from budgets.models import Commitment, Stage
from core.fields import AmountField, amount
from core.models import TrailEvent
from core.money import ZERO
from purchase_orders.models import (
    ChangeOrder,
    OrderRevision,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from requisitions import queries as requests
from vendors.models import MatchType
from vendors.queries import bank_acts

NONE, PARTIAL, FULL, OVER, SHORT_CLOSED, FINAL = (
    "none",
    "partial",
    "full",
    "over",
    "short_closed",
    "final",
)
_CLOSED = PurchaseOrder.Status.CLOSED


def receipt_status(order: PurchaseOrder) -> str:
    """none, partial, full, over, or short_closed, from what its lines received."""
    known = getattr(order, "receipt_state", None)
    return known or _receipt_status(order, order.lines.all())


def billing_status(order: PurchaseOrder) -> str:
    """none, partial, full, over, or final, from what was cleared against its lines."""
    known = getattr(order, "billing_state", None)
    return known or _billing_status(order.lines.all())


def _receipt_status(order: PurchaseOrder, lines: Iterable[PurchaseOrderLine]) -> str:
    lines = list(lines)
    short = any(line.received < line.quantity for line in lines)
    if short and order.status == _CLOSED:
        return SHORT_CLOSED
    if not any(line.received for line in lines):
        return NONE
    if short:
        return PARTIAL
    return OVER if any(line.received > line.quantity for line in lines) else FULL


def _billing_status(lines: Iterable[PurchaseOrderLine]) -> str:
    lines = list(lines)
    if any(line.is_final for line in lines):
        return FINAL
    if not any(line.billed_quantity or line.billed_amount for line in lines):
        return NONE
    if any(_billed_short(line) for line in lines):
        return PARTIAL
    return OVER if any(_billed_over(line) for line in lines) else FULL


def _billed_short(line: PurchaseOrderLine) -> bool:
    if line.basis == line.Basis.AMOUNT:
        return line.billed_amount < line.net
    return line.billed_quantity < line.quantity


def _billed_over(line: PurchaseOrderLine) -> bool:
    if line.basis == line.Basis.AMOUNT:
        return line.billed_amount > line.net
    return line.billed_quantity > line.quantity or line.billed_amount > line.net


def with_progress(orders: QuerySet[PurchaseOrder]) -> QuerySet[PurchaseOrder]:
    """Orders with `receipt_state`, `billing_state` and `open_commitment` (base currency).

    `expects_receipt` is false where every line is matched without one. All can be filtered by, and
    cost index look-ups per row shown: no further statement.
    """
    return orders.annotate(
        receipt_state=_receipt_state(),
        expects_receipt=_has_line(~Q(match_type=MatchType.TWO_WAY)),
        billing_state=_billing_state(),
        open_commitment=Coalesce(
            Subquery(
                Commitment.objects.filter(document_id=OuterRef("pk"), stage=Stage.ENC)
                .order_by()
                .values("document_id")
                .annotate(open=Sum(F("amount") - F("liquidated") - F("released")))
                .values("open"),
                output_field=AmountField(),
            ),
            amount(ZERO),
        ),
    )


def _some_line(condition: Q) -> Exists:
    """For filters: the database may look at all lines at once."""
    return Exists(PurchaseOrderLine.objects.filter(condition, order=OuterRef("pk")))


def _has_line(condition: Q) -> GreaterThan:
    """For columns: asked of each order shown, by the index of its lines.

    A count, because PostgreSQL answers an EXISTS in a column by reading the lines of all orders.
    """
    lines = PurchaseOrderLine.objects.filter(condition, order=OuterRef("pk")).order_by()
    counted = lines.values("order").annotate(count=Count("pk")).values("count")
    return GreaterThan(Coalesce(Subquery(counted), 0), 0)


def _states(*whens: When, default: str) -> Case:
    return Case(*whens, default=Value(default), output_field=CharField())


def _receipt_state() -> Case:
    short = _has_line(Q(received__lt=F("quantity")))
    return _states(
        When(short & Q(status=_CLOSED), then=Value(SHORT_CLOSED)),
        When(~_has_line(Q(received__gt=0)), then=Value(NONE)),
        When(short, then=Value(PARTIAL)),
        When(_has_line(Q(received__gt=F("quantity"))), then=Value(OVER)),
        default=FULL,
    )


def _billing_state() -> Case:
    by_amount = Q(basis=PurchaseOrderLine.Basis.AMOUNT)
    short = by_amount & Q(billed_amount__lt=F("net")) | ~by_amount & Q(
        billed_quantity__lt=F("quantity")
    )
    over = Q(billed_amount__gt=F("net")) | ~by_amount & Q(billed_quantity__gt=F("quantity"))
    touched = ~Q(billed_quantity=0) | ~Q(billed_amount=0)
    return _states(
        When(_has_line(Q(is_final=True)), then=Value(FINAL)),
        When(~_has_line(touched), then=Value(NONE)),
        When(_has_line(short), then=Value(PARTIAL)),
        When(_has_line(over), then=Value(OVER)),
        default=FULL,
    )


def order_list(user: User) -> QuerySet[PurchaseOrder]:
    """Orders that a person may see, newest first, as a list page shows them. Statements: 1."""
    visible = PurchaseOrder.objects.visible_to(user)
    related = ("vendor", "buyer", "agreement_terms")
    return with_progress(visible).select_related(*related).order_by("-pk")


def by_any_number(entity: Entity, text: str) -> QuerySet[PurchaseOrder]:
    """Orders of an entity by our number or the number they came with, as written, newest first.

    A number that was taken over can stand for several orders: vendors may use the same ones.
    """
    wanted = text.strip()
    own = PurchaseOrder.objects.filter(entity=entity)
    if not wanted:
        return own.none()
    return own.filter(Q(number=wanted.upper()) | Q(legacy_number=wanted)).order_by("-pk")


def to_receive(user: User) -> QuerySet[PurchaseOrder]:
    """Issued orders that a person may see and that expect goods, the oldest first.

    Lines that are matched without a receipt expect none, nor do blanket orders: releases do.
    """
    waiting = PurchaseOrder.objects.visible_to(user).filter(status=PurchaseOrder.Status.ISSUED)
    waiting = waiting.exclude(kind=PurchaseOrder.Kind.BLANKET)
    short = _some_line(Q(received__lt=F("quantity")) & ~Q(match_type=MatchType.TWO_WAY))
    return with_progress(waiting.filter(short)).select_related("vendor").order_by("pk")


def open_lines(order: PurchaseOrder) -> QuerySet[PurchaseOrderLine]:
    """Lines of an order of which something is still to come."""
    return order.lines.filter(received__lt=F("quantity"))


def orders_of(requisition_id: UUID) -> QuerySet[PurchaseOrder]:
    """Orders that came of a requisition."""
    lines = PurchaseOrderLine.objects.filter(requisition_line__requisition=requisition_id)
    return PurchaseOrder.objects.filter(pk__in=lines.values("order")).order_by("pk")


def requisition_numbers(order: PurchaseOrder) -> list[str]:
    """The requests that an order came of, by number. Statements: 1."""
    lines = order.lines.filter(requisition_line__isnull=False).order_by()
    numbers = lines.values_list("requisition_line__requisition__number", flat=True)
    return sorted(set(filter(None, numbers)))


def acts_on(order: UUID) -> list[QuerySet[Any]]:
    """Who requested, approved, ordered and received on this purchase, and who says where its
    vendor is paid. A release was approved with its blanket order."""
    requested = (
        PurchaseOrderLine.objects.filter(order=order, requisition_line__isnull=False)
        .order_by()
        .values("requisition_line__requisition")
    )
    orders = PurchaseOrder.objects.filter(pk=order)
    revisions = OrderRevision.objects.filter(order=order)
    changes = ChangeOrder.objects.filter(order=order)
    approved = approvals.queries.approved_steps
    receipts = Receipt.objects.filter(order=order)
    return [
        *requests.acts_on(requested),
        acts_of(Duty.APPROVE, approved([order]), "decided_by"),
        acts_of(Duty.APPROVE, approved(orders.order_by().values("agreement")), "decided_by"),
        acts_of(Duty.APPROVE, approved(changes.values("pk")), "decided_by"),
        acts_of(Duty.ORDER, orders, "buyer"),
        acts_of(Duty.ORDER, revisions, "issued_by"),
        acts_of(Duty.ORDER, changes, "buyer"),
        acts_of(Duty.RECEIVE, receipts, "received_by"),
        *bank_acts(orders.order_by().values("vendor")),
    ]


_performed = performed_in(acts_on)


def performed_on(order: PurchaseOrder) -> Performed:
    """Who did what on this purchase up to its receipts. Statements: 1."""
    return _performed(order.pk)


def receipt_list(user: User) -> QuerySet[Receipt]:
    """Receipts that a person may see, newest first."""
    return (
        Receipt.objects.visible_to(user)
        .select_related("order__vendor", "received_by", "reverses", "mirror")
        .order_by("-pk")
    )


def life_of(order: PurchaseOrder, *, further: Iterable[UUID] = ()) -> QuerySet[TrailEvent]:
    """What happened to an order, its requisitions, its receipts and `further` documents, in order.

    Rooms above pass the ids of theirs (invoices, exceptions).
    """
    documents: list[Any] = [order.pk, *further]
    documents += order.receipts.values_list("pk", flat=True)
    documents += order.change_orders.values_list("pk", flat=True)
    documents += (
        order.lines.filter(requisition_line__isnull=False)
        .order_by()
        .values_list("requisition_line__requisition", flat=True)
        .distinct()
    )
    return (
        TrailEvent.objects.filter(document_id__in=documents)
        .select_related("actor")
        .order_by("sequence")
    )
