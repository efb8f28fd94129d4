"""What is on order or approved and not billed yet, by the day on which it is expected.

An order line is expected on the day by which it is needed; what is overdue, and what has no day,
is expected now. Dates are those of today's documents: an order that slips, changes or is cancelled
moves what is expected at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from budgets.models import BudgetCell, Commitment, LedgerEntry, Stage
from core.money import ZERO
from purchase_orders.models import OrderDistribution
from reports.figures import Key, Scope, entries_of
from requisitions.models import RequisitionDistribution

ON_ORDER, RESERVED = "on_order", "reserved"
_WHAT = {Stage.ENC: ON_ORDER, Stage.PRE: RESERVED}


class Held(NamedTuple):
    """What one distribution holds of a budget, in base currency."""

    distribution_id: UUID
    cell_id: int
    stage: str
    base: Decimal


class Dated(NamedTuple):
    """The document behind a distribution, and the day by which its line is needed."""

    document_type: str
    document_id: UUID
    number: str
    line_number: int
    description: str
    vendor: str
    day: date | None


_UNKNOWN = Dated("", UUID(int=0), "", 0, "", "", None)


@dataclass(frozen=True, slots=True)
class Expected:
    """A part of a commitment that is expected in one month. `month` counts from year 0."""

    key: Key
    what: str
    base: Decimal
    month: int
    document: Dated

    @property
    def is_overdue(self) -> bool:
        return self.document.day is not None and month_of(self.document.day) < self.month


def month_of(day: date) -> int:
    """A month as a number that goes on over the years."""
    return day.year * 12 + day.month - 1


def first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def cells_of_all_years(scope: Scope) -> dict[int, Key]:
    """Cost centre, GL account and project of every cell, whatever its year. Statements: 1."""
    rows = BudgetCell.objects.filter(scope.coding()).order_by("pk")
    return {
        row[0]: row[1:]
        for row in rows.values_list("pk", "cost_center_id", "gl_account_id", "project_id")
    }


def expected(scope: Scope, cells: Mapping[int, Key], *, today: date) -> list[Expected]:
    """Every open commitment of these cells in the month in which it is expected. Statements: 3."""
    held = list(_held_then(scope, cells) if scope.looks_back else _held_now(scope))
    dates = _dates(scope, cells, held)
    now = month_of(today)
    found = []
    for each in held:
        document = dates.get(each.distribution_id, _UNKNOWN)
        month = month_of(document.day) if document.day else now
        found.append(
            Expected(
                cells[each.cell_id], _WHAT[Stage(each.stage)], each.base, max(month, now), document
            )
        )
    return found


def _open(scope: Scope) -> QuerySet[Commitment]:
    return Commitment.objects.filter(
        scope.coding("cell__"),
        stage__in=list(_WHAT),
        amount__gt=F("liquidated") + F("released"),
    )


def _held_now(scope: Scope) -> Iterable[Held]:
    for distribution, cell, stage, amount, liquidated, released in _open(scope).values_list(
        *("distribution_id", "cell_id", "stage", "amount", "liquidated", "released")
    ):
        yield Held(distribution, cell, stage, amount - liquidated - released)


def _held_then(scope: Scope, cells: Mapping[int, Key]) -> Iterable[Held]:
    rows = (
        _entries(scope, cells)
        .order_by()
        .values_list("distribution_id", "cell_id", "stage")
        .annotate(base=Sum("amount"))
        .exclude(base=ZERO)
    )
    return map(Held._make, rows)


def _entries(scope: Scope, cells: Mapping[int, Key]) -> QuerySet[LedgerEntry]:
    return entries_of(scope, cells).filter(stage__in=list(_WHAT))


def _dates(scope: Scope, cells: Mapping[int, Key], held: list[Held]) -> dict[UUID, Dated]:
    """The document of every distribution that holds something. Statements: 2."""
    if not held:
        return {}
    wanted = {each.distribution_id for each in held}
    orders = OrderDistribution.objects.filter(line__order__entity=scope.entity).values_list(
        *("pk", "line__order_id", "line__order__number", "line__line_number"),
        *("line__description", "line__order__vendor__name", "line__need_by"),
    )
    requests = RequisitionDistribution.objects.filter(
        line__requisition__entity=scope.entity
    ).values_list(
        *("pk", "line__requisition_id", "line__requisition__number", "line__line_number"),
        *("line__description", "line__vendor__name", "line__need_by"),
    )
    holding: Any = _entries(scope, cells) if scope.looks_back else _open(scope)
    found: dict[UUID, Dated] = {}
    for kind, rows in (("order", orders), ("requisition", requests)):
        rows = rows.filter(pk__in=holding.order_by().values("distribution_id"))
        for pk, document, number, line, description, vendor, day in rows.order_by():
            if pk in wanted:
                found[pk] = Dated(
                    kind, document, number or "", line, description, vendor or "", day
                )
    return found
