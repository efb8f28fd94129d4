"""Deciding from a mail: one link for one step, one person and one content.

The link shows, it never acts, and it opens nothing but its step. Only the SHA-256 of its 256
random bits is kept; whether it still works is judged from the step, the person and the document
at the moment it is used.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from approvals import safeguards, services, subjects
from approvals.models import ActionToken, ApprovalRequest, ApprovalStep
from core import events, refusals, transactions
from core.errors import DomainError, Missing, NotAllowed
from core.models import Attachment

LIFE = timedelta(hours=72)
HOURS = int(LIFE.total_seconds() // 3600)
_VOID = {
    "superseded": "A newer link was sent; please use that one.",
    "delegation": "Who may decide for you was changed after this link was sent.",
}
# After these nobody can do anything with the link's document any more, also not with a new link.
FINAL = frozenset({"decided", "deactivated", "forwarded", "escalated"})


class LinkDead(DomainError):
    slug = "link-dead"
    status = 410
    title = "This link does not work any more."

    def __init__(self, detail: str, *, cause: str) -> None:
        super().__init__(detail)
        self.cause = cause
        # A second press of one's own is no attempt at anything.
        self.leaves_trace = cause not in ("decided", "used")


class SignInNeeded(NotAllowed):
    slug = "sign-in-needed"
    title = "Sign in to decide on this."
    leaves_trace = False  # an ordinary turn on the way, no attempt


class SomebodyElses(NotAllowed):
    slug = "somebody-elses"
    title = "This decision belongs to somebody else."


@dataclass(frozen=True)
class Death:
    """Why a link does not work: a word for code, a sentence for people."""

    cause: str
    words: str


@transactions.atomic
def issue(*, step: ApprovalStep, at: datetime) -> str:
    """A new link's raw token for the step's person; older links of the step die with it."""
    raw = secrets.token_urlsafe(32)
    ActionToken.objects.filter(step=step, used_at=None, void_reason="").update(
        void_reason="superseded"
    )
    ActionToken.objects.create(
        token_hash=_digest(raw),
        step=step,
        person=step.assignee,
        digest=step.request.digest,
        created_at=at,
        expires_at=at + LIFE,
    )
    return raw


def address(raw: str) -> str:
    """The full address of a link, on the configured host whatever host was asked."""
    return f"{settings.PORTAL_URL}{reverse('approvals:link', args=[raw])}"


def find(raw: str) -> ActionToken:
    """The link of a raw token, dead or alive. Raises Missing for one that never was."""
    return _one(token_hash=_digest(raw))


def kept(token_id: Any) -> ActionToken:
    """The link that a browser session remembers. Raises Missing."""
    return _one(pk=token_id)


def resolve(raw: str, *, at: datetime) -> ActionToken:
    """The working link of a raw token. Raises Missing, or LinkDead with its cause."""
    token = find(raw)
    require_alive(token, at=at)
    return token


def require_alive(token: ActionToken, *, at: datetime) -> None:
    death = judge(token, at=at)
    if death is not None:
        raise LinkDead(death.words, cause=death.cause)


def judge(token: ActionToken, *, at: datetime) -> Death | None:
    """Why the link does not work now; None while it does."""
    step = token.step
    if not token.person.is_active:
        return Death("deactivated", "The account this link was sent to is closed.")
    if step.status != ApprovalStep.Status.ACTIVE or step.assignee_id != token.person_id:
        return _decided_or_moved(step)
    if token.used_at is not None:
        return Death("used", "This link was used already.")
    if token.void_reason:
        return Death(token.void_reason, _VOID.get(token.void_reason, "This link was ended."))
    if token.digest != present_digest(token):
        return Death("changed", "The document was changed after this link was sent.")
    if at >= token.expires_at:
        return Death("expired", f"The link worked for {HOURS} hours.")
    return None


def present_digest(token: ActionToken) -> str:
    """The digest of the link's document as it is now."""
    round_ = token.step.request
    return subjects.of(round_.subject_type).present_digest(round_.subject_id)


