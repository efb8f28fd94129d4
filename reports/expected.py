"""What is on order or approved and not billed yet, by the day on which it is expected.

An order line is expected on the day by which it is needed; what is overdue, and what has no day,
is expected now. A line that pays for a service period is expected in equal parts over the months of
the period that are not over; what later fiscal years pay of it is a forward commitment. Dates are
those of today's documents: an order that slips, changes or is cancelled moves what is expected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from budgets.models import BudgetCell, Commitment, ForwardCommitment, LedgerEntry, Stage
from core.money import allocate
from purchase_orders.models import OrderDistribution
from reports.figures import Key, Scope
from requisitions.models import RequisitionDistribution

ON_ORDER, RESERVED, FORWARD = "on_order", "reserved", "forward"
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
    period_from: date | None
    period_to: date | None


_UNKNOWN = Dated("", UUID(int=0), "", 0, "", "", None, None, None)


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
        day = self.document.day
        return self.document.period_from is None and day is not None and month_of(day) < self.month


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
    """Every open commitment of these cells in the months in which it is expected. Statements: 4."""
    held = list(_held_then(scope, cells) if scope.looks_back else _held_now(scope))
    forward = _forward(scope, held)
    dates = _dates(scope, cells, {each.distribution_id for each in held} | forward.keys())
    now, found = month_of(today), []
    for each in held:
        document = dates.get(each.distribution_id, _UNKNOWN)
        years = forward.get(each.distribution_id, {})
        ends = min((months_of_year(scope, year)[0] for year in years), default=None)
        months = _months(document, now, ends)
        what = _WHAT[Stage(each.stage)]
        found += _spread(scope, cells[each.cell_id], what, each.base, months, document)
    for distribution, years in forward.items():
        document = dates.get(distribution, _UNKNOWN)
        for year, (cell, base) in years.items():
            months = _months_within(document, months_of_year(scope, year), now)
            found += _spread(scope, cells[cell], FORWARD, base, months, document)
    return found


def _months(document: Dated, now: int, ends: int | None) -> range:
    """The months in which a commitment is expected; `ends` is the first that later years pay."""
    if document.period_from is None or document.period_to is None:
        month = max(month_of(document.day), now) if document.day else now
        return range(month, month + 1)
    first = max(month_of(document.period_from), now)
    last = month_of(document.period_to) if ends is None else ends - 1
    return range(first, max(first, last) + 1)


def _months_within(document: Dated, year: range, now: int) -> range:
    """The months of a later fiscal year that a service period covers; at least one."""
    first, last = year[0], year[-1]
    if document.period_from is not None and document.period_to is not None:
        first = max(first, month_of(document.period_from))
        last = min(last, month_of(document.period_to))
    first = max(first, now)
    return range(first, max(first, last) + 1)


def months_of_year(scope: Scope, year: int) -> range:
    """The months of a fiscal year."""
    start = month_of(date(year, scope.entity.fiscal_year_starts_month, 1))
    return range(start, start + 12)


def _spread(
    scope: Scope, key: Key, what: str, base: Decimal, months: range, document: Dated
) -> Iterable[Expected]:
    if len(months) == 1:
        return [Expected(key, what, base, months[0], document)]
    parts = allocate(base, [Decimal(1)] * len(months), scope.entity.currency)
    return [
        Expected(key, what, part, month, document)
        for month, part in zip(months, parts, strict=True)
    ]


def _forward(scope: Scope, held: list[Held]) -> dict[UUID, dict[int, tuple[int, Decimal]]]:
    """What later fiscal years pay, by distribution and year, with the cell that the first year's
    part is held by. Looking back, of what was held then. Statements: 1."""
    rows = ForwardCommitment.objects.filter(
        scope.coding("commitment__cell__"), state=ForwardCommitment.State.FORWARD
    ).values_list("commitment__distribution_id", "fiscal_year", "commitment__cell_id", "amount")
    known = {each.distribution_id for each in held} if scope.looks_back else None
    found: dict[UUID, dict[int, tuple[int, Decimal]]] = defaultdict(dict)
    for distribution, year, cell, base in rows.order_by():
        if known is None or distribution in known:
            found[distribution][year] = (cell, base)
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
    """What is held now less what was booked since: it costs what happened since. Statements: 2."""
    left: dict[tuple[UUID, int, str], Decimal] = defaultdict(Decimal)
    for each in _held_now(scope):
        left[each.distribution_id, each.cell_id, each.stage] += each.base
    since = _since(scope, cells).values_list("distribution_id", "cell_id", "stage")
    for *key, base in since.annotate(Sum("amount")):
        left[key[0], key[1], key[2]] -= base
    return [Held(*key, base) for key, base in left.items() if base]


def _since(scope: Scope, cells: Mapping[int, Key]) -> QuerySet[LedgerEntry]:
    """The entries that do not count yet on the day that is looked back to."""
    later = Q(posting_date__gt=scope.as_of) if scope.as_of else Q()
    if scope.known_before is not None:
        later |= Q(recorded_at__gte=scope.known_before)
    entries = LedgerEntry.objects.filter(later, cell_id__in=list(cells), stage__in=list(_WHAT))
    return entries.order_by()


def _dates(scope: Scope, cells: Mapping[int, Key], wanted: set[UUID]) -> dict[UUID, Dated]:
    """The document of every distribution that holds something. Statements: 2."""
    dates = ("line__need_by", "line__period_from", "line__period_to")
    orders = OrderDistribution.objects.filter(line__order__entity=scope.entity).values_list(
        *("pk", "line__order_id", "line__order__number", "line__line_number"),
        *("line__description", "line__order__vendor__name", *dates),
    )
    requests = RequisitionDistribution.objects.filter(
        line__requisition__entity=scope.entity
    ).values_list(
        *("pk", "line__requisition_id", "line__requisition__number", "line__line_number"),
        *("line__description", "line__vendor__name", *dates),
    )
    ahead = ForwardCommitment.objects.filter(state=ForwardCommitment.State.FORWARD)
    # One list of all: several with OR between them may be looked up anew for each distribution.
    named = [
        _open(scope).order_by().values("distribution_id"),
        ahead.order_by().values("commitment__distribution_id"),
    ]
    if scope.looks_back:
        named.append(_since(scope, cells).values("distribution_id"))
    found: dict[UUID, Dated] = {}
    for kind, rows in (("order", orders), ("requisition", requests)):
        rows = rows.filter(pk__in=named[0].union(*named[1:]))
        for pk, document, number, line, description, vendor, *days in rows.order_by():
            if pk in wanted:
                found[pk] = Dated(
                    kind, document, number or "", line, description, vendor or "", *days
                )
    return found
