"""Every real UBL invoice is read and agrees with its ground truth, field by field."""

from decimal import Decimal

import pytest

from invoicing import capture
from tests.shared_data import folder, ground_truth

FOLDERS = ("en16931", "xrechnung", "oasis-ubl", "mustang-edge", "order-x")
DOCUMENTS = [
    (name, row)
    for name in FOLDERS
    for row in ground_truth(name, documents=("Invoice", "CreditNote"))
]
EACH = pytest.mark.parametrize(
    ("name", "row"), DOCUMENTS, ids=[f"{name}/{row['file']}" for name, row in DOCUMENTS]
)


def read(name, row):
    return capture.read((folder(name) / row["file"]).read_bytes())


def figure(value):
    return None if value is None else Decimal(value)


def test_the_shared_data_is_here_and_complete():
    folder("en16931")
    assert len(DOCUMENTS) == 59


@EACH
def test_header_agrees(name, row):
    captured = read(name, row)
    assert captured.problems == ()
    assert captured.number == row["id"]
    assert captured.kind == {"Invoice": "invoice", "CreditNote": "credit_note"}[row["document"]]
    assert captured.type_code == (row.get("type_code") or "")
    assert str(captured.issue_date) == row["issue_date"]
    assert str(captured.due_date or "") == (row.get("due_date") or "")
    assert captured.currency == row["currency"]
    assert captured.tax_currency == (row.get("tax_currency") or "")
    assert captured.order_reference == (row.get("order_ref") or "")
    assert captured.sales_order_reference == (row.get("sales_order_ref") or "")
    assert captured.contract_reference == (row.get("contract_ref") or "")
    assert captured.buyer_reference == (row.get("buyer_reference") or "")
    assert [p.number for p in captured.preceding_invoices] == (row.get("invoice_refs") or [])
    assert next(iter(captured.despatch_references), None) == row.get("despatch_ref")
    assert next(iter(captured.receipt_references), None) == row.get("receipt_ref")


@EACH
def test_parties_agree(name, row):
    captured = read(name, row)
    for party, truth in ((captured.supplier, row["supplier"]), (captured.buyer, row["customer"])):
        assert party.name == (truth["name"] or "")
        assert party.country == (truth["country"] or "")
        assert party.endpoint == (truth["endpoint"] or "")
        if truth["tax_id"]:  # the first of several; ours prefers the VAT number
            assert truth["tax_id"] in party.tax_ids
            assert party.tax_id in (party.vat_ids or party.tax_ids)


@EACH
def test_totals_agree(name, row):
    captured = read(name, row)
    totals = captured.totals
    stated = {
        "lines": totals.line_extension,
        "allowances": totals.allowance,
        "charges": totals.charge,
        "tax_exclusive": totals.tax_exclusive,
        "tax_inclusive": totals.tax_inclusive,
        "prepaid": totals.prepaid,
        "rounding": totals.rounding,
        "payable": totals.payable,
    }
    assert {key: value for key, value in stated.items() if value is not None} == {
        key: Decimal(value) for key, value in row["totals"].items() if value is not None
    }
    assert captured.tax_total == figure(row.get("tax_total"))
    if "tax_total_in_tax_currency" in row:
        assert captured.tax_total_in_tax_currency == Decimal(row["tax_total_in_tax_currency"])


@EACH
def test_tax_breakdown_and_allowances_agree(name, row):
    captured = read(name, row)
    assert [(r.category, r.percent, r.taxable, r.amount) for r in captured.tax_breakdown] == [
        (t["category"], figure(t.get("percent")), Decimal(t["taxable"]), Decimal(t["tax"]))
        for t in row.get("tax_breakdown", [])
    ]
    for ours, truth in zip(captured.tax_breakdown, row.get("tax_breakdown", []), strict=True):
        if truth.get("exemption"):
            assert truth["exemption"] in (ours.tax.exemption_code, ours.tax.exemption_reason)
    assert as_written(captured.allowances_charges) == as_expected(row)


def as_written(allowances_charges):
    return [
        (a.charge, a.amount, a.percent, a.base_amount, a.reason or a.reason_code or None)
        for a in allowances_charges
    ]


def as_expected(row):
    return [
        (a["charge"], figure(a["amount"]), figure(a["percent"]), figure(a["base"]), a["reason"])
        for a in row.get("allowances_charges", [])
    ]


@EACH
def test_lines_agree(name, row):
    captured = read(name, row)
    assert len(captured.lines) == len(row["lines"])
    for line, truth in zip(captured.lines, row["lines"], strict=True):
        assert line.line_number == truth["id"]
        assert line.quantity == figure(truth.get("quantity"))
        assert line.unit == (truth.get("unit") or "")
        assert line.net == figure(truth.get("net"))
        assert line.unit_price == figure(truth.get("price"))
        assert line.price_base_quantity == figure(truth.get("price_base_qty"))
        assert line.name == truth["item"]
        assert line.seller_item_id == (truth.get("seller_item_id") or "")
        assert line.buyer_item_id == (truth.get("buyer_item_id") or "")
        assert line.standard_item_id == (truth.get("standard_item_id") or "")
        assert line.order_line_reference == (truth.get("order_line_ref") or "")
        assert line.order_reference == (truth.get("order_ref") or "")
        assert list(line.invoice_references) == (truth.get("invoice_refs") or [])
        if "vat_category" in truth:
            assert line.tax_category == truth["vat_category"]
            assert line.tax_percent == figure(truth.get("vat_percent"))
        assert as_written(line.allowances_charges) == as_expected(truth)
