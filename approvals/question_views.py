"""Before a decision: a question to somebody, an answer, another pair of eyes."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals import queries, services, subjects, views
from approvals.forms import AddApproverForm, AnswerForm, QuestionForm
from approvals.models import ApprovalStep, StepQuestion
from core.errors import DomainError
from core.web import add_errors, pages_of, visible_or_404


@login_required
@require_POST
def ask(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Ask before deciding; the item stays in the inbox with its clock stopped."""
    step = _waiting(request, step_id)
    form = QuestionForm(request.POST, step=step, user=request.user)
    if not form.is_valid():
        return views.page(request, step.pk, question_form=form, status=422)
    try:
        asked = services.ask(
            step=step,
            of=form.cleaned_data["of"],
            question=form.cleaned_data["question"],
            actor=request.user,
            at=timezone.now(),
        )
    except DomainError as refusal:
        return views.refused(request, step, refusal, question_form=form)
    messages.success(request, f"{asked.asked_of} is asked. The clock waits for the answer.")
    return views.opened(step)


@login_required
@require_POST
def add(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Have somebody else agree as well."""
    step = _waiting(request, step_id)
    form = AddApproverForm(request.POST, step=step, user=request.user)
    if not form.is_valid():
        return views.page(request, step.pk, add_form=form, status=422)
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
        return views.refused(request, step, refusal, add_form=form)
    messages.success(request, f"{person} is asked as well.")
    return views.opened(step)


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
    pages = pages_of(request.user, [(round_.subject_type, round_.subject_id)])
    page = pages.get(round_.subject_id)
    context = {"asked": asked, "description": description, "form": form, "page": page}
    return render(request, "approvals/answer.html", context, status=status)


def _waiting(request: HttpRequest, step_id: UUID) -> ApprovalStep:
    steps = queries.inbox(request.user, timezone.now())
    return visible_or_404(steps, step_id)
