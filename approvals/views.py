"""The inbox: what waits for me, the facts that matter, and a decision without leaving the page."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import step_up
from approvals import item, queries, safeguards, services, subjects
from approvals.forms import AddApproverForm, DecisionForm, ForwardForm, QuestionForm
from approvals.models import ApprovalStep
from core.errors import DomainError
from core.web import add_errors, visible_or_404

SHOWN = 100  # nobody works through more in one go; the rest moves up
DONE = {"approved": "Approved", "rejected": "Rejected", "returned": "Returned for changes"}


@login_required
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Everything that waits for this person; `?step=` opens one, else the first is open."""
    return page(request, _asked(request))


@login_required
@require_POST
def decide(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Take one decision and open the next item; a refusal keeps what was typed."""
    step = _own(request, step_id)
    form = DecisionForm(request.POST)
    if form.is_valid():
        if safeguards.needs_proof(request, step, at=timezone.now()):
            safeguards.keep(request, step.pk, form.cleaned_data)
            return step_up.detour(f"{reverse('approvals:inbox')}?step={step.pk}")
        following = _following(request, step)
        try:
            done = services.decide(
                step=step,
                decision=form.cleaned_data["decision"],
                actor=request.user,
                at=timezone.now(),
                comment=form.cleaned_data["comment"],
                channel="web",
                digest=form.cleaned_data["digest"],
            )
        except DomainError as refusal:
            return refused(request, step, refusal, decision_form=form)
        messages.success(request, f"{DONE[done.status]}: {done.request.subject_title}.")
        return opened(following)
    return page(request, step.pk, decision_form=form, status=422)


@login_required
@require_POST
def forward(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Hand one item on to somebody else."""
    step = _own(request, step_id)
    form = ForwardForm(request.POST, step=step)
    if form.is_valid():
        following = _following(request, step)
        to = form.cleaned_data["to"]
        try:
            services.forward(
                step=step,
                to=to,
                actor=request.user,
                at=timezone.now(),
                comment=form.cleaned_data["comment"],
            )
        except DomainError as refusal:
            return refused(request, step, refusal, forward_form=form)
        messages.success(request, f"Forwarded to {to}: {step.request.subject_title}.")
        return opened(following)
    return page(request, step.pk, forward_form=form, status=422)


def _own(request: HttpRequest, step_id: UUID) -> ApprovalStep:
    steps = ApprovalStep.objects.visible_to(request.user).select_related("request", "entity")
    if not steps.filter(pk=step_id).exists():
        safeguards.note_attempt(request.user, step_id, at=timezone.now())
    return visible_or_404(steps, step_id)


def _steps(request: HttpRequest) -> list[ApprovalStep]:
    return list(queries.inbox(request.user, timezone.now())[:SHOWN])


def _asked(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("step", ""))
    except ValueError:
        return None


def _following(request: HttpRequest, step: ApprovalStep) -> ApprovalStep | None:
    """The item after this one, or the one before it at the end of the list."""
    steps = _steps(request)
    at = next((i for i, each in enumerate(steps) if each.pk == step.pk), None)
    if at is None:
        return steps[0] if steps else None
    others = steps[at + 1 :] or steps[:at][-1:]
    return others[0] if others else None


def opened(step: ApprovalStep | None) -> HttpResponseRedirect:
    """On to this item, or to the first."""
    address = reverse("approvals:inbox")
    return redirect(f"{address}?step={step.pk}" if step else address)


def refused(
    request: HttpRequest, step: ApprovalStep, refusal: DomainError, **forms: Any
) -> HttpResponse:
    """Show the refusal at the item; when it left the inbox meanwhile, say so above the rest."""
    if step.pk not in [each.pk for each in _steps(request)]:
        messages.error(request, refusal.detail)
        return page(request, None, status=refusal.status)
    for form in forms.values():
        add_errors(form, refusal)
    return page(request, step.pk, status=refusal.status, **forms)


def page(
    request: HttpRequest, chosen: UUID | None, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The inbox with one item open. `forms` are those that were filled in, by name."""
    steps = _steps(request)
    step = next((each for each in steps if each.pk == chosen), None)
    if chosen is not None and step is None and status == 200:
        return _not_waiting(request, chosen)
    step = step or (steps[0] if steps else None)
    context: dict[str, Any] = {
        "groups": queries.by_due_time(steps, now=timezone.now()),
        "step": step,
        "waiting": len(steps),
    }
    if step is not None:
        description = subjects.of(step.request.subject_type).describe(step.request.subject_id)
        digest, at = description.digest, timezone.now()
        typed = {} if "decision_form" in forms else safeguards.kept(request, step.pk, digest)
        context |= {
            "description": description,
            "decision_form": DecisionForm(initial={**typed, "digest": digest}),
            "forward_form": ForwardForm(step=step),
            "add_form": AddApproverForm(step=step, user=request.user),
            "proof": safeguards.needs_proof(request, step, at=at, description=description),
            **_asking(request, step),
            **item.context(step, description),
            **forms,
        }
    return render(request, "approvals/inbox.html", context, status=status)


def _asking(request: HttpRequest, step: ApprovalStep) -> dict[str, Any]:
    """Only whose decision it is asks, and one question at a time."""
    is_asked = step.questions.filter(answered_at=None).exists()
    may_ask = step.assignee_id == request.user.pk and not is_asked
    return {
        "question_form": QuestionForm(step=step, user=request.user) if may_ask else None,
        "is_asked_in_vain": is_asked and step.paused_at is None,
    }


def _not_waiting(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """A link to something that was decided meanwhile; somebody else's step is not found."""
    step = (
        ApprovalStep.objects.visible_to(request.user)
        .select_related("request")
        .filter(pk=step_id)
        .first()
    )
    if step is None:
        raise Http404
    state = step.get_status_display().lower()
    messages.info(request, f"{step.request.subject_title}: your step is {state}.")
    return redirect("approvals:inbox")
