"""What the pages of reports share: who sees them, filters from the address, files, links."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS, MONTHS_3

from accounts.models import Entity
from budgets.models import CostCenter, FiscalYear, GLAccount, Project
from core.decimals import whole
from core.tables import Table
from reports.asking import YEARS
from reports.exporting import FILES, ExportRunning, one_at_a_time
from reports.figures import LATE, WITHOUT

FILTERS = {"cost_center": CostCenter, "gl_account": GLAccount, "project": Project}
KINDS = (("", "Capex and opex"), ("opex", "Operating expense"), ("capex", "Capital expense"))
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


def groups_with(*own: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """What a report of budgets can be grouped by; `own` is what this one adds."""
    return (
        ("cost_center", "By cost centre"),
        ("gl_account", "By GL account"),
        ("project", "By project"),
        *own,
        ("cost_center,gl_account", "By cost centre and account"),
        ("cost_center,gl_account,project", "Every budget"),
    )


def frame_of(
    request: HttpRequest, chosen: dict[str, Any], name: str, **schedule: str
) -> dict[str, Any]:
    """What every report's page is drawn with: filters, files, and where to have it mailed."""
    asked = schedule or kept(chosen)
    return {
        "entity": request.user.entity,
        "currency": request.user.entity.currency,
        "chosen": chosen,
        "names": words_of(request.user.entity, chosen),
        "choices": choices_of(request),
        "kinds": KINDS,
        "links": {kind: same(request, format=kind) for kind in FILES},
        "schedule": f"{reverse('reports:schedule')}?" + urlencode({**asked, "report": name}),
    }


def file_of(
    request: HttpRequest, kind: str, *, name: str, made: Callable[[], Table]
) -> HttpResponse:
    """A report as a file, one at a time for each person; else 429 and when to come again."""
    write, content_type = FILES[kind]
    try:
        with one_at_a_time(request.user):
            data = write(made())
    except ExportRunning as refusal:
        answer = render(request, "reports/refused.html", {"refusal": refusal}, status=429)
        answer["Retry-After"] = str(refusal.retry_after)
        return answer
    return HttpResponse(
        data,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'},
    )


def chosen_of(
    request: HttpRequest,
    *,
    groups: Sequence[tuple[str, str]],
    stages: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Filters from the address; what is unreadable falls back to its default."""
    entity = request.user.entity
    today = entity.day_of(timezone.now())
    year = whole(request.GET.get("fiscal_year", ""))
    group = request.GET.get("group_by", "")
    stage = request.GET.get("stage", "")
    kind = request.GET.get("kind", "")
    period = whole(request.GET.get("period", ""))
    return {
        "as_of": day_of(request.GET.get("as_of", "")),
        "recorded_at": day_of(request.GET.get("recorded_at", "")),
        "fiscal_year": year if year is not None and year in YEARS else entity.fiscal_year_of(today),
        "group_by": group if group in dict(groups) else groups[0][0],
        **{name: request.GET.get(name, "")[:32] for name in FILTERS},
        "period": period if period is not None and 1 <= period <= LATE else None,
        "stage": stage if stage in dict(stages) else "",
        "kind": kind if kind in GLAccount.Kind.values else "",
        "format": request.GET.get("format", ""),
    }


def asked_of(chosen: dict[str, Any]) -> dict[str, Any]:
    """The filters as queries take them."""
    return {
        "fiscal_year": chosen["fiscal_year"],
        "as_of": chosen["as_of"],
        "known_on": chosen["recorded_at"],
        "kind": chosen["kind"] or None,
        **{name: chosen[name] or None for name in FILTERS},
    }


def today_of(entity: Entity, chosen: dict[str, Any]) -> date:
    """The day a report stands on: the earlier one that was asked for, or the present one."""
    days = [day for day in (chosen["as_of"], chosen["recorded_at"]) if day]
    return min(days) if days else entity.day_of(timezone.now())


def day_of(text: str) -> date | None:
    """A day of an address; None for what is unreadable or no day of a report."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def kept(chosen: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in chosen.items()
        if value and name not in ("format", "stage", "period")
    }


def entry_links(chosen: dict[str, Any], filters: dict[str, Any]) -> dict[str, str]:
    """Where each figure of a row leads, by what it is made of; `all` is what is available."""
    shared = {**kept(chosen), **filters}
    return {
        stage or "all": f"{reverse('reports:entries')}?"
        + urlencode({**shared, **({"stage": stage} if stage else {})})
        for stage, _ in FIGURES
    }


def choices_of(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    entity = request.user.entity
    years = FiscalYear.objects.filter(entity=entity).order_by("-year")
    return {
        "fiscal_year": [(str(year.year), str(year.year)) for year in years],
        "cost_center": _codes(CostCenter, entity, "All cost centres"),
        "gl_account": _codes(GLAccount, entity, "All accounts"),
        "project": [
            *_codes(Project, entity, "All projects"),
            (WITHOUT, "Without a project"),
        ],
    }


def _codes(model: Any, entity: Entity, every: str) -> list[tuple[str, str]]:
    rows = model.objects.filter(entity=entity).order_by("code")
    return [("", every), *((row.code, str(row)) for row in rows)]


def month_of(entity: Entity, period: int | None, *, short: bool = False) -> str:
    """The month that a period of the fiscal year is: `March`; what is booked later has none."""
    if period == LATE:
        return "Later" if short else "After the year"
    names = MONTHS_3 if short else MONTHS
    number = ((period or 1) - 1 + entity.fiscal_year_starts_month - 1) % 12 + 1
    text = str(names[number])
    return text.capitalize() if short else text


def same(request: HttpRequest, **said: str) -> str:
    """This page's address with the same filters and something more."""
    query = request.GET.copy()
    query.pop("compare", None)
    for name, value in said.items():
        query[name] = value
    return f"?{query.urlencode()}"


def words_of(entity: Entity, chosen: dict[str, Any]) -> list[str]:
    """The filters in words: `Operating expense`, `CC100 IT operations`, `March`."""
    names = [dict(KINDS)[chosen["kind"]]] if chosen["kind"] else []
    for name, model in FILTERS.items():
        code = chosen[name]
        if code == WITHOUT and name == "project":
            names.append("without a project")
        elif code:
            row = model.objects.filter(entity=entity, code=code).first()
            names.append(str(row or code))
    if chosen["period"]:
        names.append(month_of(entity, chosen["period"]))
    return names


def codes_of(row: Any) -> str:
    """A row's codes, for the axis of a chart."""
    parts = (row.cost_center, row.gl_account, row.project)
    return " · ".join(part.code for part in parts if part and part.code)
