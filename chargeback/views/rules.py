"""Pages of rules: make, revise, look at a month, run it, take it back."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from chargeback import forms, intake, queries, services
from chargeback.models import AllocationRule, Consumption
from chargeback.models.rules import MAKERS, READERS
from core.errors import DomainError
from core.forms import one_more_row
from core.queries import timeline
from core.transitions import available
from core.web import (
    Repeated,
    act,
    add_errors,
    once,
    pages_of,
    require_role,
    visible_or_404,
)


@login_required
def rule_list(request: HttpRequest) -> HttpResponse:
    context = {
        "rules": [(each, each.newest[0]) for each in queries.rules(request.user)],
        "may_make": request.user.has_role(*MAKERS),
    }
    return render(request, "chargeback/rules.html", context)


@login_required
def rule(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What a rule says, what its months came to, and what a month would come to now."""
    found = visible_or_404(queries.rules(request.user), pk)
    newest = found.newest[0]
    months = forms.MonthForm(request.GET if "month" in request.GET else None)
    month = months.cleaned_data["month"] if months.is_bound and months.is_valid() else None
    month = month or _last_month(found)
    may_run = request.user.has_role(*MAKERS)
    preview = None
    if request.user.has_role(*READERS):
        preview = services.preview(rule=found, month=month, at=timezone.now())
    context = {
        "rule": found,
        "newest": newest,
        "revisions": found.newest,
        "allocations": queries.allocations(request.user).filter(rule=found).order_by("-pk")[:24],
        "month": month,
        "preview": preview,
        "consumption": Consumption.objects.filter(rule=found, month=month)
        .select_related("cost_center")
        .order_by("cost_center__code"),
        "may_run": may_run,
        "may_import": newest.basis == "consumption"
        and (may_run or newest.service_owner_id == request.user.pk),
        "currency": found.entity.currency,
        "events": timeline(found).reverse(),
    }
    return render(request, "chargeback/rule.html", context)


def _last_month(found: AllocationRule) -> date:
    """The month before this one, by the calendar of the rule's entity."""
    today = found.entity.day_of(timezone.now())
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


@login_required
def create(request: HttpRequest) -> HttpResponse:
    require_role(request, *MAKERS)
    return _form(request, None, {}, [])


@login_required
def revise(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_role(request, *MAKERS)
    found = visible_or_404(AllocationRule.objects.visible_to(request.user), pk)
    return _form(request, found, *forms.initial_of(found))


def _form(
    request: HttpRequest,
    found: AllocationRule | None,
    head: dict[str, Any],
    shares: list[dict[str, Any]],
) -> HttpResponse:
    kind = forms.RevisionForm if found else forms.NewRuleForm
    data = request.POST if request.method == "POST" else None
    adds = data is not None and "add_line" in data
    entity = request.user.entity
    own = {"entity": entity}
    form = kind(None if adds else data, entity=entity, initial=data.dict() if adds else head)
    rows = forms.ShareFormSet(
        one_more_row(data, "shares") if adds else data,
        prefix="shares",
        initial=shares,
        form_kwargs=own,
    )
    if data is not None and not adds and form.is_valid() and rows.is_valid():
        kept = forms.filled(rows)
        try:
            made = once(request, lambda: _store(request, found, form, kept), address=_address)
            messages.success(request, "Kept. Months that were shared stay as they are.")
            return redirect(_address(made))
        except Repeated as before:
            return redirect(before.address)
        except DomainError as refusal:
            _place(form, kept, refusal)
    context = {"form": form, "shares": rows, "rule": found}
    status = 422 if data is not None and not adds else 200
    return render(request, "chargeback/rule_form.html", context, status=status)


def _store(
    request: HttpRequest, found: AllocationRule | None, form: Any, rows: list[Any]
) -> AllocationRule:
    said = {
        "data": form.as_input(forms.shares_of(rows)),
        "actor": request.user,
        "at": timezone.now(),
    }
    if found is None:
        name = form.cleaned_data["name"]
        return services.create_rule(entity=request.user.entity, name=name, **said)
    return services.revise_rule(rule=found, reason=form.cleaned_data["reason"], **said)


def _place(form: Any, rows: list[Any], refusal: DomainError) -> None:
    """Each fault at its field; those of shares at the row that was meant."""
    rest = []
    for error in refusal.errors:
        parts = error.pointer.strip("/").split("/")
        if parts[0] == "shares" and len(parts) == 3:
            rows[int(parts[1])].add_error(parts[2], error.detail)
        else:
            rest.append(error)
    if rest or not refusal.errors:
        add_errors(form, refusal, rest)


def _address(found: AllocationRule) -> str:
    return reverse("chargeback:rule", args=[found.pk])


@login_required
@require_POST
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have a month shared."""
    found = visible_or_404(AllocationRule.objects.visible_to(request.user), pk)
    form = forms.MonthForm(request.POST)
    page = _address(found)
    if not form.is_valid():
        messages.error(request, "Write a month such as 2026-03.")
        return redirect(page)
    said = {"month": form.cleaned_data["month"], "actor": request.user, "at": timezone.now()}
    return act(
        request,
        lambda: services.request_run(rule=found, **said),
        done="Asked for. It is shared in a moment.",
        to=lambda made: reverse("chargeback:allocation", args=[made.pk]),
        refused_to=page,
    )


@login_required
@require_POST
def consumption(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take in a file of who used how much."""
    found = visible_or_404(AllocationRule.objects.visible_to(request.user), pk)
    form = forms.ConsumptionForm(request.POST, request.FILES)
    page = _address(found)
    if not form.is_valid():
        messages.error(request, "Choose a CSV file with month, cost_center and units.")
        return redirect(page)

    def take_in() -> services.ImportReport:
        data = form.cleaned_data["file"].read(intake.MAX_BYTES + 1)
        rows = intake.read(entity=found.entity, data=data)
        return services.import_consumption(
            rule=found, rows=rows, actor=request.user, at=timezone.now()
        )

    done = "Taken in. Rows that stood there already changed nothing."
    return act(request, take_in, done=done, to=page, refused_to=page)


@login_required
def allocation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One month shared: from which budgets, among whom, of which documents."""
    found = visible_or_404(queries.allocations(request.user), pk)
    behind = queries.documents_behind([found.pk]).get(found.pk, [])
    shown = behind[:50]
    pages = pages_of(request.user, [(row.document_type, row.document_id) for row in shown])
    lines = list(
        found.lines.select_related("cost_center", "disputed_by", "resolved_by").order_by(
            "line_number"
        )
    )
    borne = sum((line.amount for line in lines), start=0 * found.total)
    context = {
        "allocation": found,
        "lines": lines,
        "spends": found.spends.select_related(
            "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year"
        ).order_by("cell_id"),
        "behind": [(row, pages.get(row.document_id, "")) for row in shown],
        "more": max(0, len(behind) - len(shown)),
        "borne": borne,
        "left": found.total - borne,
        "currency": found.entity.currency,
        "actions": available(found, request.user),
        "events": timeline(found, related=[line.pk for line in lines]).reverse(),
    }
    return render(request, "chargeback/allocation.html", context)


@login_required
@require_POST
def reverse_allocation(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = visible_or_404(queries.allocations(request.user), pk)
    page = reverse("chargeback:allocation", args=[found.pk])
    said = {"actor": request.user, "at": timezone.now(), "reason": request.POST.get("reason", "")}
    return act(
        request,
        lambda: services.reverse(allocation=found, **said),
        done="Taken back by mirrors. The month may be run again.",
        to=page,
        refused_to=page,
    )
