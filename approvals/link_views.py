"""The pages behind a mail's link: they show without a session of their own, and only a POST acts.

The link is exchanged for a note in the browser's session and a clean address, so that the token
is in no history, referrer or further log. It signs nobody in.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import step_up
from accounts.models import User
from approvals import item, links, safeguards, subjects
from approvals.forms import DecisionForm
from approvals.links import LinkDead, SignInNeeded, SomebodyElses
from approvals.models import ActionToken
from approvals.services import DocumentChanged
from core import files, provenance, refusals
from core.errors import DomainError, Missing
from core.web import add_errors, visible_or_404

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
        if _changed_since_shown(request, found):
            return _review_again(request, found)
        return _dead(request, found, dead)


@require_safe
def link_file(request: HttpRequest, step_id: UUID, pk: UUID) -> HttpResponse:
    """A file of the document that is decided on, and of no other, while the link works."""
    found = _recall(request, step_id)
    if found is None:
        return _without_link(request, step_id)
    try:
        _check(request, found)
        links.require_alive(found, at=timezone.now())
    except SomebodyElses:
        return _somebody_elses(request, found)
    except LinkDead as dead:
        return _dead(request, found, dead)
    attachment = visible_or_404(links.attachments(found), pk)
    response = HttpResponse(files.read(attachment.file), content_type=attachment.file.content_type)
    disposition = content_disposition_header(as_attachment=True, filename=attachment.name)
    response["Content-Disposition"] = disposition or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return _sealed(response)


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
    said, now = form.cleaned_data, timezone.now()
    if _signed_in(request) and _needs_proof(request, found):
        safeguards.keep(request, found.step_id, said)
        return _sealed(step_up.detour(_page_of(found)))
    try:
        with provenance.coming_from("email"):
            step = links.decide_by_link(token=found, signed_in=_signed_in(request), at=now, **said)
    except SignInNeeded:
        safeguards.keep(request, found.step_id, said)
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
    signed_in = _signed_in(request) is not None
    at = timezone.now()
    reasons = [] if signed_in else links.signin_reasons(found, at=at, description=description)
    typed = {} if form or reasons else safeguards.kept(request, found.step_id, description.digest)
    context = {
        "step": found.step,
        "person": found.person,
        "description": description,
        "form": form or DecisionForm(initial={**typed, "digest": description.digest}),
        "reasons": reasons,
        "sign_in": _sign_in_address(found),
        "proof": signed_in and _needs_proof(request, found, description),
        "expires_at": found.expires_at,
        **item.context(found.step, description),
    }
    return _sealed(render(request, "approvals/link_decide.html", context, status=status))


def _needs_proof(request: HttpRequest, found: ActionToken, description: Any = None) -> bool:
    return safeguards.needs_proof(request, found.step, at=timezone.now(), description=description)


def _check(request: HttpRequest, found: ActionToken) -> None:
    links.require_person(found, _signed_in(request))


def _signed_in(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None


def _page_of(found: ActionToken) -> str:
    return reverse("approvals:link_decide", args=[found.step_id])


def _sign_in_address(found: ActionToken) -> str:
    return f"{reverse(settings.LOGIN_URL)}?next={_page_of(found)}"


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
            refusals.record(
                "approval.refused",
                found.step,
                actor=request.user,
                at=timezone.now(),
                why=SomebodyElses.slug,
                words="came with another's link",
            )
    context = {"person": found.person}
    return _sealed(render(request, "approvals/link_not_yours.html", context, status=403))


def _dead(request: HttpRequest, found: ActionToken, dead: LinkDead) -> HttpResponse:
    """Which of its deaths it died, and the way on. Nothing about the document."""
    if request.method == "POST":
        with provenance.coming_from("email"):
            actor = _signed_in(request)
            refusals.trace(dead, "approval.refused", found.step, actor=actor, at=timezone.now())
    context: dict[str, Any] = {
        "words": dead.detail,
        "cause": dead.cause,
        "step": found.step,
        "can_renew": dead.cause not in links.FINAL,
    }
    return _sealed(render(request, "approvals/link_dead.html", context, status=410))


def _changed_since_shown(request: HttpRequest, found: ActionToken) -> bool:
    """Whether a decision was made on content that this browser was shown and that is gone."""
    shown = request.POST.get("digest", "") if request.method == "POST" else ""
    return shown == found.digest and links.present_digest(found) != found.digest


def _review_again(request: HttpRequest, found: ActionToken) -> HttpResponse:
    """The document changed between look and decision: what is different, and a new link."""
    with provenance.coming_from("email"):
        refusals.record(
            "approval.refused",
            found.step,
            actor=_signed_in(request),
            at=timezone.now(),
            why=DocumentChanged.slug,
            words="decided on content that was changed meanwhile",
        )
    context = {"step": found.step, "changes": links.changes(found)}
    return _sealed(render(request, "approvals/link_changed.html", context, status=409))


def _unknown(request: HttpRequest) -> HttpResponse:
    """The one page for every link that is not known, counted against its source."""
    key = _bad_key(request)
    cache.add(key, 0, 60)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two calls
        cache.add(key, 1, 60)
    with provenance.coming_from("email"):
        refusals.record(
            "link.refused",
            refusals.Door("approval link"),
            actor=_signed_in(request),
            at=timezone.now(),
            why="unknown-link",
        )
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
