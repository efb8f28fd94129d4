"""Finding the budget cell that pays: exact dimensions, the month's own budget before the year's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Entity
from budgets.models import BudgetCell, CostCenter, FiscalYear, GLAccount, Project
from budgets.services import fiscal_year_for


class Dimensions(NamedTuple):
    cost_center_id: UUID
    gl_account_id: UUID
    project_id: UUID | None


@dataclass(frozen=True)
class Calendar:
    """Where a posting day lies in its entity's fiscal year."""

    entity: Entity
    year: FiscalYear
    period: int

    @classmethod
    def of(cls, entity: Entity, day: date) -> "Calendar":
        """Raises FiscalYearMissing or FiscalYearClosed."""
        period = (day.month - entity.fiscal_year_starts_month) % 12 + 1
        return cls(entity, fiscal_year_for(entity, day), period)


def find(
    calendar: Calendar, wanted: Iterable[Dimensions], *, named: bool = False
) -> dict[Dimensions, BudgetCell]:
    """The cells that exist for these dimensions. Statements: 1. `named` brings the codes along."""
    wanted = set(wanted)
    cells: QuerySet[BudgetCell] = (
        BudgetCell.objects.filter(fiscal_year=calendar.year)
        .filter(cost_center_id__in={each.cost_center_id for each in wanted})
        .filter(gl_account_id__in={each.gl_account_id for each in wanted})
        .filter(Q(period=None) | Q(period=calendar.period))
        .order_by("pk")
    )
    if named:
        cells = cells.select_related("cost_center", "gl_account", "project", "fiscal_year")
    found: dict[Dimensions, BudgetCell] = {}
    for cell in cells:
        key = Dimensions(cell.cost_center_id, cell.gl_account_id, cell.project_id)
        if key in wanted and (key not in found or cell.period is not None):
            found[key] = cell
    return found


def find_or_create(
    calendar: Calendar, wanted: Iterable[Dimensions]
) -> dict[Dimensions, BudgetCell]:
    """As `find`, with an empty cell under the entity's control where no budget was set."""
    wanted = set(wanted)
    found = find(calendar, wanted)
    missing = sorted(wanted - found.keys(), key=str)
    if not missing:
        return found
    BudgetCell.objects.bulk_create(
        [
            BudgetCell(
                entity=calendar.entity,
                fiscal_year=calendar.year,
                control=calendar.entity.unbudgeted_control,
                **each._asdict(),
            )
            for each in missing
        ],
        ignore_conflicts=True,
    )
    return find(calendar, wanted)


def label(calendar: Calendar, dimensions: Dimensions) -> str:
    """The name of a cell that does not exist, in the words of one that does."""
    parts = [
        CostCenter.objects.get(pk=dimensions.cost_center_id).code,
        GLAccount.objects.get(pk=dimensions.gl_account_id).code,
    ]
    if dimensions.project_id:
        parts.append(Project.objects.get(pk=dimensions.project_id).code)
    return " · ".join([*parts, str(calendar.year)])
