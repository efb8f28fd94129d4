"""What a change order must be before it is stored. Every fault is named at once."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from core import text
from core.errors import FieldError, Invalid
from purchase_orders import agreement_validation, validation
from purchase_orders.changed import terms_of
from purchase_orders.drafting import stored_terms
from purchase_orders.faults import figure
from purchase_orders.inputs import KEEP, ChangedLine, ChangeInput, OrderInput, OrderLineInput
from purchase_orders.models import Agreement, ChangeOrder, PurchaseOrder, PurchaseOrderLine

MOST_REASON = 2000


def check(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    data: ChangeInput,
    *,
    tax_codes: Collection[str],
) -> None:
    """Raise Invalid with every fault; `lines` are the order's."""
    errors = [*_words(data), *_terms(order, data)]
    known = {line.pk: line for line in lines}
    seen = set()
    for index, said in enumerate(data.lines[: validation.MOST_LINES]):
        pointer = f"/lines/{index}"
        if isinstance(said, OrderLineInput):
            errors += _new(order, said, pointer, tax_codes)
            continue
        line = known.get(said.order_line.pk)
        if line is None or line.pk in seen:
            words = "Twice the same line." if line else "Not a line of this order."
            errors.append(FieldError(f"{pointer}/order_line", "unknown", words))
            continue
        seen.add(line.pk)
        errors += _changed(order, line, said, pointer)
    errors += _count(lines, data)
    if errors:
        raise Invalid(errors=errors)


def check_reason(reason: str, *, required: bool = False) -> list[FieldError]:
    """What is wrong with the reason given for an act."""
    return list(text.check(reason, "/reason", most=MOST_REASON, required=required, multiline=True))


def _words(data: ChangeInput) -> Iterator[FieldError]:
    if data.reason_code not in ChangeOrder.Reason.values:
        yield FieldError("/reason_code", "unknown", "Choose why it changes.")
    for name, required in (("reason", True), ("budget_reason", False)):
        yield from text.check(
            getattr(data, name), f"/{name}", most=MOST_REASON, required=required, multiline=True
        )


def _terms(order: PurchaseOrder, data: ChangeInput) -> Iterator[FieldError]:
    terms = data.terms
    for name in terms:
        if name in Agreement.FIGURES and not order.is_blanket:
            yield FieldError(f"/{name}", "not_here", "Only a blanket order has limits.")
        elif name not in terms_of(order):
            yield FieldError(f"/{name}", "unknown", "This cannot be changed here.")
    yield from _limits(order, terms)
    yield from text.check(terms.get("delivery_terms", ""), "/delivery_terms", most=120)
    for name in ("ship_to", "note"):
        yield from text.check(terms.get(name, ""), f"/{name}", most=4000, multiline=True)
    days = terms.get("payment_terms_days", 0)
    if not isinstance(days, int) or not 0 <= days <= 365:
        yield FieldError("/payment_terms_days", "out_of_range", "Between 0 and 365 days.")
    begins, ends = terms.get("valid_from"), terms.get("valid_to")
    if isinstance(begins, date) and isinstance(ends, date) and ends < begins:
        yield FieldError("/valid_to", "min_value", "It ends before it begins.")


def _limits(order: PurchaseOrder, terms: dict[str, Any]) -> Iterator[FieldError]:
    """The figures of a blanket order as they would be, beside those that stay."""
    standing = stored_terms(order)
    if standing is not None:
        figures = {name: terms[name] for name in Agreement.FIGURES if name in terms}
        yield from agreement_validation.terms(replace(standing, **figures), order.currency)


def _new(
    order: PurchaseOrder, said: OrderLineInput, pointer: str, tax_codes: Collection[str]
) -> list[FieldError]:
    data = OrderInput(vendor=order.vendor, currency=order.currency, lines=[said])
    faults = validation.line_faults(order.entity, data, said, pointer, tax_codes)
    if said.requisition_line is not None:
        words = "A requisition is ordered by an order of its own."
        faults.append(FieldError(f"{pointer}/requisition_line", "not_here", words))
    if order.agreement_id is not None:
        words = "What is on a release stands on its blanket order: release it anew."
        faults.append(FieldError(f"{pointer}/agreement_line", "not_here", words))
    return faults


def _changed(
    order: PurchaseOrder, line: PurchaseOrderLine, said: ChangedLine, pointer: str
) -> Iterator[FieldError]:
    if line.is_cancelled:
        yield FieldError(f"{pointer}/order_line", "cancelled", "It was cancelled before.")
        return
    quantity = line.quantity if said.quantity is None else said.quantity
    price = line.unit_price if said.unit_price is None else said.unit_price
    faults = [
        *figure(quantity, f"{pointer}/quantity", most=validation.MOST_QUANTITY, positive=True),
        *figure(price, f"{pointer}/unit_price", most=validation.MOST_PRICE),
    ]
    if not faults and quantity * price >= validation.MOST_NET:
        faults.append(FieldError(f"{pointer}/quantity", "max_value", "The amount is too large."))
    yield from faults
    rises = not faults and price > line.unit_price
    if rises and line.agreement_line and agreement_validation.dearer(price, line.agreement_line):
        agreed = line.agreement_line.unit_price
        yield agreement_validation.above_price(pointer, agreed, order.currency)
    if said.need_by is not KEEP and not isinstance(said.need_by, date | None):
        yield FieldError(f"{pointer}/need_by", "invalid", "A day such as 2026-12-31.")
    if said.distributions is not None:
        coded = OrderLineInput(distributions=said.distributions)
        yield from validation.coding_faults(order.entity, coded, pointer)


def _count(lines: list[PurchaseOrderLine], data: ChangeInput) -> Iterator[FieldError]:
    added = sum(isinstance(said, OrderLineInput) for said in data.lines)
    gone = {
        said.order_line.pk
        for said in data.lines
        if isinstance(said, ChangedLine) and said.is_cancelled
    }
    standing = [line for line in lines if not line.is_cancelled and line.pk not in gone]
    if not standing and not added:
        words = "Nothing would be left of the order: cancel the order instead."
        yield FieldError("/lines", "required", words)
    if len(lines) + added > validation.MOST_LINES:
        yield FieldError("/lines", "max_length", f"At most {validation.MOST_LINES} lines.")
