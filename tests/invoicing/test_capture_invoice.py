"""Taking invoices in: who may, what is refused, what is kept."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import Invalid, NotAllowed
from core.models import OutboxItem, TrailEvent
from invoicing import services
from invoicing.inputs import ChargeInput, InvoiceLineInput, TaxInput
from invoicing.models import Invoice
from invoicing.services.capture import DuplicateInvoice
from tests.factories import NOW, TODAY
from tests.shared_data import folder

pytestmark = pytest.mark.django_db


def capture(org, data, actor):
    return services.capture(entity=org.entity, data=data, actor=actor, at=NOW)


@pytest.mark.parametrize("name", ["rita", "axel", "bea", "rob", "cora", "olga", "ada", "nils"])
def test_only_accounts_payable_captures(org, bills, name):
    with pytest.raises(NotAllowed):
        capture(org, bills.data(None, ("1", "10")), org.people[name])
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"number": " -- "}, "/number"),
        ({"currency": "XXX"}, "/currency"),
        ({"currency": "eur"}, "/currency"),
        ({"due_date": TODAY - timedelta(days=1)}, "/due_date"),
        ({"lines": []}, "/lines"),
        ({"number": "1" * 65}, "/number"),
        ({"order_reference": "1" * 65}, "/order_reference"),
        ({"vendor_name": "N" * 201}, "/vendor_name"),
        ({"number": "R\u202e-1"}, "/number"),
        ({"lines": [InvoiceLineInput(Decimal(1), Decimal(1), unit="C" * 9)]}, "/lines/0/unit"),
        (
            {"lines": [InvoiceLineInput(Decimal(1), Decimal(1), tax_category="STD")]},
            "/lines/0/tax_category",
        ),
        ({"charges": [ChargeInput(Decimal(1), tax_category="STD")]}, "/charges/0/tax_category"),
        ({"taxes": [TaxInput("STD", None, Decimal(1), Decimal(1))]}, "/taxes/0/category"),
        (
            {"lines": [InvoiceLineInput(Decimal("NaN"), Decimal(1))]},
            "/lines/0/quantity",
        ),
        ({"lines": [InvoiceLineInput(Decimal(1), Decimal(-1))]}, "/lines/0/unit_price"),
        (
            {"lines": [InvoiceLineInput(Decimal(1), Decimal(1), tax_percent=Decimal("-0.01"))]},
            "/lines/0/tax_percent",
        ),
        (
            {"lines": [InvoiceLineInput(Decimal(1), Decimal(1), tax_percent=Decimal("100.01"))]},
            "/lines/0/tax_percent",
        ),
        (
            {"charges": [ChargeInput(Decimal(1), tax_percent=Decimal(101))]},
            "/charges/0/tax_percent",
        ),
        (
            {"lines": [InvoiceLineInput(Decimal(1), Decimal("0.1234567"))]},
            "/lines/0/unit_price",
        ),
        (
            {"lines": [InvoiceLineInput(Decimal(1), Decimal(1), price_base_quantity=Decimal(0))]},
            "/lines/0/price_base_quantity",
        ),
    ],
)
def test_refused_input_names_the_field_and_changes_nothing(org, finn, bills, change, pointer):
    before = TrailEvent.objects.count()
    with pytest.raises(Invalid) as refusal:
        capture(org, replace(bills.data(None, ("1", "10")), **change), finn)
    assert pointer in [error.pointer for error in refusal.value.errors]
    assert not Invoice.objects.exists()
    assert TrailEvent.objects.count() == before


def test_totals_follow_from_the_lines(make, bills):
    order = make.issued(("3", "33.333"), ("2", "10"))
    invoice = bills.captured(order, ("3", "33.333"), ("2", "10"), charges=[bills.charge("5")])
    assert invoice.net == Decimal("125.00")
    assert invoice.tax == Decimal("23.75")
    assert invoice.gross == Decimal("148.75")
    assert [line.order_line.line_number for line in invoice.lines.all()] == [1, 2]
    assert invoice.vendor == order.vendor


def test_capture_promises_a_match_and_leaves_a_trace(make, bills):
    order = make.issued(("1", "10"))
    invoice = bills.captured(order, ("1", "10"))
    event = TrailEvent.objects.get(type="invoice.captured", document_id=invoice.pk)
    assert OutboxItem.objects.filter(
        handler="invoicing.match", arguments__event_id=str(event.pk)
    ).exists()
    assert invoice.history.count() == 1


@pytest.mark.parametrize("again", ["INV-001", "inv 1", "INV001 ", "Inv/0001"])
def test_the_same_number_in_other_spelling_is_refused(make, bills, again):
    order = make.issued(("10", "10"))
    bills.captured(order, ("1", "10"), number="INV-001")
    with pytest.raises(DuplicateInvoice):
        bills.captured(order, ("2", "10"), number=again)
    assert Invoice.objects.count() == 1


def test_a_returned_invoice_may_come_again(org, finn, make, bills):
    order = make.issued(("10", "10"))
    first = bills.captured(order, ("1", "10"), number="7")
    services.return_to_vendor(invoice=first, code="PRI", reason="Wrong price", actor=finn, at=NOW)
    assert bills.captured(order, ("1", "9"), number="7").pk != first.pk


def test_own_file_is_taken_in_and_kept_as_it_came(org, finn, documents):
    data = (documents / "invoice.xml").read_bytes()
    invoice = services.import_file(
        entity=org.entity, data=data, filename="invoice.xml", actor=finn, at=NOW
    )
    assert invoice.source == Invoice.Source.UBL
    assert invoice.original.size == len(data)
    assert invoice.lines.exists()
    with pytest.raises(DuplicateInvoice):
        services.import_file(entity=org.entity, data=data, filename="again.xml", actor=finn, at=NOW)


def test_broken_file_is_refused_with_the_rule(org, finn, documents):
    data = (documents / "invoice-sum-of-lines-wrong.xml").read_bytes()
    with pytest.raises(Invalid) as refusal:
        services.import_file(entity=org.entity, data=data, filename="x", actor=finn, at=NOW)
    assert "BR-CO-10" in [error.code for error in refusal.value.errors]
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<a/>", b"<!DOCTYPE x><a/>", b"%PDF-1.7", b"\x00" * 50]
)
def test_anything_else_is_refused_in_words(org, finn, data):
    with pytest.raises(Invalid) as refusal:
        services.import_file(entity=org.entity, data=data, filename="x", actor=finn, at=NOW)
    assert refusal.value.errors[0].detail


@pytest.mark.parametrize("name", ["en16931/ubl", "en16931/sfti", "xrechnung", "oasis-ubl"])
def test_every_stored_document_is_taken_in_or_refused_with_a_rule(org, finn, name):
    """What no one here wrote: figures as written, every refusal with its rule."""
    taken = 0
    for path in sorted(folder(name).glob("*.xml")):
        try:
            invoice = services.import_file(
                entity=org.entity, data=path.read_bytes(), filename=path.name, actor=finn, at=NOW
            )
        except (Invalid, DuplicateInvoice) as refusal:
            assert isinstance(refusal, DuplicateInvoice) or refusal.errors
        else:
            taken += 1
            assert invoice.original.sha256
    assert taken
