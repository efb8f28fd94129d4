"""A tolerance as one plain sentence: what may differ, by how much, and what happens beyond it."""

from decimal import Decimal

from invoicing.matching.words import money, number
from invoicing.models import Tolerance
from vendors.models import ServiceType

_SUBJECTS = {
    Tolerance.Check.UNIT_PRICE: "The price of a unit",
    Tolerance.Check.LINE_AMOUNT: "The amount of a line",
    Tolerance.Check.CUMULATIVE: "All that is billed on an order line",
    Tolerance.Check.ORDERED: "The billed quantity against the order",
    Tolerance.Check.RECEIVED: "The billed quantity against what was received",
    Tolerance.Check.ACCEPTED: "The billed quantity against what was accepted",
    Tolerance.Check.CHARGES: "Charges against those of the order",
    Tolerance.Check.TAX: "Tax against what it should be",
    Tolerance.Check.INVOICE_TOTAL: "The total against the lines",
    Tolerance.Check.ORDER_TOTAL: "All that is billed on an order",
}
_COUNTED = (Tolerance.Check.ORDERED, Tolerance.Check.RECEIVED, Tolerance.Check.ACCEPTED)
_BEYOND = {
    Tolerance.Action.PASS: "more is only flagged",
    Tolerance.Action.EXCEPTION: "more stops the invoice",
    Tolerance.Action.BLOCK: "more blocks the invoice",
}


def sentence(row: Tolerance) -> str:
    """The limit in words: "The price of a unit may be 2 % or 15.00 over, whichever is less"."""
    if row.check_name == Tolerance.Check.ROUNDING:
        return f"A line may be off by {_figure(row, row.absolute)} from rounding."
    subject = _SUBJECTS.get(Tolerance.Check(row.check_name), row.check_name)
    return f"{subject} may {_reach(row)}; {_BEYOND[Tolerance.Action(row.action)]}."


def _reach(row: Tolerance) -> str:
    percent = None if row.percent is None else f"{number(row.percent)} %"
    amount = None if row.absolute is None else _figure(row, row.absolute)
    either = row.combine == Tolerance.Combine.OR
    if percent is None and amount is None:
        return f"be {row.direction} by any amount"
    if row.percent is None or row.absolute is None:
        if not (row.percent or row.absolute):
            return f"not be {row.direction}"
        return f"be {percent or amount} {row.direction}"
    if not (row.percent or row.absolute) or (not either and not (row.percent and row.absolute)):
        return f"not be {row.direction}"
    return f"be {percent} or {amount} {row.direction}, whichever is {'more' if either else 'less'}"


def title(row: Tolerance) -> str:
    """What is compared, and which way: "Price of a unit, over"."""
    label = dict(Tolerance.Check.choices).get(row.check_name, row.check_name)
    if row.check_name == Tolerance.Check.ROUNDING:
        return str(label)
    return f"{label}, {row.direction}"


def scope(row: Tolerance) -> str:
    """Whom and what it is for, in words."""
    category = dict(ServiceType.choices).get(row.category, row.category)
    parts = [row.vendor.name if row.vendor else "", str(category)]
    return " · ".join(filter(None, parts)) or "All vendors and categories"


def rank(row: Tolerance) -> int:
    """How specific its scope is: of those that fit a line, the highest holds."""
    return 2 * bool(row.category) + bool(row.vendor_id)


def _figure(row: Tolerance, value: Decimal | None) -> str:
    """Money with two decimals at least, quantities in units without padding."""
    if value is None:
        return "any amount"
    if row.check_name in _COUNTED:
        return f"{number(value)} unit{'' if value == 1 else 's'}"
    return money(value, 2)
