"""The pages behind a mail's link: they show without a session of their own, and only a POST acts.

The link is exchanged for a note in the browser's session and a clean address, so that the token
is in no history, referrer or further log. It signs nobody in.
"""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from approvals import links, subjects
from approvals.forms import DecisionForm
from approvals.links import LinkDead, SignInNeeded, SomebodyElses
from approvals.models import ActionToken
from core import provenance
from core.errors import DomainError, Missing
from core.web import add_errors

logger = structlog.get_logger(__name__)

REMEMBERED = "approval_links"  # session key: step id -> id of the link's row
BAD_LINKS_A_MINUTE = 10
NEW_LINK_SECONDS = 300


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the token for a clean address. However often it is fetched, nothing changes."""
    if _too_many_bad(request):
        return _sealed(render(request, "approvals/link_slow.html", status=429), retry=60)
    try:
        found = links.find(token)
    except Missing:
        return _unknown(request)
    try:
        _check(request, found)
    except SomebodyElses:
        return _somebody_elses(request, found)
    if request.method == "GET":
        _remember(request, found)
    try:
        links.require_alive(found, at=timezone.now())
    except LinkDead as dead:
        return _dead(request, found, dead)
    return _sealed(redirect("approvals:link_decide", found.step_id))


@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
def link_decide(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Everything that is signed, and on POST the decision, if one was chosen."""
    found = _recall(request, step_id)
    if found is None:
        return _without_link(request, step_id)
    if request.method == "OPTIONS":
        return _sealed(HttpResponse(headers={"Allow": "GET, HEAD, OPTIONS, POST"}))
    try:
        _check(request, found)
        links.require_alive(found, at=timezone.now())
        if request.method == "POST":
            return _decide(request, found)
        return _show(request, found)
    except SomebodyElses:
        return _somebody_elses(request, found)
    except LinkDead as dead:
        return _dead(request, found, dead)


@require_POST
def new_link(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Mail a fresh link. The answer is the same whether or not anything waits."""
    found = _recall(request, step_id)
    if found is None:
        return _unknown(request)
    if cache.add(f"new-link:{found.step_id}:{found.person_id}", 1, NEW_LINK_SECONDS):
        with provenance.coming_from("email"):
            links.ask_for_new(token=found, at=timezone.now())
    return _sealed(render(request, "approvals/link_sent.html"))


def _decide(request: HttpRequest, found: ActionToken) -> HttpResponse:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form, status=422)
    try:
        with provenance.coming_from("email"):
            step = links.decide_by_link(
                token=found,
                decision=form.cleaned_data["decision"],
                signed_in=_signed_in(request),
                at=timezone.now(),
                comment=form.cleaned_data["comment"],
                digest=form.cleaned_data["digest"],
            )
    except SignInNeeded:
        return _sealed(redirect(_sign_in_address(found)))
    except (LinkDead, SomebodyElses):
        raise
    except DomainError as refusal:
        add_errors(form, refusal)
        death = links.judge(links.kept(found.pk), at=timezone.now())
        if death is not None:
            raise LinkDead(death.words, cause=death.cause) from refusal
        return _show(request, found, form, status=refusal.status)
    return _sealed(render(request, "approvals/link_done.html", {"step": step}))


def _show(
    request: HttpRequest, found: ActionToken, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    round_ = found.step.request
    description = subjects.of(round_.subject_type).describe(round_.subject_id)
    reasons = [] if _signed_in(request) else links.signin_reasons(found, description)
    context = {
        "step": found.step,
        "person": found.person,
        "description": description,
        "form": form or DecisionForm(initial={"digest": description.digest}),
        "reasons": reasons,
        "sign_in": _sign_in_address(found),
        "expires_at": found.expires_at,
    }
    return _sealed(render(request, "approvals/link_decide.html", context, status=status))


def _check(request: HttpRequest, found: ActionToken) -> None:
    links.require_person(found, _signed_in(request))


def _signed_in(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None


def _sign_in_address(found: ActionToken) -> str:
    back = reverse("approvals:link_decide", args=[found.step_id])
    return f"{reverse(settings.LOGIN_URL)}?next={back}"


def _remember(request: HttpRequest, found: ActionToken) -> None:
    kept = request.session.get(REMEMBERED, {})
    request.session[REMEMBERED] = {**kept, str(found.step_id): str(found.pk)}


def _recall(request: HttpRequest, step_id: UUID) -> ActionToken | None:
    token_id = request.session.get(REMEMBERED, {}).get(str(step_id))
    try:
        return links.kept(token_id) if token_id else None
    except Missing:
        return None


def _without_link(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Nothing in this browser's session: its person goes to the inbox, others learn nothing."""
    user = _signed_in(request)
    if user is not None and user.approval_steps.filter(pk=step_id).exists():
        return _sealed(redirect(f"{reverse('approvals:inbox')}?step={step_id}"))
    return _unknown(request)


def _somebody_elses(request: HttpRequest, found: ActionToken) -> HttpResponse:
    """Whose decision it is, and nothing about what; noted once an hour for each visitor."""
    if cache.add(f"link-refused:{found.pk}:{request.user.pk}", 1, 3600):
        with provenance.coming_from("email"):
            links.record_refusal(token=found, actor=request.user, at=timezone.now())
    context = {"person": found.person}
    return _sealed(render(request, "approvals/link_not_yours.html", context, status=403))


def _dead(request: HttpRequest, found: ActionToken, dead: LinkDead) -> HttpResponse:
    context: dict[str, Any] = {
        "words": dead.detail,
        "cause": dead.cause,
        "step": found.step,
        "can_renew": dead.cause in ("expired", "superseded", "changed", "used"),
    }
    return _sealed(render(request, "approvals/link_dead.html", context, status=410))


def _unknown(request: HttpRequest) -> HttpResponse:
    """The one page for every link that is not known, counted against its source."""
    key = _bad_key(request)
    cache.add(key, 0, 60)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two calls
        cache.add(key, 1, 60)
    logger.warning("unknown approval link")
    return _sealed(render(request, "approvals/link_unknown.html", status=404))


def _too_many_bad(request: HttpRequest) -> bool:
    return cache.get(_bad_key(request), 0) >= BAD_LINKS_A_MINUTE


def _bad_key(request: HttpRequest) -> str:
    return f"bad-links:{request.META.get('REMOTE_ADDR', '')}"


def _sealed(response: HttpResponse, *, retry: int = 0) -> HttpResponse:
    """Kept by no cache, listed by no search engine, named to no other page."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    if retry:
        response["Retry-After"] = str(retry)
    return response
