"""Every real UBL order is read and agrees with its ground truth."""

from decimal import Decimal

import pytest

from purchase_orders import capture
from tests.shared_data import folder, ground_truth

ORDERS = ground_truth("oasis-ubl", documents=("Order",))
EACH = pytest.mark.parametrize("row", ORDERS, ids=[row["file"] for row in ORDERS])


def read(file):
    return capture.read((folder("oasis-ubl") / file).read_bytes())


def figure(value):
    return None if value is None else Decimal(value)


def test_the_orders_are_here():
    folder("oasis-ubl")
    assert len(ORDERS) == 4


@EACH
def test_order_agrees(row):
    order = read(row["file"])
    assert order.refusing == ()
    assert order.number == row["id"]
    assert str(order.issue_date) == row["issue_date"]
    assert order.currency == row["currency"]
    assert order.contract_reference == (row.get("contract_ref") or "")
    for party, truth in ((order.seller, row["supplier"]), (order.buyer, row["customer"])):
        assert party.name == truth["name"]
        assert party.tax_id == (truth["tax_id"] or "")
        assert party.country == (truth["country"] or "")
        assert party.endpoint == (truth["endpoint"] or "")
    totals = row["totals"]
    assert order.totals.line_extension == Decimal(totals["lines"])
    assert order.totals.payable == Decimal(totals["payable"])
    assert order.totals.allowance == figure(totals.get("allowances"))
    assert order.totals.charge == figure(totals.get("charges"))
    assert order.totals.tax == figure(row.get("tax_total"))
    assert [(a.charge, a.amount, a.reason) for a in order.allowances_charges] == [
        (a["charge"], Decimal(a["amount"]), a["reason"]) for a in row.get("allowances_charges", [])
    ]


@EACH
def test_lines_agree(row):
    order = read(row["file"])
    assert len(order.lines) == len(row["lines"])
    for line, truth in zip(order.lines, row["lines"], strict=True):
        assert line.line_number == truth["id"]
        assert line.quantity == Decimal(truth["quantity"])
        assert line.unit == truth["unit"]
        assert line.net == Decimal(truth["net"])
        assert line.unit_price == Decimal(truth["price"])
        assert line.price_base_quantity == figure(truth.get("price_base_qty"))
        assert line.name == truth["item"]
        assert line.seller_item_id == (truth.get("seller_item_id") or "")
        assert line.buyer_item_id == (truth.get("buyer_item_id") or "")
        assert line.standard_item_id == (truth.get("standard_item_id") or "")


def test_price_beside_an_amount_that_it_does_not_make_is_worked_out_and_flagged():
    order = read("UBL-Order-2.0-Example.xml")
    (line,) = order.lines
    assert (line.unit_price, line.net) == (Decimal("100.00"), Decimal("100.00"))
    assert line.effective_unit_price == Decimal(1)
    (flag,) = order.flags
    assert (flag.expected, flag.actual) == (Decimal("10000.00"), Decimal("100.00"))
    assert flag.message == (
        "100 KGM at 100.00 GBP would be 10000.00 GBP, but the line amount is 100.00 GBP. "
        "The amount counts: the price is taken as 1 GBP."
    )


def test_same_number_in_another_currency_is_another_order():
    pounds = read("UBL-Order-2.0-Example.xml")
    dollars = read("UBL-Order-2.0-Example-International.xml")
    assert pounds.number == dollars.number == "AEG012345"
    assert (pounds.currency, dollars.currency) == ("GBP", "USD")
    assert dollars.flags == ()


@pytest.mark.parametrize(
    "file",
    [
        "UBL-Invoice-2.0-Example.xml",
        "UBL-Quotation-2.0-Example.xml",
        "UBL-OrderResponseSimple-2.0-Example.xml",
    ],
)
def test_other_documents_are_no_orders(file):
    with pytest.raises(capture.NotAnOrder, match="no order in UBL"):
        read(file)
