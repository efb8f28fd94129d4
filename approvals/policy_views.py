"""Policies in the browser: read, draft and try them; somebody else puts them into force."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Entity, Role, User
from approvals import analysis, policy, policy_editor, services, simulation, steps, subjects
from approvals.models import ApprovalPolicy, PolicyRequirement
from approvals.policy import PolicyBroken
from core.decimals import whole
from core.errors import DomainError, FieldError
from core.queries import timeline
from core.web import act, require_role, visible_or_404

READS = (Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR)
SIMULATED_DAYS = 90
ASKED = "Asked. {policy} decides until another administrator or controller agrees."
SHOWN = 200  # changed rounds of a simulation; the figures count all
MODES = (
    ("all", "All of them"),
    ("any", "Any one of them"),
    ("quorum", "A number of them"),
)


@login_required
@require_safe
def policies(request: HttpRequest) -> HttpResponse:
    """The policies of the entity: what is in force in the order of asking, and what is drafted."""
    require_role(request, *READS)
    found = _policies(request).prefetch_related("rules", "requirements").order_by(
        "applies_to", "priority", "name", "-policy_version"
    )  # fmt: skip
    by_state = {
        state: [each for each in found if each.status == state]
        for state in ApprovalPolicy.Status.values
    }
    context = {**by_state, "may_draft": request.user.has_role(Role.ADMINISTRATOR)}
    return render(request, "approvals/policies/list.html", context)


@login_required
@require_safe
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One version in words, what is odd about it, and its other versions."""
    require_role(request, *READS)
    chosen = _one(request, pk)
    is_draft = chosen.status == ApprovalPolicy.Status.DRAFT
    context = {
        "policy": chosen,
        "is_draft": is_draft,
        "is_active": chosen.status == ApprovalPolicy.Status.ACTIVE,
        "versions": _policies(request).filter(name=chosen.name).order_by("-policy_version"),
        "editors": chosen.editors.order_by("name"),
        "events": timeline(chosen),
        "may_edit": request.user.has_role(Role.ADMINISTRATOR),
        "may_activate": _may_activate(request, chosen),
        "may_end": request.user.has_role(Role.ADMINISTRATOR, Role.CONTROLLER),
        **_in_words(chosen),
    }
    return render(request, "approvals/policies/detail.html", context)


@login_required
def draft(request: HttpRequest) -> HttpResponse:
    """A new policy, as a draft."""
    require_role(request, Role.ADMINISTRATOR)
    return _form(request, None)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change a draft."""
    require_role(request, Role.ADMINISTRATOR)
    chosen = _one(request, pk)
    if chosen.status != ApprovalPolicy.Status.DRAFT:
        messages.error(request, f"{chosen} is not a draft: make a new version of it.")
        return redirect("approvals:policy", chosen.pk)
    return _form(request, chosen)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """Activate, retire, discard, or copy into a new draft."""
    require_role(request, Role.ADMINISTRATOR, Role.CONTROLLER)
    if verb not in _VERBS:
        raise Http404
    chosen = _one(request, pk)
    call, done, to = _VERBS[verb]
    if verb == "retire" and chosen.retirement_asked_by_id is None:
        done = ASKED
    return act(
        request,
        lambda: call(request, chosen, timezone.now()),
        done=done.format(policy=chosen),
        to=lambda made: to(made or chosen),
        refused_to=_page_of(chosen),
    )


def _page_of(chosen: ApprovalPolicy) -> str:
    return reverse("approvals:policy", args=[chosen.pk])


def _activate(request: HttpRequest, chosen: ApprovalPolicy, at: datetime) -> ApprovalPolicy:
    return services.activate(policy_version=chosen, actor=request.user, at=at)


def _retire(request: HttpRequest, chosen: ApprovalPolicy, at: datetime) -> ApprovalPolicy:
    reason = request.POST.get("reason", "")
    return services.retire(policy=chosen, actor=request.user, at=at, reason=reason)


def _keep(request: HttpRequest, chosen: ApprovalPolicy, at: datetime) -> ApprovalPolicy:
    return services.keep_policy(policy=chosen, actor=request.user, at=at)


def _discard(request: HttpRequest, chosen: ApprovalPolicy, at: datetime) -> None:
    services.discard_policy(policy=chosen, actor=request.user, at=at)


def _copy(request: HttpRequest, chosen: ApprovalPolicy, at: datetime) -> ApprovalPolicy:
    return services.new_version(policy=chosen, actor=request.user, at=at)


_Verb = tuple[
    Callable[[HttpRequest, ApprovalPolicy, datetime], ApprovalPolicy | None],
    str,
    Callable[[ApprovalPolicy], str],
]
_VERBS: dict[str, _Verb] = {
    "activate": (
        _activate,
        "{policy} decides from now on. Rounds that are under way keep their chain.",
        _page_of,
    ),
    "retire": (_retire, "{policy} decides nothing any more.", _page_of),
    "keep": (_keep, "{policy} stays in force.", _page_of),
    "discard": (
        _discard,
        "{policy} was thrown away.",
        lambda _: reverse("approvals:policies"),
    ),
    "new-version": (
        _copy,
        "A draft with the same rules. The version in force stays until somebody activates it.",
        lambda made: reverse("approvals:policy_edit", args=[made.pk]),
    ),
}


@login_required
@require_safe
def simulate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Try a version on past requests: whose chain would change, and what that costs or saves."""
    require_role(request, *READS)
    chosen = _one(request, pk)
    until, since = _period(request, chosen.entity)
    context: dict[str, Any] = {"policy": chosen, "since": since.date(), "until": until.date()}
    try:
        result = simulation.simulate(
            draft=chosen, since=since, until=until + timedelta(days=1), at=timezone.now()
        )
    except PolicyBroken as broken:
        context["problem"] = broken
    else:
        context |= {"result": result, "rows": result.changed[:SHOWN]}
        context["more"] = max(0, len(result.changed) - SHOWN)
    return render(request, "approvals/policies/simulation.html", context)


