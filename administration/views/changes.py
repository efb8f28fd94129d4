"""Changes of the set-up: what waits for approval, what was decided, and proposing one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import duties
from accounts.models import Role, User
from accounts.services import figure
from administration import forms, kinds, queries, services
from administration.kinds.values import pair_words
from administration.models import READERS, ChangeRequest
from administration.views import previews
from approvals.queries import chain_of
from core.errors import DomainError
from core.queries import timeline
from core.transitions import available
from core.web import Repeated, act, add_errors, keyset_page, once, require_role, visible_or_404
from vendors.services import bank

TABS = (("open", "Open"), ("decided", "Decided"))
# What can be proposed about a person, by kind: the heading of its form, and what to know before.
PROPOSALS = {
    "roles": ("Roles", "What somebody can do follows from roles."),
    "limits": ("Limits", "Empty: approves nothing by amount."),
    "manager": ("Manager", "Approvals go upwards from here."),
    "second_factor": ("Reset the second factor", "For somebody who lost phone and codes."),
    "mitigation": ("Exception from duties kept apart", "For this person, until a day."),
}


@login_required
def changes(request: HttpRequest) -> HttpResponse:
    require_role(request, *READERS)
    tab = request.GET.get("show", "open")
    page = keyset_page(queries.changes(request.user, open_only=tab != "decided"), request)
    context = {
        "page": page,
        "rows": [(each, kinds.of(each).rows(each)) for each in page.items],
        "tabs": TABS,
        "tab": tab if tab in dict(TABS) else "open",
    }
    return render(request, "administration/changes.html", context)


@login_required
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    rows = ChangeRequest.objects.visible_to(request.user).select_related(
        "entity", "person", "policy", "vendor", "proposed_by", "decided_by"
    )
    found = visible_or_404(rows, pk)
    context = {
        "change": found,
        "rows": kinds.of(found).rows(found),
        "chain": chain_of(found.pk),
        "may_withdraw": "withdraw" in available(found, request.user),
        "events": timeline(found).reverse(),
        "oversees": request.user.has_role(*READERS),
        "account": _account(found, request.user),
        "preview": previews.of_change(request, found),
    }
    return render(request, "administration/change.html", context)


def _account(change: ChangeRequest, user: User) -> str:
    """The bank account that it is about, for those who may look at it."""
    is_bank = change.kind == ChangeRequest.Kind.BANK
    return str(change.after["account"]) if is_bank and user.has_role(*bank.READERS) else ""


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = visible_or_404(ChangeRequest.objects.visible_to(request.user), pk)
    page = address(found)
    return act(
        request,
        lambda: services.withdraw(change=found, actor=request.user, at=timezone.now()),
        done="Taken back.",
        to=page,
        refused_to=page,
    )


@login_required
def propose_for_person(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    require_role(request, Role.ADMINISTRATOR)
    rows = User.objects.visible_to(request.user).select_related("entity", "manager")
    person = visible_or_404(rows, pk)
    if kind not in PROPOSALS:
        raise Http404
    form, wanted = _form_for(request, person, kind)
    title, lead = PROPOSALS[kind]
    return propose(
        request,
        form,
        wanted,
        {"kind": kind, "person": person},
        template="administration/propose.html",
        context={"person": person, "title": title, "lead": lead, "kind": kind},
    )


@login_required
def settings(request: HttpRequest) -> HttpResponse:
    """Settings of the entity as they are, and the form to propose others."""
    require_role(request, Role.ADMINISTRATOR)
    entity = request.user.entity
    names = list(kinds.settings.SETTINGS)
    form = forms.SettingsForm(
        request.POST or None,
        entity=entity,
        initial={name: _shown(getattr(entity, name)) for name in names},
    )

    def wanted(said: dict[str, Any]) -> dict[str, Any]:
        return {name: _plain(said[name]) for name in names}

    context = {"entity": entity, "title": "Settings"}
    return propose(
        request,
        form,
        wanted,
        {"kind": ChangeRequest.Kind.ENTITY},
        template="administration/settings.html",
        context=context,
    )


def _shown(value: Any) -> Any:
    return figure(value) if isinstance(value, Decimal) else value


def _plain(value: Any) -> Any:
    if isinstance(value, User):
        return str(value.pk)
    return None if value is None else str(value)


def _form_for(request: HttpRequest, person: User, kind: str) -> tuple[Any, Callable[[dict], dict]]:
    """The form of a kind, and how what was said in it becomes what is wanted."""
    entity, data = person.entity, request.POST or None
    if kind == "roles":
        form: Any = forms.RolesForm(data, entity=entity, initial={"roles": sorted(person.roles)})
        return form, lambda said: {"roles": said["roles"]}
    if kind == "limits":
        names = list(kinds.people.LIMIT_NAMES)
        form = forms.LimitsForm(
            data, entity=entity, initial={name: _shown(getattr(person, name)) for name in names}
        )
        return form, lambda said: {name: _plain(said[name]) for name in names}
    if kind == "manager":
        form = forms.ManagerForm(data, entity=entity, initial={"manager": person.manager_id})
        return form, lambda said: {"manager": _plain(said["manager"])}
    if kind == "second_factor":
        return forms.ReasonForm(data, entity=entity), lambda _: {}
    pairs = [
        (f"{each.first}:{each.second}", pair_words(each.first, each.second))
        for each in duties.pairs_of(entity)
    ]
    form = forms.MitigationForm(data, entity=entity, pairs=pairs)
    return form, _mitigation


def _mitigation(said: dict[str, Any]) -> dict[str, Any]:
    first, _, second = said["pair"].partition(":")
    return {"first": first, "second": second, "valid_until": said["valid_until"].isoformat()}


def propose(
    request: HttpRequest,
    form: Any,
    wanted: Callable[[dict[str, Any]], dict[str, Any]],
    about: dict[str, Any],
    *,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """A form that proposes a change: its page, its refusals, and where it leads."""
    if request.method == "POST" and form.is_valid():
        try:
            made = once(
                request,
                lambda: services.propose(
                    entity=request.user.entity,
                    after=wanted(form.cleaned_data),
                    reason=form.cleaned_data["reason"],
                    actor=request.user,
                    at=timezone.now(),
                    **about,
                ),
                address=address,
            )
            messages.success(request, "Proposed: it holds once somebody else approves it.")
            return redirect(address(made))
        except Repeated as before:
            return redirect(before.address)
        except DomainError as refusal:
            add_errors(form, refusal)
    status = 422 if request.method == "POST" else 200
    return render(request, template, {**context, "form": form}, status=status)


def address(change: ChangeRequest) -> str:
    return reverse("administration:change", args=[change.pk])
