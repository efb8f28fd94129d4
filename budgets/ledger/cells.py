"""Finding the budget cell that pays: exact dimensions, the shortest period that covers the day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.models import Entity
from budgets.models import BudgetCell, CostCenter, FiscalYear, GLAccount, Project, Stage
from budgets.services import fiscal_year_for, require_open
from core.composed import Composed

_AT = GLAccount.ReservesAt
# At which stages an account holds already, by when it reserves (C28).
HOLDS_FROM: dict[str, set[GLAccount.ReservesAt]] = {
    Stage.PRE: {_AT.REQUISITION},
    Stage.ENC: {_AT.REQUISITION, _AT.ORDER},
}


class Coded(Protocol):
    """What says who pays: a cell, or a share of a line."""

    @property
    def cost_center_id(self) -> UUID: ...
    @property
    def gl_account_id(self) -> UUID: ...
    @property
    def project_id(self) -> UUID | None: ...


class Dimensions(NamedTuple):
    cost_center_id: UUID
    gl_account_id: UUID
    project_id: UUID | None

    @classmethod
    def of(cls, coded: Coded) -> "Dimensions":
        return cls(coded.cost_center_id, coded.gl_account_id, coded.project_id)


@dataclass(frozen=True)
class Calendar:
    """Where a posting day lies in its entity's fiscal year."""

    entity: Entity
    day: date

    @classmethod
    def of(cls, entity: Entity, day: date, *, read: Iterable[FiscalYear] = ()) -> "Calendar":
        """One whose year is known to be open. Raises FiscalYearMissing or FiscalYearClosed.

        Statements: 1, or none where its year is among those that were just `read`.
        """
        calendar = cls(entity, day)
        for year in read:
            if year.entity_id == entity.pk and year.starts_on <= day <= year.ends_on:
                vars(calendar)["year"] = year
                break
        require_open(calendar.year, entity)
        return calendar

    @cached_property
    def year(self) -> FiscalYear:
        """Raises FiscalYearMissing or FiscalYearClosed. Statements: 1, once."""
        return fiscal_year_for(self.entity, self.day)

    @property
    def period(self) -> int:
        """The month of the fiscal year."""
        return (self.day.month - self.entity.fiscal_year_starts_month) % 12 + 1


def _covering(
    entity: UUID, day: date, now: int, cost_centers: list[UUID], gl_accounts: list[UUID]
) -> QuerySet[BudgetCell]:
    """The cells of a day's year that cover the month `now`, or may help out in it."""
    return (
        BudgetCell.objects.filter(
            entity=entity,
            fiscal_year__starts_on__lte=day,
            fiscal_year__ends_on__gte=day,
            cost_center_id__in=cost_centers,
            gl_account_id__in=gl_accounts,
        )
        .alias(ends=F("period") + F("months"))
        .filter(Q(period=None) | Q(period__lte=now) & (Q(ends__gt=now) | Q(is_cumulative=True)))
        .annotate(account_reserves_at=F("gl_account__reserves_at"))
        .select_related("fiscal_year")
        .order_by("pk")
    )


_cells = Composed[BudgetCell](_covering)
_named_cells = Composed[BudgetCell](
    lambda *asked: _covering(*asked).select_related("cost_center", "gl_account", "project")
)


def find(
    calendar: Calendar, wanted: Iterable[Dimensions], *, named: bool = False
) -> dict[Dimensions, BudgetCell]:
    """The cells that exist for these dimensions, a month's before a quarter's before the year's.

    Each knows its fiscal year, from when on its account reserves (`reserves_at`), and, where it
    is cumulative, the cells of `earlier` periods. `named` brings the codes along. Raises
    FiscalYearMissing or FiscalYearClosed. Statements: 1, and 1 more where nothing was found.
    """
    wanted = set(wanted)
    now = calendar.period
    series: dict[Dimensions, list[BudgetCell]] = defaultdict(list)
    for cell in (_named_cells if named else _cells)(
        calendar.entity.pk,
        calendar.day,
        now,
        {each.cost_center_id for each in wanted},
        {each.gl_account_id for each in wanted},
    ):
        series[Dimensions.of(cell)].append(cell)
    _require_open_year(calendar, series.values())
    found = {}
    for key in wanted & series.keys():
        paying = _paying(series[key], now)
        if paying is not None:
            found[key] = paying
    return found


def _require_open_year(calendar: Calendar, found: Iterable[list[BudgetCell]]) -> None:
    first = next(iter(found), None)
    require_open(first[0].fiscal_year if first else calendar.year, calendar.entity)


def _paying(cells: list[BudgetCell], now: int) -> BudgetCell | None:
    """The cell of the shortest period that covers a month, with those it may take from."""
    covering = [cell for cell in cells if cell.covers(now)]
    if not covering:
        return None
    paying = min(covering, key=lambda cell: cell.months)
    if paying.is_cumulative:
        paying.earlier = before(paying, cells)
    return paying


def before(cell: BudgetCell, among: Iterable[BudgetCell]) -> list[BudgetCell]:
    """The cells of earlier periods that a cumulative cell may take from, oldest first."""
    earlier = [each for each in among if each.is_earlier_than(cell)]
    return sorted(earlier, key=lambda each: each.period or 0)


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
