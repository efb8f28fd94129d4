"""What a blanket order and a release must be before they are stored."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from core.decimals import places
from core.errors import FieldError
from core.money import HUNDRED, UnknownCurrency, minor_units
from purchase_orders.faults import choice, figure
from purchase_orders.inputs import AgreementInput, OrderInput, OrderLineInput
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine

MOST = Decimal(10) ** 12 - 1
_AMOUNTS = ("limit", "minimum", "release_minimum", "release_maximum")
_BY, _COMMITS = Agreement.LimitBy, Agreement.Commits


def header(data: OrderInput) -> Iterator[FieldError]:
    """A blanket order says what it is limited by, a release which blanket order it draws on."""
    kinds = PurchaseOrder.Kind
    if data.kind == kinds.BLANKET:
        yield from terms(data.terms or AgreementInput(), data.currency)
    elif data.terms is not None:
        yield FieldError("/limit", "not_here", "Only a blanket order has a limit.")
    if data.kind == kinds.RELEASE:
        yield from _release(data)
    elif data.agreement is not None:
        yield FieldError("/agreement", "not_here", "Only a release draws on a blanket order.")


def terms(terms: AgreementInput, currency: str) -> Iterator[FieldError]:
    """What is wrong with the limits of a blanket order."""
    yield from choice(terms.limit_by, _BY.values, "/limit_by")
    yield from choice(terms.commits, _COMMITS.values, "/commits")
    faults = [
        fault
        for name in _AMOUNTS
        if getattr(terms, name) is not None
        for fault in _amount(getattr(terms, name), f"/{name}", currency)
    ]
    faults += figure(terms.allowance_percent, "/allowance_percent", most=HUNDRED)
    yield from faults or _together(terms)


def _together(terms: AgreementInput) -> Iterator[FieldError]:
    """What the figures of an agreement say to each other."""
    if terms.limit_by == _BY.AMOUNT and not terms.limit:
        yield FieldError("/limit", "required", "Say up to which amount may be released.")
    if terms.limit_by != _BY.AMOUNT and terms.limit is not None:
        words = "Its limit follows from its lines." if terms.limit_by == _BY.QUANTITY else "None."
        yield FieldError("/limit", "not_here", f"Only a limit by amount is stated. {words}")
    if terms.commits == _COMMITS.LIMIT and terms.limit_by == _BY.PRICE:
        yield FieldError("/commits", "no_limit", "Prices alone have no limit to commit.")
    if terms.commits == _COMMITS.MINIMUM and not terms.minimum:
        yield FieldError("/minimum", "required", "Say which minimum is committed.")
    if terms.limit is not None and terms.minimum > terms.limit:
        yield FieldError("/minimum", "max_value", "The minimum is above the limit.")
    least, most = terms.release_minimum, terms.release_maximum
    if least is not None and most is not None and least > most:
        yield FieldError("/release_maximum", "min_value", "It is below the least of a release.")


def minimum_above_lines(
    terms: AgreementInput | Agreement | None, net: Decimal
) -> Iterator[FieldError]:
    """Limited by quantity, the minimum must lie within what the lines come to."""
    if terms is not None and terms.limit_by == _BY.QUANTITY:
        if not net:
            yield FieldError("/lines", "required", "Its lines come to nothing.")
        elif terms.minimum > net:
            yield FieldError("/minimum", "max_value", "The minimum is above what its lines allow.")


def _amount(value: Decimal, pointer: str, currency: str) -> Iterator[FieldError]:
    faults = list(figure(value, pointer, most=MOST))
    yield from faults
    try:
        digits = minor_units(currency)
    except UnknownCurrency:
        return  # said of the currency already
    if not faults and places(value) > digits:
        yield FieldError(pointer, "max_decimal_places", f"At most {digits} decimals.")


def _release(data: OrderInput) -> Iterator[FieldError]:
    blanket = data.agreement
    if blanket is None or blanket.kind != PurchaseOrder.Kind.BLANKET:
        yield FieldError("/agreement", "required", "Say which blanket order it draws on.")
        return
    if data.vendor is not None and data.vendor.pk != blanket.vendor_id:
        yield FieldError("/vendor", "mismatch", f"{blanket} is with {blanket.vendor}.")
    if data.currency != blanket.currency:
        yield FieldError("/currency", "mismatch", f"{blanket} is in {blanket.currency}.")


def line(data: OrderInput, said: OrderLineInput, pointer: str) -> Iterator[FieldError]:
    """A line of a release takes from a line of its blanket order, at most at its price."""
    kinds, wanted = PurchaseOrder.Kind, said.agreement_line
    place = f"{pointer}/agreement_line"
    if data.kind == kinds.BLANKET and said.requisition_line is not None:
        words = "A requisition is ordered by an order of its own, or released."
        yield FieldError(f"{pointer}/requisition_line", "not_here", words)
    if data.kind != kinds.RELEASE:
        if wanted is not None:
            yield FieldError(place, "not_here", "Only a release takes from a blanket order.")
        return
    blanket = data.agreement
    if blanket is None:
        return
    if wanted is None or wanted.order_id != blanket.pk or wanted.is_cancelled:
        yield FieldError(place, "required", f"Say which line of {blanket} it takes from.")
        return
    if said.unit != wanted.unit:
        yield FieldError(f"{pointer}/unit", "mismatch", f"It is agreed by {wanted.unit}.")
    if said.basis != wanted.basis:
        yield FieldError(f"{pointer}/basis", "mismatch", f"It is agreed by {wanted.basis}.")
    asked = said.requisition_line
    if asked is not None and (asked.unit, asked.basis) != (wanted.unit, wanted.basis):
        words = f"It was asked for by {asked.unit}, {asked.get_basis_display().lower()}."
        yield FieldError(f"{pointer}/requisition_line", "mismatch", words)
    if is_above(said, wanted):
        yield above_price(pointer, wanted.unit_price, data.currency)


def is_above(said: Any, wanted: PurchaseOrderLine) -> bool:
    """Whether a line is dearer than agreed; the price of a line by amount is what it takes."""
    return dearer(said.unit_price, wanted)


def dearer(price: Decimal, wanted: PurchaseOrderLine) -> bool:
    """As `is_above`, of a price."""
    return wanted.basis != wanted.Basis.AMOUNT and price > wanted.unit_price


def above_price(pointer: str, agreed: Decimal, currency: str) -> FieldError:
    """A line dearer than the blanket order allows."""
    words = f"{agreed.normalize():,f} {currency} is agreed for it; more needs a change of that."
    return FieldError(f"{pointer}/unit_price", "above_agreed", words)
