"""What people and programs say of changes of budgets and of outside journals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from budgets.models import BudgetCell, CostCenter, GLAccount, Project


@dataclass(frozen=True)
class MoveInput:
    """What a budget gets (positive) or gives (negative), in base currency."""

    cell: BudgetCell
    amount: Decimal


@dataclass(frozen=True)
class ChangeInput:
    kind: str
    reason: str
    moves: Sequence[MoveInput] = field(default_factory=list)


@dataclass(frozen=True)
class JournalLineInput:
    """`amount` is in the journal's currency; below zero it is money back."""

    cost_center: CostCenter
    gl_account: GLAccount
    amount: Decimal
    project: Project | None = None
    description: str = ""


@dataclass(frozen=True)
class JournalInput:
    """`external_id` is how the other system knows the journal; it is taken once per entity."""

    external_id: str
    posting_date: date
    currency: str
    description: str
    lines: Sequence[JournalLineInput] = field(default_factory=list)
    source: str = ""
