"""Releases: orders that draw on a blanket order, at its prices, up to its limit."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from accounts.models import User
from core.errors import Conflict, FieldError, Invalid
from core.transactions import atomic
from purchase_orders import agreements, changed, drafting, drawing, offering
from purchase_orders.inputs import OrderInput, OrderLineInput, ReleaseLineInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.drafts import create, locked_to_order, require_buyer
from requisitions.content import lines_of
from requisitions.models import Requisition, RequisitionLine

_KIND = PurchaseOrder.Kind


@atomic
def release(
    *,
    order: PurchaseOrder,
    lines: Sequence[ReleaseLineInput],
    actor: User | None,
    at: datetime,
    title: str = "",
    note: str = "",
) -> PurchaseOrder:
    """A draft that draws on a blanket order. Vendor, currency, prices and terms are those of it.

    Nothing is drawn before the draft is issued, so what is left may go to another until then.
    Raises NotAllowed for anybody but a buyer, Conflict for an order that is no blanket order,
    Invalid, BeyondAgreement with what is left.
    """
    require_buyer(order.entity, actor)
    if order.kind != _KIND.BLANKET:
        raise Conflict(f"{order.reference} is no blanket order: nothing is released from it.")
    agreed = drawing.locked_agreement(PurchaseOrder(agreement=order))
    assert agreed is not None  # a blanket order has its limits
    blanket = agreed.blanket
    stored = {line.pk: line for line in changed.lines_of(blanket, catalog=True)}
    made = create(
        entity=blanket.entity,
        data=OrderInput(
            vendor=blanket.vendor,
            currency=blanket.currency,
            lines=_lines(blanket, stored, lines),
            title=title or blanket.title,
            kind=_KIND.RELEASE,
            delivery_terms=blanket.delivery_terms,
            payment_terms_days=blanket.payment_terms_days,
            ship_to=blanket.ship_to,
            bill_to=blanket.bill_to,
            note=note or blanket.note,
            contract=blanket.contract,
            agreement=blanket,
        ),
        actor=actor,
        at=at,
    )
    agreements.require(agreed, made, list(made.lines.all()), on=blanket.entity.day_of(at))
    return made


def _lines(
    blanket: PurchaseOrder,
    stored: dict,
    wanted: Sequence[ReleaseLineInput],
) -> list[OrderLineInput]:
    """Lines at the agreed terms; a line by amount takes its amount as the price of one."""
    made, errors = [], []
    for index, said in enumerate(wanted):
        line = stored.get(said.agreement_line.pk)
        if line is None or line.is_cancelled:
            words = f"Not a line of {blanket.reference}."
            errors.append(FieldError(f"/lines/{index}/agreement_line", "unknown", words))
            continue
        made.append(_line(line, said))
    if errors:
        raise Invalid(errors=errors)
    return made


def _line(line: PurchaseOrderLine, said: ReleaseLineInput) -> OrderLineInput:
    by_amount = line.basis == line.Basis.AMOUNT
    return OrderLineInput(
        description=line.description,
        quantity=Decimal(1) if by_amount else said.quantity,
        unit=line.unit,
        unit_price=said.quantity if by_amount else line.unit_price,
        kind=line.kind,
        catalog_item=line.catalog_item,
        sku=line.sku,
        tax_code=line.tax_code,
        need_by=said.need_by or _needed(said.requisition_line),
        basis=line.basis,
        match_type=line.match_type,
        over_receipt_percent=line.over_receipt_percent,
        agreement_line=line,
        requisition_line=said.requisition_line,
        distributions=said.distributions or drafting.approved_coding(said.requisition_line or line),
    )


def _needed(requested: RequisitionLine | None) -> date | None:
    return requested and (requested.need_by or requested.requisition.need_by)


@atomic
def release_requisition(
    *, requisition: Requisition, agreement: PurchaseOrder, actor: User, at: datetime
) -> PurchaseOrder:
    """A draft release of all that is left of a request and stands on a blanket order's price list.

    At the agreed prices, paid as was approved; issuing it uses up what the request reserved and
    draws on the blanket order. Raises NotAllowed for anybody but a buyer, IllegalTransition unless
    the request is approved, Conflict where nothing of it stands on the list, Invalid,
    BeyondAgreement.
    """
    require_buyer(requisition.entity, actor)
    agreed = drawing.locked_agreement(PurchaseOrder(agreement=agreement))
    requisition = locked_to_order(requisition)
    lines = lines_of(requisition)
    found = offering.pairs(lines, agreement, agreement.lines.all(), drafting.left_of(lines))
    if agreed is None or not found:
        raise Conflict(
            f"Nothing that is left of {requisition.number} stands on {agreement.reference}, with "
            "its vendor, unit and basis."
        )
    return release(
        order=agreement,
        lines=[
            ReleaseLineInput(each.agreed, each.left, requisition_line=each.requested)
            for each in found
        ],
        actor=actor,
        at=at,
        title=requisition.title,
    )
