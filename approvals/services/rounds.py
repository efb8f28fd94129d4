"""A round of approval from its snapshot to its end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import Entity, User
from approvals import chain, clock, conditions, policy, steps, subjects
from approvals.directory import Directory
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import keeping, ratifications
from core import events, rows, transactions
from core.composed import Composed
from core.documents import Document
from core.errors import Conflict
from core.transitions import perform

_OPEN = (ApprovalStep.Status.WAITING, ApprovalStep.Status.ACTIVE)


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
    parts: Mapping[str, str] | None = None,
) -> ApprovalRequest:
    """Begin the round of a document whose row the caller holds locked.

    The chain is built now and never again: policy version, rule, facts and people are a snapshot.
    `amount` is base currency without recoverable tax. A rule without steps ends the round at once,
    approved by policy. Who agreed to an earlier version and to nothing that changed since is not
    asked again (`parts`: digests of the parts; read from the subject where they are not given).
    Raises Conflict while another round is pending, PolicyBroken, NoApprover.
    """
    entity: Entity = document.entity  # type: ignore[attr-defined]
    subject = subjects.of(document.document_type)
    before = keeping.last_round(document)
    if before is not None and before.status == ApprovalRequest.Status.PENDING:
        raise Conflict(f"{title} is waiting for approval already.")
    known = plain({**facts, "amount": amount})
    directory = Directory.of(entity, at=at)
    choice = policy.choose(entity=entity, applies_to=document.document_type, facts=known)
    groups = chain.build(
        rule=choice.rule,
        requester=requester,
        facts=known,
        directory=directory,
        applies_to=document.document_type,
    )
    round_ = _snapshot(
        document, choice, requester=requester, facts=known, digest=digest, title=title, at=at
    )
    round_.parts = subject.present_parts(document.pk) if parts is None else dict(parts)
    round_._history_user = actor
    round_.save()
    seats = _seat(round_, groups, at)
    data = {**about(round_), "policy": str(choice.policy or ""), "chain": _written(seats)}
    events.publish("approval_request.opened", round_, actor=actor, at=at, data=data)
    _begin(round_, seats, keeping.keep(round_, before, seats, directory, at=at), at=at)
    return round_


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


_locked_round = Composed[ApprovalRequest](
    lambda pk: (
        ApprovalRequest.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .filter(pk=pk)
    )
)
_locked_steps = Composed[ApprovalStep](
    lambda round_: (
        ApprovalStep.objects.select_for_update(of=("self",), no_key=True)
        .filter(request=round_)
        .select_related("assignee")
        .order_by("pk")
    )
)


def locked_round(step: ApprovalStep) -> tuple[ApprovalRequest, list[ApprovalStep]]:
    """Lock a step's document, its round, then the round's steps, and read them afresh.

    What the round is about never changes, so that the step's own copy of it says what to lock.
    """
    round_ = step.request
    subjects.lock(round_.subject_type, round_.subject_id)
    round_ = _locked_round.one(round_.pk)
    return round_, locked_steps(round_)


def locked_steps(round_: ApprovalRequest) -> list[ApprovalStep]:
    steps = _locked_steps(round_.pk)
    for step in steps:
        step.request, step.entity = round_, round_.entity
    return steps


def advance(
    round_: ApprovalRequest,
    seats: list[ApprovalStep],
    *,
    actor: User | None,
    at: datetime,
    comment: str = "",
) -> None:
    """Let groups that have enough go, open the next stage, end the round when none is left."""
    for group in _groups(seats):
        if group_done(group) and any(step.status in _OPEN for step in group):
            skip_open(group, actor=actor, at=at, reason=_enough(group))
    left = [step for step in seats if step.status in _OPEN]
    if not left:
        _end(round_, round_.approve, actor=actor, at=at, comment=comment)
        return
    stage = min(step.stage for step in left)
    waiting = [step for step in left if step.stage == stage]
    open_steps([step for step in waiting if step.status == ApprovalStep.Status.WAITING], at=at)


def group_done(steps_of_group: Sequence[ApprovalStep]) -> bool:
    """Whether a group needs nobody else: its mode is met, or nobody of it is left to ask.

    Whoever moved to an earlier group by escalation is asked there, and that say counts.
    """
    if not any(step.status in _OPEN for step in steps_of_group):
        return True
    first = steps_of_group[0]
    if first.mode == steps.ALL:
        return False
    needed = first.quorum if first.mode == steps.QUORUM else 1
    return sum(step.status == ApprovalStep.Status.APPROVED for step in steps_of_group) >= needed


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
    if round_.emergency and round_.status == ApprovalRequest.Status.APPROVED:
        ratifications.open_for(round_, at=at)


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
        emergency=conditions.typed(facts).get("emergency", False),
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
            stage=group.stage,
            group=number,
            mode=group.mode,
            quorum=group.quorum,
            kind=seat.kind,
            scope=list(seat.scope),
            sla_hours=group.sla_hours,
            assignee=seat.person,
            why=seat.why[:200],
            required_limit=seat.required_limit,
            created_at=at,
        )
        for number, group in enumerate(groups, 1)
        for seat in group.seats
    ]


def _written(seats: Iterable[ApprovalStep]) -> list[dict[str, Any]]:
    """The chain as the trail keeps it: steps move on later, this does not."""
    return [
        {
            "stage": seat.stage,
            "group": seat.group,
            "mode": seat.mode,
            "quorum": seat.quorum,
            "assignee": str(seat.assignee_id),
            "why": seat.why,
        }
        for seat in seats
    ]


def _begin(
    round_: ApprovalRequest, seats: list[ApprovalStep], kept: list[ApprovalStep], *, at: datetime
) -> None:
    """Store the steps, the first stage that needs somebody open; nobody needed ends the round.

    `kept` are seats that stand as approved already.
    """
    spared = []
    for group in _groups(seats):
        if kept and group_done(group):
            spared += [step for step in group if step.status == ApprovalStep.Status.WAITING]
    for step in spared:
        perform(step.skip, actor=None, at=at)
    left = [step for step in seats if step.status == ApprovalStep.Status.WAITING]
    stage = min((step.stage for step in left), default=0)
    first = [step for step in left if step.stage == stage]
    open_in_memory(first, at)
    rows.insert(seats)
    for step in kept:
        data = {**about(round_), "kept_from": str(step.kept_from_id)}
        events.publish("approval.kept", step, actor=None, at=at, data=data)
    for step in spared:
        events.publish(
            "approval.skipped", step, actor=None, at=at, reason="enough had agreed before",
            data=about(round_),
        )  # fmt: skip
    for step in first:
        announce(step, at=at)
    if not left:
        said = (
            "Nothing changed for anybody who is asked" if kept else f"Approved by {round_.policy}"
        )
        _end(round_, round_.approve, actor=None, at=at, comment=said)


def _groups(seats: Iterable[ApprovalStep]) -> list[list[ApprovalStep]]:
    groups: dict[int, list[ApprovalStep]] = defaultdict(list)
    for step in seats:
        groups[step.group].append(step)
    return [groups[number] for number in sorted(groups)]


def _enough(group: Sequence[ApprovalStep]) -> str:
    agreed = [str(s.decided_by) for s in group if s.status == ApprovalStep.Status.APPROVED]
    return f"{' and '.join(agreed)} approved"


def plain(value: Any) -> Any:
    """Facts as JSON: decimals and ids as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(each) for each in value)
    if value is None or isinstance(value, str | bool | int):
        return str(value) if hasattr(value, "label") else value
    return str(value)