def _decided_or_moved(step: ApprovalStep) -> Death:
    if step.decided_at is not None:
        done = step.get_status_display().lower()
        how = step.get_channel_display().lower()
        return Death("decided", f"{_signature(step)} {done} this already ({how}).")
    heir = step.replaced_by.select_related("assignee").first()
    if heir is not None:
        word = "escalated" if step.status == ApprovalStep.Status.ESCALATED else "forwarded"
        return Death(word, f"This decision was {word} to {heir.assignee}.")
    if step.request.status == ApprovalRequest.Status.CANCELLED:
        return Death("recalled", f"{step.request.requester} took the request back.")
    return Death("decided", "Somebody else decided; your decision is not needed any more.")


def _signature(step: ApprovalStep) -> str:
    """“B for A”, or just who decided."""
    if step.decided_by_id == step.assignee_id:
        return str(step.decided_by)
    return f"{step.decided_by} for {step.assignee}"


def require_person(token: ActionToken, signed_in: User | None) -> None:
    """Raise SomebodyElses when another person is signed in than the one the link is for."""
    if signed_in is not None and signed_in.pk != token.person_id:
        raise SomebodyElses("This link is for somebody else. Sign out, or ask them to decide.")


@refusals.told("approval.refused", about=lambda said: said["token"].step)
@transactions.atomic
def decide_by_link(
    *,
    token: ActionToken,
    decision: str,
    signed_in: User | None,
    at: datetime,
    comment: str = "",
    digest: str | None = None,
) -> ApprovalStep:
    """Decide as the link's person, through channel `email`; the link is used up.

    Raises LinkDead, SomebodyElses, SignInNeeded, and whatever `services.decide` refuses.
    """
    require_person(token, signed_in)
    require_alive(token, at=at)
    if signed_in is None:
        reasons = signin_reasons(token, at=at)
        if reasons:
            raise SignInNeeded(f"Please sign in to decide: {'; '.join(reasons)}.")
    step = services.decide(
        step=token.step,
        decision=decision,
        actor=token.person,
        at=at,
        comment=comment,
        channel="email",
        digest=digest,
    )
    ActionToken.objects.filter(pk=token.pk).update(used_at=at)
    return step


def signin_reasons(token: ActionToken, *, at: datetime, description: Any = None) -> list[str]:
    """Why a mail alone is not enough for this decision; empty when it is."""
    round_ = token.step.request
    if description is None:
        description = subjects.of(round_.subject_type).describe(round_.subject_id)
    return safeguards.signin_reasons(token.step, token.person, at=at, description=description)


def waiting(token: ActionToken) -> ApprovalStep | None:
    """What waits now for the link's person about the link's document, in whatever round."""
    return ApprovalStep.objects.filter(
        request__subject_id=token.step.request.subject_id,
        assignee=token.person_id,
        assignee__is_active=True,
        status=ApprovalStep.Status.ACTIVE,
    ).first()


@transactions.atomic
def ask_for_new(*, token: ActionToken, at: datetime) -> bool:
    """Have a fresh link mailed to the dead link's person; False where nothing waits for them."""
    found = waiting(token)
    if found is None:
        return False
    step = ApprovalStep.objects.select_for_update(of=("self",), no_key=True).get(pk=found.pk)
    if step.status != ApprovalStep.Status.ACTIVE or step.assignee_id != token.person_id:
        return False
    events.publish("approval.link_requested", step, actor=None, at=at)
    return True


def attachments(token: ActionToken) -> QuerySet[Attachment]:
    """The files of the link's document."""
    round_ = token.step.request
    return Attachment.objects.filter(
        document_type=round_.subject_type, document_id=round_.subject_id
    ).select_related("file")


def changes(token: ActionToken) -> list[subjects.Change]:
    """What is different in the document since the link was sent, for its person to review.

    Empty unless the person is still asked about it: a link tells nothing to who has no say.
    """
    round_ = token.step.request
    if waiting(token) is None:
        return []
    return subjects.of(round_.subject_type).changes_since(round_.subject_id, token.digest)


def _one(**key: Any) -> ActionToken:
    token = (
        ActionToken.objects.select_related(
            "person", "step__entity", "step__assignee", "step__decided_by", "step__request"
        )
        .filter(**key)
        .first()
    )
    if token is None:
        raise Missing("This link is not known.")
    return token


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
