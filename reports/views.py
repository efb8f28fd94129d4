"""The commitment report in the browser: filter, charts, drill-down to documents, files."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Entity
from core.decimals import whole
from core.errors import DomainError
from core.fields import amount
from core.money import ZERO
from core.web import PAGE, pages_of, require_role
from reports import exports, queries
from reports.asking import WHOLE_ENTITY
from reports.drill_down import accruals_behind, adjustments_behind
from reports.figures import Scope
from reports.pages import (
    ACCRUED,
    BUDGET,
    FIGURES,
    FILES,
    asked_of,
    chosen_of,
    codes_of,
    entry_links,
    file_of,
    frame_of,
    groups_with,
    kept,
    month_of,
    same,
    today_of,
    words_of,
)

GROUPS = groups_with(("period", "By month"))
_MOST_BARS = 20
_FEW_BARS, _MANY_BARS = 5, 9


@login_required
def commitments(request: HttpRequest) -> HttpResponse:
    """The report; `?format=csv|xlsx` answers with a file of the same figures.

    Summing the ledger as proof takes longer than the report: `?compare=1` asks for it, which the
    page does by itself once it is there.
    """
    require_role(request, *WHOLE_ENTITY)
    chosen = chosen_of(request, groups=GROUPS, stages=FIGURES)
    compared = request.GET.get("compare") == "1"
    try:
        report = queries.commitments(
            entity=request.user.entity,
            group_by=chosen["group_by"].split(","),
            tie_out=compared or chosen["format"] in FILES,
            **asked_of(chosen),
        )
    except DomainError as refusal:
        return render(request, "reports/refused.html", {"refusal": refusal}, status=422)
    if chosen["format"] in FILES:
        name = f"commitments-{report.entity.code}-{report.fiscal_year}"
        return file_of(
            request, chosen["format"], name=name, made=lambda: exports.commitments(report)
        )
    if compared and request.htmx:
        return render(request, "reports/_tie.html", {"report": report})
    context = {
        **frame_of(request, chosen, "commitments"),
        "report": report,
        "by_month": "period" in report.group_by,
        "rows": [
            (month_of(report.entity, row.period), row, entry_links(chosen, row.drill_down))
            for row in report.rows
        ],
        "total_links": entry_links(chosen, {}),
        "groups": GROUPS,
        "chart": _chart(report),
        "burn_down": _burn_down(request.user.entity, chosen) if chosen["cost_center"] else None,
        "chart_size": _size(report),
        "most_bars": _MOST_BARS if len(report.rows) > _MOST_BARS else None,
        "compared": compared,
        "burn_down_url": f"{reverse('reports:burn_down')}?{urlencode(kept(chosen))}",
        "compare_url": same(request, compare="1"),
    }
    return render(request, "reports/commitments.html", context)


@login_required
def entries(request: HttpRequest) -> HttpResponse:
    """What a figure is made of: ledger entries, changes of the budget, or deliveries."""
    require_role(request, *WHOLE_ENTITY)
    entity, chosen = request.user.entity, chosen_of(request, groups=GROUPS, stages=FIGURES)
    scope = Scope(entity, **asked_of(chosen))
    if chosen["stage"] == ACCRUED:
        shown = _accruals(request, scope)
    elif chosen["stage"] == BUDGET:
        shown = _adjustments(request, scope, chosen["period"])
    else:
        shown = _entries(request, scope, chosen)
    context = {
        **shown,
        "figure": dict(FIGURES)[chosen["stage"]],
        "figures": FIGURES,
        "chosen": chosen,
        "names": words_of(entity, chosen),
        "currency": entity.currency,
        "back": f"{reverse('reports:commitments')}?{urlencode(kept(chosen))}",
    }
    return render(request, "reports/entries.html", context)


def _entries(request: HttpRequest, scope: Scope, chosen: dict[str, Any]) -> dict[str, Any]:
    found = queries.entries_behind(
        entity=scope.entity,
        **asked_of(chosen),
        period=chosen["period"],
        stage=chosen["stage"] or None,
    )
    shown = _page(request, found)
    pages = pages_of(request.user, ((row.document_type, row.document_id) for row in shown["rows"]))
    shown["rows"] = [(row, pages.get(row.document_id, "")) for row in shown["rows"]]
    if not chosen["stage"]:
        budget = _sum(adjustments_behind(scope, period=chosen["period"]))
        shown |= {"budget": budget, "available": budget - shown["total"]}
    return shown


def _adjustments(request: HttpRequest, scope: Scope, period: int | None) -> dict[str, Any]:
    return _page(request, adjustments_behind(scope, period=period))


def _accruals(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    rows = accruals_behind(scope)
    pages = pages_of(request.user, (("order", row.order_id) for row in rows))
    return {
        "rows": [(row, pages.get(row.order_id, "")) for row in rows],
        "total": sum((row.base for row in rows), ZERO),
        "next": None,
    }


def _sum(found: QuerySet[Any]) -> Decimal:
    return found.order_by().aggregate(total=Coalesce(Sum("amount"), amount(ZERO)))["total"]


def _page(request: HttpRequest, found: QuerySet[Any]) -> dict[str, Any]:
    """The sum of all rows, and one page of them, newest first. Statements: 2."""
    total = _sum(found)
    after = whole(request.GET.get("after", ""))
    if after is not None:
        found = found.filter(pk__lt=after)
    rows = list(found[: PAGE + 1])
    return {
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "total": total,
    }


def _chart(report: queries.CommitmentReport) -> dict[str, Any]:
    """Bars of the first rows, stacked: spent, committed, reserved, left; a month has no left."""
    rows, by_month = report.rows[:_MOST_BARS], "period" in report.group_by
    series = [
        ("Spent", "spent", lambda figures: figures.spent),
        ("Committed", "committed", lambda figures: figures.encumbered),
        ("Reserved", "reserved", lambda figures: figures.pre_encumbered),
    ]
    if not by_month:
        series.append(("Left", "left", lambda figures: max(figures.available, ZERO)))
    return {
        "labels": [codes_of(row) or "no project" for row in rows]
        if not by_month
        else [month_of(report.entity, row.period, short=True) for row in rows],
        "series": [
            {"label": name, "tone": tone, "values": [float(read(row.figures)) for row in rows]}
            for name, tone, read in series
        ],
        "stacked": not by_month,
        "horizontal": not by_month,
        "unit": report.entity.currency,
    }


def _size(report: queries.CommitmentReport) -> str:
    """How high the chart stands, so that its bars are as thick with three rows as with twenty."""
    if "period" in report.group_by:
        return ""
    return (
        "short" if len(report.rows) < _FEW_BARS else "tall" if len(report.rows) > _MANY_BARS else ""
    )


def _burn_down(entity: Entity, chosen: dict[str, Any]) -> dict[str, Any] | None:
    """How a cost centre's budget went down month by month, beside an even pace over the year."""
    asked = {**asked_of(chosen), "as_of": today_of(entity, chosen)}
    points = queries.burn_down(entity=entity, **asked, tie_out=False).points
    if not points:
        return None
    whole = points[-1].figures.budget
    periods = max(points[-1].period, 12)
    even = [max(whole * (12 - month) / 12, ZERO) for month in range(1, periods + 1)]
    left = [float(point.figures.available) for point in points]
    return {
        "points": [
            (
                month_of(entity, point.period),
                point.figures,
                entry_links({**chosen, "as_of": point.day}, {}),
            )
            for point in points
        ],
        "chart": {
            "labels": [month_of(entity, month, short=True) for month in range(1, periods + 1)],
            "series": [
                {"label": "Left", "tone": "accent", "values": left},
                {
                    "label": "Even pace",
                    "tone": "plain-full",
                    "dashed": True,
                    "values": [float(value) for value in even],
                },
            ],
            "unit": entity.currency,
        },
    }
