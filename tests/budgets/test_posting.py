"""What every posting keeps: one effect per event, immutable entries, a bounded statement count."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from budgets import ledger
from budgets.ledger import NothingCommitted
from budgets.models import BudgetCell, Commitment, LedgerEntry
from core.transactions import atomic
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation

pytestmark = pytest.mark.django_db


def many_shares(paper: Paper, count: int, amount: str = "1") -> list[ledger.Share]:
    papers = [Paper(paper.cell) for _ in range(count)]
    return [
        paper.share(
            D(amount), line_id=each.line, line_number=number, distribution_id=each.distribution
        )
        for number, each in enumerate(papers, 1)
    ]


def test_a_second_delivery_of_each_posting_changes_nothing(desk: Desk):
    requisition = Paper(desk.cell, "paper requisition")
    order = Paper(desk.cell)
    invoice = Paper(desk.cell, "paper invoice")
    facts = {"on": TODAY, "actor": None, "at": NOW}
    settlement = ledger.Settlement(invoice.line, 1, order.distribution, D(6), D(60), D(0), D(63))
    ordered = order.share(D(77), converts=requisition.distribution, converts_amount=D(70))
    steps = [
        lambda: ledger.reserve(
            source=requisition.source, shares=[requisition.share(D(100))], **facts
        ),
        lambda: ledger.encumber(source=order.source, shares=[ordered], **facts),
        lambda: ledger.liquidate(source=invoice.source, settlements=[settlement], **facts),
        lambda: ledger.mirror(source=invoice.source, reason="Twice", **facts),
        lambda: ledger.release(source=order.source, reason="Done", **facts),
        lambda: ledger.reencumber(source=order.source, reason="Again", **facts),
        lambda: ledger.cancel(source=order.source, reason="No", **facts),
        lambda: ledger.release_reservation(source=requisition.source, reason="No", **facts),
    ]
    for step in steps:
        step()
        stages, entries = desk.stages, LedgerEntry.objects.count()
        step()
        assert (desk.stages, LedgerEntry.objects.count()) == (stages, entries)
    assert desk.stages == (0, 0, 0)


def test_a_second_delivery_of_something_else_is_refused_whole(desk: Desk):
    """What of it is new would stand in its commitment without an entry."""
    order, other = Paper(desk.cell), Paper(desk.cell)
    facts = {"source": order.source, "on": TODAY, "actor": None, "at": NOW}
    ledger.encumber(shares=[order.share(D(10))], **facts)
    with pytest.raises(ValueError, match="second delivery"), atomic():
        ledger.encumber(shares=[order.share(D(10)), other.share(D(5))], **facts)
    assert ledger.open_amounts(order.id) == {order.distribution: D(10)}
    assert desk.stages == (0, 10, 0)


def test_what_a_spent_budget_refuses_writes_and_locks_nothing(tight: Desk):
    """And a second delivery of what it paid is none of it."""
    paid, late = Paper(tight.cell), Paper(tight.cell)
    facts = {"on": TODAY, "actor": None, "at": NOW}
    for _ in range(2):
        ledger.encumber(source=paid.source, shares=[paid.share(D(500))], **facts)
    with CaptureQueriesContext(connection) as sent, pytest.raises(ledger.BudgetExceeded) as refusal:
        ledger.encumber(source=late.source, shares=[late.share(D("0.01"))], **facts)
    assert "0.01 EUR requested, 0.00 EUR available of 500.00 EUR" in refusal.value.detail
    told = [each["sql"] for each in sent]
    assert not [sql for sql in told if sql.startswith(("INSERT", "UPDATE")) or "FOR NO" in sql]
    assert tight.stages == (0, 500, 0)


def test_a_further_revision_adds_to_the_commitment(desk: Desk):
    order = Paper(desk.cell)
    facts = {"source": order.source, "on": TODAY, "actor": None, "at": NOW}
    ledger.encumber(shares=[order.share(D(100))], **facts)
    ledger.encumber(shares=[order.share(D(20))], revision=2, **facts)
    assert ledger.open_amounts(order.id) == {order.distribution: D(120)}
    assert desk.stages == (0, 120, 0)


def test_entries_say_what_who_when_and_why(desk: Desk, rita):
    desk.actor, desk.reason = rita, "Because"
    order = desk.order("2", "10", currency="USD", rate=D("0.90"))
    entry = LedgerEntry.objects.get()
    assert (entry.event, entry.stage, entry.amount) == ("order.issued", "ENC", D(18))
    assert (entry.document_amount, entry.currency, entry.rate) == (D(20), "USD", D("0.90"))
    assert (entry.document_type, entry.document_id) == ("paper order", order.id)
    assert (entry.document_number, entry.line_number, entry.quantity) == ("paper order-1", 1, 2)
    assert (entry.posting_date, entry.recorded_at) == (TODAY, NOW)
    assert (entry.actor, entry.reason) == (rita, "Because")


def test_the_database_refuses_to_change_or_delete_entries(desk: Desk):
    desk.order("1", "10")
    entries = LedgerEntry.objects.all()
    for change in (lambda: entries.update(amount=D(1)), lambda: entries.delete()):
        with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
            change()
    assert LedgerEntry.objects.get().amount == D(10)


def test_m17_the_database_refuses_an_entry_of_another_entity_or_currency(
    desk: Desk, org: Organisation
):
    """Written by hand, around the ledger: its cell's entity and what it takes back must agree."""
    desk.order("1", "10")
    entry = LedgerEntry.objects.get()
    cell = BudgetCell.objects.filter(entity=org.uk).first()
    for astray in (
        {"entity": org.uk},
        {"cell": cell},
        {"cell": cell, "entity": org.uk, "reverses_id": entry.pk},
        {"currency": "USD", "reverses_id": entry.pk},
    ):
        twin = LedgerEntry.objects.get()
        twin.pk, twin.event_key = None, "by hand"
        for name, value in astray.items():
            setattr(twin, name, value)
        with (
            pytest.raises(IntegrityError, match="of another entity or currency"),
            transaction.atomic(),
        ):
            twin.save(force_insert=True)
    assert LedgerEntry.objects.get() == entry


