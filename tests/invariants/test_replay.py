"""Balances rebuilt from the events alone agree to the cent; where they do not, it says where."""

import sqlite3
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from budgets.models import BudgetAdjustment, Commitment, LedgerEntry
from invoicing.services import void
from purchase_orders import services
from tests.budgets.postings import D, Desk
from tests.factories import Organisation
from tests.invariants.test_verify_books import stored
from tests.invoicing.billing import Biller, drain
from tests.purchase_orders.making import LATER, Maker

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


def replayed(**options: object) -> str:
    out = StringIO()
    call_command("replay_books", stdout=out, no_color=True, **options)
    return out.getvalue()


def refused() -> str:
    with pytest.raises(CommandError) as error:
        replayed()
    assert str(error.value).startswith("The balances differ. First: ")
    return str(error.value)


@pytest.fixture
def desk(org: Organisation) -> Desk:
    """Half of a reservation ordered, billed, voided, closed, reopened; an order in dollars."""
    desk = Desk(org, org.cells["CC100", "6600", None])
    asked = desk.reserve(D(100))
    order = desk.order("7", "11", uses=asked, takes=D(70))
    desk.bill(order, quantity="2", liquidate="22", actual="23")
    desk.void(desk.bill(order, quantity="5", liquidate="55", actual="55"))
    desk.close(order)
    desk.reopen(order)
    abroad = desk.order("1", "99.99", currency="USD", rate=D("0.9"))
    desk.bill(abroad, liquidate="33.33", actual="33.33", currency="USD", rate=D("0.95"))
    return desk


def test_an_empty_database_is_rebuilt(db: None):
    assert "The balances agree to the cent." in replayed()


def test_what_the_ledger_posted_is_rebuilt(desk: Desk):
    said = replayed()
    assert "The balances agree to the cent." in said
    assert f"entries          replayed {LedgerEntry.objects.count()}" in said
    assert f"commitments      compared {Commitment.objects.count()}" in said


def test_a_whole_life_with_what_waits_for_its_invoice_is_rebuilt(org: Organisation, books_hold):
    maker, biller = Maker(org), Biller(org)
    requisition = maker.requisition(("10", "100"))
    (draft,) = maker.drafts(requisition)
    order = maker.issue(draft)
    maker.receive(order, "6")
    invoice = biller.billed(order, ("4", "100"))
    services.close(order=order, actor=org.bea, at=LATER, reason="Enough")
    drain()
    void(invoice=invoice, reason="Entered twice", actor=org.fay, at=LATER)
    drain()
    said = replayed()
    assert "accrued sums     compared" in said
    assert "The balances agree to the cent." in said


def test_what_was_rebuilt_can_be_kept(desk: Desk, tmp_path: Path):
    kept = tmp_path / "books.sqlite3"
    replayed(into=kept)
    with sqlite3.connect(kept) as database:
        found = database.execute("SELECT pre, enc, act FROM cells WHERE id = ?", [desk.cell.pk])
        assert found.fetchone() == tuple(int(value * 10_000) for value in desk.stages)
    with pytest.raises(CommandError, match="into an empty database only"):
        replayed(into=kept)


@pytest.mark.parametrize("column", ["amount", "pre_encumbered", "encumbered", "spent"])
def test_a_changed_balance_is_named(desk: Desk, tampered: Tamper, column: str):
    tampered(
        f"UPDATE budgets_budgetcell SET {column} = {column} + %s WHERE id = %s",
        stored("0.01"),
        desk.cell.pk,
    )
    assert f"budget cell {desk.cell.pk}: amount, overdraft, PRE, ENC, ACT: stored" in refused()


def test_a_lost_adjustment_is_named(desk: Desk, tampered: Tamper):
    tampered(
        "DELETE FROM budgets_budgetadjustment WHERE id = %s",
        BudgetAdjustment.objects.get(cell=desk.cell).pk,
    )
    assert f"budget cell {desk.cell.pk}: " in refused()


def test_a_changed_entry_is_named(desk: Desk, tampered: Tamper):
    entry = LedgerEntry.objects.filter(stage="ENC").first()
    tampered(
        "UPDATE budgets_ledgerentry SET amount = amount + %s WHERE id = %s",
        stored("0.01"),
        entry.pk,
    )
    assert f"budget cell {desk.cell.pk}: " in refused()


def test_used_up_passed_off_as_given_back_is_named(desk: Desk, tampered: Tamper):
    used = Commitment.objects.filter(stage="ENC", liquidated__gt=0).first()
    tampered(
        "UPDATE budgets_commitment SET liquidated = liquidated - %s, released = released + %s "
        "WHERE id = %s",
        stored("1"),
        stored("1"),
        used.pk,
    )
    assert f"commitment {used.distribution_id.hex} ENC: kept and used" in refused()


def test_a_changed_sum_of_what_waits_is_named(org: Organisation, tampered: Tamper):
    maker = Maker(org)
    maker.receive(maker.issued(("10", "100")), "6")
    tampered("UPDATE budgets_accruedsum SET amount = amount + %s WHERE day IS NULL", stored("1"))
    assert "received, not invoiced of budget cell" in refused()
