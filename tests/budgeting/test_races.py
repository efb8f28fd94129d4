"""Budgets that change while others use them: nothing is spent that went out, none waits forever."""

from collections import Counter
from decimal import Decimal

import pytest

import approvals.services
from approvals.models import ApprovalStep
from budgeting.models import BudgetChange
from budgets import ledger
from budgets.models import BudgetAdjustment, BudgetCell
from budgets.services import BudgetBelowUse
from tests.budgeting.scene import TIGHT, A, B, asked
from tests.budgets.postings import Desk, Paper
from tests.factories import NOW, TODAY
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def deciding(change):
    """Cora's yes to a change; what it came to."""
    step = ApprovalStep.objects.get(request__subject_id=change.pk)

    def run():
        try:
            approvals.services.decide(
                step=step, decision="approve", actor=step.assignee, at=NOW, comment="Seen"
            )
        except BudgetBelowUse:
            return "in use"
        return "moved"

    return run


def ordering(cell, amount):
    paper = Paper(cell)

    def run():
        try:
            ledger.encumber(
                source=paper.source, shares=[paper.share(amount)], on=TODAY, actor=None, at=NOW
            )
        except ledger.BudgetExceeded:
            return "refused"
        return "ordered"

    return run


def test_transfers_out_while_orders_issue_never_take_what_is_used(org):
    cell = org.cells[TIGHT]
    outgoing = [asked(org, (TIGHT, -100), (B, 100)) for _ in range(8)]
    jobs = [ordering(cell, Decimal(20)) for _ in range(32)] + [deciding(each) for each in outgoing]
    outcomes = Counter(map(str, race(jobs)))
    assert set(outcomes) <= {"ordered", "refused", "moved", "in use"}
    now = Desk(org, cell).now
    assert now.amount == 500 - 100 * outcomes["moved"]
    assert now.encumbered == 20 * outcomes["ordered"] <= now.amount
    assert org.cell(*B).amount == 100_000 + 100 * outcomes["moved"]
    # whoever was refused had no room: what is left over is smaller than what each side wanted
    if outcomes["refused"]:
        assert now.available < 20
    assert BudgetChange.objects.filter(status="approved").count() == outcomes["moved"]


def test_transfers_to_and_fro_do_not_wait_for_each_other_in_a_circle(org):
    pairs = [((A, -10), (B, 10)), ((B, -10), (A, 10)), ((B, -10), (TIGHT, 10))]
    made = [asked(org, *pairs[number % 3]) for number in range(24)]
    assert race([deciding(each) for each in made]) == ["moved"] * 24
    figures = {key: org.cell(*key).amount for key in (A, B, TIGHT)}
    assert figures == {A: 100_000, B: 99_920, TIGHT: 580}
    for cell in BudgetCell.objects.all():
        said = BudgetAdjustment.objects.filter(cell=cell).values_list("amount", flat=True)
        assert sum(said) == cell.amount
