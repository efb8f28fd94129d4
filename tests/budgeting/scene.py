"""Changes of budgets as tests need them: who proposes, who decides, what must not have moved."""

from decimal import Decimal

import approvals.services
from approvals.models import ApprovalStep
from budgeting.inputs import ChangeInput, MoveInput
from budgeting.models import BudgetChange
from budgeting.services import changes
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
