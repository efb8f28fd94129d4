"""Pages of requisitions: list, form with live check, one requisition with all it holds."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import core.queries
from core.errors import DomainError, FieldError
from core.money import minor_units
from core.web import act, add_errors, keyset_page, visible_or_404
from requisitions import forms, queries, services
from requisitions.models import Requisition
from requisitions.outlook import outlook
from vendors.queries import search_catalog

TABS = (
    ("mine", "Mine"),
    ("waiting", "Waiting for me"),
    ("submitted", "In approval"),
    ("approved", "Approved"),
    ("all", "All"),
)
DONE = {
    "submit": "Sent for approval.",
    "withdraw": "Withdrawn. You can change it and send it again.",
    "cancel": "Cancelled; what was reserved goes back to the budget.",
    "close": "Closed; the rest of its reservation goes back to the budget.",
    "copy": "Copied. Check the draft and send it.",
}


@login_required
def requisition_list(request: HttpRequest) -> HttpResponse:
    tab, search = request.GET.get("show", "mine"), request.GET.get("q", "")
    found = _tab(request, tab, search)
    page = keyset_page(found, request)
    holders = queries.holders(page.items)
    context = {
        "page": page,
        "rows": [(each, holders[each.pk]) for each in page.items],
        "tabs": TABS,
        "tab": tab,
        "search": search,
    }
    return render(request, "requisitions/list.html", context)


def _tab(request: HttpRequest, tab: str, search: str) -> Any:
    if search:
        return queries.listing(request.user, search=search)
    if tab == "waiting":
        return queries.waiting_for(request.user).select_related("entity", "requester", "vendor")
    if tab in Requisition.Status.values:
        return queries.listing(request.user, status=tab)
    return queries.listing(request.user, mine=tab != "all")


@login_required
def create(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = queries.detailed(request.user).filter(requester=request.user)
    requisition = visible_or_404(found, pk)
    if "edit" not in queries.available_actions(requisition, request.user):
        messages.error(request, "Withdraw it first: it is with its approvers.")
        return redirect("requisitions:detail", pk=pk)
    return _form(request, requisition)


def _form(request: HttpRequest, requisition: Requisition | None) -> HttpResponse:
    """The form, new or of a draft. Saving keeps a draft; sending submits it as well."""
    head, lines = _bound(request, requisition)
    status = 200
    if request.method == "POST" and "add_line" not in request.POST:
        if head.is_valid() and lines.is_valid():
            response = _save(request, requisition, head, lines)
            if response is not None:
                return response
        status = 422
    context = {
        "form": head,
        "lines": lines,
        "requisition": requisition,
        "minor_units": _minor_units(head),
    }
    return render(request, "requisitions/form.html", context, status=status)


def _minor_units(head: forms.RequisitionForm) -> int:
    try:
        return minor_units(str(head["currency"].value() or "EUR").upper())
    except ValueError:
        return 2


def _bound(request: HttpRequest, requisition: Requisition | None) -> tuple[Any, Any]:
    entity = request.user.entity
    extra = {"form_kwargs": {"choices": forms.CodingChoices(entity)}, "prefix": "lines"}
    if request.method == "POST":
        return (
            forms.RequisitionForm(request.POST, entity=entity),
            forms.LineFormSet(_with_new_line(request), **extra),
        )
    if requisition is not None:
        initial, rows = forms.initial_of(requisition)
        grid = forms.LineFormSet(initial=rows, **extra)
        grid.extra = 0 if rows else 1
        return forms.RequisitionForm(initial=initial, entity=entity), grid
    initial = {"currency": entity.currency, "ship_to": f"{entity.name}\n{entity.address}".strip()}
    return forms.RequisitionForm(initial=initial, entity=entity), forms.LineFormSet(**extra)


def _with_new_line(request: HttpRequest) -> Any:
    """Without scripts "Add line" is a submit: the same form comes back one line longer."""
    data = request.POST
    if "add_line" in data:
        data = data.copy()
        data["lines-TOTAL_FORMS"] = str(int(data.get("lines-TOTAL_FORMS", "0") or 0) + 1)
    return data


def _input(head: Any, lines: Any) -> Any:
    kept = [form for form in lines if form.cleaned_data and not form.cleaned_data.get("DELETE")]
    return head.as_input([form.as_input() for form in kept]), kept


def _save(
    request: HttpRequest, requisition: Requisition | None, head: Any, lines: Any
) -> HttpResponse | None:
    data, kept = _input(head, lines)
    now = timezone.now()
    try:
        if requisition is None:
            saved = services.create(requester=request.user, data=data, at=now)
        else:
            saved = services.edit(requisition=requisition, data=data, actor=request.user, at=now)
    except DomainError as refusal:
        _place(head, kept, refusal)
        return None
    if "send" not in request.POST:
        messages.success(request, "Draft kept.")
        return redirect("requisitions:edit", pk=saved.pk)
    edit_page = reverse("requisitions:edit", args=[saved.pk])
    return act(
        request,
        lambda: services.submit(requisition=saved, actor=request.user, at=now),
        done=DONE["submit"],
        to=reverse("requisitions:detail", args=[saved.pk]),
        refused_to=edit_page,
    )


def _place(head: Any, lines: list[Any], refusal: DomainError) -> None:
    """Each fault at its field: `/lines/0/quantity` in the grid, the rest in the head."""
    rest: list[FieldError] = []
    for error in refusal.errors:
        parts = error.pointer.strip("/").split("/")
        if parts[0] == "lines" and len(parts) > 2 and int(parts[1]) < len(lines):
            form = lines[int(parts[1])]
            name = parts[2] if parts[2] in form.fields else _coding_field(parts)
            form.add_error(name if name in form.fields else None, error.detail)
        else:
            rest.append(error)
    if rest or not refusal.errors:
        add_errors(head, type(refusal)(refusal.detail, errors=rest))


def _coding_field(parts: list[str]) -> str:
    """`/lines/0/distributions/1/cost_center` is the field `cost_center_2`."""
    if len(parts) >= 5 and parts[2] == "distributions" and parts[3].isdigit():
        return f"{parts[4]}_{int(parts[3]) + 1}"
    return "percent_1" if parts[2] == "distributions" else parts[2]


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The live answer beside the form: what the budgets say and whom it would go to."""
    head, lines = _bound(request, None)
    context: dict[str, Any] = {"currency": request.user.entity.currency}
    if head.is_valid() and lines.is_valid():
        data, _ = _input(head, lines)
        try:
            context["outlook"] = outlook(
                entity=request.user.entity,
                requester=request.user,
                data=data,
                on=request.user.entity.day_of(timezone.now()),
            )
        except DomainError as refusal:
            context["problem"] = refusal
    return render(request, "requisitions/_outlook.html", context)


