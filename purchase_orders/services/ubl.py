"""Taking over one order from a UBL file."""

from datetime import datetime
from decimal import Decimal

from accounts.models import Entity, User
from budgets.models import CostCenter, GLAccount, Project
from core import attachments
from core.errors import FieldError, Invalid, TooLarge
from core.money import HUNDRED, ZERO, UnknownCurrency, minor_units, round_amount
from core.transactions import atomic
from core.xml import UnsafeXML
from purchase_orders import capture
from purchase_orders.capture import CapturedOrder, CapturedOrderLine
from purchase_orders.models import PurchaseOrder
from purchase_orders.services.drafts import require_buyer
from purchase_orders.services.taken_vendors import UNKNOWN_COUNTRY, vendor_for
from purchase_orders.services.takeover import (
    Coding,
    TakenLine,
    TakenOrder,
    default_coding,
    take_over,
)
from purchase_orders.validation import MOST_NET, MOST_PRICE, MOST_QUANTITY
from vendors.models import Vendor

LONGEST_NUMBER = 64
PIECE = "C62"


class BrokenOrder(Invalid):
    slug = "broken-order"
    title = "This file is no order that can be taken over."


@atomic
def import_ubl(
    *,
    entity: Entity,
    data: bytes,
    actor: User,
    at: datetime,
    cost_center: CostCenter | None = None,
    gl_account: GLAccount | None = None,
    project: Project | None = None,
) -> PurchaseOrder:
    """Take over a UBL order issued elsewhere: issued, committed, found by its own number.

    Where price × quantity and the line amount disagree the amount counts, and the trail says so.
    Without cost centre and account it is booked to the entity's first tracked budget
    (`default_coding`). The file is kept as it came. Raises BrokenOrder naming what is wrong,
    TooLarge, NotAllowed for anybody but a buyer, DuplicateOrder, VendorNotApproved, RateMissing,
    BudgetExceeded.
    """
    require_buyer(entity, actor)
    captured = _read(data)
    coding = _coding(entity, cost_center, gl_account, project, at)
    seller = captured.seller
    vendor = vendor_for(
        entity=entity,
        name=seller.name,
        country=seller.country if len(seller.country) == 2 else UNKNOWN_COUNTRY,
        tax_ids=seller.tax_ids or tuple(filter(None, [seller.tax_id])),
        currency=captured.currency,
        actor=actor,
        at=at,
        address="\n".join(seller.address)[:2000],
    )
    taken = _taken(captured, vendor)
    order = take_over(entity=entity, orders=[taken], coding=coding, actor=actor, at=at)[0]
    attachments.attach(
        document=order, data=data, name=f"{_file_name(captured.number)}.xml", actor=actor, at=at
    )
    return order


def _read(data: bytes) -> CapturedOrder:
    try:
        captured = capture.read(data)
    except (UnsafeXML, capture.NotAnOrder) as error:
        if error.code == "too-large":
            raise TooLarge(error.message) from error
        fault = FieldError("/file", error.code, error.message)
        raise BrokenOrder(error.message, errors=[fault]) from error
    errors = [
        FieldError("/file", remark.code, f"{remark.location}: {remark.message}")
        for remark in captured.refusing
    ]
    errors += _out_of_range(captured)
    if errors:
        raise BrokenOrder(errors=errors)
    return captured


def _out_of_range(captured: CapturedOrder) -> list[FieldError]:
    errors = []
    try:
        minor_units(captured.currency)
    except UnknownCurrency:
        if captured.currency:
            detail = f"“{captured.currency}” is not a currency code."
            errors.append(FieldError("/file", "unknown-currency", detail))
    if len(captured.number) > LONGEST_NUMBER:
        detail = f"The order number has more than {LONGEST_NUMBER} characters."
        errors.append(FieldError("/file", "number-too-long", detail))
    for line in captured.lines:
        figures = (
            (line.quantity, MOST_QUANTITY, 6),
            (line.effective_unit_price, MOST_PRICE, 6),
            (line.effective_net, MOST_NET, 12),
        )
        if any(value is not None and not _holds(value, *limits) for value, *limits in figures):
            detail = f"Line {line.line_number}: a figure is out of range."
            errors.append(FieldError("/file", "out-of-range", detail))
    return errors


def _holds(value: Decimal, most: Decimal, decimals: int) -> bool:
    return ZERO <= value <= most and value == round(value, decimals)


def _coding(
    entity: Entity,
    cost_center: CostCenter | None,
    gl_account: GLAccount | None,
    project: Project | None,
    at: datetime,
) -> Coding:
    if cost_center is None and gl_account is None:
        return default_coding(entity, entity.day_of(at))
    errors = [
        FieldError(f"/{name}", "required", "Choose one of this entity that is in use.")
        for name, part in (("cost_center", cost_center), ("gl_account", gl_account))
        if part is None or part.entity_id != entity.pk or not part.is_active
    ]
    if project is not None and (project.entity_id != entity.pk or not project.is_active):
        errors.append(FieldError("/project", "invalid", "Choose one that is in use."))
    if errors:
        raise Invalid(errors=errors)
    return Coding(cost_center, gl_account, project)


def _taken(captured: CapturedOrder, vendor: Vendor) -> TakenOrder:
    issued = f" of {captured.issue_date:%d %B %Y}" if captured.issue_date else ""
    return TakenOrder(
        vendor=vendor,
        legacy_number=captured.number,
        currency=captured.currency,
        title=f"{captured.number}{issued}",
        delivery_terms=captured.delivery_terms.replace("\n", "; "),
        note="\n".join(filter(None, [*captured.notes, captured.payment_terms]))[:4000],
        valid_from=captured.valid_from,
        valid_to=captured.valid_to,
        lines=[_line(line, captured) for line in captured.lines],
        facts={
            "issued_elsewhere_on": captured.issue_date.isoformat() if captured.issue_date else None,
            "remarks": [f"{each.location}: {each.message}" for each in captured.flags],
        },
    )


def _line(line: CapturedOrderLine, captured: CapturedOrder) -> TakenLine:
    net = round_amount(line.effective_net, captured.currency)
    return TakenLine(
        description=line.description or line.name or f"Line {line.line_number}",
        quantity=line.quantity,
        unit=line.unit or PIECE,
        unit_price=line.effective_unit_price,
        net=net,
        sku=line.seller_item_id or line.buyer_item_id,
        tax_percent=_tax_percent(line, net),
        need_by=line.delivery_date or captured.delivery_date,
    )


def _tax_percent(line: CapturedOrderLine, net: Decimal) -> Decimal:
    """The rate that the line's stated tax stands for; none when it is no sensible rate."""
    if not line.tax or not net:
        return ZERO
    percent = round(line.tax * HUNDRED / net, 2)
    return percent if ZERO < percent <= HUNDRED else ZERO


def _file_name(number: str) -> str:
    return (
        "".join(each if each.isalnum() or each in "-_" else "-" for each in number)[:60] or "order"
    )
