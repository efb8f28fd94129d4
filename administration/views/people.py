"""Who works here: the list, one person with everything that person may do, joining and leaving."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import accounts.services
from accounts import second_factor
from accounts.models import Role, User
from administration import forms, queries, services
from administration.models import READERS
from administration.views.changes import PROPOSALS
from approvals.models import Delegation
from core.errors import DomainError
from core.web import Repeated, act, add_errors, once, require_role, visible_or_404
from notifications.queries import bouncing

TABS = (("", "Working here"), ("left", "Left"))


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """What an administrator should look at: open changes, addresses that bounce."""
    require_role(request, *READERS)
    entity = request.user.entity
    open_changes = queries.changes(request.user, open_only=True)
    context = {
        "entity": entity,
        "people": User.objects.filter(entity=entity, is_active=True).count(),
        "open_count": open_changes.count(),
        "changes": open_changes[:5],
        "bounces": bouncing(entity),
        "mitigations": queries.standing_mitigations(entity, on=entity.day_of(timezone.now())),
    }
    return render(request, "administration/start.html", context)


@login_required
def people(request: HttpRequest) -> HttpResponse:
    require_role(request, *READERS)
    show, search = request.GET.get("show", ""), request.GET.get("q", "")
    context = {
        "people": queries.people(request.user.entity, show=show, search=search),
        "tabs": TABS,
        "tab": show if show in dict(TABS) else "",
        "search": search,
        "may_add": request.user.has_role(Role.ADMINISTRATOR),
        "currency": request.user.entity.currency,
    }
    return render(request, "administration/people.html", context)


@login_required
def person(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_role(request, *READERS)
    rows = User.objects.visible_to(request.user).select_related("manager", "entity")
    found = visible_or_404(rows, pk)
    delegations = Delegation.objects.filter(Q(from_user=found) | Q(to_user=found))
    may = request.user.has_role(Role.ADMINISTRATOR) and request.user.pk != found.pk
    context = {
        "person": found,
        "currency": found.entity.currency,
        "roles": sorted(str(Role(role).label) for role in found.roles),
        "reports": found.reports.filter(is_active=True).order_by("name"),
        "delegations": delegations.select_related("from_user", "to_user").order_by("-valid_to")[
            :20
        ],
        "mitigations": queries.mitigations(found.entity).filter(person=found),
        "changes": queries.changes(request.user, open_only=True).filter(person=found),
        "events": queries.history_of(found),
        "factor": second_factor.has(found),
        "now": timezone.now(),
        "today": found.entity.day_of(timezone.now()),
        "may_change": may and found.is_active,
        "proposals": PROPOSALS,
    }
    return render(request, "administration/person.html", context)


@login_required
def add(request: HttpRequest) -> HttpResponse:
    require_role(request, Role.ADMINISTRATOR)
    form = forms.PersonForm(request.POST or None, entity=request.user.entity)
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = {
            "entity": request.user.entity,
            "actor": request.user,
            "at": timezone.now(),
        }
        try:
            made = once(
                request,
                lambda: services.add_person(**form.cleaned_data, **given),
                address=_address,
            )
            messages.success(request, f"{made} was added; roles wait for somebody else's approval.")
            return redirect(_address(made))
        except Repeated as before:
            return redirect(before.address)
        except DomainError as refusal:
            add_errors(form, refusal)
    status = 422 if request.method == "POST" else 200
    return render(request, "administration/add.html", {"form": form}, status=status)


@login_required
@require_POST
def deactivate(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = visible_or_404(User.objects.visible_to(request.user), pk)
    return act(
        request,
        lambda: accounts.services.deactivate(
            person=found,
            actor=request.user,
            at=timezone.now(),
            reason=request.POST.get("reason", ""),
        ),
        done=f"{found} can no longer sign in; what waited for them goes to others.",
        to=_address(found),
        refused_to=_address(found) if request.user.has_role(*READERS) else reverse("home"),
    )


def _address(person: User) -> str:
    return reverse("administration:person", args=[person.pk])