@login_required
def catalog_search(request: HttpRequest) -> HttpResponse:
    """Suggestions while a line is typed."""
    words = next((value for name, value in request.GET.items() if name.endswith("description")), "")
    items = search_catalog(request.user, words)[:8] if len(words.strip()) > 1 else []
    rows = [{"item": item, "fill": json.dumps(_fill(item))} for item in items]
    return render(request, "requisitions/_suggestions.html", {"rows": rows})


def _fill(item: Any) -> dict[str, str]:
    return {
        "catalog_item": str(item.pk),
        "description": item.name,
        "unit": item.unit,
        "unit_price": format(item.unit_price.normalize(), "f"),
        "tax_code": item.tax_code,
    }


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    requisition = visible_or_404(queries.detailed(request.user), pk)
    context = {
        "requisition": requisition,
        "lines": requisition.lines.all(),
        "holder": queries.holder(requisition),
        "actions": queries.available_actions(requisition, request.user),
        "events": core.queries.timeline(requisition),
        "comments": core.queries.comments(requisition),
        "files": core.queries.attachments(requisition),
    }
    return render(request, "requisitions/detail.html", context)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """A button on the page."""
    if action not in DONE:
        raise Http404
    requisition = visible_or_404(Requisition.objects.visible_to(request.user), pk)
    who = {"requisition": requisition, "actor": request.user, "at": timezone.now()}
    reason = request.POST.get("reason", "")
    calls = {
        "submit": lambda: services.submit(**who),
        "withdraw": lambda: services.withdraw(**who, reason=reason),
        "cancel": lambda: services.cancel(**who, reason=reason),
        "close": lambda: services.close(**who, reason=reason),
        "copy": lambda: services.copy(**who),
    }
    page = reverse("requisitions:detail", args=[pk])
    return act(
        request,
        calls[action],
        done=DONE[action],
        to=lambda result: reverse(
            "requisitions:edit" if action == "copy" else "requisitions:detail", args=[result.pk]
        ),
        refused_to=page,
    )
