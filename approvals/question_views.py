"""Before a decision: a question to somebody, an answer, another pair of eyes."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import User
from approvals import queries, services, subjects
from approvals.models import DECIDING_ROLES, ApprovalStep, StepQuestion
from approvals.wording import MOST
from core.errors import DomainError
from core.web import add_errors, visible_or_404


class QuestionForm(forms.Form):
    """Whom to ask, and what: the requester, or somebody else of the round."""

    of = forms.ModelChoiceField(queryset=User.objects.none(), label="Ask", empty_label=None)
    question = forms.CharField(max_length=MOST, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, step: ApprovalStep, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        round_ = step.request
        part = Q(pk=round_.requester_id) | Q(approval_steps__request=round_)
        field = self.fields["of"]
        field.queryset = (
            User.objects.filter(part).exclude(pk__in=[user.pk]).distinct().order_by("name")
        )
        field.initial = round_.requester_id


class AddApproverForm(forms.Form):
    """Who should agree as well."""

    person = forms.ModelChoiceField(queryset=User.objects.none(), label="Also ask")
    comment = forms.CharField(
        required=False, max_length=MOST, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, step: ApprovalStep, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = step.request.steps.exclude(status__in=ApprovalStep.GONE).values("assignee")
        self.fields["person"].queryset = (
            User.objects.filter(
                entity=step.entity_id, is_active=True, role_assignments__role__in=DECIDING_ROLES
            )
            .exclude(pk__in=[user.pk, step.request.requester_id])
            .exclude(pk__in=asked)
            .distinct()
            .order_by("name")
        )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label="Your answer", max_length=MOST, widget=forms.Textarea(attrs={"rows": 4})
    )


@login_required
@require_POST
def ask(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Ask before deciding; the item stays in the inbox with its clock stopped."""
    step = _waiting(request, step_id)
    form = QuestionForm(request.POST, step=step, user=request.user)
    if form.is_valid():
        try:
            asked = services.ask(
                step=step,
                of=form.cleaned_data["of"],
                question=form.cleaned_data["question"],
                actor=request.user,
                at=timezone.now(),
            )
        except DomainError as refusal:
            messages.error(request, _said(refusal))
        else:
            messages.success(request, f"{asked.asked_of} is asked. The clock waits for the answer.")
    else:
        messages.error(request, _first(form))
    return _back_to(step)


@login_required
@require_POST
def add(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Have somebody else agree as well."""
    step = _waiting(request, step_id)
    form = AddApproverForm(request.POST, step=step, user=request.user)
    if form.is_valid():
        person = form.cleaned_data["person"]
        try:
            services.add_approver(
                step=step,
                person=person,
                actor=request.user,
                at=timezone.now(),
                comment=form.cleaned_data["comment"],
            )
        except DomainError as refusal:
            messages.error(request, _said(refusal))
        else:
            messages.success(request, f"{person} is asked as well.")
    else:
        messages.error(request, _first(form))
    return _back_to(step)


@login_required
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer what an approver asked; the document beside it for whoever may open it."""
    questions = StepQuestion.objects.select_related("asked_by", "asked_of", "step__request")
    asked = visible_or_404(questions.filter(asked_of=request.user), pk)
    round_ = asked.step.request
    description = subjects.of(round_.subject_type).describe(round_.subject_id)
    form = AnswerForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.answer(
                    question=asked,
                    answer=form.cleaned_data["answer"],
                    actor=request.user,
                    at=timezone.now(),
                )
            except DomainError as refusal:
                add_errors(form, refusal)
                status = refusal.status
            else:
                messages.success(request, f"Answered. {asked.asked_by} is told.")
                return redirect(description.url)
    context = {"asked": asked, "description": description, "form": form}
    return render(request, "approvals/answer.html", context, status=status)


def _waiting(request: HttpRequest, step_id: UUID) -> ApprovalStep:
    steps = queries.inbox(request.user, timezone.now())
    return visible_or_404(steps, step_id)


def _back_to(step: ApprovalStep) -> HttpResponse:
    return redirect(f"{reverse('approvals:inbox')}?step={step.pk}")


def _said(refusal: DomainError) -> str:
    return refusal.errors[0].detail if refusal.errors else refusal.detail


def _first(form: forms.Form) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{form.fields[name].label or name.capitalize()}: {errors[0]}"
