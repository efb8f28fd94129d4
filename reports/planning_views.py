"""Variance and forecast in the browser, and what is expected of which order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS_3

from core.money import ZERO
from core.tables import Table
from core.web import pages_of, require_role
from reports import tables
from reports.expected import FORWARD, ON_ORDER, RESERVED, cells_of_all_years, expected
from reports.figures import Scope
from reports.forecast import Ahead
from reports.pages import (
    FILES,
    ROLES,
    asked_of,
    chosen_of,
    codes_of,
    file_of,
    frame_of,
    groups_with,
    kept,
    words_of,
)
from reports.variance import VarianceReport, VarianceRow, variance

GROUPS = groups_with(("kind", "Capital and operating expense"))
KINDS = (("", "Capex and opex"), ("opex", "Operating expense"), ("capex", "Capital expense"))
METHODS = {
    "seasonal": "same month of past years",
    "average": "average month",
    "commitments_only": "commitments only",
    "mixed": "by budget",
}
WHAT = {
    "": "Expected",
    ON_ORDER: "On order",
    RESERVED: "Approved, not ordered",
    FORWARD: "Ordered for later years",
}
_MOST_BARS = 20
_MOST_ROWS = 500


@login_required
def budget_variance(request: HttpRequest) -> HttpResponse:
    """Budget against forecast; `?format=csv|xlsx` answers with a file of the same figures."""
    return _answer(
        request,
        "budget-variance",
        table=tables.budget_variance,
        template="reports/variance.html",
        more=lambda report, chosen: {
            "total_links": _links(chosen, report.totals),
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
        table=tables.forecast,
        template="reports/forecast.html",
        more=lambda report, chosen: {
            "months": [
                (day, ahead, _expected_links(chosen, {"month": f"{day:%Y-%m}"}))
                for day, ahead in report.outlook.rolling
            ],
            "links_of_all": _expected_links(chosen, {}),
            "chart": _months_chart(report),
            "years_chart": _years_chart(report),
        },
    )


@login_required
def expected_entries(request: HttpRequest) -> HttpResponse:
    """The open orders and approved requests that a figure of the forecast is made of."""
    require_role(request, *ROLES)
    entity, chosen = request.user.entity, chosen_of(request, groups=GROUPS)
    scope = Scope(entity, **asked_of(chosen))
    what, wanted = request.GET.get("what", ""), _month(request.GET.get("month", ""))
    today = chosen["as_of"] or entity.day_of(timezone.now())
    parts = [
        part
        for part in expected(scope, cells_of_all_years(scope), today=today)
        if part.what == (what or part.what) and part.month == (wanted or part.month)
    ]
    parts.sort(key=lambda part: (part.month, part.document.number, part.document.line_number))
    pages = pages_of(
        request.user, ((part.document.document_type, part.document.document_id) for part in parts)
    )
    context = {
        "rows": [
            (part, _month_in_words(part.month), pages.get(part.document.document_id, ""))
            for part in parts[:_MOST_ROWS]
        ],
        "cut": _MOST_ROWS if len(parts) > _MOST_ROWS else None,
        "count": len(parts),
        "total": sum((part.base for part in parts), ZERO),
        "title": WHAT.get(what, WHAT[""]),
        "what": what,
        "tabs": list(WHAT.items()),
        "names": words_of(entity, chosen),
        "month": _month_in_words(wanted) if wanted else "",
        "chosen": chosen,
        "currency": entity.currency,
        "words": WHAT,
        "back": f"{reverse('reports:forecast')}?{urlencode(kept(chosen))}",
    }
    return render(request, "reports/expected.html", context)


def _answer(
    request: HttpRequest,
    name: str,
    *,
    table: Callable[[VarianceReport], Table],
    template: str,
    more: Callable[[VarianceReport, dict[str, Any]], dict[str, Any]],
) -> HttpResponse:
    """The page with what it has of its own, or the file that is asked for."""
    require_role(request, *ROLES)
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
        "rows": [(row, _name(row), *_links(chosen, row)) for row in report.rows],
        "groups": GROUPS,
        "kinds": KINDS,
        "methods": METHODS,
        "used": sorted({row.method for row in report.rows}),
        **more(report, chosen),
    }
    return render(request, template, context)


def _report(request: HttpRequest, chosen: dict[str, Any]) -> VarianceReport:
    entity = request.user.entity
    days = [day for day in (chosen["as_of"], chosen["recorded_at"]) if day]
    return variance(
        Scope(entity, **asked_of(chosen)),
        today=min(days) if days else entity.day_of(timezone.now()),
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


def _links(chosen: dict[str, Any], row: VarianceRow) -> tuple[dict[str, str], dict[str, str], str]:
    """Where the figures of a row lead: entries by stage, expected documents, its method."""
    shared = {**kept(chosen), **row.drill_down}
    entries = {
        stage: f"{reverse('reports:entries')}?" + urlencode({**shared, "stage": stage})
        for stage in ("BUD", "PRE", "ENC", "ACT")
    }
    return entries, _expected_links(chosen, row.drill_down), METHODS[row.method]


def _expected_links(chosen: dict[str, Any], more: dict[str, str]) -> dict[str, str]:
    shared = {**kept(chosen), **more}
    return {
        what or "all": f"{reverse('reports:expected')}?"
        + urlencode({**shared, **({"what": what} if what else {})})
        for what in WHAT
    }


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


def _month(text: str) -> int | None:
    """`2026-03` as the number of the month; None for anything else."""
    year, _, month = text.partition("-")
    if not (year.isdecimal() and month.isdecimal() and len(year) == 4 and 1 <= int(month) <= 12):
        return None
    return int(year) * 12 + int(month) - 1


def _month_in_words(month: int) -> str:
    return f"{MONTHS_3[month % 12 + 1].capitalize()} {month // 12}"
