"""Money arithmetic: one rounding function and one way to split."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel.core import get_global

ZERO = Decimal(0)
HUNDRED = Decimal(100)


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency."""


@cache
def _currencies() -> frozenset[str]:
    return frozenset(get_global("all_currencies"))


@cache
def minor_units(currency: str) -> int:
    """Decimals of a currency by ISO 4217: JPY 0, EUR 2, KWD 3. Raises UnknownCurrency."""
    if currency not in _currencies() or currency in ("XXX", "XTS"):
        raise UnknownCurrency(currency)
    fractions = get_global("currency_fractions")
    return fractions.get(currency, fractions["DEFAULT"])[0]


@cache
def _quantum(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_units(currency))


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for EUR."""
    return _quantum(currency)


def round_amount(value: Decimal, currency: str) -> Decimal:
    """Round half up (away from zero on a tie) to the currency's minor units. The only rounding."""
    return value.quantize(_quantum(currency), rounding=ROUND_HALF_UP) + 0


def line_net(
    *, quantity: Decimal, unit_price: Decimal, currency: str, base_quantity: Decimal = Decimal(1)
) -> Decimal:
    """Net of a document line = round(quantity × unit price ÷ price base quantity)."""
    return round_amount(quantity * unit_price / base_quantity, currency)


def to_base(value: Decimal, *, rate: Decimal, base_currency: str) -> Decimal:
    """A document amount in base currency at a stored rate."""
    return round_amount(value * rate, base_currency)


def allocate(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split a rounded total by weights; the remainder of rounding goes to the last part.

    100.00 over three equal weights gives 33.33, 33.33, 33.34. No part has another sign than the
    total: a total too small for its parts is used up by the first ones. Raises ValueError when
    there are no weights, one is negative, or all are zero.
    """
    whole = sum(weights, ZERO)
    if not weights or min(weights) < 0 or whole == 0:
        raise ValueError("weights must not be empty, negative or all zero")
    parts, rest = [], total
    for weight in weights[:-1]:
        part = min(round_amount(total * weight / whole, currency), rest, key=abs)
        parts.append(part)
        rest -= part
    return [*parts, rest]
