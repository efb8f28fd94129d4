"""Year ends in the browser: looked at first, run as one batch, undone, and the year closed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

import core.queries
from accounts.models import Role
from budgeting.models import YearEnd, YearEndLine
from budgeting.services import year_ends
from budgets.models import FiscalYear
from core.errors import DomainError
from core.money import ZERO
from core.transitions import available
from core.web import act, keyset_page, pages_of, require_role, visible_or_404

READERS = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUDGET_OWNER)
VERBS = {
    "resume": "Trying again what could not go over.",
    "reverse": "Undone: everything is back in its old year.",
    "close": "The year is closed: it takes no entries any more.",
    "reopen": "The year is open again.",
}
SHOWN = 500


@login_required
def year_end_list(request: HttpRequest) -> HttpResponse:
    """Year ends so far, and what one would do before anybody runs it."""
    require_role(request, *READERS)
    if request.method == "POST":
        return _run(request)
    entity = request.user.entity
    found = YearEnd.objects.visible_to(request.user).select_related(
        "entity", "from_year", "to_year", "requested_by"
    )
    context: dict[str, Any] = {
        "page": keyset_page(found, request),
        "years": FiscalYear.objects.filter(entity=entity, is_open=True).order_by("year"),
        "policies": YearEnd.Policy.choices,
        "policy": request.GET.get("policy", YearEnd.Policy.WITH_BUDGET),
        "currency": entity.currency,
        "may_run": request.user.has_role(Role.CONTROLLER),
    }
    year = request.GET.get("fiscal_year", "")
    if year.isdecimal() and len(year) == 4:
        context |= _preview(request, int(year), context["policy"])
    return render(request, "budgeting/year_ends/list.html", context)


def _preview(request: HttpRequest, year: int, policy: str) -> dict[str, Any]:
    try:
        lines = year_ends.preview(entity=request.user.entity, fiscal_year=year, policy=policy)
    except DomainError as refusal:
        return {"year": year, "problem": refusal.detail}
    entity = request.user.entity
    done = YearEnd.objects.filter(entity=entity, from_year__year=year)
    ends_on = FiscalYear.objects.get(entity=entity, year=year).ends_on
    return {
        "year": year,
        "is_over": entity.day_of(timezone.now()) > ends_on,
        "runs_from": ends_on + timedelta(days=1),
        "done": done.exclude(status=YearEnd.Status.REVERSED).first(),
        "lines": _opened(request, lines[:SHOWN]),
        "count": len(lines),
        "total": sum((line.amount for line in lines), ZERO),
        "activated": sum((line.activated for line in lines), ZERO),
        "short": sum(line.is_short for line in lines),
    }


def _opened(request: HttpRequest, lines: Iterable[Any]) -> list[tuple[Any, str]]:
    """Lines with the page of their document, for those who may see it."""
    found = list(lines)
    pages = pages_of(
        request.user,
        ((line.commitment.document_type, line.commitment.document_id) for line in found),
    )
    return [(line, pages.get(line.commitment.document_id, "")) for line in found]


def _run(request: HttpRequest) -> HttpResponse:
    year, policy = request.POST.get("fiscal_year", ""), request.POST.get("policy", "")
    looked_at = urlencode({"fiscal_year": year, "policy": policy})
    return act(
        request,
        lambda: year_ends.request(
            entity=request.user.entity,
            fiscal_year=int(year) if year.isdecimal() and len(year) == 4 else 0,
            policy=policy,
            reason=request.POST.get("reason", ""),
            actor=request.user,
            at=timezone.now(),
        ),
        done="It runs now; this page says how far it is.",
        to=lambda made: reverse("budgeting:year_end", args=[made.pk]),
        refused_to=f"{reverse('budgeting:year_ends')}?{looked_at}",
    )


@login_required
def year_end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One year end: what went over, what could not and why."""
    found = _seen(request, pk)
    rolled = found.lines.filter(state=YearEndLine.State.ROLLED)
    sums = rolled.aggregate(amount=Sum("amount"), activated=Sum("activated"), budget=Sum("budget"))
    lines = found.lines.select_related(
        "commitment",
        *(f"from_cell__{name}" for name in ("cost_center", "gl_account")),
        *("from_cell__project", "from_cell__fiscal_year"),
    )
    context = {
        "year_end": found,
        "lines": _opened(request, lines.order_by("state", "pk")[:SHOWN]),
        "sums": {name: value or ZERO for name, value in sums.items()},
        "actions": [name for name in VERBS if name in available(found, request.user)],
        "currency": found.entity.currency,
        "events": core.queries.timeline(found).reverse(),
    }
    return render(request, "budgeting/year_ends/detail.html", context)


@login_required
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """Resume, undo, close or open again: one domain call behind a button."""
    found = _seen(request, pk)
    if action not in VERBS or request.method != "POST":
        raise Http404
    page = reverse("budgeting:year_end", args=[found.pk])
    service = getattr(year_ends, action)
    return act(
        request,
        lambda: service(
            year_end=found,
            actor=request.user,
            at=timezone.now(),
            reason=request.POST.get("reason", ""),
        ),
        done=VERBS[action],
        to=page,
        refused_to=page,
    )


def _seen(request: HttpRequest, pk: UUID) -> YearEnd:
    rows = YearEnd.objects.visible_to(request.user).select_related(
        "entity", "from_year", "to_year", "requested_by"
    )
    return visible_or_404(rows, pk)
