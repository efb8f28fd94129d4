"""Emergencies looked at afterwards, and where approvals wait, in the browser."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.tables import Table
from core.web import pages_of, require_role
from reports.approval_answers import bottlenecks_table, review_table
from reports.asking import OVERSIGHT
from reports.bottlenecks import bottlenecks
from reports.emergency_review import review
from reports.pages import FILES, day_of, file_of


@login_required
@require_safe
def emergency_review(request: HttpRequest) -> HttpResponse:
    """The report of bypasses; `?format=csv|xlsx` answers with a file of the same rows."""
    require_role(request, *OVERSIGHT)
    report = review(entity=request.user.entity, now=timezone.now(), **_days(request))
    pages = pages_of(
        request.user,
        {(each.round_.subject_type, each.round_.subject_id) for each in report.bypasses},
    )
    rows = [(each, pages.get(each.round_.subject_id, "")) for each in report.bypasses]
    return _answer(
        request, "emergency-review", report, table=lambda: review_table(report), rows=rows
    )


@login_required
@require_safe
def approval_bottlenecks(request: HttpRequest) -> HttpResponse:
    """How long steps and people take; `?format=csv|xlsx` answers with a file of the same rows."""
    require_role(request, *OVERSIGHT)
    report = bottlenecks(entity=request.user.entity, now=timezone.now(), **_days(request))
    return _answer(request, "approval-bottlenecks", report, table=lambda: bottlenecks_table(report))


def _answer(
    request: HttpRequest, name: str, report: Any, *, table: Callable[[], Table], **more: Any
) -> HttpResponse:
    wanted = request.GET.get("format", "")
    if wanted in FILES:
        return file_of(request, wanted, name=f"{name}-{report.entity.code}", made=table)
    query = request.GET.copy()
    query.pop("format", None)
    context = {"report": report, "query": query.urlencode(), **more}
    return render(request, f"reports/{name.replace('-', '_')}.html", context)


def _days(request: HttpRequest) -> dict[str, date | None]:
    """The period from the address; what is unreadable falls back to all of it."""
    return {name: day_of(request.GET.get(name, "")) for name in ("since", "as_of")}
