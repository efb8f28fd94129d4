"""Variance and forecast in the browser."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dates import MONTHS_3

from core.tables import Table
from core.web import require_role
from reports import exports
from reports.asking import WHOLE_ENTITY
from reports.expected import month_of, months_of_year
from reports.expected_views import GROUPS, expected_links, period_of
from reports.figures import Scope
from reports.forecast import Ahead
from reports.pages import (
    FILES,
    KINDS,
    asked_of,
    chosen_of,
    codes_of,
    entry_links,
    file_of,
    frame_of,
    today_of,
)
from reports.variance import VarianceReport, VarianceRow, variance

METHODS = {
    "seasonal": "same month of past years",
    "average": "average month",
    "commitments_only": "commitments only",
    "mixed": "by budget",
}
_MOST_BARS = 20


@login_required
def budget_variance(request: HttpRequest) -> HttpResponse:
    """Budget against forecast; `?format=csv|xlsx` answers with a file of the same figures."""
    return _answer(
        request,
        "budget-variance",
        table=exports.budget_variance,
        template="reports/variance.html",
        more=lambda report, chosen: {
            "rows": _rows(report, chosen, months_of_year(report.scope, chosen["fiscal_year"])),
            "total_links": _year_links(report, chosen, chosen["fiscal_year"]),
            "chart": _bars(report),
            "most_bars": _MOST_BARS if len(report.rows) > _MOST_BARS else None,
        },
    )


@login_required
def forecast(request: HttpRequest) -> HttpResponse:
    """The rolling twelve months and three years; `?format=csv|xlsx` answers with a file."""
    return _answer(
        request,
        "forecast",
        table=exports.forecast,
        template="reports/forecast.html",
        more=lambda report, chosen: {
            "months": [
                (day, ahead, _month_links(report, chosen, month_of(day)))
                for day, ahead in report.outlook.rolling
            ],
            "rows": _rows(report, chosen, report.outlook.rolling_months),
            "links_of_all": _links(report, chosen, report.outlook.rolling_months, {}),
            "years": [
                (year, _year_links(report, chosen, year.fiscal_year)) for year in report.years
            ],
            "chart": _months_chart(report),
            "years_chart": _years_chart(report),
        },
    )


def _answer(
    request: HttpRequest,
    name: str,
    *,
    table: Callable[[VarianceReport], Table],
    template: str,
    more: Callable[[VarianceReport, dict[str, Any]], dict[str, Any]],
) -> HttpResponse:
    """The page with what it has of its own, or the file that is asked for."""
    require_role(request, *WHOLE_ENTITY)
    chosen = chosen_of(request, groups=GROUPS)
    if chosen["format"] in FILES:
        return file_of(
            request,
            chosen["format"],
            name=f"{name}-{request.user.entity.code}-{chosen['fiscal_year']}",
            made=lambda: table(_report(request, chosen)),
        )
    report = _report(request, chosen)
    context = {
        **frame_of(request, chosen, name),
        "report": report,
        "groups": GROUPS,
        **more(report, chosen),
    }
    return render(request, template, context)


def _report(request: HttpRequest, chosen: dict[str, Any]) -> VarianceReport:
    entity = request.user.entity
    return variance(
        Scope(entity, **asked_of(chosen)),
        today=today_of(entity, chosen),
        group_by=chosen["group_by"].split(","),
    )


def _name(row: VarianceRow) -> list[str]:
    """The codings of a row, first the one it stands under."""
    found = [
        f"{coding.code} {coding.name}".strip() or "Without a project"
        for coding in (row.cost_center, row.gl_account, row.project)
        if coding is not None
    ]
    if row.project is not None and len(found) > 1 and not row.project.code:
        found.pop()
    return found or [dict(KINDS).get(row.kind or "", "All budgets")]


def _rows(report: VarianceReport, chosen: dict[str, Any], months: range) -> list[Any]:
    """Each row with its names, where its figures lead, and its method in words."""
    return [
        (row, _name(row), _links(report, chosen, months, row.drill_down), METHODS[row.method])
        for row in report.rows
    ]


def _links(
    report: VarianceReport, chosen: dict[str, Any], months: range, filters: dict[str, str]
) -> dict[str, str]:
    """Where figures lead: entries by stage, and what is forecast of these months by what it is."""
    spent_in = {**filters, **period_of(report.scope, months.start)}
    return {
        **entry_links(chosen, filters),
        "spent": entry_links(chosen, spent_in)["ACT"],
        **expected_links(chosen, months, filters),
    }


def _month_links(report: VarianceReport, chosen: dict[str, Any], month: int) -> dict[str, str]:
    return _links(report, chosen, range(month, month + 1), {})


def _year_links(report: VarianceReport, chosen: dict[str, Any], year: int) -> dict[str, str]:
    """The same of a whole fiscal year, beginning with what was spent in it."""
    months = months_of_year(report.scope, year)
    return _links(report, {**chosen, "fiscal_year": year}, months, {})


def _bars(report: VarianceReport) -> dict[str, Any]:
    rows = report.rows[:_MOST_BARS]
    return {
        "labels": [codes_of(row) or _name(row)[0] for row in rows],
        "series": _series([(row.figures.spent, row.ahead) for row in rows]),
        "stacked": True,
        "horizontal": True,
        "unit": report.scope.entity.currency,
    }


def _months_chart(report: VarianceReport) -> dict[str, Any]:
    months = report.outlook.rolling
    return {
        "labels": [f"{MONTHS_3[day.month].capitalize()} {day:%y}" for day, _ in months],
        "series": _series([(ahead.spent, ahead) for _, ahead in months]),
        "stacked": True,
        "unit": report.scope.entity.currency,
    }


def _years_chart(report: VarianceReport) -> dict[str, Any]:
    return {
        "labels": [str(year.fiscal_year) for year in report.years],
        "series": _series([(year.figures.spent, year.ahead) for year in report.years]),
        "stacked": True,
        "unit": report.scope.entity.currency,
    }


def _series(found: list[tuple[Decimal, Ahead]]) -> list[dict[str, Any]]:
    """Bars of what is spent and, on top of it, what is to come."""
    series = (
        ("Spent", "spent", [spent for spent, _ in found]),
        ("Committed and approved", "committed", [ahead.committed for _, ahead in found]),
        ("Run rate", "reserved", [ahead.run_rate for _, ahead in found]),
    )
    return [
        {"label": words, "tone": tone, "values": [float(value) for value in values]}
        for words, tone, values in series
    ]
