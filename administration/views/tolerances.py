"""How far invoices may be off: as it holds, what waits to hold, and proposing otherwise."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Entity
from administration import kinds, queries
from administration.models import ChangeRequest
from administration.views.changes import propose
from administration.views.previews import shown
from core.errors import DomainError, Invalid
from core.forms import FigureField
from core.web import add_errors, require_role, visible_or_404
from invoicing import limits
from invoicing.matching.words import number
from invoicing.models import Tolerance
from invoicing.models.tolerances import KEEPERS, READERS
from invoicing.services import ToleranceInput
from invoicing.services.tolerances import faults
from vendors.models import ServiceType, Vendor

TABS = (("", "In force"), ("past", "Earlier"))
DIRECTIONS = (("over", "Too much"), ("under", "Too little"))
BEYOND = (
    ("exception", "An exception: somebody decides"),
    ("block", "Blocked: nobody can accept it"),
    ("pass", "It passes and is flagged"),
)


class LimitForm(forms.Form):
    """How far, from when on, and why."""

    percent = FigureField(required=False, label="Percentage")
    absolute = FigureField(
        required=False,
        label="Amount",
        help_text="In the currency of each invoice; for quantities in units.",
    )
    combine = forms.ChoiceField(
        choices=(("AND", "Whichever is less"), ("OR", "Whichever is more")),
        label="Where both are given",
    )
    action = forms.ChoiceField(choices=BEYOND, label="Beyond it")
    valid_from = forms.DateField(
        label="Holds from",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Or from the day it is agreed, if that is later.",
    )
    reason = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)


class ChangeForm(LimitForm):
    ends = forms.BooleanField(
        required=False, label="No limit of its own any more: the next wider one holds"
    )


class NewForm(LimitForm):
    """… and what it is for."""

    check = forms.ChoiceField(choices=Tolerance.Check.choices, label="What is compared")
    direction = forms.ChoiceField(choices=DIRECTIONS, label="Which way")
    vendor = forms.ModelChoiceField(
        Vendor.objects.none(), required=False, empty_label="All vendors"
    )
    category = forms.ChoiceField(choices=(("", "All categories"), *ServiceType.choices))

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].required = False
        self.fields["vendor"].queryset = Vendor.objects.filter(entity=entity).order_by("name")


@login_required
def tolerances(request: HttpRequest) -> HttpResponse:
    require_role(request, *READERS)
    entity = request.user.entity
    today = entity.day_of(timezone.now())
    tab = "past" if request.GET.get("show") == "past" else ""
    rows = queries.tolerances(entity, on=today, past=bool(tab))
    waiting = queries.changes(request.user, open_only=True)
    context = {
        "rows": [(row, limits.scope(row), limits.sentence(row)) for row in rows],
        "changes": waiting.filter(kind=ChangeRequest.Kind.TOLERANCE),
        "may_propose": request.user.has_role(*KEEPERS),
        "today": today,
        "tabs": TABS,
        "tab": tab,
    }
    return render(request, "administration/tolerances.html", context)


@login_required
def add(request: HttpRequest) -> HttpResponse:
    require_role(request, *KEEPERS)
    entity = request.user.entity
    today = entity.day_of(timezone.now())
    form = NewForm(request.POST or None, entity=entity, initial={"valid_from": today})
    return _propose(request, form, _said, "administration/tolerance_new.html", {})


@login_required
def tolerance(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A scope, by any of its rows: what held and holds, who agreed, and changing it."""
    require_role(request, *READERS)
    rows = Tolerance.objects.visible_to(request.user).select_related("vendor", "entity")
    row = visible_or_404(rows, pk)
    if request.method == "POST":
        require_role(request, *KEEPERS)
    versions = queries.versions_of(row)
    today = row.entity.day_of(timezone.now())
    form = ChangeForm(request.POST or None, initial=_initial(versions, today))
    changes = queries.changes_of(row)
    context = {
        "title": limits.title(row),
        "scope": limits.scope(row),
        "versions": [(each, limits.sentence(each)) for each in versions],
        "events": queries.events_of(changes),
        "changes": changes.filter(status=ChangeRequest.Status.PROPOSED).select_related(
            "entity", "proposed_by"
        ),
        "may_propose": request.user.has_role(*KEEPERS),
        "today": today,
    }

    def wanted(said: dict[str, Any]) -> dict[str, Any]:
        return {**_scope(row), **_said(said)}

    return _propose(request, form, wanted, "administration/tolerance.html", context)


def _initial(versions: list[Tolerance], today: date) -> dict[str, Any]:
    """What is agreed last, from the first day on which it can be changed."""
    row = next((each for each in versions if not each.is_empty), versions[0])
    return {
        "valid_from": max(today, row.valid_from or today),
        "percent": None if row.percent is None else number(row.percent),
        "absolute": None if row.absolute is None else number(row.absolute),
        "combine": row.combine,
        "action": row.action,
    }


def _scope(row: Tolerance) -> dict[str, Any]:
    return {
        "check": row.check_name,
        "direction": row.direction,
        "vendor": row.vendor_id and str(row.vendor_id),
        "category": row.category,
    }


def _said(said: dict[str, Any]) -> dict[str, Any]:
    """What a form says, as a proposal takes it."""
    found = {name: said[name] for name in kinds.tolerances.NAMES if name in said}
    if vendor := found.get("vendor"):
        found["vendor"] = str(vendor.pk)
    return {**found, "valid_from": said["valid_from"].isoformat()}


def _propose(
    request: HttpRequest,
    form: Any,
    wanted: Callable[[dict[str, Any]], dict[str, Any]],
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """The form proposes, or only shows what it would let by."""
    about = {"kind": ChangeRequest.Kind.TOLERANCE}
    if "preview" in request.POST and form.is_valid():
        try:
            context["preview"] = shown(request, _judged(request, wanted(form.cleaned_data)))
        except DomainError as refusal:
            add_errors(form, refusal)
        status = 422 if form.errors else 200
        return render(request, template, {**context, "form": form}, status=status)
    return propose(request, form, wanted, about, template=template, context=context)


def _judged(request: HttpRequest, after: dict[str, Any]) -> ToleranceInput:
    entity = request.user.entity
    found = kinds.tolerances.wanted(ChangeRequest(entity=entity), after)
    if errors := faults(entity, found, at=timezone.now()):
        raise Invalid(errors=errors)
    return found
