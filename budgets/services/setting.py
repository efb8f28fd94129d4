"""Setting budgets: the amount of a cell is the sum of its adjustments, never an edited figure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import Control, Entity, Role
from budgets import amounts
from budgets.models import BudgetAdjustment, BudgetCell, CostCenter, FiscalYear, GLAccount, Project
from budgets.models.cells import QUARTER, QUARTERS
from budgets.services.years import FiscalYearMissing, require_open
from budgets.trail import told
from core.errors import FieldError, NotAllowed, RuleBroken
from core.money import ZERO, round_amount
from core.transactions import atomic


class BudgetBelowUse(RuleBroken):
    slug = "budget-below-use"
    title = "More than this is already reserved, committed or spent."


@atomic
def set_budget(
    *,
    entity: Entity,
    fiscal_year: int,
    cost_center: CostCenter,
    gl_account: GLAccount,
    project: Project | None = None,
    period: int | None = None,
    months: int | None = None,
    is_cumulative: bool | None = None,
    amount: Decimal,
    control: str,
    actor: Any,
    at: datetime,
    reason: str,
) -> BudgetCell:
    """Bring a cell to `amount` (base currency) by one adjustment, with its control and a reason.

    `period` is the first month of the fiscal year that it is for, `months` 1 or 3; without them it
    is for the whole year. A cumulative cell may use what earlier periods left; None leaves that
    as it is. Only a controller of the entity, or the portal itself, may. Raises NotAllowed,
    RuleBroken with a pointer, FiscalYearMissing, FiscalYearClosed, BudgetBelowUse when control is
    stop and more than that is in use.
    """
    months = months or (12 if period is None else 1)
    faults = _period_faults(period, months, bool(is_cumulative))
    _check(entity, cost_center, gl_account, project, amount, actor, reason, faults)
    year = FiscalYear.objects.filter(entity=entity, year=fiscal_year).first()
    if year is None:
        raise FiscalYearMissing(
            f"{entity} has no fiscal year {fiscal_year}.",
            errors=[
                FieldError("/fiscal_year", "missing", f"There is no fiscal year {fiscal_year}.")
            ],
        )
    key = {
        "entity": entity,
        "fiscal_year": year,
        "period": period,
        "months": months,
        "cost_center": cost_center,
        "gl_account": gl_account,
        "project": project,
    }
    BudgetCell.objects.bulk_create([BudgetCell(**key, control=control)], ignore_conflicts=True)
    cell = BudgetCell.objects.select_for_update(no_key=True).get(**key)
    # Who closes a year holds its budgets first, then the year; so does this.
    year = FiscalYear.objects.select_for_update(no_key=True).get(pk=year.pk)
    require_open(year, entity)
    cell.entity, cell.fiscal_year = entity, year
    before = _said(cell)
    difference = amount - cell.amount
    cell.amount, cell.control = amount, control
    if is_cumulative is not None:
        cell.is_cumulative = is_cumulative
    if control == Control.STOP and cell.used > amount + cell.overdraft:
        used = round_amount(cell.used, entity.currency)
        message = f"{used:,} {entity.currency} of {cell} is already in use."
        raise BudgetBelowUse(message, errors=[FieldError("/amount", "min_value", message)])
    cell.save(update_fields=["amount", "control", "is_cumulative"])
    BudgetAdjustment.objects.create(
        cell=cell,
        amount=difference,
        control=control,
        reason=reason,
        actor=actor,
        effective_on=amounts.counts_from(cell, at),
        recorded_at=at,
    )
    after = _said(cell)
    changes = [
        {"field": name, "old": before.get(name, ""), "new": after.get(name, "")}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    told("budget.set", cell, actor=actor, at=at, reason=reason, changes=changes)
    return cell


def _said(cell: BudgetCell) -> dict[str, str]:
    """What the trail says of it."""
    said = {
        "amount": str(round_amount(cell.amount, cell.entity.currency)),
        "control": str(cell.control),
    }
    return {**said, "is_cumulative": "yes"} if cell.is_cumulative else said


def _period_faults(period: int | None, months: int, is_cumulative: bool) -> list[FieldError]:
    if months not in (1, QUARTER, 12):
        return [FieldError("/months", "invalid", "A budget is for 1, 3 or 12 months.")]
    if (period is None) != (months == 12):
        return [FieldError("/period", "invalid", "Say in which month it begins, or neither.")]
    if months == QUARTER and period not in QUARTERS:
        return [FieldError("/period", "invalid", "A quarter begins in month 1, 4, 7 or 10.")]
    if period is not None and not 1 <= period <= 12:
        return [FieldError("/period", "invalid", "A fiscal year has the months 1 to 12.")]
    if is_cumulative and months == 12:
        detail = "A budget of the whole year has no earlier period to take from."
        return [FieldError("/is_cumulative", "invalid", detail)]
    return []


def _check(
    entity: Entity,
    cost_center: CostCenter,
    gl_account: GLAccount,
    project: Project | None,
    amount: Decimal,
    actor: Any,
    reason: str,
    faults: list[FieldError],
) -> None:
    if actor is not None and not (
        actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.CONTROLLER)
    ):
        raise NotAllowed("Only a controller sets budgets.")
    errors = faults + [
        FieldError(f"/{name}", "foreign", f"{coding} does not belong to {entity}.")
        for name, coding in (
            ("cost_center", cost_center),
            ("gl_account", gl_account),
            ("project", project),
        )
        if coding is not None and coding.entity_id != entity.pk
    ]
    if amount < ZERO or amount != round_amount(amount, entity.currency):
        errors.append(
            FieldError("/amount", "invalid", f"Not an amount in {entity.currency}: {amount}.")
        )
    if not reason.strip():
        errors.append(FieldError("/reason", "required", "Say why the budget changes."))
    if errors:
        raise RuleBroken("The budget was not set.", errors=errors)