def test_the_database_itself_refuses_an_overspent_stop(tight: Desk):
    with pytest.raises(IntegrityError), transaction.atomic():
        BudgetCell.objects.filter(pk=tight.cell.pk).update(spent=D(501))
    with pytest.raises(IntegrityError), transaction.atomic():
        BudgetCell.objects.filter(pk=tight.cell.pk).update(encumbered=D(-1))


def test_the_database_itself_refuses_an_overdrawn_commitment(desk: Desk):
    desk.order("1", "10")
    with pytest.raises(IntegrityError), transaction.atomic():
        Commitment.objects.update(liquidated=D(6), released=D(5))


def test_billing_what_was_never_committed_is_refused(desk: Desk):
    with pytest.raises(NothingCommitted):
        desk.bill(Paper(desk.cell), liquidate="1", actual="1")
    assert desk.stages == (0, 0, 0)


def test_a_negative_liquidation_is_an_error_of_the_caller(desk: Desk):
    order = desk.order("1", "10")
    with pytest.raises(ValueError, match="never negative"):
        desk.bill(order, liquidate="-1", actual="1")


@pytest.mark.parametrize("lines", [1, 20])
def test_statements_do_not_grow_with_lines(desk: Desk, lines: int):
    facts = {"on": TODAY, "actor": None, "at": NOW}
    requisition, order, invoice = (
        Paper(desk.cell, kind) for kind in ("paper requisition", "paper order", "paper invoice")
    )
    reserved = many_shares(requisition, lines)
    ordered = [
        order.share(
            D(1),
            line_id=share.line_id,
            line_number=share.line_number,
            distribution_id=Paper(desk.cell).distribution,
            converts=share.distribution_id,
            converts_amount=D(1),
        )
        for share in reserved
    ]
    settlements = [
        ledger.Settlement(share.line_id, 1, share.distribution_id, D(1), D(1), D(0), D(1))
        for share in ordered
    ]
    counts = []
    for post in (
        lambda: ledger.reserve(source=requisition.source, shares=reserved, **facts),
        lambda: ledger.encumber(source=order.source, shares=ordered, **facts),
        lambda: ledger.liquidate(source=invoice.source, settlements=settlements, **facts),
        lambda: ledger.mirror(source=invoice.source, reason="Twice", **facts),
        lambda: ledger.release(source=order.source, reason="Done", **facts),
    ):
        with CaptureQueriesContext(connection) as captured:
            post()
        counts.append(len(captured))
    # savepoint and its release included
    assert counts == [6, 8, 7, 9, 7]
