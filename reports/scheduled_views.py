"""Scheduled reports in the browser: what one gets, and the form that adds one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.views.decorators.http import require_POST

from core.errors import DomainError
from core.web import act, add_errors, require_role, visible_or_404
from reports import schedules
from reports.asking import WHOLE_ENTITY
from reports.models import ScheduledReport, ScheduledRun
from reports.registry import REPORTS

_FIXED = ("as_of", "recorded_at", "since", "format", "compare", "report", "after", "stage")

_SAID = {
    "cost_center": "cost centre",
    "gl_account": "GL account",
    "fiscal_year": "fiscal year",
    "period": "month",
    "kind": "kind of expense",
}


class ScheduleForm(forms.Form):
    """What, as which file, and when."""

    name = forms.CharField(max_length=120, label="Name")
    file_format = forms.ChoiceField(choices=ScheduledReport.Format, label="File")
    frequency = forms.ChoiceField(choices=ScheduledReport.Frequency, label="How often")
    weekday = forms.TypedChoiceField(
        coerce=int,
        choices=[(number + 1, name) for number, name in WEEKDAYS.items()],
        label="Weekday",
        help_text="Of a weekly one.",
    )
    month_day = forms.IntegerField(
        min_value=1, max_value=28, label="Day of the month", help_text="Of a monthly one, 1 to 28."
    )
    hour = forms.TypedChoiceField(
        coerce=int, choices=[(hour, f"{hour:02d}:00") for hour in range(24)], label="At"
    )


@login_required
def scheduled(request: HttpRequest) -> HttpResponse:
    """The reports that one gets by mail, and what became of their last run."""
    require_role(request, *WHOLE_ENTITY)
    rows = list(
        ScheduledReport.objects.visible_to(request.user).select_related("entity").order_by("-id")
    )
    runs = ScheduledRun.objects.filter(schedule__in=rows).order_by("schedule_id", "-due_at")
    last: dict[Any, ScheduledRun] = {}
    for run in runs.select_related("file"):
        last.setdefault(run.schedule_id, run)
    context = {
        "rows": [
            (row, REPORTS[row.report].title, _page(row), _words(row.filters), last.get(row.pk))
            for row in rows
        ],
        "today": request.user.entity.day_of(timezone.now()),
    }
    return render(request, "reports/scheduled.html", context)


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Schedule the report that the address names, with the filters that it carries."""
    require_role(request, *WHOLE_ENTITY)
    report = request.GET.get("report", "")
    kind = REPORTS.get(report)
    if kind is None:
        return redirect("reports:scheduled")
    filters = _filters(request, kind.takes)
    first = {
        "name": kind.title,
        "file_format": ScheduledReport.Format.XLSX,
        "frequency": ScheduledReport.Frequency.WEEKLY,
        "weekday": 1,
        "month_day": 1,
        "hour": 7,
    }
    form = ScheduleForm(request.POST if request.method == "POST" else None, initial=first)
    if request.method == "POST" and form.is_valid():
        wanted = schedules.Wanted(report=report, filters=filters, **form.cleaned_data)
        try:
            schedules.schedule(wanted=wanted, actor=request.user, at=timezone.now())
        except DomainError as refusal:
            add_errors(form, refusal)
        else:
            return redirect("reports:scheduled")
    context = {"form": form, "title": kind.title, "words": _words(filters)}
    return render(request, "reports/schedule.html", context)


@login_required
@require_POST
def pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, schedules.pause, done="Paused.")


@login_required
@require_POST
def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, schedules.resume, done="It is sent again.")


@login_required
@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, schedules.end, done="Deleted. It is not sent any more.")


def _act(request: HttpRequest, pk: UUID, service: Any, *, done: str) -> HttpResponse:
    report = visible_or_404(ScheduledReport.objects.visible_to(request.user), pk)
    back = reverse("reports:scheduled")
    return act(
        request,
        lambda: service(report=report, actor=request.user, at=timezone.now()),
        done=done,
        to=back,
        refused_to=back,
    )


def _filters(request: HttpRequest, takes: Any) -> dict[str, str]:
    """The filters of an address that a scheduled report can keep.

    Days are left to the schedule, and so is the present fiscal year: in the next one it tells of
    that.
    """
    entity = request.user.entity
    present = str(entity.fiscal_year_of(entity.day_of(timezone.now())))
    return {
        name: value
        for name, value in request.GET.items()
        if name in takes
        and name not in _FIXED
        and value
        and (name, value) != ("fiscal_year", present)
    }


def _words(filters: Mapping[str, str]) -> list[str]:
    """Filters as people say them: `by cost centre`, `cost centre CC100`."""
    return [
        "by " + ", ".join(_SAID.get(part, part) for part in value.split(","))
        if name == "group_by"
        else f"{_SAID.get(name, name)} {value}"
        for name, value in filters.items()
    ]


def _page(report: ScheduledReport) -> str:
    """The report as it stands now, in the browser."""
    query = QueryDict(mutable=True)
    query.update(report.filters)
    return f"{reverse(PAGES_OF[report.report])}?{query.urlencode()}"


PAGES_OF = {
    "commitments": "reports:commitments",
    "budget-variance": "reports:variance",
    "forecast": "reports:forecast",
    "commitment-burn-down": "reports:burn_down",
    "accruals": "reports:accruals",
    "open-orders-aging": "reports:aging",
    "segregation-of-duties": "reports:segregation",
    "emergency-review": "reports:emergencies",
    "approval-bottlenecks": "reports:bottlenecks",
}
