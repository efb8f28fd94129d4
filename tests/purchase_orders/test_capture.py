"""Reading orders of our own making, and refusing everything else."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from core.xml import UnsafeXML
from purchase_orders import capture

DOCUMENTS = Path(__file__).resolve().parents[1] / "documents"


def source(name="order.xml") -> str:
    return (DOCUMENTS / name).read_text("utf-8")


def changed(old: str, new: str) -> capture.CapturedOrder:
    text = source()
    assert old in text
    return capture.read(text.replace(old, new, 1).encode())


def test_order_is_read():
    order = capture.read(source().encode())
    assert (order.number, order.issue_date) == ("MW-70031", date(2026, 3, 2))
    assert (order.valid_from, order.valid_to) == (date(2026, 3, 2), date(2026, 12, 31))
    assert (order.seller.name, order.buyer.name) == ("Nordwind Cloud GmbH", "Meridian Werke GmbH")
    assert [line.delivery_date for line in order.lines] == [date(2026, 4, 10)] * 3
    assert [line.effective_unit_price for line in order.lines] == [
        Decimal("199"),
        Decimal("0.25"),
        Decimal("59.90"),
    ]
    assert order.remarks == ()


def test_price_that_does_not_make_the_amount_is_worked_out_and_flagged():
    order = capture.read(source("order-price-disagrees.xml").encode())
    assert order.refusing == ()
    (flag,) = order.flags
    assert (flag.code, flag.location) == ("price-times-quantity", "Line 2")
    assert (flag.expected, flag.actual) == (Decimal("5000.00"), Decimal("500.00"))
    assert order.lines[1].effective_unit_price == Decimal("0.25")
    assert "The amount counts: the price is taken as 0.25 EUR." in flag.message


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<cbc:ID>MW-70031</cbc:ID>", "", "missing-number"),
        ("<cbc:IssueDate>2026-03-02</cbc:IssueDate>", "", "missing-issue-date"),
        (">10</cbc:Quantity>", ">0</cbc:Quantity>", "quantity"),
        (">10</cbc:Quantity>", ">-10</cbc:Quantity>", "quantity"),
        (">10</cbc:Quantity>", ">ten</cbc:Quantity>", "unreadable"),
        (
            'LineExtensionAmount currencyID="EUR">1990',
            'LineExtensionAmount currencyID="EUR">-1990',
            "price",
        ),
    ],
)
def test_order_that_cannot_be_booked_says_why(old, new, code):
    assert code in {remark.code for remark in changed(old, new).refusing}


def test_order_without_amounts_is_priced_by_its_prices():
    text = source()
    for amount in ("1990.00", "500.00", "59.90"):
        text = text.replace(
            f'<cbc:LineExtensionAmount currencyID="EUR">{amount}</cbc:LineExtensionAmount>', ""
        )
    order = capture.read(text.encode())
    assert [line.effective_net for line in order.lines] == [
        Decimal("1990.00"),
        Decimal("500.00"),
        Decimal("59.90"),
    ]
    assert order.remarks == ()


def test_totals_that_do_not_add_up_are_flagged():
    order = changed('PayableAmount currencyID="EUR">2549.90', 'PayableAmount currencyID="EUR">2600')
    assert [(f.code, f.expected, f.actual) for f in order.flags] == [
        ("total", Decimal("2549.90"), Decimal(2600))
    ]


def test_currency_is_taken_from_the_amounts_where_they_agree():
    stated = "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>"
    assert changed(stated, "").currency == "EUR"


def test_other_files_are_no_orders():
    with pytest.raises(capture.NotAnOrder):
        capture.read((DOCUMENTS / "invoice.xml").read_bytes())
    with pytest.raises(UnsafeXML):
        capture.read(b"<!DOCTYPE Order><Order/>")
    with pytest.raises(UnsafeXML):
        capture.read(b"")
