"""A round of approval from its snapshot to its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import Entity, User
from approvals import chain, clock, policy, subjects
from approvals.models import ApprovalRequest, ApprovalStep
from core import events, transactions
from core.documents import Document
from core.errors import Conflict
from core.transitions import perform

_OPEN = (ApprovalStep.Status.WAITING, ApprovalStep.Status.ACTIVE)


@dataclass(frozen=True)
class StepPreview:
    """One person who would be asked, before anything is submitted."""

    person: User
    why: str
    group: int
    mode: str


@transactions.atomic
def request(
    *,
    document: Document,
    requester: User,
    amount: Decimal,
    facts: Mapping[str, Any],
    digest: str,
    title: str,
    actor: User | None,
    at: datetime,
) -> ApprovalRequest:
    """Begin the round of a document whose row the caller holds locked.

    The chain is built now and never again: policy version, rule, facts and people are a snapshot.
    `amount` is base currency without recoverable tax. A rule without steps ends the round at once,
    approved by policy. Raises Conflict while another round is pending, PolicyBroken, NoApprover.
    """
    entity: Entity = document.entity  # type: ignore[attr-defined]
    subjects.of(document.document_type)
    if ApprovalRequest.objects.filter(
        subject_id=document.pk, status=ApprovalRequest.Status.PENDING
    ).exists():
        raise Conflict(f"{title} is waiting for approval already.")
    known = {**_plain(facts), "amount": str(amount)}
    choice = policy.choose(entity=entity, applies_to=document.document_type, facts=known)
    groups = chain.build(rule=choice.rule, entity=entity, requester=requester, facts=known)
    round_ = _snapshot(
        document, choice, requester=requester, facts=known, digest=digest, title=title, at=at
    )
    round_._history_user = actor
    round_.save()
    steps = _seat(round_, groups, at)
    data = {**about(round_), "policy": str(choice.policy or "")}
    events.publish("approval_request.opened", round_, actor=actor, at=at, data=data)
    first = [step for step in steps if step.stage == 1]
    open_in_memory(first, at)
    ApprovalStep.objects.bulk_create(steps)
    for step in first:
        announce(step, at=at)
    if not steps:
        _end(round_, round_.approve, actor=None, at=at, comment=f"Approved by {choice.policy}")
    return round_


def preview(
    *, entity: Entity, applies_to: str, requester: User, facts: Mapping[str, Any]
) -> list[StepPreview]:
    """Who would be asked, in order; empty when a rule approves at once. Reads only.

    Raises PolicyBroken and NoApprover as `request` would.
    """
    known = _plain(facts)
    choice = policy.choose(entity=entity, applies_to=applies_to, facts=known)
    groups = chain.build(rule=choice.rule, entity=entity, requester=requester, facts=known)
    return [
        StepPreview(seat.person, seat.why, number, group.mode)
        for number, group in enumerate(groups, 1)
        for seat in group.seats
    ]


@transactions.atomic
def cancel(
    *, subject_type: str, subject_id: UUID, actor: User | None, at: datetime, reason: str
) -> ApprovalRequest | None:
    """Call off the pending round of a document whose row the caller holds locked.

    Its links die with it. None where no round was pending.
    """
    round_ = (
        ApprovalRequest.objects.select_for_update(no_key=True)
        .filter(
            subject_type=subject_type,
            subject_id=subject_id,
            status=ApprovalRequest.Status.PENDING,
        )
        .first()
    )
    if round_ is None:
        return None
    steps = locked_steps(round_)
    perform(round_.cancel, actor=actor, at=at)
    round_.save()
    skip_open(steps, actor=actor, at=at, reason=reason)
    events.publish(
        "approval_request.cancelled", round_, actor=actor, at=at, reason=reason, data=about(round_)
    )
    return round_


def locked_round(step_id: UUID) -> tuple[ApprovalRequest, list[ApprovalStep]]:
    """Lock a step's document, its round, then the round's steps, and read them afresh."""
    round_ = ApprovalRequest.objects.get(steps=step_id)
    subjects.lock(round_.subject_type, round_.subject_id)
    rounds = ApprovalRequest.objects.select_for_update(of=("self",), no_key=True).select_related(
        "entity"
    )
    round_ = rounds.get(pk=round_.pk)
    return round_, locked_steps(round_)


def locked_steps(round_: ApprovalRequest) -> list[ApprovalStep]:
    steps = list(
        ApprovalStep.objects.select_for_update(of=("self",), no_key=True)
        .filter(request=round_)
        .select_related("assignee")
        .order_by("pk")
    )
    for step in steps:
        step.request, step.entity = round_, round_.entity
    return steps


def advance(
    round_: ApprovalRequest,
    steps: list[ApprovalStep],
    *,
    actor: User | None,
    at: datetime,
    comment: str = "",
) -> None:
    """Open the next group once the open one is done; end the round when none is left."""
    if any(step.status == ApprovalStep.Status.ACTIVE for step in steps):
        return
    waiting = [step for step in steps if step.status == ApprovalStep.Status.WAITING]
    if not waiting:
        _end(round_, round_.approve, actor=actor, at=at, comment=comment)
        return
    number = min(step.stage for step in waiting)
    open_steps([step for step in waiting if step.stage == number], at=at)


def open_steps(steps: Iterable[ApprovalStep], *, at: datetime) -> None:
    """It is these people's turn now."""
    for step in steps:
        open_in_memory([step], at)
        step.save()
        announce(step, at=at)