def _policies(request: HttpRequest) -> Any:
    return ApprovalPolicy.objects.filter(entity=request.user.entity_id).select_related(
        "entity", "activated_by"
    )


def _one(request: HttpRequest, pk: UUID) -> ApprovalPolicy:
    return visible_or_404(_policies(request).prefetch_related("rules", "requirements"), pk)


def _may_activate(request: HttpRequest, chosen: ApprovalPolicy) -> bool:
    return (
        request.user.has_role(Role.ADMINISTRATOR, Role.CONTROLLER)
        and not chosen.editors.filter(pk=request.user.pk).exists()
    )


def _names(entity: Entity, book: policy.Book) -> dict[str, str]:
    """The names of the people whom rules name by address or id. Statements: 1, or none."""
    named = {
        each.value
        for rule in book.rules
        for step in rule.steps
        for each in step.approvers
        if each.kind == steps.PERSON
    }
    if not named:
        return {}
    known = {
        key: str(person)
        for person in User.objects.filter(entity=entity)
        for key in (person.email.lower(), str(person.pk))
    }
    return {value: known[value.lower()] for value in named if value.lower() in known}


def _in_words(chosen: ApprovalPolicy) -> dict[str, Any]:
    """Rules and requirements as sentences, each rule with what was found about it."""
    findings = analysis.examine(chosen, at=timezone.now())
    try:
        book = policy.Book.of([chosen])
    except PolicyBroken:
        return {"findings": findings, "unreadable": True}
    names = _names(chosen.entity, book)
    rules = [
        {
            "number": rule.position,
            "name": rule.name,
            "when": rule.conditions.words,
            "then": steps.words(rule.steps, names),
            "findings": [each for each in findings if each.rule_position == rule.position],
        }
        for rule in book.rules
    ]
    labels = dict(PolicyRequirement.Reference.choices)
    requirements = [
        {"reference": labels[each.reference], "when": each.conditions.words}
        for each in book.requirements
    ]
    general = [each for each in findings if each.rule_position is None]
    blocked = any(each.level == analysis.ERROR for each in findings)
    return {
        "rules": rules,
        "requirements": requirements,
        "findings": general,
        "blocked": blocked,
    }


def _form(request: HttpRequest, chosen: ApprovalPolicy | None) -> HttpResponse:
    if request.method != "POST":
        state = policy_editor.state_of(chosen) if chosen else policy_editor.new()
        return _editor(request, chosen, state)
    state = policy_editor.read(request.POST.dict())
    if "change" in request.POST:
        policy_editor.change(state, request.POST["change"])
        return _editor(request, chosen, state)
    said = policy_editor.stated(state)
    actor, at = request.user, timezone.now()
    try:
        if chosen is None:
            saved = services.draft_policy(entity=actor.entity, actor=actor, at=at, **said)
        else:
            version = request.POST.get("version", "")
            saved = services.edit_policy(
                policy=chosen,
                actor=actor,
                at=at,
                expected_version=whole(version),
                **said,
            )
    except DomainError as refusal:
        errors = refusal.errors or [FieldError("", refusal.slug, refusal.detail)]
        return _editor(request, chosen, state, errors=errors, status=refusal.status)
    messages.success(request, "Saved as a draft. It decides nothing until somebody activates it.")
    return redirect("approvals:policy", saved.pk)


def _editor(
    request: HttpRequest,
    chosen: ApprovalPolicy | None,
    state: dict[str, Any],
    *,
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HttpResponse:
    template = "_editor" if request.headers.get("HX-Request") else "edit"
    context = {
        "policy": chosen,
        "version": request.POST.get("version") or (chosen.version if chosen else ""),
        "form": policy_editor.laid_out(state, errors or ()),
        "choices": policy_editor.choices(request.user.entity),
        "modes": MODES,
        "references": PolicyRequirement.Reference.choices,
        "kinds": [(name, name.replace("_", " ").capitalize()) for name in subjects.names()],
    }
    return render(request, f"approvals/policies/{template}.html", context, status=status)


def _period(request: HttpRequest, entity: Any) -> tuple[datetime, datetime]:
    """From midnight of the first day asked for to midnight of the last one."""
    today = entity.day_of(timezone.now())
    until = _day(request.GET.get("until", "")) or today
    since = _day(request.GET.get("since", "")) or until - timedelta(days=SIMULATED_DAYS)
    if since > until:
        since, until = until, since
    return (
        datetime(until.year, until.month, until.day, tzinfo=entity.zone),
        datetime(since.year, since.month, since.day, tzinfo=entity.zone),
    )


def _day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None
