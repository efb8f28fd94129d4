"""Reading invoices and credit notes of our own making, and refusing everything else."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from core.xml import MAX_BYTES, UnsafeXML
from invoicing import capture
from invoicing.capture import rules
from tests.shared_data import folder

DOCUMENTS = Path(__file__).resolve().parents[1] / "documents"


def d(value):
    return Decimal(value)


def source(name="invoice.xml") -> str:
    return (DOCUMENTS / name).read_text("utf-8")


def read(text: str) -> capture.CapturedInvoice:
    return capture.read(text.encode())


def changed(old: str, new: str, name="invoice.xml") -> capture.CapturedInvoice:
    text = source(name)
    assert old in text
    return read(text.replace(old, new, 1))


def refused(captured) -> dict[str, rules.BrokenRule]:
    return {broken.rule: broken for broken in rules.refusing(captured)}


def test_invoice_is_read_with_figures_as_written():
    invoice = read(source())
    assert (invoice.number, invoice.kind, invoice.type_code) == ("NW-2026-0417", "invoice", "380")
    assert (invoice.issue_date, invoice.due_date) == (date(2026, 4, 17), date(2026, 5, 17))
    assert (invoice.currency, invoice.order_reference) == ("EUR", "PO-2026-000001")
    assert invoice.supplier.name == "Nordwind Cloud GmbH"
    assert invoice.supplier.address == ("Speicherstrasse 4", "20457 Hamburg")
    assert (invoice.supplier.tax_id, invoice.buyer.tax_id) == ("DE999999901", "DE999999902")
    assert [account.account for account in invoice.payee_accounts] == ["DE02120300000000202051"]
    assert invoice.despatch_references == ("LS-8841",)
    assert invoice.payment_terms == "30 days net."
    assert [str(line.net) for line in invoice.lines] == ["1990.00", "391.40", "59.90"]
    second = invoice.lines[1]
    assert (str(second.quantity), second.unit, str(second.unit_price)) == ("1565.6", "GB", "0.25")
    assert (second.name, second.description) == ("Outbound traffic", "March 2026")
    assert (second.order_line_reference, second.seller_item_id) == ("2", "EGRESS")
    assert [(r.category, r.percent, r.taxable, r.amount) for r in invoice.tax_breakdown] == [
        ("S", d(19), d("2331.40"), d("442.97")),
        ("S", d(7), d("59.90"), d("4.19")),
    ]
    assert (invoice.tax_total, invoice.totals.payable) == (d("447.16"), d("2000.00"))
    assert rules.check(invoice) == []


def test_credit_note_is_read_with_the_invoice_it_takes_back():
    note = read(source("credit-note.xml"))
    assert (note.kind, note.type_code) == ("credit_note", "381")
    assert [p.number for p in note.preceding_invoices] == ["NW-2026-0417"]
    assert (note.lines[0].quantity, note.lines[0].net) == (d(2), d("398.00"))
    assert rules.check(note) == []


# ---- broken rules, each named with figures


def test_wrong_sum_of_lines_is_refused_by_its_rule_with_figures():
    broken = refused(read(source("invoice-sum-of-lines-wrong.xml")))
    assert set(broken) == {"BR-CO-10", "BR-CO-13"}
    assert broken["BR-CO-10"].message == (
        "The sum of the lines is stated as 2414.30, but comes to 2441.30: 27.00 less."
    )
    assert (broken["BR-CO-10"].expected, broken["BR-CO-10"].actual) == (d("2441.30"), d("2414.30"))


def test_missing_number_is_refused():
    assert set(refused(read(source("invoice-without-number.xml")))) == {"BR-02"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("2026-04-17</cbc:IssueDate>", "</cbc:IssueDate>", "BR-03"),
        ("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", "", "BR-05"),
        (
            'AllowanceTotalAmount currencyID="EUR">50.00',
            'AllowanceTotalAmount currencyID="EUR">40.00',
            "BR-CO-11",
        ),
        (
            'TaxExclusiveAmount currencyID="EUR">2391.30',
            'TaxExclusiveAmount currencyID="EUR">2391.31',
            "BR-CO-13",
        ),
        ('TaxAmount currencyID="EUR">447.16', 'TaxAmount currencyID="EUR">447.17', "BR-CO-14"),
        (
            'TaxInclusiveAmount currencyID="EUR">2838.46',
            'TaxInclusiveAmount currencyID="EUR">2838.47',
            "BR-CO-15",
        ),
        (
            'PayableAmount currencyID="EUR">2000.00',
            'PayableAmount currencyID="EUR">2838.46',
            "BR-CO-16",
        ),
        (
            '<cbc:PriceAmount currencyID="EUR">0.25',
            '<cbc:PriceAmount currencyID="EUR">-0.25',
            "BR-27",
        ),
        (
            'TaxableAmount currencyID="EUR">2331.40',
            'TaxableAmount currencyID="EUR">2381.40',
            "BR-S-08",
        ),
        ("DE999999901", "999999901", "BR-CO-09"),
        (
            'PrepaidAmount currencyID="EUR">838.46',
            'PrepaidAmount currencyID="EUR">838.461',
            "BR-DEC-16",
        ),
    ],
)
def test_each_broken_rule_is_named(old, new, rule):
    assert rule in refused(changed(old, new))


def test_line_that_does_not_multiply_is_flagged_not_refused():
    invoice = changed('PriceAmount currencyID="EUR">0.25', 'PriceAmount currencyID="EUR">0.26')
    (broken,) = rules.check(invoice)
    assert (broken.rule, broken.severity) == ("PEPPOL-EN16931-R120", "flag")
    assert broken.message == "1565.6 × 0.26 is 407.06; the line says 391.40."


def test_document_that_does_not_claim_the_standard_is_refused_only_for_what_cannot_be_booked():
    plain = source().replace("urn:cen.eu:en16931:2017", "ours")
    foreign = plain.replace("DE999999901", "999999901")
    broken = rules.check(read(foreign))
    assert {(b.rule, b.severity) for b in broken} == {("BR-CO-09", "flag")}
    wrong = plain.replace(
        'LineExtensionAmount currencyID="EUR">2441.30',
        'LineExtensionAmount currencyID="EUR">2400.00',
    )
    assert "BR-CO-10" in refused(read(wrong))


def test_tax_that_is_not_its_rate_is_refused_though_the_totals_add_up():
    text = source()
    for old, new in (("442.97", "444.97"), ("447.16", "449.16"), ("2838.46", "2840.46")):
        text = text.replace(f'"EUR">{old}', f'"EUR">{new}')
    text = text.replace(
        'PrepaidAmount currencyID="EUR">838.46', 'PrepaidAmount currencyID="EUR">840.46'
    )
    broken = refused(read(text))
    assert set(broken) == {"BR-CO-17", "BR-S-09"}
    assert (broken["BR-CO-17"].expected, broken["BR-CO-17"].actual) == (d("442.97"), d("444.97"))


# ---- differences that explain themselves


def collected(amount: str) -> capture.CapturedInvoice:
    """The amount due is 30.00 higher; so much is said to be collected for third parties."""
    text = source().replace(
        'PayableAmount currencyID="EUR">2000.00', 'PayableAmount currencyID="EUR">2030.00'
    )
    paid = f'<cbc:PaidAmount currencyID="EUR">{amount}</cbc:PaidAmount>'
    payment = f"<cac:PrepaidPayment>{paid}</cac:PrepaidPayment>"
    return read(text.replace("  <cac:AllowanceCharge>", payment + "<cac:AllowanceCharge>", 1))


def test_payments_for_third_parties_explain_a_higher_amount_due_exactly_or_not_at_all():
    (broken,) = rules.check(collected("30.00"))
    assert (broken.rule, broken.severity) == ("BR-CO-16", "flag")
    assert broken.message.endswith("The difference is what is collected for third parties.")
    assert set(refused(collected("29.99"))) == {"BR-CO-16"}


def without_its_allowance(customization: str) -> capture.CapturedInvoice:
    text = source().replace("urn:cen.eu:en16931:2017", customization)
    stated = '<cbc:AllowanceTotalAmount currencyID="EUR">50.00</cbc:AllowanceTotalAmount>'
    head, rest = text.split("  <cac:AllowanceCharge>", 1)
    return read(head + rest.split("</cac:AllowanceCharge>", 1)[1].replace(stated, ""))


def test_unstated_allowance_is_flagged_in_an_old_document_and_refused_under_the_standard():
    old = {b.rule: b for b in rules.check(without_its_allowance("ours"))}
    assert (old["BR-CO-13"].severity, old["BR-CO-13"].actual) == ("flag", d("2391.30"))
    assert "BR-CO-13" in refused(without_its_allowance("urn:cen.eu:en16931:2017"))


# ---- values that are no values


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "not-a-number"),
        ("INF", "not-a-number"),
        ("1e3", "not-a-number"),
        ("1_990.00", "not-a-number"),
        ("1,990.00", "not-a-number"),
        ("１９９０", "not-a-number"),
        ("١٩٩٠", "not-a-number"),
        ("\u22121990.00", "not-a-number"),
        ("", "not-a-number"),
        ("9" * 13, "number-out-of-range"),
        ("0." + "1" * 13, "number-out-of-range"),
    ],
)
def test_figures_that_are_none_are_refused_with_their_place(value, code):
    invoice = changed(">1990.00<", f">{value}<")
    broken = refused(invoice)["UNREADABLE"]
    assert code in broken.message
    assert broken.location == "Invoice/InvoiceLine[1]/LineExtensionAmount"


@pytest.mark.parametrize("value", ["17.04.2026", "2026-02-30", "2026-04", "0001-01-01", "20260417"])
def test_dates_that_are_none_are_refused(value):
    broken = refused(changed("2026-04-17</cbc:IssueDate>", f"{value}</cbc:IssueDate>"))
    assert broken["UNREADABLE"].location == "Invoice/IssueDate"


def test_date_with_a_time_zone_is_a_date():
    invoice = changed("2026-04-17</cbc:IssueDate>", "2026-04-17+02:00</cbc:IssueDate>")
    assert invoice.issue_date == date(2026, 4, 17)


def test_text_that_turns_round_is_refused_and_unseen_characters_are_dropped():
    turned = changed("Nordwind Cloud GmbH</cbc:Name>", "Nord\u202edniw\u202c</cbc:Name>")
    assert "turned-text" in refused(turned)["UNREADABLE"].message
    unseen = changed("NW-2026-0417", "NW\u200b-2026-\ufeff0417")
    assert unseen.number == "NW-2026-0417"
    emoji = changed("Thank you", "Thank you 🙏🏽")
    assert emoji.notes == ("Thank you 🙏🏽 for your order.",)


# ---- what is wrapped elsewhere has no meaning


def test_only_elements_at_their_own_place_count():
    wrapped = (
        '<ext:UBLExtensions xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:'
        'CommonExtensionComponents-2"><ext:UBLExtension><ext:ExtensionContent>'
        "<cbc:ID>OTHER</cbc:ID><cac:LegalMonetaryTotal>"
        '<cbc:PayableAmount currencyID="EUR">1.00</cbc:PayableAmount></cac:LegalMonetaryTotal>'
        "</ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
    )
    invoice = changed("  <cbc:CustomizationID>", f"{wrapped}<cbc:CustomizationID>")
    assert (invoice.number, invoice.totals.payable) == ("NW-2026-0417", d("2000.00"))


# ---- everything else


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02 garbage", "nul"),
        (b"<!DOCTYPE html><html></html>", "doctype"),
        (b"<html><body>No invoice<br></body></html>", "not-well-formed"),
        (b"%PDF-1.7", "not-well-formed"),
        (b"PK\x03\x04 a zip", "not-well-formed"),
        (b"a;b;c\n1;2;3\n", "not-well-formed"),
        (b" " * (25 * 1024 * 1024), "empty"),
        (b"<a>" + b"x" * MAX_BYTES + b"</a>", "too-large"),
    ],
)
def test_files_that_are_no_readable_xml(data, code):
    with pytest.raises(UnsafeXML) as caught:
        capture.read(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data",
    [
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"<Invoice/>",
        b"<Invoice xmlns='urn:other'/>",
        (DOCUMENTS / "order.xml").read_bytes(),
    ],
)
def test_other_documents_are_no_invoices(data):
    with pytest.raises(capture.NotAnInvoice, match="no invoice or credit note"):
        capture.read(data)


def test_other_documents_of_the_purchasing_chain_are_no_invoices():
    others = [
        path
        for path in sorted(folder("oasis-ubl").glob("*.xml"))
        if "nvoice" not in path.name and "CreditNote" not in path.name
    ]
    assert len(others) == 12
    for path in others:
        with pytest.raises(capture.NotAnInvoice):
            capture.read(path.read_bytes())


def test_empty_invoice_is_read_and_refused_with_every_missing_part():
    empty = read('<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>')
    assert set(refused(empty)) == {"BR-02", "BR-03", "BR-05", "BR-06", "BR-15", "BR-16"}


def test_masses_of_lines_and_of_errors_are_bounded():
    line = "<cac:InvoiceLine><cbc:LineExtensionAmount>x</cbc:LineExtensionAmount></cac:InvoiceLine>"
    head, tail = source().split("  <cac:InvoiceLine>", 1)[0], "</Invoice>"
    many = read(head + line * 5_000 + tail)
    assert len(many.problems) == 100
    with pytest.raises(capture.NotAnInvoice) as caught:
        read(head + line * (capture.MOST_LINES + 1) + tail)
    assert caught.value.code == "too-many-lines"
