"""The command that proves the books: it says what it compared, and names every row that lies."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from budgets.models import BudgetAdjustment, Commitment, LedgerEntry
from core import events
from core.models import TrailEvent, TrailHead
from core.transactions import atomic
from tests.budgets.postings import D, Desk
from tests.factories import NOW, TODAY, Organisation
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


def verify() -> str:
    out = StringIO()
    call_command("verify_books", stdout=out, no_color=True)
    return out.getvalue()


def refused() -> str:
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("verify_books", stdout=out, no_color=True)
    assert str(error.value).startswith("The books do not hold. First: ")
    return out.getvalue()


def stored(amount: str) -> object:
    """An amount as raw SQL has it: scaled on SQLite."""
    return Decimal(amount) if connection.vendor == "postgresql" else int(Decimal(amount) * 10_000)


@pytest.fixture
def desk(org: Organisation) -> Desk:
    """A requisition, an order from it, two invoices of which one is void, and a closed order."""
    desk = Desk(org, org.cells["CC100", "6600", None])
    requisition = desk.reserve(D(100))
    order = desk.order("7", "11", uses=requisition, takes=D(70))
    desk.bill(order, quantity="2", liquidate="22", actual="23")
    desk.void(desk.bill(order, quantity="5", liquidate="55", actual="55"))
    desk.close(desk.order("1", "40"))
    with atomic():
        events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
        events.publish("vendor.suspended", org.vendor, actor=org.vera, at=NOW)
        events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
    return desk


def test_books_that_hold_are_proven_with_figures(desk: Desk, books_hold):
    said = verify()
    assert "The books hold." in said
    assert "8 cells with 11 entries, PRE 30.00 · ENC 55.00 · ACT 23.00" in said
    assert "3 commitments" in said
    assert "2 mirrored entries" in said
    assert "3 events" in said


def test_empty_books_hold(db):
    assert "The books hold." in verify()


@pytest.mark.parametrize("column", ["pre_encumbered", "encumbered", "spent"])
def test_a_changed_balance_is_named(desk: Desk, tampered: Tamper, column: str):
    tampered(
        f"UPDATE budgets_budgetcell SET {column} = {column} + %s WHERE id = %s",
        stored("1"),
        desk.cell.pk,
    )
    assert f"budget cell {desk.cell.pk} (CC100 · 6600 · 2026): stored PRE" in refused()


def test_a_changed_budget_is_named(desk: Desk, tampered: Tamper):
    tampered(
        "UPDATE budgets_budgetcell SET amount = amount + %s WHERE id = %s",
        stored("0.01"),
        desk.cell.pk,
    )
    said = refused()
    assert f"budget cell {desk.cell.pk} (CC100 · 6600 · 2026): amount" in said
    assert "100,000.01 / 0.00, its adjustments add up to 100,000.00 / 0.00" in said


def test_a_deleted_adjustment_is_named(desk: Desk, tampered: Tamper):
    gone = BudgetAdjustment.objects.get(cell=desk.cell)
    tampered("DELETE FROM budgets_budgetadjustment WHERE id = %s", gone.pk)
    assert f"budget cell {desk.cell.pk} (CC100 · 6600 · 2026): amount" in refused()


def test_a_changed_entry_is_named_by_its_cell_and_commitment(desk: Desk, tampered: Tamper):
    entry = LedgerEntry.objects.filter(event="order.issued", stage="ENC").first()
    tampered(
        "UPDATE budgets_ledgerentry SET amount = amount + %s WHERE id = %s", stored("1"), entry.pk
    )
    said = refused()
    assert f"budget cell {desk.cell.pk} " in said
    assert f"commitment ENC of distribution {entry.distribution_id}: holds 55.00 / 55.00" in said


def test_a_deleted_entry_is_named(desk: Desk, tampered: Tamper):
    entry = LedgerEntry.objects.filter(event="order.closed").get()
    tampered("DELETE FROM budgets_ledgerentry WHERE id = %s", entry.pk)
    said = refused()
    assert f"budget cell {desk.cell.pk} " in said
    assert f"commitment ENC of distribution {entry.distribution_id}" in said


def test_an_entry_and_its_balance_changed_together_are_still_named(desk: Desk, tampered: Tamper):
    entry = LedgerEntry.objects.filter(event="order.issued", stage="ENC").first()
    tampered(
        "UPDATE budgets_ledgerentry SET amount = amount + %s WHERE id = %s", stored("1"), entry.pk
    )
    tampered(
        "UPDATE budgets_budgetcell SET encumbered = encumbered + %s WHERE id = %s",
        stored("1"),
        desk.cell.pk,
    )
    assert f"commitment ENC of distribution {entry.distribution_id}" in refused()


def test_an_entry_moved_to_another_cell_is_named(desk: Desk, org: Organisation, tampered: Tamper):
    entry = LedgerEntry.objects.filter(stage="ACT").first()
    other = org.cells["CC100", "6300", None]
    tampered("UPDATE budgets_ledgerentry SET cell_id = %s WHERE id = %s", other.pk, entry.pk)
    said = refused()
    assert f"budget cell {desk.cell.pk} " in said
    assert f"budget cell {other.pk} " in said


def test_an_entry_of_another_entity_is_named(desk: Desk, org: Organisation, tampered: Tamper):
    entry = LedgerEntry.objects.first()
    uk = str(org.uk.pk) if connection.vendor == "postgresql" else org.uk.pk.hex
    tampered("UPDATE budgets_ledgerentry SET entity_id = %s WHERE id = %s", uk, entry.pk)
    assert f"ledger entry {entry.pk}: of another entity" in refused()


def test_a_crooked_mirror_is_named(desk: Desk, tampered: Tamper):
    mirror = LedgerEntry.objects.filter(event="invoice.voided", stage="ACT").get()
    tampered(
        "UPDATE budgets_ledgerentry SET document_amount = %s WHERE id = %s",
        stored("-54"),
        mirror.pk,
    )
    assert f"ledger entry {mirror.pk}: does not mirror entry {mirror.reverses_id}" in refused()


@pytest.mark.parametrize("column", ["liquidated", "released"])
def test_a_commitment_settled_by_hand_is_named(desk: Desk, tampered: Tamper, column: str):
    commitment = Commitment.objects.get(stage="PRE")
    tampered(
        f"UPDATE budgets_commitment SET {column} = {column} + %s WHERE id = %s",
        stored("1"),
        commitment.pk,
    )
    assert f"commitment PRE of distribution {commitment.distribution_id}: holds 29.00" in refused()


def test_liquidated_passed_off_as_released_is_named(desk: Desk, tampered: Tamper):
    commitment = Commitment.objects.filter(stage="ENC", liquidated__gt=0).get()
    tampered(
        "UPDATE budgets_commitment SET liquidated = liquidated - %s, released = released + %s "
        "WHERE id = %s",
        stored("1"),
        stored("1"),
        commitment.pk,
    )
    assert (
        f"commitment ENC of distribution {commitment.distribution_id}: kept and used up"
        in refused()
    )


def test_a_deleted_commitment_is_named(desk: Desk, tampered: Tamper):
    commitment = Commitment.objects.get(stage="PRE")
    tampered("DELETE FROM budgets_commitment WHERE id = %s", commitment.pk)
    said = refused()
    assert f"commitment PRE of distribution {commitment.distribution_id}: holds 0.00" in said


def test_an_overspent_stop_is_named(org: Organisation, tampered: Tamper, no_checks: None):
    cell = org.cells["CC300", "6400", None]
    Desk(org, cell).order("1", "5000")
    tampered("UPDATE budgets_budgetcell SET control = 'stop' WHERE id = %s", cell.pk)
    assert f"budget cell {cell.pk} (CC300 · 6400 · 2026): negative or overspent" in refused()


def test_a_negative_stage_is_named(desk: Desk, tampered: Tamper, no_checks: None):
    tampered(
        "UPDATE budgets_budgetcell SET encumbered = %s WHERE id = %s", stored("-1"), desk.cell.pk
    )
    assert f"budget cell {desk.cell.pk} (CC100 · 6600 · 2026): negative" in refused()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE core_trailevent SET reason = 'nothing' WHERE sequence = 2", "was changed"),
        ("DELETE FROM core_trailevent WHERE sequence = 2", "missing; the next row is 3"),
        ("DELETE FROM core_trailevent WHERE sequence = 3", "the chain ends at 2, its head at 3"),
        ("UPDATE core_trailevent SET previous_hash = hash WHERE sequence = 2", "does not continue"),
        ("UPDATE core_trailevent SET sequence = 9 WHERE sequence = 1", "missing"),
        ("DELETE FROM core_trailhead", "its head at 0"),
        ("DELETE FROM core_trailevent", "the chain ends at 0, its head at 3"),
    ],
)
def test_a_broken_chain_is_named(desk: Desk, tampered: Tamper, statement: str, problem: str):
    stream = TrailHead.objects.get().stream
    tampered(statement)
    said = refused()
    assert f"trail {stream} event " in said
    assert problem in said


def test_a_swapped_pair_of_events_is_named(desk: Desk, tampered: Tamper):
    for old, new in ((2, 99), (3, 2), (99, 3)):
        tampered("UPDATE core_trailevent SET sequence = %s WHERE sequence = %s", new, old)
    assert "event 2: does not continue the row before it" in refused()


def test_a_forged_event_at_the_end_is_named(desk: Desk, tampered: Tamper):
    last = TrailEvent.objects.get(sequence=3)
    last.pk, last.sequence, last.previous_hash = None, 4, last.hash
    last._state.adding = True
    last.save()
    assert "event 4: was changed after it was written" in refused()


@pytest.fixture
def waiting(org: Organisation) -> Order:
    """70 of an order over two budgets came in March and wait for their invoice; 20 are billed."""
    order = Order(org, "10", "10")
    order.receive("7")
    order.bill("2", on=TODAY + timedelta(days=3))
    return order


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("day IS NULL", "now 31.00, its documents say 30.00"),
        ("amount > 0 AND day IS NOT NULL", "moved on 2026-03-02 43.00, its documents say 42.00"),
        ("amount < 0", "moved on 2026-03-05 -11.00, its documents say -12.00"),
    ],
)
def test_a_changed_sum_of_what_waits_is_named(
    waiting: Order, tampered: Tamper, which: str, words: str
):
    cell = waiting.cells[0]
    tampered(
        f"UPDATE budgets_accruedsum SET amount = amount + %s WHERE cell_id = %s AND {which}",
        stored("1"),
        cell.pk,
    )
    assert f"budget cell {cell.pk} ({cell}): received, not invoiced {words}" in refused()


def test_a_lost_sum_and_one_of_nothing_are_named(waiting: Order, tampered: Tamper):
    one, other = waiting.cells
    tampered("DELETE FROM budgets_accruedsum WHERE cell_id = %s", one.pk)
    tampered("UPDATE budgets_accruedsum SET day = '2026-04-01' WHERE day = '2026-03-02'")
    said = refused()
    assert f"budget cell {one.pk} ({one}): received, not invoiced now 0.00" in said
    assert f"{other.pk} ({other}): received, not invoiced moved on 2026-04-01 28.00" in said


def test_a_changed_receipt_and_a_changed_billed_line_are_named(waiting: Order, tampered: Tamper):
    tampered("UPDATE purchase_orders_receiptline SET quantity = quantity + quantity")
    said = refused()
    assert f"order line {waiting.line.pk}: received and rejected 7.00 / 0.00" in said
    assert f"budget cell {waiting.cells[0].pk} " in said
    tampered("DELETE FROM purchase_orders_billedline")
    assert f"order line {waiting.line.pk}: billed quantity and net 2.00 / 20.00" in refused()
