"""Figures read the same everywhere, and no digit is lost on the way to the eye."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.templatetags.figures import (
    amount,
    due,
    filesize,
    money,
    percent,
    quantity,
    relative,
    when,
)

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_utc():
    with timezone.override(UTC):
        yield


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1234.5", "EUR", "1,234.50"),
        ("1234", "JPY", "1,234"),
        ("1.5", "KWD", "1.500"),
        ("0.012345", "EUR", "0.012345"),
        ("-3.1", "USD", "-3.10"),
        ("99999999999999.9999", "EUR", "99,999,999,999,999.9999"),
    ],
)
def test_an_amount_shows_the_minor_units_of_its_currency_and_every_further_digit(
    value, currency, text
):
    assert amount(Decimal(value), currency) == text
    assert f">{text} <abbr>{currency}</abbr>" in money(Decimal(value), currency)


def test_a_missing_amount_is_a_dash_and_not_zero():
    assert "–" in money(None, "EUR")
    assert "0" not in money(None, "EUR")


def test_a_signed_amount_says_plus():
    assert "+2.00" in money(Decimal(2), "EUR", sign=True)
    assert "+" not in money(Decimal(0), "EUR", sign=True)


def test_a_quantity_loses_trailing_zeros_only():
    assert ">90 <" in quantity(Decimal("90.000000"), "HUR")
    assert "hours" in quantity(Decimal(90), "HUR")
    assert "0.000001" in quantity(Decimal("0.000001"))


def test_a_share_is_shown_as_per_cent():
    assert percent(Decimal("0.125")) == "12.5 %"
    assert percent(Decimal(1)) == "100 %"


def test_file_sizes_are_rounded_to_what_people_say():
    assert [filesize(size) for size in (12, 182_331, 1_923_331)] == [
        "12 bytes",
        "182 KB",
        "1.9 MB",
    ]


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (timedelta(seconds=-10), "just now"),
        (timedelta(minutes=-5), "5 min ago"),
        (timedelta(hours=-3), "3 h ago"),
        (timedelta(hours=4), "in 4 h"),
        (timedelta(days=-1), "yesterday"),
        (timedelta(days=1), "tomorrow"),
        (timedelta(days=-6), "6 days ago"),
        (timedelta(days=-8), "10 Nov"),
        (timedelta(days=-400), "14 Oct 2025"),
    ],
)
def test_moments_are_told_relative_to_now(gap, text):
    assert relative(NOON + gap, NOON) == text


def test_the_exact_moment_is_on_hover():
    html = when(NOON, NOON)
    assert 'title="Wednesday, 18 November 2026, 12:00 UTC"' in html
    assert 'datetime="2026-11-18T12:00:00+00:00"' in html


def test_a_deadline_that_passed_says_so_in_words():
    assert ">overdue by 3 days<" in due(date(2026, 11, 15), NOON)
    assert ">due tomorrow<" in due(date(2026, 11, 19), NOON)
    assert ">due today<" in due(date(2026, 11, 18), NOON)
    assert ">overdue by 2 h<" in due(NOON - timedelta(hours=2), NOON)
