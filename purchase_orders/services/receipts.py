"""Receipts: what was delivered, counted under the lock of the order's lines, undone by a mirror.

Nothing of it is in the ledger (C6): received and not invoiced is a sum beside it, no commitment.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from accounts.duties import require_apart
from accounts.models import Duty, User
from core import events, numbering, rows, text
from core.errors import Conflict, DomainError, FieldError, IllegalTransition, Invalid
from core.money import HUNDRED
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import accruals, queries
from purchase_orders.inputs import ReceiptInput
from purchase_orders.locks import locked
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine
from purchase_orders.validation import MOST_QUANTITY, figure
from vendors.models import MatchType

KIND = "GR"


class OverReceipt(DomainError):
    """More came than was ordered and tolerated, all receipts of the line taken together."""

    slug = "over-receipt"
    title = "More than was ordered."


@atomic
def post_receipt(
    *,
    order: PurchaseOrder,
    lines: Sequence[ReceiptInput],
    received_on: date,
    delivery_note: str = "",
    note: str = "",
    actor: User | None,
    at: datetime,
) -> Receipt:
    """Count a delivery. Rejected goods are noted and leave the line open.

    The sum of all receipts of a line may reach quantity × (1 + tolerance). Raises
    IllegalTransition unless the order is issued, NotAllowed without the role,
    DutiesConflict for whoever did what is kept apart from receiving, OverReceipt, Invalid.
    """
    order = locked(order)
    stored = {line.pk: line for line in accruals.locked_lines(order, on=received_on)}
    _require_open(order)
    _require_apart(order, actor, at)
    _check(order, stored, lines, received_on, delivery_note, note, at)
    receipt = Receipt(
        entity=order.entity,
        order=order,
        received_on=received_on,
        delivery_note=delivery_note,
        note=note,
        received_by=actor,
        created_at=at,
    )
    perform(receipt.post, actor=actor, at=at)
    counted = [
        (stored[said.order_line.pk], said.quantity, said.rejected_quantity, said.reason)
        for said in lines
    ]
    return _store(receipt, counted, actor=actor, at=at)


@atomic
def reverse_receipt(*, receipt: Receipt, reason: str, actor: User | None, at: datetime) -> Receipt:
    """Take a receipt back by its mirror, which is returned; the receipt itself stays as it was.

    Raises IllegalTransition when it was reversed before or is itself a mirror, NotAllowed,
    DutiesConflict, Invalid without a reason, Conflict when what remains would be less than was
    billed: the credit note comes first.
    """
    order = locked(receipt.order)
    today = order.entity.day_of(at)
    stored = {line.pk: line for line in accruals.locked_lines(order, on=today)}
    receipt = Receipt.objects.select_for_update(no_key=True).get(pk=receipt.pk)
    receipt.entity, receipt.order = order.entity, order
    if receipt.reverses_id is not None:
        raise IllegalTransition(f"{receipt.number} is itself a reversal.")
    perform(receipt.reverse, actor=actor, at=at)
    _require_apart(order, actor, at)
    if errors := text.check(reason, "/reason", most=2000, required=True, multiline=True):
        raise Invalid(errors=errors)
    counted = [
        (stored[line.order_line_id], -line.quantity, -line.rejected_quantity, line.reason)
        for line in receipt.lines.all()
    ]
    for line, quantity, _, _ in counted:
        _require_not_billed(line, line.received + quantity)
    receipt.save()
    mirror = Receipt(
        entity=order.entity,
        order=order,
        received_on=today,
        delivery_note=receipt.delivery_note,
        note=reason,
        received_by=actor,
        reverses=receipt,
        created_at=at,
    )
    perform(mirror.post, actor=actor, at=at)
    mirror = _store(mirror, counted, actor=actor, at=at, event="")
    events.publish(
        "receipt.reversed",
        receipt,
        actor=actor,
        at=at,
        reason=reason,
        data={"mirror": mirror.number, "order": order.number},
    )
    return mirror


def _require_open(order: PurchaseOrder) -> None:
    if order.status != PurchaseOrder.Status.ISSUED:
        state = order.get_status_display().lower()
        raise IllegalTransition(f"{order.reference} is {state}: nothing can be received on it now.")
    if order.kind == PurchaseOrder.Kind.BLANKET:
        raise Conflict(f"{order.reference} is a blanket order: goods come on its releases.")


def _require_apart(order: PurchaseOrder, actor: User | None, at: datetime) -> None:
    require_apart(
        entity=order.entity,
        person=actor,
        duty=Duty.RECEIVE,
        performed=queries.performed_on(order),
        at=at,
        about=order,
    )


def _check(
    order: PurchaseOrder,
    stored: dict,
    lines: Sequence[ReceiptInput],
    received_on: date,
    delivery_note: str,
    note: str,
    at: datetime,
) -> None:
    errors = [
        *text.check(delivery_note, "/delivery_note", most=64, name=True),
        *text.check(note, "/note", most=4000, multiline=True),
    ]
    if received_on > order.entity.day_of(at):
        errors.append(FieldError("/received_on", "future", "This day has not come yet."))
    if not lines:
        errors.append(FieldError("/lines", "required", "Say what came."))
    seen = set()
    for index, said in enumerate(lines):
        pointer = f"/lines/{index}"
        if said.order_line.pk not in stored or said.order_line.pk in seen:
            errors.append(FieldError(f"{pointer}/order_line", "unknown", "Each line once."))
        seen.add(said.order_line.pk)
        errors += _check_line(said, pointer)
    if errors:
        raise Invalid(errors=errors)
    over = [
        fault
        for index, said in enumerate(lines)
        for fault in _over(stored[said.order_line.pk], said.quantity, f"/lines/{index}/quantity")
    ]
    if over:
        raise OverReceipt(" ".join(fault.detail for fault in over), errors=over)


def _check_line(said: ReceiptInput, pointer: str) -> list[FieldError]:
    faults = [
        *figure(said.quantity, f"{pointer}/quantity", most=MOST_QUANTITY),
        *figure(said.rejected_quantity, f"{pointer}/rejected_quantity", most=MOST_QUANTITY),
        *text.check(said.reason, f"{pointer}/reason", most=200),
    ]
    if faults:
        return faults
    if not said.quantity and not said.rejected_quantity:
        return [FieldError(f"{pointer}/quantity", "min_value", "Must be above 0.")]
    if said.rejected_quantity and not said.reason.strip():
        return [FieldError(f"{pointer}/reason", "required", "Say why it was rejected.")]
    return []


def _over(line: PurchaseOrderLine, quantity: Decimal, pointer: str) -> list[FieldError]:
    most = line.quantity * (HUNDRED + line.over_receipt_percent) / HUNDRED
    total = line.received + quantity
    if total <= most:
        return []
    tolerated = (
        f", {most.normalize():f} with the tolerance of {line.over_receipt_percent.normalize():f} %"
        if line.over_receipt_percent
        else ""
    )
    detail = (
        f"Line {line.line_number}: ordered {line.quantity.normalize():f}{tolerated}; "
        f"with this {total.normalize():f} would be received, "
        f"{(total - most).normalize():f} too many."
    )
    return [FieldError(pointer, OverReceipt.slug, detail)]


def _require_not_billed(line: PurchaseOrderLine, remaining: Decimal) -> None:
    """What is billed stays received: a quantity, or its worth where the line is by amount."""
    if line.match_type == MatchType.TWO_WAY:
        return
    by_amount = line.basis == line.Basis.AMOUNT
    billed = line.billed_amount if by_amount else line.billed_quantity
    left = remaining * line.unit_price if by_amount else remaining
    if left < billed:
        raise Conflict(
            f"Line {line.line_number}: {billed.normalize():f} are billed already; "
            f"without this receipt only {left.normalize():f} would be received. "
            "Ask for a credit note first."
        )


def _store(
    receipt: Receipt,
    counted: list[tuple[PurchaseOrderLine, Decimal, Decimal, str]],
    *,
    actor: User | None,
    at: datetime,
    event: str = "receipt.posted",
) -> Receipt:
    lines = [line for line, *_ in counted]
    with accruals.moving(receipt.order, lines, on=receipt.received_on):
        _count(receipt, counted, at)
    if event:
        told = [
            {"line": line.line_number, "quantity": f"{quantity:f}", "rejected": f"{rejected:f}"}
            for line, quantity, rejected, _ in counted
        ]
        data = {"number": receipt.number, "order": receipt.order.number, "lines": told}
        events.publish(event, receipt, actor=actor, at=at, data=data)
    return receipt


def _count(
    receipt: Receipt,
    counted: list[tuple[PurchaseOrderLine, Decimal, Decimal, str]],
    at: datetime,
) -> None:
    for line, quantity, rejected, _ in counted:
        line.received += quantity
        line.rejected += rejected
    rows.store([line for line, *_ in counted], ["received", "rejected"])
    receipt.number = numbering.take(
        stream=receipt.stream,
        kind=KIND,
        fiscal_year=receipt.entity.fiscal_year_of(receipt.entity.day_of(at)),
    )
    receipt.save()
    rows.insert(
        [
            ReceiptLine(
                receipt=receipt,
                order_line=line,
                quantity=quantity,
                rejected_quantity=rejected,
                reason=reason,
            )
            for line, quantity, rejected, reason in counted
        ]
    )
