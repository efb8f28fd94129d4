"""What an order must be before it is stored. Every fault is named at once, each by its pointer."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from uuid import UUID

from accounts.models import Entity
from core import text
from core.errors import FieldError, Invalid
from core.money import HUNDRED, ZERO, UnknownCurrency, line_net, minor_units
from core.units import UNITS
from purchase_orders import agreement_validation
from purchase_orders.faults import choice, figure
from purchase_orders.inputs import OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.models import Requisition
from requisitions.validation import period_errors
from vendors.models import Contract, MatchType

MOST_LINES = 2000
MOST_QUANTITY = Decimal(10) ** 10
MOST_PRICE = Decimal(10) ** 10
MOST_NET = Decimal(10) ** 12
_KINDS = frozenset(PurchaseOrderLine.Kind.values)
_BASES = frozenset(PurchaseOrderLine.Basis.values)
_MATCH_TYPES = frozenset(["", *MatchType.values])


def check(
    entity: Entity,
    data: OrderInput,
    *,
    tax_codes: Collection[str],
    orderable: dict[UUID, Decimal],
) -> None:
    """Raise Invalid with every fault. `orderable` is what each requisition line has left to order:
    a quantity, or an amount where the line is by amount."""
    errors = [*_header(entity, data), *agreement_validation.header(data)]
    wanted: dict[UUID, Decimal] = {}
    for index, line in enumerate(data.lines[:MOST_LINES]):
        pointer = f"/lines/{index}"
        faults = line_faults(entity, data, line, pointer, tax_codes)
        if not faults:
            faults += agreement_validation.line(data, line, pointer)
        if line.requisition_line is not None and not faults:
            faults += _requested(entity, data, line, pointer, orderable, wanted)
        errors += faults
    if errors:
        raise Invalid(errors=errors)


def line_faults(
    entity: Entity,
    data: OrderInput,
    line: OrderLineInput,
    pointer: str,
    tax_codes: Collection[str],
) -> list[FieldError]:
    """What is wrong with one line, its figures, words and coding."""
    return [*_line(data, line, pointer, tax_codes), *coding_faults(entity, line, pointer)]


def _header(entity: Entity, data: OrderInput) -> Iterator[FieldError]:
    if data.vendor is None or data.vendor.entity_id != entity.pk:
        yield FieldError("/vendor", "required", "Choose the vendor.")
    try:
        minor_units(data.currency)
    except UnknownCurrency:
        yield FieldError("/currency", "unknown", f"“{data.currency}” is not a currency code.")
    if data.contract is not None:
        yield from _contract(data, data.contract)
    yield from choice(data.kind, PurchaseOrder.Kind.values, "/kind")
    yield from text.check(data.title, "/title", most=200, name=True)
    yield from text.check(data.delivery_terms, "/delivery_terms", most=120)
    for name in ("ship_to", "bill_to", "note"):
        yield from text.check(getattr(data, name), f"/{name}", most=4000, multiline=True)
    if data.payment_terms_days is not None and not 0 <= data.payment_terms_days <= 365:
        yield FieldError("/payment_terms_days", "out_of_range", "Between 0 and 365 days.")
    if data.valid_from and data.valid_to and data.valid_to < data.valid_from:
        yield FieldError("/valid_to", "min_value", "It ends before it begins.")
    if not data.lines:
        yield FieldError("/lines", "required", "An order needs at least one line.")
    if len(data.lines) > MOST_LINES:
        yield FieldError("/lines", "max_length", f"At most {MOST_LINES} lines.")


def _contract(data: OrderInput, contract: Contract) -> Iterator[FieldError]:
    if data.vendor is None or contract.vendor_id != data.vendor.pk:
        yield FieldError("/contract", "foreign", "It is with another vendor.")
    elif contract.currency != data.currency:
        yield FieldError("/contract", "mismatch", f"It is in {contract.currency}.")


def _line(
    data: OrderInput, line: OrderLineInput, pointer: str, tax_codes: Collection[str]
) -> Iterator[FieldError]:
    yield from text.check(line.description, f"{pointer}/description", most=500, required=True)
    yield from text.check(line.sku, f"{pointer}/sku", most=64, name=True)
    yield from choice(line.unit, UNITS, f"{pointer}/unit")
    yield from choice(line.kind, _KINDS, f"{pointer}/kind")
    yield from choice(line.basis, _BASES, f"{pointer}/basis")
    yield from choice(line.match_type, _MATCH_TYPES, f"{pointer}/match_type")
    if line.tax_code != "":
        yield from choice(line.tax_code, tax_codes, f"{pointer}/tax_code")
    faults = [
        *figure(line.quantity, f"{pointer}/quantity", most=MOST_QUANTITY, positive=True),
        *figure(line.unit_price, f"{pointer}/unit_price", most=MOST_PRICE),
        *figure(line.over_receipt_percent, f"{pointer}/over_receipt_percent", most=HUNDRED),
    ]
    faults += period_errors(line.period_from, line.period_to, pointer)
    if not faults and line.quantity * line.unit_price >= MOST_NET:
        faults.append(FieldError(f"{pointer}/quantity", "max_value", "The amount is too large."))
    yield from faults
    if line.catalog_item and data.vendor and line.catalog_item.vendor_id != data.vendor.pk:
        yield FieldError(f"{pointer}/catalog_item", "foreign", "Another vendor sells this item.")


def coding_faults(entity: Entity, line: OrderLineInput, pointer: str) -> Iterator[FieldError]:
    """What is wrong with who pays: nobody, something out of use, parts that are not the whole."""
    if not line.distributions:
        yield FieldError(f"{pointer}/distributions", "required", "Say who pays for this line.")
        return
    for index, part in enumerate(line.distributions):
        place = f"{pointer}/distributions/{index}"
        for name in ("cost_center", "gl_account"):
            coding = getattr(part, name)
            if coding is None or coding.entity_id != entity.pk or not coding.is_active:
                yield FieldError(f"{place}/{name}", "required", "Choose one that is in use.")
        if part.project is not None and (
            part.project.entity_id != entity.pk or not part.project.is_active
        ):
            yield FieldError(f"{place}/project", "invalid", "Choose one that is in use.")
        yield from figure(part.percent, f"{place}/percent", most=HUNDRED, positive=True)
    if sum((part.percent for part in line.distributions), ZERO) != HUNDRED:
        yield FieldError(f"{pointer}/distributions", "sum", "The parts must add up to 100 %.")


def _requested(
    entity: Entity,
    data: OrderInput,
    line: OrderLineInput,
    pointer: str,
    orderable: dict[UUID, Decimal],
    wanted: dict[UUID, Decimal],
) -> Iterator[FieldError]:
    """A line that stands for a requisition line: same vendor and currency, and something left."""
    requested = line.requisition_line
    requisition: Requisition = requested.requisition
    place = f"{pointer}/requisition_line"
    left = orderable.get(requested.pk)
    if left is None or requisition.entity_id != entity.pk:
        yield FieldError(place, "not_orderable", "Its requisition is not open for orders.")
        return
    if requisition.currency != data.currency:
        yield FieldError("/currency", "mismatch", f"It asks in {requisition.currency}.")
    vendor_id = requested.vendor_id or requisition.vendor_id
    if vendor_id and data.vendor and vendor_id != data.vendor.pk:
        yield FieldError("/vendor", "mismatch", f"{requisition.number} names another vendor.")
    by_amount = requested.basis == requested.Basis.AMOUNT
    takes = (
        line_net(quantity=line.quantity, unit_price=line.unit_price, currency=data.currency)
        if by_amount
        else line.quantity
    )
    wanted[requested.pk] = wanted.get(requested.pk, ZERO) + takes
    if wanted[requested.pk] > left:
        rest = f"{left.normalize():f}{f' {data.currency}' if by_amount else ''}"
        yield FieldError(f"{pointer}/quantity", "max_value", f"Only {rest} is left to order.")
    approved = {
        (part.cost_center_id, part.gl_account_id, part.project_id, part.percent)
        for part in requested.distributions.all()
    }
    stated = {
        (part.cost_center.pk, part.gl_account.pk, part.project and part.project.pk, part.percent)
        for part in line.distributions
        if part.cost_center and part.gl_account
    }
    if stated != approved:
        yield FieldError(
            f"{pointer}/distributions",
            "approved",
            "The approved coding cannot change here.",
        )
