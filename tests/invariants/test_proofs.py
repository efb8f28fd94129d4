"""What balances alone would not show: rates, order of events, anchors, triggers, constraints."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from budgets import invariants
from budgets.models import Commitment, LedgerEntry
from core import anchors, append_only, told
from core.models import TrailHead
from invoicing.models import Invoice
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, Organisation
from tests.invariants.test_verify_books import stored
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


def faults(name: str) -> list[str]:
    """What one check finds."""
    return {found: proof.faults for found, proof in invariants.prove()}[name]


@pytest.fixture
def desk(org: Organisation) -> Desk:
    desk = Desk(org, org.cells["CC100", "6600", None])
    asked = desk.reserve(D(100))
    desk.bill(desk.order("7", "11", uses=asked, takes=D(70)), liquidate="22", actual="22")
    desk.order("1", "100", currency="USD", rate=D("0.9"))
    return desk


def entry_of(stage: str, currency: str = "EUR") -> LedgerEntry:
    return LedgerEntry.objects.filter(stage=stage, currency=currency).order_by("pk").first()


def change(tampered: Tamper, entry: LedgerEntry, column: str, value: object) -> None:
    tampered(f"UPDATE budgets_ledgerentry SET {column} = %s WHERE id = %s", value, entry.pk)


def test_every_proof_is_listed_with_what_it_proves(db: None):
    out = StringIO()
    call_command("verify_books", "--list", stdout=out)
    assert "Stored balances          M2" in out.getvalue()
    assert len(out.getvalue().splitlines()) == len(invariants.registered())


def test_all_holds_before_anybody_touched_it(desk: Desk, books_hold):
    books_hold()


def test_a_rate_that_is_not_its_commitment_s_is_named(desk: Desk, tampered: Tamper):
    entry = entry_of("ENC", "USD")
    rate = Decimal("0.8") if connection.vendor == "postgresql" else 80_000_000
    change(tampered, entry, "rate", rate)
    assert faults("Currencies") == [
        f"ledger entry {entry.pk}: at 0.80000000 USD, which its commitment is not"
    ]


def test_base_money_that_is_not_the_amount_is_named(desk: Desk, tampered: Tamper):
    entry = entry_of("ACT")
    change(tampered, entry, "document_amount", stored("21"))
    (fault,) = faults("Currencies")
    assert fault.startswith(f"ledger entry {entry.pk}: 22.0000 in base currency for 21.0000 EUR")


@pytest.mark.parametrize(("column", "amount"), [("amount", "90.001"), ("document_amount", "99.99")])
def test_a_part_of_a_cent_or_of_a_yen_is_named(desk: Desk, tampered: Tamper, column, amount):
    yen = Paper(desk.cell, currency="JPY", rate=D("0.006"))
    desk.order("1", "100", currency="JPY", rate=yen.rate)
    entry = entry_of("ENC", "JPY")
    change(tampered, entry, column, stored(amount))
    assert any(fault.startswith(f"ledger entry {entry.pk}: ") for fault in faults("Currencies"))


def test_what_was_used_up_before_it_was_there_is_named(desk: Desk, tampered: Tamper):
    """Sums agree in the end; on the way the commitment held less than nothing."""
    first = entry_of("ENC")
    last = LedgerEntry.objects.order_by("-pk").first()
    change(tampered, first, "id", last.pk + 1)
    (fault,) = faults("Every moment")
    assert f"takes commitment ENC of distribution {first.distribution_id} to -22.00" in fault
    assert not faults("Stored balances") + faults("Commitments")


def test_an_entry_before_its_fiscal_year_is_named(desk: Desk, tampered: Tamper):
    change(tampered, entry_of("ACT"), "posting_date", "2025-12-31")
    (fault,) = faults("Fiscal years")
    assert fault.startswith(f"budget cell {desk.cell.pk} ")
    assert "has an entry of 2025-12-31, before its fiscal year" in fault


def test_a_commitment_of_another_cell_is_named(desk: Desk, org: Organisation, tampered: Tamper):
    held = Commitment.objects.filter(stage="PRE").first()
    other = org.cells["CC100", "6300", None]
    tampered("UPDATE budgets_commitment SET cell_id = %s WHERE id = %s", other.pk, held.pk)
    assert [fault.split(" (")[0] for fault in faults("Commitments of cells")] == [
        f"budget cell {pk}" for pk in sorted([desk.cell.pk, other.pk])
    ]


def test_an_order_changed_to_another_rate_is_named(org: Organisation, tampered: Tamper):
    order = Maker(org).issued(("1", "100"))
    rate = Decimal("0.8") if connection.vendor == "postgresql" else 80_000_000
    tampered("UPDATE purchase_orders_purchaseorder SET rate = %s", rate)
    (fault,) = faults("Order rates")
    assert f"of order {order.number}: at 1.00000000 EUR, which its order is not" in fault


def test_an_order_whose_total_is_not_net_and_tax_is_named(
    org: Organisation, no_checks: None, tampered: Tamper
):
    order = Maker(org).issued(("1", "100"))
    tampered("UPDATE purchase_orders_purchaseorder SET tax = tax + %s", stored("1"))
    assert faults("Order sums") == [
        f"order {order.number}: total {order.total}, net and tax {order.total + 1}"
    ]


def test_an_invoice_that_may_be_paid_with_an_open_exception_is_named(
    org: Organisation, tampered: Tamper
):
    order = Maker(org).issued(("10", "100"))
    invoice = Biller(org).billed(order, ("10", "200"))
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    tampered("UPDATE invoicing_invoice SET status = 'cleared', cleared_at = %s", NOW)
    assert f"invoice {invoice.pk}: may be paid, and its exception" in faults("Cleared invoices")[0]


def test_an_exception_that_nobody_accepted_is_named(org: Organisation, tampered: Tamper):
    order = Maker(org).issued(("10", "100"))
    invoice = Biller(org).billed(order, ("10", "200"))
    tampered("UPDATE invoicing_invoice SET status = 'cleared', cleared_at = %s", NOW)
    tampered("UPDATE invoicing_matchexception SET status = 'resolved', resolution = 'accept'")
    (*_, fault) = faults("Cleared invoices")
    assert fault.startswith(f"invoice {invoice.pk}: nobody says why its exception")


def test_a_head_that_was_anchored_and_is_gone_is_named_by_the_command(
    org: Organisation, tampered: Tamper
):
    Maker(org).requisition(("1", "100"))
    anchors.anchor(at=NOW)
    anchors.anchor(at=NOW + timedelta(hours=1))
    head = TrailHead.objects.get()
    tampered("DELETE FROM core_trailevent")
    tampered("UPDATE core_trailhead SET sequence = 0, hash = %s", "0" * 64)
    out = StringIO()
    with pytest.raises(CommandError, match="The books do not hold"):
        call_command("verify_books", stdout=out, no_color=True)
    said = out.getvalue()
    assert "Audit trail              agrees" in said
    assert f"line 1: trail {head.stream} had an event {head.sequence}, which is gone" in said


def test_a_dropped_trigger_is_named(db: None, tampered: Tamper):
    assert faults("Only grows") == []
    tampered("SELECT 1")
    assert faults("Only grows") == [
        f"table {table}: no trigger refuses its changes" for table in append_only.tables()
    ]


def test_a_table_that_nobody_watches_is_named(db: None):
    assert faults("Told changes") == []
    with connection.cursor() as cursor:
        cursor.execute(told.dropping(connection.vendor, "vendors_vendor")[1])
    assert faults("Told changes") == ["table vendors_vendor: untold changes are not refused"]


def test_a_dropped_constraint_is_named(db: None):
    assert faults("Constraints") == []
    connection.check_constraints()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE budgets_commitment DROP CONSTRAINT commitment_once")
        else:
            cursor.execute("PRAGMA writable_schema = 1")
            cursor.execute(
                "UPDATE sqlite_master SET sql = REPLACE(sql, '\"commitment_once\"', 'gone')"
            )
            cursor.execute("PRAGMA writable_schema = 0")
    assert faults("Constraints") == ["table budgets_commitment: constraint commitment_once is gone"]
