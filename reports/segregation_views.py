"""Segregation of duties in the browser: violations, near misses, exceptions; every row opens its
documents."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Duty, Role
from core.web import pages_of, require_role
from reports import exports
from reports.pages import FILES, day_of, file_of
from reports.segregation import Report
from reports.segregation import segregation as report_of

_ROLES = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR)


@login_required
def segregation(request: HttpRequest) -> HttpResponse:
    """The report; `?format=csv|xlsx` answers with a file of the same rows."""
    require_role(request, *_ROLES)
    since, as_of = day_of(request.GET.get("since", "")), day_of(request.GET.get("as_of", ""))
    entity = request.user.entity
    report = report_of(entity=entity, since=since, as_of=as_of)
    wanted = request.GET.get("format", "")
    if wanted in FILES:
        name = f"segregation-of-duties-{entity.code}"
        return file_of(request, wanted, name=name, made=lambda: exports.duties_kept_apart(report))
    query = request.GET.copy()
    query.pop("format", None)
    context = {
        "report": report,
        **_rows(request, report),
        "since": since,
        "as_of": as_of,
        "today": as_of or entity.day_of(timezone.now()),
        "query": query.urlencode(),
    }
    return render(request, "reports/segregation.html", context)


def _rows(request: HttpRequest, report: Report) -> dict[str, Any]:
    """Rows with the addresses of their documents. Statements: one for each kind of document."""
    documents = [
        *((act.document_type, act.document_id) for each in report.violations for act in each.acts),
        *(("order", each.order.pk) for each in report.violations),
        *(
            (each.document_type, each.document_id)
            for each in report.near_misses
            if each.document_id
        ),
    ]
    pages = pages_of(request.user, documents)
    return {
        "violations": [
            (
                each,
                pages.get(each.order.pk, ""),
                [(Duty(act.duty).label, act, pages.get(act.document_id, "")) for act in each.acts],
            )
            for each in report.violations
        ],
        "near_misses": [
            (
                each,
                f"{Duty(each.first).label} and {Duty(each.second).label.lower()}",
                pages.get(each.document_id, "") if each.document_id else "",
            )
            for each in report.near_misses
        ],
    }
