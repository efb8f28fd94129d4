"""What may be wrong with a single value that somebody stated, named by its pointer."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from core.decimals import NotADecimal, parse, places
from core.errors import FieldError


def choice(value: str, allowed: Collection[str], pointer: str) -> Iterator[FieldError]:
    """A fault of a value that is none of those allowed."""
    if not isinstance(value, str) or value not in allowed:
        yield FieldError(pointer, "unknown", "Not one of the known values.")


def figure(
    value: Any, pointer: str, *, most: Decimal, positive: bool = False
) -> Iterator[FieldError]:
    """Faults of a quantity, price or percentage: finite, six decimals, not negative, up to most."""
    try:
        number = parse(value)
    except NotADecimal:
        yield FieldError(pointer, "invalid", "Write a plain number such as 1250.00.")
        return
    if number < 0 or (positive and number == 0):
        yield FieldError(pointer, "min_value", "Must be above 0." if positive else "Not below 0.")
    elif number > most:
        yield FieldError(pointer, "max_value", f"At most {most:,f}.")
    elif places(number) > 6:
        yield FieldError(pointer, "max_decimal_places", "At most 6 decimals.")
