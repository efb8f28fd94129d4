"""Many decisions at once: everything that waits as one table, and one choice for what is ticked."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import step_up
from approvals import queries, safeguards, services
from approvals.models import ApprovalStep
from core.errors import DomainError

SHOWN = 100
DONE = {"approve": "approved", "return": "returned", "reject": "rejected"}


@login_required
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """What waits, the most urgent first, with the facts that matter side by side."""
    return _page(request)


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    """After a refusal what was ticked and written is there still."""
    at = timezone.now()
    ticked = _ticked(request)
    found = queries.inbox(request.user, at)
    steps = list(found[: SHOWN + 1])
    proven = step_up.is_proven(request, at=at)
    for step in steps:
        step.is_for_another = step.assignee_id != request.user.pk
        step.needs_a_look = not proven and bool(safeguards.reasons(step))
        step.is_ticked = step.pk in ticked and not step.needs_a_look
    context = {
        "steps": steps[:SHOWN],
        "more": len(steps) > SHOWN,
        "waiting": queries.waiting_count(request.user, at),
        "comment": request.POST.get("comment", ""),
        "error": error,
    }
    return render(request, "approvals/table.html", context, status=status)


@login_required
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """The same decision on what is ticked; what is refused stays, and says why."""
    at = timezone.now()
    steps = [(key, request.POST.get(f"digest.{key}", "")) for key in _ticked(request)]
    if not steps:
        return _page(request, error="Tick what you want to decide.", status=422)

    def require_proof(step: ApprovalStep) -> None:
        safeguards.require_proof(request, step, at=at)

    try:
        outcomes = services.decide_many(
            steps=steps,
            decision=request.POST.get("decision", ""),
            actor=request.user,
            at=at,
            comment=request.POST.get("comment", ""),
            first=require_proof,
        )
    except DomainError as refusal:
        detail = refusal.errors[0].detail if refusal.errors else refusal.detail
        return _page(request, error=detail, status=refusal.status)
    done = [each for each in outcomes if each.ok]
    if done:
        verb = DONE[request.POST["decision"]]
        messages.success(request, f"{len(done)} {verb}.")
    titles = _titles(request, [each.step_id for each in outcomes if not each.ok])
    for each in outcomes:
        if not each.ok:
            messages.error(request, f"{titles.get(each.step_id, 'One')}: {each.detail}")
    return redirect("approvals:table")


def _ticked(request: HttpRequest) -> list[UUID]:
    found = []
    for text in request.POST.getlist("step")[:SHOWN]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _titles(request: HttpRequest, steps: list[UUID]) -> dict[UUID, str]:
    visible = ApprovalStep.objects.visible_to(request.user, timezone.now())
    found = visible.filter(pk__in=steps).select_related("request")
    return {each.pk: each.request.subject_title for each in found}
