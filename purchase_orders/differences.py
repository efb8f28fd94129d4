"""What differs between versions of an order, field by field, in words for people."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from approvals.subjects import Change
from purchase_orders.changed import TERMS
from purchase_orders.models import Agreement, ChangeOrder

_WORDS = {
    "delivery_terms": "Delivery terms",
    "payment_terms_days": "Payment terms",
    "ship_to": "Deliver to",
    "note": "Note to the vendor",
    "valid_from": "Valid from",
    "valid_to": "Valid to",
    "limit": "Limit",
    "minimum": "Minimum",
    "allowance_percent": "May be exceeded by",
    "release_minimum": "One release comes to at least",
    "release_maximum": "One release comes to at most",
    "net": "Net total",
    "tax": "Tax",
    "total": "Total with tax",
    "quantity": "quantity",
    "unit_price": "unit price",
    "need_by": "needed by",
    "coding": "who pays",
    "is_cancelled": "cancelled",
}
_DAYS = ("valid_from", "valid_to", "need_by")
_MONEY = (
    *("net", "tax", "total", "unit_price"),
    *("limit", "minimum", "release_minimum", "release_maximum"),
)
_OF_A_LINE = ("quantity", "unit_price", "net", "need_by", "coding")
NOTHING = "–"


def between(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Two contents as `changed.stated` makes them; only what differs, header first."""
    found = [
        Change(_WORDS[name], said(name, old), said(name, new))
        for name in (*TERMS, *Agreement.FIGURES, "net", "tax", "total")
        if name in old and name in new and old[name] != new[name]
    ]
    before, after = _by_number(old), _by_number(new)
    for number in sorted({*before, *after}):
        found += _of_line(number, before.get(number), after.get(number), new["currency"])
    return found


def first_approved(change: ChangeOrder) -> dict[str, Any]:
    """What the order said when it was first approved: before its first change was issued."""
    issued = ChangeOrder.objects.filter(order=change.order_id, status=ChangeOrder.Status.ISSUED)
    first = issued.filter(sequence__lt=change.sequence).order_by("sequence").first()
    return first.before if first else change.before


def _by_number(content: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {line["line_number"]: line for line in content["lines"]}


def _of_line(
    number: int, old: dict[str, Any] | None, new: dict[str, Any] | None, currency: str
) -> Iterator[Change]:
    label = f"Line {number}"
    if old is None or new is None:
        yield Change(label, whole_line(old, currency), whole_line(new, currency))
        return
    if new["is_cancelled"] != old["is_cancelled"]:
        yield Change(label, whole_line(old, currency), whole_line(new, currency))
        return
    for name in _OF_A_LINE:
        if name != "net" and old[name] != new[name]:
            told = (said(name, each, currency) for each in (old, new))
            before, after = told
            if before != after:  # amounts of a coding follow from other fields
                yield Change(f"{label}, {_WORDS[name]}", before, after)


def whole_line(line: dict[str, Any] | None, currency: str) -> str:
    """A line in one phrase."""
    if line is None:
        return NOTHING
    if line["is_cancelled"]:
        return "cancelled"
    price = said("unit_price", line, currency)
    return f"{line['description']}, {_figure(line['quantity'])} × {price}"


def said(name: str, content: dict[str, Any], currency: str = "") -> str:
    """One field of a content or of one of its lines, as people write it."""
    value = content.get(name)
    if value is None or value in ("", []):
        return NOTHING
    if name == "coding":
        return "; ".join(_coding(part) for part in value)
    if name == "allowance_percent":
        return f"{_figure(value)} %"
    if name == "payment_terms_days":
        return f"{value} days"
    if name in _DAYS:
        return f"{date.fromisoformat(value):%-d %b %Y}"
    if name in _MONEY:
        return f"{_figure(value, 2)} {currency or content.get('currency', '')}".strip()
    return _figure(value) if name == "quantity" else str(value)


def _figure(text: str, places: int = 0) -> str:
    value = Decimal(text)
    shown = max(places, -int(value.normalize().as_tuple().exponent))
    return f"{value:,.{shown}f}"


def _coding(part: dict[str, Any]) -> str:
    codes = [part["cost_center"], part["gl_account"], part["project"]]
    share = "" if part["percent"] == "100" else f" ({part['percent']} %)"
    return " · ".join(code for code in codes if code) + share
