"""Setting budgets: the amount of a cell is the sum of its adjustments, never an edited figure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import Control, Entity, Role
from budgets.models import BudgetAdjustment, BudgetCell, CostCenter, FiscalYear, GLAccount, Project
from budgets.services.years import FiscalYearMissing
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
    amount: Decimal,
    control: str,
    actor: Any,
    at: datetime,
    reason: str,
) -> BudgetCell:
    """Bring a cell to `amount` (base currency) by one adjustment, with its control and a reason.

    Only a controller of the entity, or the portal itself, may. Raises NotAllowed, RuleBroken with
    a pointer, BudgetBelowUse when control is stop and more than the amount is already in use.
    """
    _check(entity, cost_center, gl_account, project, amount, actor, reason)
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
        "cost_center": cost_center,
        "gl_account": gl_account,
        "project": project,
    }
    BudgetCell.objects.bulk_create([BudgetCell(**key, control=control)], ignore_conflicts=True)
    cell = BudgetCell.objects.select_for_update(no_key=True).get(**key)
    before = {"amount": round_amount(cell.amount, entity.currency), "control": cell.control}
    difference = amount - cell.amount
    cell.amount, cell.control = amount, control
    if control == Control.STOP and cell.used > amount + cell.overdraft:
        used = round_amount(cell.used, entity.currency)
        message = f"{used:,} {entity.currency} of {cell} is already in use."
        raise BudgetBelowUse(message, errors=[FieldError("/amount", "min_value", message)])
    cell.save(update_fields=["amount", "control"])
    BudgetAdjustment.objects.create(
        cell=cell, amount=difference, control=control, reason=reason, actor=actor, recorded_at=at
    )
    after = {"amount": round_amount(amount, entity.currency), "control": str(control)}
    changes = [
        {"field": name, "old": str(before[name]), "new": str(after[name])}
        for name in before
        if before[name] != after[name]
    ]
    told("budget.set", cell, actor=actor, at=at, reason=reason, changes=changes)
    return cell


def _check(
    entity: Entity,
    cost_center: CostCenter,
    gl_account: GLAccount,
    project: Project | None,
    amount: Decimal,
    actor: Any,
    reason: str,
) -> None:
    if actor is not None and not (
        actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.CONTROLLER)
    ):
        raise NotAllowed("Only a controller sets budgets.")
    errors = [
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
