"""Budgets from a file: each row sets one budget to an amount, as a controller would by hand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import budgets.services
from accounts.models import Control, Entity
from budgeting.intake import report, values
from budgeting.intake.coding import Coding, Reading
from budgeting.intake.report import BadRow, Report, Taken
from budgeting.intake.sheets import Row, rows
from budgeting.intake.values import NotAValue
from budgets.models import BudgetCell, CostCenter, GLAccount, Project
from core.errors import DomainError, FieldError
from core.money import round_amount
from core.transactions import atomic

REQUIRED = ("fiscal_year", "cost_center", "gl_account", "amount")
OPTIONAL = ("period", "months", "is_cumulative", "project", "control")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One good row. Left as they are where they say nothing: `control`, which is stop for a new
    budget, and `is_cumulative`."""

    row: int
    fiscal_year: int
    period: int | None
    months: int
    is_cumulative: bool | None
    cost_center: CostCenter
    gl_account: GLAccount
    project: Project | None
    amount: Decimal
    control: str

    @property
    def key(self) -> Key:
        project = self.project.pk if self.project else None
        place = (self.fiscal_year, self.period, self.months)
        return (*place, self.cost_center.pk, self.gl_account.pk, project)


def take_in(*, entity: Entity, data: bytes, actor: Any, at: datetime, reason: str) -> Report:
    """Set the budgets of all good rows. Runs inside the caller's unit of work.

    A row that says what is there already changes nothing, so that the same file again adds
    nothing. Raises what `sheets.rows` raises.
    """
    made = Report()
    wanted = _judged(entity, data, made)
    known = _known(entity)
    # Budgets that exist in primary-key order, as everybody locks them; then the new ones in one
    # order for everybody.
    newest = max((cell.pk for cell in known.values()), default=0) + 1
    wanted.sort(
        key=lambda each: (known[each.key].pk if each.key in known else newest, str(each.key))
    )
    for each in wanted:
        _take(each, known.get(each.key), made, entity, actor, at, reason)
    made.taken.sort(key=lambda taken: taken.row)
    made.bad_rows.sort(key=lambda bad: bad.row)
    return made


def _take(
    wanted: _Wanted,
    cell: BudgetCell | None,
    made: Report,
    entity: Entity,
    actor: Any,
    at: datetime,
    reason: str,
) -> None:
    control = wanted.control or (cell.control if cell else Control.STOP)
    cumulative = wanted.is_cumulative
    if cumulative is None:
        cumulative = cell is not None and cell.is_cumulative
    old = _said(cell.amount, cell.control, cell.is_cumulative, entity) if cell else ""
    new = _said(wanted.amount, control, cumulative, entity)
    if cell is not None and old == new:
        made.taken.append(Taken(wanted.row, report.UNCHANGED, str(cell), old, new))
        return
    try:
        with atomic():
            stored = budgets.services.set_budget(
                entity=entity,
                fiscal_year=wanted.fiscal_year,
                cost_center=wanted.cost_center,
                gl_account=wanted.gl_account,
                project=wanted.project,
                period=wanted.period,
                months=wanted.months,
                is_cumulative=wanted.is_cumulative,
                amount=wanted.amount,
                control=control,
                actor=actor,
                at=at,
                reason=reason,
            )
    except DomainError as refusal:
        made.bad_rows.append(BadRow(wanted.row, report.of_refusal(refusal, "amount")))
        return
    what = report.UPDATED if cell else report.CREATED
    made.taken.append(Taken(wanted.row, what, str(stored), old, new))


def _judged(entity: Entity, data: bytes, made: Report) -> list[_Wanted]:
    """The good rows; the others are noted. A budget that is named twice is named wrongly twice."""
    coding = Coding(entity)
    good: dict[Key, _Wanted] = {}
    for row in rows(data, required=REQUIRED, optional=OPTIONAL):
        made.rows += 1
        wanted, errors = _read(row, coding, entity)
        if wanted is not None and wanted.key in good:
            said = f"Row {good[wanted.key].row} sets this budget already."
            errors.append(FieldError("/amount", "twice", said))
        if errors or wanted is None:
            made.bad_rows.append(BadRow(row.number, errors))
        else:
            good[wanted.key] = wanted
    return list(good.values())


def _read(row: Row, coding: Coding, entity: Entity) -> tuple[_Wanted | None, list[FieldError]]:
    reading = Reading()
    year = reading.read("fiscal_year", _year, row)
    period = reading.read("period", _period, row)
    months = reading.read("months", _months, row)
    cumulative = reading.read("is_cumulative", _yes_no, row)
    center = reading.read("cost_center", coding.find, row, "cost_center")
    account = reading.read("gl_account", coding.find, row, "gl_account")
    project = reading.read("project", coding.find, row, "project", required=False)
    amount = reading.read("amount", _amount, row, entity.currency)
    control = reading.read("control", _control, row)
    if reading.errors:
        return None, reading.errors
    months = months or (12 if period is None else 1)
    place = (row.number, year, period, months, cumulative)
    return _Wanted(*place, center, account, project, amount, control), []


def _year(row: Row) -> int:
    found = values.whole(row["fiscal_year"])
    if found is None:
        raise NotAValue("required", "This is needed.")
    return found


def _period(row: Row) -> int | None:
    found = values.whole(row["period"])
    if found is not None and not 1 <= found <= 12:
        raise NotAValue("invalid", "Months of the fiscal year are 1 to 12; empty: the whole year.")
    return found


def _months(row: Row) -> int | None:
    found = values.whole(row["months"])
    if found not in (None, 1, 3, 12):
        raise NotAValue("invalid", "A budget covers 1, 3 or 12 months.")
    return found


def _yes_no(row: Row) -> bool | None:
    said = values.words(row["is_cumulative"], most=8).lower()
    if said and said not in _YES_NO:
        raise NotAValue("invalid", f"Yes or no; not {said!r}.")
    return _YES_NO.get(said)


def _amount(row: Row, currency: str) -> Decimal:
    found = values.amount(row["amount"], currency=currency)
    if found < 0:
        raise NotAValue("min_value", "A budget is not below zero.")
    return found


def _control(row: Row) -> str:
    said = values.words(row["control"], most=8).lower()
    if said and said not in Control.values:
        raise NotAValue("invalid", f"One of {', '.join(Control.values)}; not {said!r}.")
    return said


def _known(entity: Entity) -> dict[Key, BudgetCell]:
    found = BudgetCell.objects.filter(entity=entity).select_related(
        "fiscal_year", "cost_center", "gl_account", "project"
    )
    return {
        (
            cell.fiscal_year.year,
            cell.period,
            cell.months,
            cell.cost_center_id,
            cell.gl_account_id,
            cell.project_id,
        ): cell
        for cell in found
    }


def _said(amount: Any, control: str, is_cumulative: bool, entity: Entity) -> str:
    said = f"{round_amount(Decimal(amount), entity.currency):,} {entity.currency}, {control}"
    return f"{said}, cumulative" if is_cumulative else said
