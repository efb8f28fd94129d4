"""How a document was approved, told so that somebody else can check it."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import histories
from core.web import pages_of


@login_required
@require_safe
def history(request: HttpRequest, subject_id: UUID) -> HttpResponse:
    """Every round of a document: policy version, facts, who decided what and when, and a replay."""
    rounds = histories.rounds_visible_to(request.user).filter(subject_id=subject_id)
    told = histories.tell(rounds.select_related("entity", "policy", "requester"))
    if not told:
        raise Http404
    newest = told[0].round_
    context = {
        "told": told,
        "newest": newest,
        "address": pages_of(request.user, [(newest.subject_type, subject_id)]).get(subject_id, ""),
        "sees_policy": request.user.has_role("administrator", "controller", "auditor"),
    }
    return render(request, "approvals/history.html", context)
