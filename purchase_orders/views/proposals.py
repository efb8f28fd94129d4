"""Proposed releases in the browser: the nightly list, accepted singly or in bulk, and undone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role
from core.web import act, keyset_page, require_role, visible_or_404
from purchase_orders import services
from purchase_orders.models import ReleaseBatch, ReleaseProposal

READERS = (Role.BUYER, Role.CONTROLLER, Role.AUDITOR)
DECIDERS = (Role.BUYER, Role.CONTROLLER)
TABS = (("open", "Open"), ("accepted", "Accepted"), ("kept", "Kept"), ("all", "All"))
BATCHES = 10


@login_required
def proposals(request: HttpRequest) -> HttpResponse:
    """Who ordered it, how much it still commits, and why nobody seems to need it any more."""
    require_role(request, *READERS)
    show = request.GET.get("show", "open")
    show = show if show in dict(TABS) else "open"
    found = ReleaseProposal.objects.visible_to(request.user).select_related(
        "entity", "order__vendor", "order__buyer", "decided_by", "batch"
    )
    batches = ReleaseBatch.objects.filter(entity=request.user.entity, reversed_at=None)
    context = {
        "page": keyset_page(found if show == "all" else found.filter(status=show), request),
        "tabs": TABS,
        "tab": show,
        "may_decide": request.user.has_role(*DECIDERS),
        "batches": batches.select_related("accepted_by").order_by("-pk")[:BATCHES],
    }
    return render(request, "purchase_orders/proposals.html", context)


@login_required
@require_POST
def accept(request: HttpRequest) -> HttpResponse:
    """Close the chosen orders as one batch."""
    require_role(request, *READERS)
    ids = [UUID(each) for each in request.POST.getlist("proposal") if _is_uuid(each)]
    chosen = ReleaseProposal.objects.visible_to(request.user).filter(pk__in=ids)
    done = "Closed. What these orders commit goes back to their budgets."
    return _decide(request, services.accept, done, proposals=chosen)


@login_required
@require_POST
def keep(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The order is still needed."""
    found = visible_or_404(ReleaseProposal.objects.visible_to(request.user), pk)
    done = "Kept. It is not proposed again for 90 days."
    return _decide(request, services.keep, done, proposal=found)


@login_required
@require_POST
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reopen every order of a batch, or none of them."""
    require_role(request, *READERS)
    found = visible_or_404(ReleaseBatch.objects.filter(entity=request.user.entity), pk)
    done = "Undone: these orders are open again."
    return _decide(request, services.reverse_batch, done, batch=found)


def _decide(
    request: HttpRequest, service: Callable[..., Any], done: str, **about: Any
) -> HttpResponse:
    who = {"actor": request.user, "at": timezone.now()}
    reason = request.POST.get("reason", "")
    page = reverse("purchase_orders:proposals")
    return act(
        request,
        lambda: service(**about, **who, reason=reason),
        done=done,
        to=page,
        refused_to=page,
    )


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