def open_in_memory(steps: Iterable[ApprovalStep], at: datetime) -> None:
    """It is their turn; the caller stores and announces them."""
    for step in steps:
        due = clock.due_after(step, at)
        perform(step.open, actor=None, at=at, due_at=due, next_nudge_at=due)


def successor_of(step: ApprovalStep, person: User, *, why: str) -> ApprovalStep:
    """The same seat for somebody else, not stored yet."""
    return ApprovalStep(
        entity=step.entity,
        request=step.request,
        stage=step.stage,
        group=step.group,
        mode=step.mode,
        quorum=step.quorum,
        kind=step.kind,
        scope=step.scope,
        sla_hours=step.sla_hours,
        required_limit=step.required_limit,
        assignee=person,
        why=why[:200],
        replaces=step,
    )


def announce(step: ApprovalStep, *, at: datetime) -> None:
    """Tell that a step waits for its person: the mail with the link follows from it."""
    data = {**about(step.request), "assignee": str(step.assignee_id)}
    if step.replaces_id:
        data["replaces"] = str(step.replaces_id)
    events.publish("approval.requested", step, actor=None, at=at, data=data)


def skip_open(
    steps: Iterable[ApprovalStep], *, actor: User | None, at: datetime, reason: str
) -> None:
    for step in steps:
        if step.status in _OPEN:
            perform(step.skip, actor=actor, at=at)
            step.save()
            events.publish(
                "approval.skipped",
                step,
                actor=actor,
                at=at,
                reason=reason,
                data=about(step.request),
            )


def end_badly(
    round_: ApprovalRequest,
    steps: list[ApprovalStep],
    transition: Any,
    *,
    actor: User,
    at: datetime,
    comment: str,
) -> None:
    """One no ends the round: nobody else needs to say anything."""
    skip_open(steps, actor=actor, at=at, reason="the round has ended")
    _end(round_, transition, actor=actor, at=at, comment=comment)


def about(round_: ApprovalRequest) -> dict[str, Any]:
    """What every event of a round says about its document."""
    return {
        "subject_type": round_.subject_type,
        "subject_id": str(round_.subject_id),
        "rule": round_.rule_name,
    }


def _end(
    round_: ApprovalRequest, transition: Any, *, actor: User | None, at: datetime, comment: str
) -> None:
    """Close the round and let its document move, in this transaction."""
    perform(transition, actor=actor, at=at)
    round_.save()
    event = f"approval_request.{round_.status}"
    events.publish(event, round_, actor=actor, at=at, reason=comment, data=about(round_))
    subject = subjects.of(round_.subject_type)
    outcome = {
        ApprovalRequest.Status.APPROVED: subject.approved,
        ApprovalRequest.Status.REJECTED: subject.rejected,
        ApprovalRequest.Status.RETURNED: subject.returned,
    }[ApprovalRequest.Status(round_.status)]
    outcome(subject_id=round_.subject_id, actor=actor, at=at, comment=comment)


def _snapshot(
    document: Document,
    choice: policy.Choice,
    *,
    requester: User,
    facts: Mapping[str, Any],
    digest: str,
    title: str,
    at: datetime,
) -> ApprovalRequest:
    return ApprovalRequest(
        entity=document.entity,  # type: ignore[attr-defined]
        subject_type=document.document_type,
        subject_id=document.pk,
        subject_title=title[:200],
        requester=requester,
        digest=digest,
        amount=Decimal(facts["amount"]),
        facts=facts,
        policy=choice.policy,
        policy_version=choice.policy.policy_version if choice.policy else 0,
        rule_name=choice.rule.name if choice.rule else "",
        created_at=at,
    )


def _seat(round_: ApprovalRequest, groups: list[chain.Group], at: datetime) -> list[ApprovalStep]:
    return [
        ApprovalStep(
            entity=round_.entity,
            request=round_,
            stage=number,
            group=number,
            mode=group.mode,
            assignee=seat.person,
            why=seat.why[:200],
            required_limit=seat.required_limit,
            created_at=at,
        )
        for number, group in enumerate(groups, 1)
        for seat in group.seats
    ]


def _plain(value: Any) -> Any:
    """Facts as JSON: decimals and ids as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(each) for each in value)
    if value is None or isinstance(value, str | bool | int):
        return str(value) if hasattr(value, "label") else value
    return str(value)
