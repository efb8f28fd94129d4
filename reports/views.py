"""The commitment report in the browser: filter, chart, drill-down to documents, files."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Role
from budgets.models import CostCenter, FiscalYear, GLAccount, Project
from core.errors import DomainError
from core.fields import amount
from core.money import ZERO
from core.web import PAGE, require_role
from reports import exports, queries

_ROLES = (
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.BUDGET_OWNER,
    Role.ADMINISTRATOR,
    Role.BUYER,
    Role.AP_MANAGER,
)
GROUPS = (
    ("cost_center", "Cost centre"),
    ("gl_account", "GL account"),
    ("project", "Project"),
    ("period", "Month"),
    ("cost_center,gl_account", "Cost centre and account"),
    ("cost_center,gl_account,project", "Every budget"),
)
# Where the document of a ledger entry is shown.
PAGES = {
    "requisition": "requisitions:detail",
    "order": "purchase_orders:detail",
    "invoice": "invoicing:detail",
}
_MOST_BARS = 20
FILES = {
    "csv": (exports.csv, "text/csv; charset=utf-8"),
    "xlsx": (
        exports.xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}


@login_required
def commitments(request: HttpRequest) -> HttpResponse:
    """The report; `?format=csv|xlsx` answers with a file of the same figures."""
    require_role(request, *_ROLES)
    chosen = _chosen(request)
    given = {name: chosen[name] for name in ("cost_center", "gl_account", "project")}
    try:
        report = queries.commitments(
            entity=request.user.entity,
            as_of=chosen["as_of"],
            fiscal_year=chosen["fiscal_year"],
            group_by=chosen["group_by"].split(","),
            **{name: value or None for name, value in given.items()},
        )
    except DomainError as refusal:
        return render(request, "reports/refused.html", {"refusal": refusal}, status=422)
    if chosen["format"] in FILES:
        return _file(report, chosen["format"])
    context = {
        "report": report,
        "rows": [(row, _drill(chosen, row)) for row in report.rows],
        "all_entries": _entries_url(chosen, {}),
        "chosen": chosen,
        "choices": _choices(request),
        "groups": GROUPS,
        "chart": _chart(report),
        "links": {kind: _file_url(request, kind) for kind in ("csv", "xlsx")},
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
    """The ledger entries a figure is made of, each with its document."""
    require_role(request, *_ROLES)
    chosen = _chosen(request)
    period = request.GET.get("period", "")
    found = queries.entries_behind(
        entity=request.user.entity,
        fiscal_year=chosen["fiscal_year"],
        as_of=chosen["as_of"],
        cost_center=chosen["cost_center"] or None,
        gl_account=chosen["gl_account"] or None,
        project=chosen["project"] or None,
        period=int(period) if period.isdecimal() and 1 <= int(period) <= 12 else None,
        stage=chosen["stage"] or None,
    )
    total = found.order_by().aggregate(total=Coalesce(Sum("amount"), amount(ZERO)))["total"]
    after = request.GET.get("after", "")
    if after.isdecimal():
        found = found.filter(pk__lt=int(after))
    rows = list(found[: PAGE + 1])
    context = {
        "rows": [(entry, _document_url(entry)) for entry in rows[:PAGE]],
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "total": total,
        "chosen": chosen,
        "currency": request.user.entity.currency,
        "back": f"{reverse('reports:commitments')}?{urlencode(_kept(chosen))}",
    }
    return render(request, "reports/entries.html", context)


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """Filters from the address; what is unreadable falls back to its default."""
    entity = request.user.entity
    today = entity.day_of(timezone.now())
    year = request.GET.get("fiscal_year", "")
    group = request.GET.get("group_by", "")
    stage = request.GET.get("stage", "")
    return {
        "as_of": _day(request.GET.get("as_of", "")),
        "fiscal_year": int(year) if year.isdecimal() else entity.fiscal_year_of(today),
        "group_by": group if group in dict(GROUPS) else GROUPS[0][0],
        "cost_center": request.GET.get("cost_center", "")[:32],
        "gl_account": request.GET.get("gl_account", "")[:32],
        "project": request.GET.get("project", "")[:32],
        "stage": stage if stage in ("PRE", "ENC", "ACT") else "",
        "format": request.GET.get("format", ""),
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
        if value and name not in ("format", "stage")
    }


def _entries_url(chosen: dict[str, Any], drill: dict[str, str], stage: str = "") -> str:
    query = {**_kept(chosen), **drill, **({"stage": stage} if stage else {})}
    return f"{reverse('reports:entries')}?{urlencode(query)}"


def _drill(chosen: dict[str, Any], row: queries.CommitmentRow) -> dict[str, str]:
    """Where each figure of a row leads."""
    return {
        stage or "all": _entries_url(chosen, row.drill_down, stage)
        for stage in ("", "PRE", "ENC", "ACT")
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


def _codes(model: Any, entity: Any, every: str) -> list[tuple[str, str]]:
    rows = model.objects.filter(entity=entity).order_by("code")
    return [("", every), *((row.code, str(row)) for row in rows)]


def _chart(report: queries.CommitmentReport) -> dict[str, Any]:
    """Bars of the first rows, stacked: spent, committed, reserved, left."""
    rows = report.rows[:_MOST_BARS]
    series = (
        ("Spent", "spent", lambda figures: figures.spent),
        ("Committed", "committed", lambda figures: figures.encumbered),
        ("Reserved", "reserved", lambda figures: figures.pre_encumbered),
        ("Left", "left", lambda figures: max(figures.available, 0)),
    )
    return {
        "labels": [label(row) for row in rows],
        "series": [
            {"label": name, "tone": tone, "values": [float(read(row.figures)) for row in rows]}
            for name, tone, read in series
        ],
        "stacked": True,
        "horizontal": "period" not in report.group_by,
        "unit": report.entity.currency,
    }


def label(row: queries.CommitmentRow) -> str:
    """A row's name: its codes, or its month."""
    codes = [
        part.code or "no project"
        for part in (row.cost_center, row.gl_account, row.project)
        if part is not None
    ]
    return " · ".join([*codes, *([f"Month {row.period}"] if row.period else [])])


def _file_url(request: HttpRequest, kind: str) -> str:
    query = request.GET.copy()
    query["format"] = kind
    return f"?{query.urlencode()}"


def _document_url(entry: Any) -> str:
    try:
        return reverse(PAGES[entry.document_type], args=[entry.document_id])
    except (KeyError, NoReverseMatch):
        return ""
