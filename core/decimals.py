"""Reading decimal numbers that came from outside, strictly."""

import re
from decimal import Decimal

_DIGITS = 28  # of the context that all sums are made in
_WHOLE_DIGITS = 18  # fewer than the largest key of a database has
_PLAIN = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,10})?", re.ASCII)


class NotADecimal(ValueError):
    """The text is not a plain decimal number."""


def parse(text: object) -> Decimal:
    """The decimal that a text such as `1250.00` states. Raises NotADecimal.

    Refused are exponents, underscores, grouping, digits of other scripts, NaN and infinity, which
    `Decimal` itself or form fields would let through. −0 becomes 0. A Decimal or int passes when it
    is finite and can be reckoned with exactly; a float does not, because it is not what somebody
    wrote.
    """
    if isinstance(text, Decimal):
        if not text.is_finite() or not _is_exact(text):
            raise NotADecimal(str(text))
        return text + 0
    if isinstance(text, int) and not isinstance(text, bool):
        return Decimal(text)
    if not isinstance(text, str) or not _PLAIN.fullmatch(text.strip(" ")):
        raise NotADecimal(repr(text))
    return Decimal(text.strip(" ")) + 0


def whole(text: str) -> int | None:
    """The whole number that up to eighteen plain digits state; None for any other text."""
    plain = text.isascii() and text.isdigit() and len(text) <= _WHOLE_DIGITS
    return int(text) if plain else None


def _is_exact(value: Decimal) -> bool:
    """Whether sums keep every digit: `1e9999999` overflows them, 40 digits are rounded by them."""
    return len(value.as_tuple().digits) <= _DIGITS and abs(value.adjusted()) <= _DIGITS


def places(value: Decimal) -> int:
    """How many decimals a finite number really has: 2 for 1.50, 0 for 1E+3."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -int(exponent))
