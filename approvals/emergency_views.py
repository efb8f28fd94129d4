"""Emergencies looked at afterwards: what falls to me, and every bypass with how it was settled."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from approvals import emergencies, services
from approvals.models import Ratification
from core.web import act, pages_of, visible_or_404

OVERSEES = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR)
SHOWN = 200
DONE = {"ratify": "Ratified.", "object": "Your objection is on record."}


@login_required
@require_safe
def tasks(request: HttpRequest) -> HttpResponse:
    """What a person has to look at; whoever oversees sees all, the overdue ones first."""
    user, at = request.user, timezone.now()
    mine = list(emergencies.falling_to(user))
    found = emergencies.bypasses(user.entity)
    if not user.has_role(*OVERSEES):
        found = found.filter(Q(requester=user) | Q(assignee=user))
    bypasses = list(found[:SHOWN])
    addresses = pages_of(
        user, {(each.request.subject_type, each.request.subject_id) for each in [*mine, *bypasses]}
    )
    for each in [*mine, *bypasses]:
        each.address = addresses.get(each.request.subject_id, "")
        each.is_overdue = each.status == Ratification.Status.DUE and each.due_at < at
    context = {
        "mine": mine,
        "bypasses": sorted(bypasses, key=lambda each: not each.is_overdue),
        "overdue": sum(each.is_overdue for each in bypasses),
        "oversees": user.has_role(*OVERSEES),
    }
    return render(request, "approvals/emergencies.html", context)


@login_required
@require_POST
def settle(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """Ratify, or object with a reason."""
    if verb not in DONE:
        raise Http404
    task = visible_or_404(emergencies.falling_to(request.user), pk)
    here = reverse("approvals:emergencies")
    service = services.ratify if verb == "ratify" else services.object_to
    return act(
        request,
        lambda: service(
            ratification=task,
            actor=request.user,
            at=timezone.now(),
            comment=request.POST.get("reason", ""),
        ),
        done=DONE[verb],
        to=here,
        refused_to=here,
    )
