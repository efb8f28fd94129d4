"""Rounding, splitting and currencies: to the cent, for whatever figures come."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import (
    UnknownCurrency,
    allocate,
    line_net,
    minor_unit,
    minor_units,
    round_amount,
    to_base,
)

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])
FIGURES = st.decimals(-(10**9), 10**9, places=6, allow_nan=False, allow_infinity=False)
WEIGHTS = st.lists(st.decimals(0, 100, places=6), min_size=1, max_size=12).filter(
    lambda weights: sum(weights) > 0
)


@pytest.mark.parametrize(
    ("value", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("2.675", "EUR", "2.68"),
        ("0.0049999", "EUR", "0.00"),
        ("0.5", "JPY", "1"),
        ("1.4999", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
        ("-0.001", "EUR", "0.00"),
    ],
)
def test_amounts_round_half_up_to_minor_units(value, currency, rounded):
    assert str(round_amount(Decimal(value), currency)) == rounded


@pytest.mark.parametrize(("currency", "units"), [("JPY", 0), ("EUR", 2), ("USD", 2), ("KWD", 3)])
def test_minor_units_are_those_of_iso_4217(currency, units):
    assert minor_units(currency) == units
    assert minor_unit(currency) == Decimal(1).scaleb(-units)


@pytest.mark.parametrize("code", ["XXX", "XTS", "eur", "EURO", "", "€", "???"])
def test_what_is_no_currency_is_refused(code):
    with pytest.raises(UnknownCurrency):
        minor_units(code)


@given(FIGURES, CURRENCIES)
def test_rounding_is_within_half_a_unit_and_stays(value, currency):
    rounded = round_amount(value, currency)
    assert abs(rounded - value) <= minor_unit(currency) / 2
    assert round_amount(rounded, currency) == rounded
    assert round_amount(-value, currency) == -rounded


def test_the_net_of_a_line_is_rounded_once():
    third = {"unit_price": Decimal("33.333333"), "currency": "EUR"}
    assert line_net(quantity=Decimal(3), **third) == Decimal("100.00")
    assert line_net(quantity=Decimal(1), **third) == Decimal("33.33")
    per_thousand = line_net(
        quantity=Decimal(2500),
        unit_price=Decimal("4.99"),
        currency="EUR",
        base_quantity=Decimal(1000),
    )
    assert per_thousand == Decimal("12.48")


def test_base_amounts_round_to_the_base_currency():
    assert to_base(Decimal(1000), rate=Decimal("0.0061"), base_currency="EUR") == Decimal("6.10")
    assert to_base(Decimal("0.01"), rate=Decimal("0.4"), base_currency="EUR") == 0
    assert to_base(Decimal("10.01"), rate=Decimal("160.55"), base_currency="JPY") == 1607


@pytest.mark.parametrize(
    ("total", "weights", "currency", "parts"),
    [
        ("100.00", [1, 1, 1], "EUR", ["33.33", "33.33", "33.34"]),
        ("100", [1, 1, 1], "JPY", ["33", "33", "34"]),
        ("100.000", [1, 1, 1], "KWD", ["33.333", "33.333", "33.334"]),
        ("-100.00", [1, 1, 1], "EUR", ["-33.33", "-33.33", "-33.34"]),
        ("0.05", [1] * 10, "EUR", ["0.01"] * 5 + ["0.00"] * 5),
        ("0.00", [70, 30], "EUR", ["0.00", "0.00"]),
        ("10.00", [0, 100], "EUR", ["0.00", "10.00"]),
        ("10.00", [100], "EUR", ["10.00"]),
    ],
)
def test_the_remainder_goes_to_the_last(total, weights, currency, parts):
    split = allocate(Decimal(total), [Decimal(weight) for weight in weights], currency)
    assert split == [Decimal(part) for part in parts]


@given(FIGURES, WEIGHTS, CURRENCIES)
def test_parts_add_up_exactly_and_none_turns_its_sign(value, weights, currency):
    total = round_amount(value, currency)
    parts = allocate(total, weights, currency)
    assert len(parts) == len(weights)
    assert sum(parts) == total
    assert all(part == round_amount(part, currency) for part in parts)
    assert all(part * total >= 0 for part in parts)


@given(FIGURES, WEIGHTS, CURRENCIES)
def test_no_part_is_further_off_than_rounding_makes_it(value, weights, currency):
    total = round_amount(value, currency)
    unit, whole = minor_unit(currency), sum(weights)
    for part, weight in zip(allocate(total, weights, currency)[:-1], weights[:-1], strict=True):
        share = total * weight / whole
        assert abs(part - share) <= unit / 2 or abs(part) < abs(share)


@pytest.mark.parametrize("weights", [[], [0, 0], [50, -50], [-1, 2]])
def test_refused_weights(weights):
    with pytest.raises(ValueError, match="weights"):
        allocate(Decimal(10), [Decimal(weight) for weight in weights], "EUR")
