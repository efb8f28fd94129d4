"""Budgets in the browser: cost centres as meters that open, and one cell with its entries."""

from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Role
from budgets.forms import LevelsForm
from budgets.models import BudgetCell, FiscalYear
from core.decimals import whole
from core.web import PAGE, pages_of, require_role, visible_or_404

ROLES = (
    Role.BUDGET_OWNER,
    Role.APPROVER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
    Role.BUYER,
    Role.AP_MANAGER,
)


@login_required
def budget_list(request: HttpRequest) -> HttpResponse:
    """Cells of a fiscal year by cost centre; a chosen or only one stands open."""
    require_role(request, *ROLES)
    entity = request.user.entity
    year = whole(request.GET.get("fiscal_year", ""))
    chosen = entity.fiscal_year_of(entity.day_of(timezone.now())) if year is None else year
    center = request.GET.get("cost_center", "")[:32]
    cells = (
        BudgetCell.objects.visible_to(request.user)
        .filter(fiscal_year__year=chosen)
        .select_related("cost_center__owner", "gl_account", "project", "fiscal_year")
        .order_by("cost_center__code", "gl_account__code", "project__code", "period")
    )
    groups = [
        _center(owner, list(found)) for owner, found in groupby(cells, lambda c: c.cost_center)
    ]
    codes = [("", "All cost centres"), *((g["center"].code, str(g["center"])) for g in groups)]
    if center:
        groups = [group for group in groups if group["center"].code == center]
    years = FiscalYear.objects.filter(entity=entity).order_by("-year")
    context = {
        "centers": groups,
        "codes": codes,
        "is_open": len(groups) == 1,
        "years": [(str(each.year), str(each.year)) for each in years],
        "year": str(chosen),
        "center": center,
        "currency": entity.currency,
    }
    return render(request, "budgets/list.html", context)


def _center(owner: Any, cells: list[BudgetCell]) -> dict[str, Any]:
    names = ("amount", "spent", "encumbered", "pre_encumbered")
    sums = {name: sum(getattr(cell, name) for cell in cells) for name in names}
    return {"center": owner, "cells": cells, **sums}


@login_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One cell: its meter, the changes of its amount, and every entry behind its balances."""
    return shown(request, pk)


def shown(request: HttpRequest, pk: int, *, levels_form: LevelsForm | None = None) -> HttpResponse:
    """The page of a cell, with what was typed into its warnings when that is refused."""
    require_role(request, *ROLES)
    found = BudgetCell.objects.visible_to(request.user).select_related(
        "cost_center__owner", "gl_account", "project", "fiscal_year", "entity"
    )
    cell = visible_or_404(found, pk)
    entries = cell.entries.order_by("-id").select_related("actor")
    after = whole(request.GET.get("after", ""))
    if after is not None:
        entries = entries.filter(pk__lt=after)
    rows = list(entries[: PAGE + 1])
    pages = pages_of(request.user, ((row.document_type, row.document_id) for row in rows[:PAGE]))
    context = {
        "cell": cell,
        "entries": [(entry, pages.get(entry.document_id, "")) for entry in rows[:PAGE]],
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "adjustments": cell.adjustments.select_related("actor").order_by("-id"),
        "currency": cell.entity.currency,
        "levels_form": levels_form,
    }
    return render(request, "budgets/detail.html", context, status=422 if levels_form else 200)
