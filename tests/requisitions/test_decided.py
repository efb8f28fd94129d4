"""What the end of an approval round does to a requisition and its budget."""

from datetime import timedelta
from decimal import Decimal

import pytest

from budgets.ledger import BudgetExceeded
from budgets.models import LedgerEntry
from core.errors import IllegalTransition, NotAllowed
from requisitions import content, facts, subjects
from tests.factories import (
    NOW,
    approved,
    coded,
    decide_all,
    draft,
    item_input,
    line_input,
    submitted,
)
from tests.requisitions.watching import events_of, last_event, nothing_changes

MARKS = {
    "approve": subjects.mark_approved,
    "reject": subjects.mark_rejected,
    "return": subjects.mark_returned,
}


def test_approved_reserves_the_estimate_cell_by_cell(org):
    made = approved(
        org,
        line_input(org, 10, "10.00"),
        line_input(
            org,
            1,
            "100.01",
            distributions=[coded(org, percent=50), coded(org, "CC200", "6310", percent=50)],
        ),
    )
    assert (made.status, made.approved_at) == ("approved", NOW)
    assert org.cell("CC100", "6600").pre_encumbered == Decimal("150.01")
    assert org.cell("CC200", "6310").pre_encumbered == Decimal("50.00")
    entries = LedgerEntry.objects.filter(document_id=made.pk)
    assert {(each.stage, each.document_number) for each in entries} == {("PRE", made.number)}
    assert sum(each.amount for each in entries) == made.total + Decimal("0.00")


def test_the_reservation_is_base_currency_at_the_submitted_rate(org):
    org.vendor.currency = "USD"
    org.vendor.save()
    approved(org, line_input(org, 10, "10.00"), currency="USD")
    assert org.cell("CC100", "6600").pre_encumbered == 90


@pytest.mark.parametrize(("decision", "state"), [("reject", "rejected"), ("return", "returned")])
def test_a_no_reserves_nothing_and_carries_its_words(org, axel, decision, state):
    made = submitted(org)
    decide_all(made, decision)
    assert made.status == state
    assert org.cell("CC100", "6600").used == 0
    event = last_event(made)
    assert (event.type, event.reason, event.actor) == (
        f"requisition.{state}",
        "As agreed.",
        axel,
    )
    assert made.history.first().status == state


def test_approved_is_told_once(org, axel):
    made = approved(org)
    assert events_of(made).count("requisition.approved") == 1
    assert last_event(made).actor == axel
    assert made.history.first().history_user == axel


@pytest.mark.parametrize("decision", MARKS)
def test_the_requester_ends_no_round_by_any_path(org, rita, decision):
    made = submitted(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        MARKS[decision](subject_id=made.pk, actor=rita, at=NOW)


@pytest.mark.parametrize("decision", MARKS)
def test_nobody_of_another_entity_ends_a_round(org, nils, decision):
    made = submitted(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        MARKS[decision](subject_id=made.pk, actor=nils, at=NOW)


@pytest.mark.parametrize("decision", MARKS)
def test_only_what_is_in_approval_can_be_decided(org, axel, decision):
    for made in (draft(org), approved(org)):
        with nothing_changes(), pytest.raises(IllegalTransition):
            MARKS[decision](subject_id=made.pk, actor=axel, at=NOW)


def test_a_budget_used_by_others_meanwhile_refuses_the_decision(org):
    line = line_input(org, 1, "300.00", distributions=[coded(org, "CC400")])
    first, second = submitted(org, line), submitted(org, line)
    decide_all(first)
    with nothing_changes(), pytest.raises(BudgetExceeded):
        decide_all(second)


def test_an_approver_reads_what_is_signed(org):
    made = submitted(org, line_input(org, 2, "75.00"), justification="Rack 4 is bare.")
    seen = subjects.describe(made.pk)
    assert (seen.title, seen.number, seen.vendor_name) == (made.title, made.number, str(org.vendor))
    assert (seen.total, seen.base_total, seen.currency) == (150, 150, "EUR")
    assert [(line.quantity, line.net, line.coding) for line in seen.lines] == [
        (2, 150, "CC100 · 6600")
    ]
    assert (seen.budget[0].requested, seen.budget[0].remaining) == (150, 99_850)
    assert seen.justification == "Rack 4 is bare."
    assert seen.digest == subjects.present_digest(made.pk)


def test_what_is_stored_reads_the_same_as_its_rows(org):
    """What is signed and what is reserved, read column by column and made of objects."""
    day = NOW.date()
    parts = [coded(org, "CC200", "6310", "ATLAS", percent="33.3"), coded(org, percent="66.7")]
    period = {"period_from": day, "period_to": day + timedelta(days=89)}
    made = draft(
        org,
        line_input(org, "1.5", "99.99", distributions=parts, **period),
        item_input(org, "DOCK", 3),
    )
    lines = content.lines_of(made)
    assert content.stored_content(made.pk) == content.content(made, lines)
    assert facts.stored_shares(made) == facts.shares(lines)
    assert len(facts.shares(lines)) == 3
