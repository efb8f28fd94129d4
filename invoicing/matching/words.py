"""Figures and limits as a clerk reads them."""

from datetime import date
from decimal import Decimal

from .types import Tolerance

FOUR_PLACES = Decimal("0.0001")
HUNDRED = Decimal(100)
NO_LIMIT = "no limit"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: Decimal) -> str:
    """A quantity or percentage without padding: 1,100, 0.5."""
    text = format(value, ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal, minor_units: int) -> str:
    """An amount with at least the minor units of its currency: 1,100.00, 10.125."""
    text = format(value, ",f")
    point = text.find(".")
    if point < 0:
        return f"{text}.{'0' * minor_units}" if minor_units else text
    end = point + 1 + minor_units
    if len(text) == end:
        return text
    decimals = text[end:].rstrip("0")
    text = text[:end].ljust(end, "0") + decimals
    return text if minor_units or decimals else text[:point]


def percent(variance: Decimal, expected: Decimal) -> Decimal | None:
    """Variance as a percentage of the expected figure, four decimals; None where that is zero."""
    if not expected:
        return None
    return (variance * HUNDRED / abs(expected)).quantize(FOUR_PLACES).normalize() + 0


def limit(tolerance: Tolerance) -> str:
    """A limit in words: "2 % and 15", "0", "no limit"."""
    parts = []
    if tolerance.percent is not None:
        parts.append(f"{number(tolerance.percent)} %" if tolerance.percent else "0")
    if tolerance.absolute is not None:
        parts.append(number(tolerance.absolute))
    if not parts:
        return NO_LIMIT
    if parts == ["0", "0"]:
        return "0"
    return f" {tolerance.combine.lower()} ".join(parts)


def day(on: date) -> str:
    """A day as people write it: 5 Dec 2026."""
    return f"{on.day} {MONTHS[on.month - 1]} {on.year}"


def listed(names: list[str]) -> str:
    """1 · 1 and 2 · 1, 2 and 3."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
