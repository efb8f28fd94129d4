"""What the pages of budget changes, journals and imports show."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, Q, QuerySet, When

from budgeting import facts
from budgeting.models import BudgetChange, FileImport, Journal
from budgets.models import BudgetCell
from budgets.services import free

OPEN = (BudgetChange.Status.DRAFT, BudgetChange.Status.IN_APPROVAL, BudgetChange.Status.RETURNED)
MOST_BUDGETS = 2_000
_CODING = ("entity", "fiscal_year", "cost_center", "gl_account", "project")


@dataclass(frozen=True)
class Effect:
    """What one line does to its budget: as it is now while it waits, as it was once applied."""

    cell: BudgetCell
    amount: Decimal
    before: Decimal | None
    after: Decimal | None
    free: Decimal | None

    @property
    def is_short(self) -> bool:
        """Whether what goes out is in use now."""
        return self.free is not None and self.amount < 0 and -self.amount > self.free


def changes(user: Any, *, show: str) -> QuerySet[BudgetChange]:
    """Budget changes that a person may see, open, applied or all. Statements: 1."""
    found = BudgetChange.objects.visible_to(user).select_related(
        "entity", "proposed_by", "decided_by"
    )
    if show == "open":
        found = found.filter(status__in=OPEN)
    elif show == "approved":
        found = found.filter(status=BudgetChange.Status.APPROVED)
    return found.order_by("-pk")


def changes_of(cell: BudgetCell, user: Any) -> list[BudgetChange]:
    """The changes that wait with a line about this budget, newest first. Statements: 1."""
    waiting = BudgetChange.objects.visible_to(user).filter(
        status=BudgetChange.Status.IN_APPROVAL, lines__cell=cell
    )
    return list(waiting.select_related("entity", "proposed_by").order_by("-pk")[:20])


def effects(change: BudgetChange) -> list[Effect]:
    """Line by line what becomes of the budgets. Statements: 1."""
    waits = change.status in (*OPEN, BudgetChange.Status.WITHDRAWN)
    found = []
    for line in facts.lines_of(change):
        cell, amount = line.cell, Decimal(line.amount)
        before = Decimal(cell.amount) if waits else None
        after = before + amount if before is not None else None
        room = free(cell) if waits else None
        found.append(Effect(cell, amount, before, after, room))
    return found


def budgets_of(user: Any, *, on: date) -> QuerySet[BudgetCell]:
    """The budgets of open years that a person may name in a change: those of the year that runs
    `on` a day first, in the order of their codes."""
    runs = Q(fiscal_year__starts_on__lte=on, fiscal_year__ends_on__gte=on)
    found = BudgetCell.objects.visible_to(user).filter(fiscal_year__is_open=True)
    return found.select_related(*_CODING).order_by(
        Case(When(runs, then=0), default=1),
        "-fiscal_year__year",
        "cost_center__code",
        "gl_account__code",
        "project__code",
        "period",
    )


def journals(user: Any) -> QuerySet[Journal]:
    """Journals that a person may see, the newest first. Statements: 1."""
    return Journal.objects.visible_to(user).select_related("entity", "imported_by").order_by("-pk")


def imports(user: Any, kind: str) -> list[FileImport]:
    """The files that a person brought lately. Statements: 1."""
    return list(FileImport.objects.visible_to(user).filter(kind=kind).order_by("-pk")[:10])


def waiting_count(user: Any) -> int:
    """Changes of one's own that came back and wait to be changed."""
    return BudgetChange.objects.filter(
        proposed_by=user, status=BudgetChange.Status.RETURNED
    ).count()
