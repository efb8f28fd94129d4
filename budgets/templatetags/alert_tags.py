"""Warnings about budgets where people look anyway: at home, on budgets, on one budget."""

from typing import Any

from django import template

from budgets import services
from budgets.forms import LevelsForm
from budgets.models import BudgetAlert, BudgetCell, BudgetWatch
from budgets.models.alerts import LEVELS

register = template.Library()

SHOWN = 5


@register.inclusion_tag("budgets/_own_alerts.html")
def own_alerts(user: Any) -> dict[str, Any]:
    """What stands about the budgets a person owns, the worst of each budget. Statements: 1."""
    found = (
        BudgetAlert.objects.standing()
        .filter(entity_id=user.entity_id, cell__cost_center__owner=user)
        .select_related(
            "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year"
        )
        .order_by("-level", "-id")
    )
    worst: dict[int, BudgetAlert] = {}
    for alert in found[: SHOWN * 4] if user.entity_id else ():
        worst.setdefault(alert.cell_id, alert)
    return {"alerts": list(worst.values())[:SHOWN]}


@register.inclusion_tag("budgets/_cell_alerts.html", takes_context=True)
def cell_alerts(context: Any, cell: BudgetCell, user: Any) -> dict[str, Any]:
    """What stands about one budget, and the levels at which it warns, or what was typed instead
    and refused. Statements: 2."""
    watch = BudgetWatch.objects.filter(cell=cell).first()
    levels = ", ".join(map(str, watch.levels if watch is not None else LEVELS))
    return {
        "alerts": list(cell.alerts.standing().order_by("-level", "-id")),
        "cell": cell,
        "levels": levels,
        "form": context.get("levels_form") or LevelsForm(initial={"levels": levels}),
        "may_answer": services.may_answer(cell, user),
        "csrf_token": context.get("csrf_token"),
    }
