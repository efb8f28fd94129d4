"""Blanket orders: what is left of one, and whether a release keeps within it.

A release is judged under the lock of its blanket order's row, so that of many at once none goes
beyond the limit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, Least

from core.errors import FieldError, RuleBroken
from core.fields import AmountField, amount
from core.money import HUNDRED, ZERO
from purchase_orders import agreement_validation
from purchase_orders.models import Agreement, DrawDown, PurchaseOrder, PurchaseOrderLine

_STATUS = PurchaseOrder.Status
HOLDING = (_STATUS.ISSUED, _STATUS.ON_HOLD)
WAITING = (_STATUS.IN_APPROVAL, _STATUS.APPROVED)
_TAKING = (*HOLDING, *WAITING, _STATUS.CLOSED)


class BeyondAgreement(RuleBroken):
    """A release that its blanket order does not allow; each fault says what would be."""

    slug = "beyond-agreement"
    title = "Its blanket order does not allow this."


@dataclass(frozen=True)
class Agreed:
    """A blanket order and its limits, as they are under its lock."""

    blanket: PurchaseOrder
    terms: Agreement


@dataclass(frozen=True)
class Taken:
    """What releases took of one line of a blanket order: issued, waiting, closed as billed."""

    quantity: Decimal = ZERO
    amount: Decimal = ZERO


def most_of(terms: Agreement, whole: Decimal) -> Decimal:
    """The most of a limit or of an agreed quantity that may be released, with the allowance."""
    return whole * (HUNDRED + terms.allowance_percent) / HUNDRED


def unscheduled(terms: Agreement) -> Decimal | None:
    """What nobody has committed: limit less released; below 0 within the allowance. None for
    prices only."""
    return None if terms.limit is None else terms.limit - terms.released


def waiting(blanket: PurchaseOrder, *, apart_from: PurchaseOrder | None = None) -> Decimal:
    """What releases that are in approval or approved come to, net. Statements: 1."""
    rows = PurchaseOrder.objects.filter(agreement=blanket, status__in=WAITING)
    if apart_from is not None:
        rows = rows.exclude(pk=apart_from.pk)
    return rows.order_by().aggregate(sum=Sum("net"))["sum"] or ZERO


def taken(blanket: PurchaseOrder, *, apart_from: PurchaseOrder | None = None) -> dict[UUID, Taken]:
    """What was taken of each line that was, by its key; of closed releases what was billed.
    Statements: 1."""
    rows = PurchaseOrderLine.objects.filter(
        agreement_line__order=blanket, order__status__in=_TAKING
    )
    if apart_from is not None:
        rows = rows.exclude(order=apart_from)
    closed = Q(order__status=_STATUS.CLOSED)
    found = (
        rows.order_by()
        .values("agreement_line")
        .annotate(
            taken_quantity=Sum(
                Case(When(closed, Least("quantity", "billed_quantity")), default=F("quantity"))
            ),
            taken_net=Sum(Case(When(closed, Least("net", "billed_amount")), default=F("net"))),
        )
    )
    return {row["agreement_line"]: Taken(row["taken_quantity"], row["taken_net"]) for row in found}


def require(
    agreed: Agreed,
    release: PurchaseOrder,
    lines: Iterable[PurchaseOrderLine],
    *,
    on: date,
    own: Decimal = ZERO,
) -> None:
    """Raise BeyondAgreement with every fault of a release that shall draw (more) on a day.

    It must have the vendor and the currency, cost at most what was agreed, lie between the least
    and the most of one release, fall on a valid day, the first and the last included, and with all
    others, those in approval too, keep the limit and its allowance. `own` is what it drew already.
    Statements: 2, by quantity 3.
    """
    lines = sorted(lines, key=lambda line: line.line_number)
    agreed_lines = PurchaseOrderLine.objects.filter(order=agreed.blanket).in_bulk()
    _refuse(
        *_state(agreed.blanket),
        *_validity(agreed.blanket, on),
        *_parties(agreed.blanket, release),
        *_lines(release, lines, agreed_lines),
        *_size(agreed, release),
        *_limit(agreed, release, own),
        *_quantities(agreed, release, lines, agreed_lines),
    )


def require_room(
    agreed: Agreed, release: PurchaseOrder, lines: Iterable[PurchaseOrderLine], *, own: Decimal
) -> None:
    """As `require` for a release that is taken up again as it was: only what is left is asked."""
    lines = sorted(lines, key=lambda line: line.line_number)
    agreed_lines = PurchaseOrderLine.objects.filter(order=agreed.blanket).in_bulk()
    _refuse(
        *_state(agreed.blanket),
        *_limit(agreed, release, own),
        *_quantities(agreed, release, lines, agreed_lines),
    )


def require_prices(
    agreed: Agreed, release: PurchaseOrder, lines: Iterable[PurchaseOrderLine]
) -> None:
    """As `require` for a release that draws no more than before: its prices must be agreed."""
    lines = sorted(lines, key=lambda line: line.line_number)
    agreed_lines = PurchaseOrderLine.objects.filter(order=agreed.blanket).in_bulk()
    _refuse(*_lines(release, lines, agreed_lines))


def require_taken_fits(agreed: Agreed, lines: Iterable[PurchaseOrderLine]) -> None:
    """Raise BeyondAgreement where a line of a blanket order that is limited by quantities would
    allow less than releases took of it. Statements: 1."""
    gone = taken(agreed.blanket)
    _refuse(
        *(
            FieldError(
                f"/lines/{index}/quantity",
                "below_released",
                f"Line {line.line_number}: {_plain(gone[line.pk].quantity)} {line.unit} are "
                "released already.",
            )
            for index, line in enumerate(lines)
            if line.pk in gone and _overdrawn(agreed.terms, line, gone[line.pk])
        )
    )


def _overdrawn(terms: Agreement, line: PurchaseOrderLine, gone: Taken) -> bool:
    if line.basis == line.Basis.AMOUNT:
        return gone.amount > most_of(terms, line.net)
    return gone.quantity > most_of(terms, line.quantity)


def _refuse(*errors: FieldError) -> None:
    if errors:
        raise BeyondAgreement(errors[0].detail, errors=errors)


def _state(blanket: PurchaseOrder) -> Iterator[FieldError]:
    if blanket.status != _STATUS.ISSUED:
        state = blanket.get_status_display().lower()
        words = f"{blanket.reference} is {state}: nothing more is released from it."
        yield FieldError("/agreement", blanket.status, words)


def _validity(blanket: PurchaseOrder, on: date) -> Iterator[FieldError]:
    if blanket.valid_from is not None and on < blanket.valid_from:
        words = f"{blanket.reference} is valid from {blanket.valid_from:%d %B %Y}."
        yield FieldError("/agreement", "not_yet_valid", words)
    if blanket.valid_to is not None and on > blanket.valid_to:
        words = f"{blanket.reference} was valid to {blanket.valid_to:%d %B %Y}."
        yield FieldError("/agreement", "expired", words)


def _parties(blanket: PurchaseOrder, release: PurchaseOrder) -> Iterator[FieldError]:
    if release.vendor_id != blanket.vendor_id:
        yield FieldError("/vendor", "mismatch", f"{blanket.reference} is with {blanket.vendor}.")
    if release.currency != blanket.currency:
        words = f"{blanket.reference} is in {blanket.currency}."
        yield FieldError("/currency", "mismatch", words)


def _lines(
    release: PurchaseOrder,
    lines: Iterable[PurchaseOrderLine],
    agreed_lines: dict[UUID, PurchaseOrderLine],
) -> Iterator[FieldError]:
    for index, line in enumerate(lines):
        if line.is_cancelled:
            continue
        pointer = f"/lines/{index}"
        wanted = agreed_lines.get(line.agreement_line_id) if line.agreement_line_id else None
        if wanted is None or wanted.is_cancelled:
            words = "This is not on the blanket order any more."
            yield FieldError(f"{pointer}/agreement_line", "unknown", words)
        elif agreement_validation.is_above(line, wanted):
            yield agreement_validation.above_price(pointer, wanted.unit_price, release.currency)


def _size(agreed: Agreed, release: PurchaseOrder) -> Iterator[FieldError]:
    terms, currency = agreed.terms, release.currency
    says = f"This release comes to {release.net:,.2f} {currency}"
    if terms.release_minimum is not None and release.net < terms.release_minimum:
        words = f"{says}; the least of one release is {terms.release_minimum:,.2f}."
        yield FieldError("/lines", "min_value", words)
    if terms.release_maximum is not None and release.net > terms.release_maximum:
        words = f"{says}; the most of one release is {terms.release_maximum:,.2f}."
        yield FieldError("/lines", "max_value", words)


def _limit(agreed: Agreed, release: PurchaseOrder, own: Decimal) -> Iterator[FieldError]:
    terms = agreed.terms
    if terms.limit_by != terms.LimitBy.AMOUNT or terms.limit is None:
        return
    released = terms.released - own
    waits = waiting(agreed.blanket, apart_from=release)
    left = most_of(terms, terms.limit) - released - waits
    if release.net > left:
        allowance = f" (and {_plain(terms.allowance_percent)} %)" if terms.allowance_percent else ""
        others = f", {waits:,.2f} wait for approval" if waits else ""
        words = (
            f"{agreed.blanket.reference} is limited to {terms.limit:,.2f} {release.currency}"
            f"{allowance}; {released:,.2f} are released{others}: {max(left, ZERO):,.2f} are left, "
            f"this release comes to {release.net:,.2f}."
        )
        yield FieldError("/lines", "beyond_limit", words)


def _quantities(
    agreed: Agreed,
    release: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    agreed_lines: dict[UUID, PurchaseOrderLine],
) -> Iterator[FieldError]:
    """By quantity each line has its own limit; lines that take from the same one add up."""
    terms = agreed.terms
    if terms.limit_by != terms.LimitBy.QUANTITY:
        return
    others = taken(agreed.blanket, apart_from=release)
    wanted: dict[UUID, Decimal] = {}
    for index, line in enumerate(lines):
        of = agreed_lines.get(line.agreement_line_id) if line.agreement_line_id else None
        if of is None or line.is_cancelled:
            continue
        by_amount = of.basis == of.Basis.AMOUNT
        whole, takes = (of.net, line.net) if by_amount else (of.quantity, line.quantity)
        before = others.get(of.pk, Taken())
        gone = before.amount if by_amount else before.quantity
        wanted[of.pk] = wanted.get(of.pk, ZERO) + takes
        left = most_of(terms, whole) - gone
        if wanted[of.pk] > left:
            measure = release.currency if by_amount else of.unit
            words = (
                f"Line {of.line_number} of {agreed.blanket.reference} is limited to "
                f"{_plain(whole)} {measure}; {_plain(gone)} are taken: {_plain(max(left, ZERO))} "
                f"are left, this release takes {_plain(wanted[of.pk])}."
            )
            yield FieldError(f"/lines/{index}/quantity", "beyond_limit", words)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def log(blanket: PurchaseOrder) -> QuerySet[DrawDown]:
    """Every draw-down of a blanket order, each with what was drawn in all after it as
    `drawn_so_far`; in the order in which they happened."""
    earlier = DrawDown.objects.filter(agreement=OuterRef("agreement"), pk__lte=OuterRef("pk"))
    so_far = earlier.order_by().values("agreement").annotate(sum=Sum("amount")).values("sum")
    return (
        DrawDown.objects.filter(agreement__order=blanket)
        .annotate(drawn_so_far=Subquery(so_far, output_field=AmountField()))
        .select_related("release", "actor")
        .order_by("pk")
    )


def drawn_by(release: PurchaseOrder) -> Decimal:
    """What a release holds of its blanket order now: the sum of its draw-downs. Statements: 1."""
    return release.draw_downs.order_by().aggregate(sum=Sum("amount"))["sum"] or ZERO


def amount_to_approve(order: PurchaseOrder) -> Decimal:
    """What approving an order decides, net, in its currency: of a blanket order its limit, where it
    has one; of any other, and of prices only, what its lines come to. Statements: 1 at most."""
    if order.kind != PurchaseOrder.Kind.BLANKET or order.agreement_terms.limit is None:
        return order.net
    return order.agreement_terms.limit


def is_covered(order: PurchaseOrder) -> bool:
    """Whether what a release orders was decided with its blanket order, which has a limit.

    Statements: 1, none for an order that is no release or has its blanket order's terms at hand.
    """
    if order.agreement_id is None:
        return False
    if PurchaseOrder.agreement.is_cached(order):
        terms = getattr(order.agreement, "agreement_terms", None)
        return terms is not None and terms.limit is not None
    return Agreement.objects.filter(order=order.agreement_id, limit__isnull=False).exists()


def own_decision(order: PurchaseOrder, lines: Iterable[PurchaseOrderLine]) -> Decimal:
    """What of an order nobody has decided yet: no approved request, no limit of a blanket order.

    Statements: 1 at most, none for an order that has nothing to do with blanket orders.
    """
    if order.kind == PurchaseOrder.Kind.BLANKET:
        return amount_to_approve(order)
    if is_covered(order):
        return ZERO
    return sum((line.net for line in lines if line.requisition_line_id is None), ZERO)


def with_own_decision(orders: QuerySet[PurchaseOrder]) -> QuerySet[PurchaseOrder]:
    """Orders, each with its `own_decision` as `own`, added up by the database."""
    unasked = PurchaseOrderLine.objects.filter(order=OuterRef("pk"), requisition_line=None)
    lines = Subquery(unasked.order_by().values("order").values_list(Sum("net")))
    limit = F("agreement_terms__limit")
    return orders.annotate(
        own=Case(
            When(kind=PurchaseOrder.Kind.BLANKET, then=Coalesce(limit, "net")),
            When(agreement__agreement_terms__limit__isnull=False, then=amount(0)),
            default=Coalesce(lines, amount(0)),
            output_field=AmountField(),
        )
    )
