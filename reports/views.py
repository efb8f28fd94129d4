"""The commitment report in the browser: filter, charts, drill-down to documents, files."""

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS, MONTHS_3

from accounts.models import Entity, Role
from budgets.models import CostCenter, FiscalYear, GLAccount, Project
from core.errors import DomainError
from core.fields import amount
from core.money import ZERO
from core.web import PAGE, pages_of, require_role
from reports import exports, queries
from reports.drill_down import accruals_behind, adjustments_behind
from reports.figures import Scope

_ROLES = (
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.BUDGET_OWNER,
    Role.ADMINISTRATOR,
    Role.BUYER,
    Role.AP_MANAGER,
)
GROUPS = (
    ("cost_center", "By cost centre"),
    ("gl_account", "By GL account"),
    ("project", "By project"),
    ("period", "By month"),
    ("cost_center,gl_account", "By cost centre and account"),
    ("cost_center,gl_account,project", "Every budget"),
)
BUDGET, ACCRUED = "BUD", "RNI"
# What a figure may be made of, as tabs.
FIGURES = (
    ("", "All entries"),
    ("ACT", "Spent"),
    ("ENC", "Committed"),
    ("PRE", "Reserved"),
    (BUDGET, "Budget"),
    (ACCRUED, "Received, not invoiced"),
)
_FILTERS = {"cost_center": CostCenter, "gl_account": GLAccount, "project": Project}
_MOST_BARS = 20
_FEW_BARS, _MANY_BARS = 5, 9
FILES = {
    "csv": (exports.csv, "text/csv; charset=utf-8"),
    "xlsx": (
        exports.xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}


@login_required
def commitments(request: HttpRequest) -> HttpResponse:
    """The report; `?format=csv|xlsx` answers with a file of the same figures.

    Summing the ledger as proof takes longer than the report: `?compare=1` asks for it, which the
    page does by itself once it is there.
    """
    require_role(request, *_ROLES)
    chosen, compared = _chosen(request), request.GET.get("compare") == "1"
    try:
        report = queries.commitments(
            entity=request.user.entity,
            group_by=chosen["group_by"].split(","),
            tie_out=compared or chosen["format"] in FILES,
            **_asked(chosen),
        )
    except DomainError as refusal:
        return render(request, "reports/refused.html", {"refusal": refusal}, status=422)
    if chosen["format"] in FILES:
        return _file(report, chosen["format"])
    if compared and request.htmx:
        return render(request, "reports/_tie.html", {"report": report})
    context = {
        "report": report,
        "by_month": "period" in report.group_by,
        "rows": [
            (month_of(report.entity, row.period), row, _drill(chosen, row.drill_down))
            for row in report.rows
        ],
        "total_links": _drill(chosen, {}),
        "chosen": chosen,
        "choices": _choices(request),
        "groups": GROUPS,
        "chart": _chart(report),
        "burn_down": _burn_down(request.user.entity, chosen) if chosen["cost_center"] else None,
        "chart_size": _size(report),
        "most_bars": _MOST_BARS if len(report.rows) > _MOST_BARS else None,
        "links": {kind: _same(request, format=kind) for kind in ("csv", "xlsx")},
        "compared": compared,
        "compare_url": _same(request, compare="1"),
    }
    return render(request, "reports/commitments.html", context)


def _file(report: queries.CommitmentReport, kind: str) -> HttpResponse:
    write, content_type = FILES[kind]
    name = f"commitments-{report.entity.code}-{report.fiscal_year}.{kind}"
    return HttpResponse(
        write(exports.commitments(report)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@login_required
def entries(request: HttpRequest) -> HttpResponse:
    """What a figure is made of: ledger entries, changes of the budget, or deliveries."""
    require_role(request, *_ROLES)
    entity, chosen = request.user.entity, _chosen(request)
    scope = Scope(entity, **_asked(chosen))
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
        "names": _names(entity, chosen),
        "currency": entity.currency,
        "back": f"{reverse('reports:commitments')}?{urlencode(_kept(chosen))}",
    }
    return render(request, "reports/entries.html", context)


def _entries(request: HttpRequest, scope: Scope, chosen: dict[str, Any]) -> dict[str, Any]:
    found = queries.entries_behind(
        entity=scope.entity,
        **_asked(chosen),
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
    after = request.GET.get("after", "")
    if after.isdecimal():
        found = found.filter(pk__lt=int(after))
    rows = list(found[: PAGE + 1])
    return {
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "total": total,
    }


def _names(entity: Entity, chosen: dict[str, Any]) -> list[str]:
    """The filters in words: `CC100 IT operations`, `March`."""
    names = []
    for name, model in _FILTERS.items():
        code = chosen[name]
        if code == queries.WITHOUT and name == "project":
            names.append("without a project")
        elif code:
            row = model.objects.filter(entity=entity, code=code).first()
            names.append(str(row or code))
    if chosen["period"]:
        names.append(month_of(entity, chosen["period"]))
    return names


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """Filters from the address; what is unreadable falls back to its default."""
    entity = request.user.entity
    today = entity.day_of(timezone.now())
    year = request.GET.get("fiscal_year", "")
    group = request.GET.get("group_by", "")
    stage = request.GET.get("stage", "")
    period = request.GET.get("period", "")
    return {
        "as_of": _day(request.GET.get("as_of", "")),
        "fiscal_year": int(year)
        if year.isdecimal() and len(year) == 4
        else entity.fiscal_year_of(today),
        "group_by": group if group in dict(GROUPS) else GROUPS[0][0],
        **{name: request.GET.get(name, "")[:32] for name in _FILTERS},
        "period": int(period) if period.isdecimal() and 1 <= int(period) <= 12 else None,
        "stage": stage if stage in dict(FIGURES) else "",
        "format": request.GET.get("format", ""),
    }


def _asked(chosen: dict[str, Any]) -> dict[str, Any]:
    """The filters as queries take them."""
    return {
        "fiscal_year": chosen["fiscal_year"],
        "as_of": chosen["as_of"],
        **{name: chosen[name] or None for name in _FILTERS},
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _kept(chosen: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in chosen.items()
        if value and name not in ("format", "stage", "period")
    }


def _drill(chosen: dict[str, Any], filters: dict[str, str]) -> dict[str, str]:
    """Where each figure of a row leads, by what it is made of; `all` is what is available."""
    kept = {**_kept(chosen), **filters}
    return {
        stage or "all": f"{reverse('reports:entries')}?"
        + urlencode({**kept, **({"stage": stage} if stage else {})})
        for stage, _ in FIGURES
    }


def _choices(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    entity = request.user.entity
    years = FiscalYear.objects.filter(entity=entity).order_by("-year")
    return {
        "fiscal_year": [(str(year.year), str(year.year)) for year in years],
        "cost_center": _codes(CostCenter, entity, "All cost centres"),
        "gl_account": _codes(GLAccount, entity, "All accounts"),
        "project": [
            *_codes(Project, entity, "All projects"),
            (queries.WITHOUT, "Without a project"),
        ],
    }


def _codes(model: Any, entity: Entity, every: str) -> list[tuple[str, str]]:
    rows = model.objects.filter(entity=entity).order_by("code")
    return [("", every), *((row.code, str(row)) for row in rows)]


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
        "labels": [label(row) for row in rows]
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
    day = chosen["as_of"] or entity.day_of(timezone.now())
    points = queries.burn_down(entity=entity, **{**_asked(chosen), "as_of": day})
    if not points:
        return None
    whole = points[-1].figures.budget
    even = [whole * (12 - month) / 12 for month in range(1, 13)]
    left = [float(point.figures.available) for point in points]
    return {
        "points": [(month_of(entity, point.period), point.figures) for point in points],
        "chart": {
            "labels": [month_of(entity, month, short=True) for month in range(1, 13)],
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


def month_of(entity: Entity, period: int | None, *, short: bool = False) -> str:
    """The month that a period of the fiscal year is: `March`."""
    names = MONTHS_3 if short else MONTHS
    number = ((period or 1) - 1 + entity.fiscal_year_starts_month - 1) % 12 + 1
    text = str(names[number])
    return text.capitalize() if short else text


def label(row: queries.CommitmentRow) -> str:
    """A row's codes, for the axis of a chart."""
    parts = (row.cost_center, row.gl_account, row.project)
    return " · ".join(part.code for part in parts if part and part.code) or "no project"


def _same(request: HttpRequest, **said: str) -> str:
    """This page's address with the same filters and something more."""
    query = request.GET.copy()
    query.pop("compare", None)
    for name, value in said.items():
        query[name] = value
    return f"?{query.urlencode()}"
