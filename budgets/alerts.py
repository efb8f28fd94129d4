"""Warnings about budgets: what is used against their levels, and the rate at which they burn.

Each crossing warns once. It is armed again when use falls five points below the level, so that a
budget which hovers at a level does not warn every day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import islice

from django.db.models import Count, Sum

from budgets.ledger import rolling
from budgets.ledger.carrying import with_earlier
from budgets.models import BudgetAlert, BudgetCell, BudgetWatch, LedgerEntry
from budgets.models.alerts import LEVELS
from budgets.models.cells import month_of
from budgets.trail import told
from core import rows
from core.money import ZERO, round_amount
from core.transactions import atomic

REARMED_BELOW = 5  # percentage points under a level
BURN_RATE = 0  # the burn rate's place among the levels of a watch
RATE_DAYS = 90  # how far back the rate looks: one big order must not count for ever
LEAST_POSTING_DAYS = 3  # one purchase is no rate
LEAST_SHARE = 8  # nor is anything before an eighth of the period is over
CHUNK = 1000


@dataclass(frozen=True)
class Reading:
    """A budget as a check sees it. `projected` is what will be used when its period ends, at the
    present rate; None where there is no rate. Base currency.
    """

    cell: BudgetCell
    watch: BudgetWatch
    budget: Decimal
    used: Decimal
    projected: Decimal | None
    run_out_on: date | None

    def reaches(self, percent: int, value: Decimal | None = None) -> bool:
        return (self.used if value is None else value) * 100 >= percent * self.budget

    @property
    def outruns(self) -> bool:
        """Whether the rate uses it up before its period ends, while something is left."""
        return self.run_out_on is not None and self.used < self.budget

    def now_over(self) -> set[int]:
        """What is crossed, whether it was told or not."""
        over = {level for level in self.watch.levels if self.reaches(level)}
        return over | {BURN_RATE} if self.outruns else over

    def still_over(self) -> set[int]:
        """What was told and has not fallen far enough to be told again."""
        return {level for level in self.watch.raised if self._holds(level)}

    def _holds(self, level: int) -> bool:
        if level == BURN_RATE:
            return self.projected is not None and not self._below(100, self.projected)
        return level in self.watch.levels and not self._below(level, self.used)

    def _below(self, percent: int, value: Decimal) -> bool:
        return value * 100 <= (percent - REARMED_BELOW) * self.budget

    @property
    def changes(self) -> bool:
        return self.still_over() | self.now_over() != set(self.watch.raised)


def check_all(*, at: datetime) -> list[BudgetAlert]:
    """Look at every budget of the fiscal years that run now. Returns the new warnings."""
    cells = BudgetCell.objects.filter(amount__gt=ZERO, fiscal_year__is_open=True).order_by("pk")
    day = timedelta(days=1)  # days begin at other moments elsewhere
    running = cells.filter(
        fiscal_year__starts_on__lte=at.date() + day, fiscal_year__ends_on__gte=at.date() - day
    ).values_list("pk", flat=True)
    return [alert for chunk in _chunks(running.iterator()) for alert in check(cells=chunk, at=at)]


def check(*, cells: Iterable[int], at: datetime) -> list[BudgetAlert]:
    """Warn of what these budgets crossed since they were looked at last. Idempotent.

    Only a budget whose warnings change is locked, in its watch; postings wait for nothing here. A
    budget without an amount has no levels.
    """
    changed = [reading.cell.pk for reading in read(cells, at=at) if reading.changes]
    return _settle(changed, at) if changed else []


@atomic
def _settle(cells: list[int], at: datetime) -> list[BudgetAlert]:
    """Under the locks of the watches, so that of two checks at once the second has nothing new."""
    BudgetWatch.objects.bulk_create(
        [BudgetWatch(cell_id=pk) for pk in sorted(cells)], ignore_conflicts=True
    )
    list(BudgetWatch.objects.select_for_update(no_key=True).filter(pk__in=cells).order_by("pk"))
    made, changed = [], []
    for reading in read(cells, at=at):
        watch, before = reading.watch, set(reading.watch.raised)
        holds, over = reading.still_over(), reading.now_over()
        if holds | over == before:
            continue
        _end(reading.cell, before - holds, at)
        made += [_raise(reading, level, at) for level in _telling(over - holds)]
        watch.raised = sorted(holds | over)
        changed.append(watch)
    rows.store(changed, ["raised"])
    return made


def _telling(crossed: set[int]) -> list[int]:
    """Of levels crossed at the same moment the highest says it all; a burn rate then says less."""
    levels = crossed - {BURN_RATE}
    return [max(levels)] if levels else sorted(crossed)


def _end(cell: BudgetCell, levels: set[int], at: datetime) -> None:
    if levels:
        cell.alerts.filter(level__in=levels, ended_at=None).update(ended_at=at)


def _raise(reading: Reading, level: int, at: datetime) -> BudgetAlert:
    cell = reading.cell
    kind = BudgetAlert.Kind.BURN_RATE if level == BURN_RATE else BudgetAlert.Kind.LEVEL
    earlier = cell.alerts.filter(kind=kind, level=level).count()
    alert = BudgetAlert.objects.create(
        entity=cell.entity,
        cell=cell,
        kind=kind,
        level=level,
        crossing=earlier + 1,
        amount=reading.budget,
        used=reading.used,
        run_out_on=reading.run_out_on,
        at=at,
    )
    currency = cell.entity.currency
    data = {
        "alert": str(alert.pk),
        "kind": str(kind),
        "level": level,
        "amount": str(round_amount(reading.budget, currency)),
        "used": str(round_amount(reading.used, currency)),
        "run_out_on": reading.run_out_on.isoformat() if reading.run_out_on else None,
    }
    told("budget.alerted", cell, actor=None, at=at, data=data)
    return alert


def read(cells: Iterable[int], *, at: datetime) -> list[Reading]:
    """These budgets with what is used and how fast. Statements: 1, 1 more where some are
    cumulative, and 1 for each length of period among them.
    """
    found = list(
        BudgetCell.objects.filter(pk__in=list(cells), amount__gt=ZERO)
        .select_related("entity", "fiscal_year", "cost_center", "gl_account", "project", "watch")
        .order_by("pk")
    )
    with_earlier(found)
    rates = _rates(found, at)
    return [_reading(cell, rates.get(cell.pk), at) for cell in found]


def _reading(cell: BudgetCell, rate: Decimal | None, at: datetime) -> Reading:
    watch = getattr(cell, "watch", None) or BudgetWatch(cell=cell, levels=list(LEVELS), raised=[])
    budget, used = cell.amount + cell.left_before, cell.used
    projected, run_out_on = None, None
    if rate is not None:
        today, last = cell.entity.day_of(at), period_of(cell)[1]
        projected = used + rate * (last - today).days
        if projected > budget:
            days = ((budget - used) / rate).to_integral_value(ROUND_CEILING)
            run_out_on = today + timedelta(days=max(int(days), 0))
    return Reading(cell, watch, budget, used, projected, run_out_on)


def _rates(cells: list[BudgetCell], at: datetime) -> dict[int, Decimal]:
    """What each budget uses in a day, over at most the last RATE_DAYS days of its period."""
    windows: dict[date, list[int]] = defaultdict(list)
    days: dict[int, int] = {}
    for cell in cells:
        today, (first, last) = cell.entity.day_of(at), period_of(cell)
        passed = (today - first).days + 1
        if first <= today <= last and passed * LEAST_SHARE >= (last - first).days + 1:
            begin = max(first, today - timedelta(days=RATE_DAYS - 1))
            windows[begin].append(cell.pk)
            days[cell.pk] = (today - begin).days + 1
    rates = {}
    for begin, pks in windows.items():
        for row in _used_since(begin, pks):
            if row["days"] >= LEAST_POSTING_DAYS and row["total"] > ZERO:
                rates[row["cell"]] = row["total"] / days[row["cell"]]
    return rates


def _used_since(begin: date, cells: list[int]) -> Iterable[dict[str, object]]:
    """What was rolled over from last year is no rate: it came in one day by one decision."""
    entries = LedgerEntry.objects.filter(cell__in=cells, posting_date__gte=begin)
    return (
        entries.exclude(event=rolling.EVENT)
        .order_by()
        .values("cell")
        .annotate(total=Sum("amount"), days=Count("posting_date", distinct=True))
    )


def period_of(cell: BudgetCell) -> tuple[date, date]:
    """The first and the last day that a budget is for."""
    year = cell.fiscal_year
    if cell.period is None:
        return year.starts_on, year.ends_on
    after = month_of(year.starts_on, cell.period + cell.months)
    return month_of(year.starts_on, cell.period), after - timedelta(days=1)


def _chunks(cells: Iterable[int]) -> Iterator[list[int]]:
    numbers = iter(cells)
    while chunk := list(islice(numbers, CHUNK)):
        yield chunk
