"""Changes of budgets as tests need them: who proposes, who decides, what must not have moved."""

from datetime import date
from decimal import Decimal

import approvals.services
from approvals.models import ApprovalStep
from budgeting.inputs import ChangeInput, JournalInput, JournalLineInput, MoveInput
from budgeting.models import BudgetChange
from budgeting.services import changes, imports, journals
from budgets.models import BudgetAdjustment, BudgetCell
from tests.factories import NOW

A, B, TIGHT = ("CC100", "6300", None), ("CC100", "6600", None), ("CC400", "6600", None)


def moves(org, *pairs):
    """`moves(org, (A, -30), (B, 30))`"""
    return [MoveInput(org.cell(*key), Decimal(str(amount))) for key, amount in pairs]


def said(org, *pairs, kind="transfer", reason="Less cloud, more hardware"):
    return ChangeInput(kind, reason, moves(org, *pairs))


def drafted(org, *pairs, actor=None, at=NOW, **given):
    actor = actor or org.dora
    return changes.create(entity=org.entity, data=said(org, *pairs, **given), actor=actor, at=at)


def asked(org, *pairs, actor=None, at=NOW, **given):
    actor = actor or org.dora
    made = drafted(org, *pairs, actor=actor, at=at, **given)
    return changes.submit(change=made, actor=actor, at=at)


def decide(change: BudgetChange, decision="approve", *, by=None, at=NOW) -> BudgetChange:
    step = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=step, decision=decision, actor=by or step.assignee, at=at, comment="Seen"
    )
    change.refresh_from_db()
    return change


def books(org):
    """Every figure that a change of budgets could move."""
    return (
        list(BudgetCell.objects.order_by("pk").values_list("pk", "amount", "spent", "overdraft")),
        BudgetAdjustment.objects.count(),
    )


def ids(org):
    """One of each for whoever knocks at every address: dora's changes, cora's journal and file."""
    journal = journals.post(
        entity=org.entity,
        data=JournalInput(
            "PAY-1",
            date(2026, 2, 27),
            "EUR",
            "Payroll",
            [JournalLineInput(org.cost_centers["CC100"], org.gl_accounts["6300"], Decimal(12))],
        ),
        actor=org.cora,
        at=NOW,
    )
    brought = imports.bring(
        entity=org.entity,
        kind="budgets",
        data=b"fiscal_year,cost_center,gl_account,amount\n2026,CC600,6310,700\n",
        name="plan.csv",
        actor=org.cora,
        at=NOW,
    )
    return {
        "budget_other": str(org.cells[A].pk),
        "budget_change": str(asked(org, (A, -30), (B, 30)).pk),
        "budget_change_draft": str(drafted(org, (A, -20), (B, 20)).pk),
        "budget_change_done": str(decide(asked(org, (A, -10), (B, 10))).pk),
        "journal": str(journal.journal.pk),
        "file_import": str(brought.pk),
    }
