"""Funds checks: does what is asked still fit, cell by cell, after the whole document is summed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Exists

from accounts.models import Control, Entity
from budgets.ledger import cells
from budgets.ledger.cells import Calendar, Dimensions
from budgets.ledger.types import Demand, FundsCheck
from budgets.models import BudgetAdjustment, BudgetCell, LedgerEntry
from core.errors import Conflict, FieldError, RuleBroken
from core.money import ZERO, round_amount


class BudgetExceeded(Conflict):
    """A budget under control *stop* does not have what is asked. `checks` hold the figures."""

    slug = "budget-exceeded"
    title = "The budget does not have enough left."

    def __init__(self, checks: list[FundsCheck], *, pointer: str = "/lines") -> None:
        self.checks = checks
        super().__init__(
            " ".join(check.message for check in checks),
            errors=[FieldError(pointer, self.slug, check.message) for check in checks],
        )


class BudgetReasonRequired(RuleBroken):
    """A budget under control *warn* is overdrawn by this; somebody must say why. See `checks`."""

    slug = "budget-reason-required"
    title = "Say why this should be bought although the budget does not cover it."

    def __init__(self, checks: list[FundsCheck]) -> None:
        self.checks = checks
        super().__init__(
            " ".join(check.message for check in checks),
            errors=[FieldError("/budget_reason", "required", check.message) for check in checks],
        )


def check_funds(*, entity: Entity, on: date, demands: Iterable[Demand]) -> list[FundsCheck]:
    """Rule C1: what each cell says to the sum asked of it on that day. Reads only.

    Raises FiscalYearMissing or FiscalYearClosed.
    """
    sums: dict[Dimensions, Decimal] = defaultdict(Decimal)
    for each in demands:
        sums[Dimensions.of(each)] += each.amount
    calendar = Calendar(entity, on)
    found = cells.find(calendar, sums, named=True)
    return [
        judge(found[key], asked, currency=entity.currency)
        if key in found
        else _unbudgeted(calendar, key, asked)
        for key, asked in sums.items()
    ]


def require_funds(
    *,
    entity: Entity,
    on: date,
    demands: Iterable[Demand],
    reason: str = "",
    pointer: str = "/lines",
) -> list[FundsCheck]:
    """As `check_funds`, but raises BudgetExceeded, or BudgetReasonRequired without a reason."""
    checks = check_funds(entity=entity, on=on, demands=demands)
    insist(checks, reason=reason, pointer=pointer)
    return checks


def refuse_lacking(asked: Mapping[int, Decimal], *, unless: str, currency: str) -> None:
    """Raise BudgetExceeded where a cell, none of them cumulative, stops at what is asked of it
    now; `unless` the event of that key was posted before. Statements: 1."""
    posted = LedgerEntry.objects.filter(event_key=unless)
    cells = (
        BudgetCell.objects.select_related("cost_center", "gl_account", "project", "fiscal_year")
        .filter(~Exists(posted), pk__in=list(asked))
        .order_by("pk")
    )
    checks = [judge(cell, asked[cell.pk], currency=currency) for cell in cells]
    if refused := [check for check in checks if check.verdict == "refuse"]:
        raise BudgetExceeded(refused)


def insist(checks: list[FundsCheck], *, reason: str, pointer: str = "/lines") -> None:
    """Raise what the verdicts ask for; return when all is well."""
    refused = [check for check in checks if check.verdict == "refuse"]
    if refused:
        raise BudgetExceeded(refused, pointer=pointer)
    warned = [check for check in checks if check.verdict == "warn"]
    if warned and not reason.strip():
        raise BudgetReasonRequired(warned)


def judge(cell: BudgetCell, asked: Decimal, *, currency: str) -> FundsCheck:
    """The verdict of a cell, from its balances and those before it as they were read."""
    budget = cell.amount + cell.overdraft + cell.left_before
    fits = asked <= budget - cell.used
    is_set = fits or bool(budget) or BudgetAdjustment.objects.filter(cell=cell).exists()
    return _verdict(
        cell, str(cell), asked, budget=budget, is_set=is_set, currency=currency, cell_id=cell.pk
    )


def _unbudgeted(calendar: Calendar, dimensions: Dimensions, asked: Decimal) -> FundsCheck:
    cell = BudgetCell(control=calendar.entity.unbudgeted_control)
    return _verdict(
        cell,
        cells.label(calendar, dimensions),
        asked,
        budget=ZERO,
        is_set=False,
        currency=calendar.entity.currency,
        cell_id=None,
    )


def _verdict(
    cell: BudgetCell,
    label: str,
    asked: Decimal,
    *,
    budget: Decimal,
    is_set: bool,
    currency: str,
    cell_id: int | None,
) -> FundsCheck:
    available = budget - cell.used
    fits = asked <= max(available, ZERO)
    verdicts: dict[str, str] = {Control.STOP: "refuse", Control.WARN: "warn"}
    verdict = verdicts.get(cell.control, "ok")
    return FundsCheck(
        label=label,
        budget=budget,
        pre_encumbered=Decimal(cell.pre_encumbered),
        encumbered=Decimal(cell.encumbered),
        spent=Decimal(cell.spent),
        available=available,
        requested=asked,
        remaining=available - asked,
        control=cell.control,
        verdict="ok" if fits else verdict,
        cell_id=cell_id,
        message="" if fits else _message(label, budget, available, asked, is_set, currency),
    )


def _message(
    label: str, budget: Decimal, available: Decimal, asked: Decimal, is_set: bool, currency: str
) -> str:
    def money(value: Decimal) -> str:
        return f"{round_amount(value, currency):,} {currency}"

    if not is_set:
        return f"No budget was set for {label}: {money(asked)} requested."
    return (
        f"{label}: {money(asked)} requested, {money(available)} available "
        f"of {money(budget)}, {money(asked - available)} short."
    )
