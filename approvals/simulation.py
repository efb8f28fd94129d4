"""A draft policy tried on past rounds: whose chain would change, and what that costs in time.

Facts are those of the round's snapshot; people, limits and delegations are those of today.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import calendars
from accounts.models import User
from approvals import chain, policy, queries, steps
from approvals.conditions import PolicyBroken
from approvals.directory import Directory
from approvals.models import ApprovalPolicy, ApprovalRequest, ApprovalStep
from approvals.policy import Book, Rule
from core.errors import RuleBroken

MOST = 20_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Group:
    """People asked together, of whom `needs` must agree."""

    needs: int
    people: frozenset[UUID]


Chain = tuple[tuple[Group, ...], ...]  # stage by stage


@dataclass(frozen=True, slots=True)
class Row:
    """One past round under both rules. Hours are working hours; amounts are base currency.

    `after` is None where the draft would refuse the request. `words` say what is different, and
    are empty where nothing is. `*_people` are names, stage by stage.
    """

    round_id: UUID
    subject_id: UUID
    title: str
    requester: User
    amount: Decimal
    before: Chain
    after: Chain | None
    rule: str
    hours: Decimal
    words: str
    before_people: tuple[str, ...] = ()
    after_people: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def alone(self) -> bool:
        """Whether the draft would let it pass with one signature or none."""
        return self.after is not None and signatures(self.after) <= 1

    @property
    def alone_before(self) -> bool:
        return signatures(self.before) <= 1


@dataclass(frozen=True)
class Simulation:
    """All rounds of the period, oldest first; `complete` unless only the newest were looked at."""

    draft: ApprovalPolicy
    since: datetime
    until: datetime
    rows: list[Row]
    complete: bool = True

    @cached_property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.changed]

    @cached_property
    def refused(self) -> list[Row]:
        """Rounds that could not be begun under the draft."""
        return [row for row in self.rows if row.after is None]

    @property
    def hours_added(self) -> Decimal:
        return sum((row.hours for row in self.changed if row.hours > 0), ZERO)

    @property
    def hours_saved(self) -> Decimal:
        return -sum((row.hours for row in self.changed if row.hours < 0), ZERO)

    @cached_property
    def alone(self) -> list[Row]:
        """What would pass without a second pair of eyes: one signature or none."""
        return [row for row in self.rows if row.alone]

    @cached_property
    def newly_alone(self) -> list[Row]:
        """Of these, what two or more people signed at the time."""
        return [row for row in self.alone if not row.alone_before]

    @property
    def alone_amount(self) -> Decimal:
        return sum((row.amount for row in self.alone), ZERO)

    @property
    def newly_alone_amount(self) -> Decimal:
        return sum((row.amount for row in self.newly_alone), ZERO)


def simulate(
    *, draft: ApprovalPolicy, since: datetime, until: datetime, at: datetime | None = None
) -> Simulation:
    """Try a policy on the rounds begun from `since` until before `until`, 20 000 at most.

    It takes the place of the active version of its name among the other active policies of its
    entity. Reads only. Raises PolicyBroken where a rule cannot be read. Statements: 10, however
    many rounds.
    """
    found = list(
        ApprovalRequest.objects.filter(
            entity=draft.entity_id,
            subject_type=draft.applies_to,
            created_at__gte=since,
            created_at__lt=until,
        )
        .order_by("-created_at", "-id")
        .values_list("id", "subject_id", "subject_title", "requester_id", "amount", "facts")[
            : MOST + 1
        ]
    )
    past = found[:MOST][::-1]
    case = _Case.of(draft, [row[3] for row in past], at or timezone.now())
    before = _chains_before(draft, since, until)
    rows = [case.row(each, before.get(each[0], ())) for each in past]
    return Simulation(draft, since, until, rows, complete=len(found) <= MOST)


def signatures(of: Chain) -> int:
    """How many people must agree."""
    return sum(group.needs for stage in of for group in stage)


@dataclass
class _Case:
    """What is the same for every round, and chains that were built before."""

    draft: ApprovalPolicy
    book: Book
    directory: Directory
    elsewhere: Mapping[UUID, User]
    hours: Mapping[UUID, Decimal]
    usual: Decimal
    known: dict[Any, Chain] = field(default_factory=dict)
    limits: dict[Any, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, draft: ApprovalPolicy, requesters: Iterable[UUID], at: datetime) -> "_Case":
        entity = draft.entity
        others = policy.active(entity=entity, applies_to=draft.applies_to).exclude(name=draft.name)
        book = Book.of([*others, draft])
        directory = Directory.of(entity, at=at)
        missing = {pk for pk in requesters if directory.person(pk) is None}
        hours = queries.usual_hours(entity, directory.people, at)
        day = Decimal(calendars.working_days(entity, 1).total_seconds()) / 3600
        return cls(
            draft,
            book,
            directory,
            User.objects.in_bulk(missing) if missing else {},
            hours,
            median(hours.values()) if hours else day,
        )

    def row(self, past: tuple[Any, ...], before: Chain) -> Row:
        round_id, subject_id, title, requester_id, amount, facts = past
        requester = self.directory.person(requester_id) or self.elsewhere[requester_id]
        facts = {"amount": str(amount), **facts}
        rule, refusal, after = None, "", None
        try:
            rule = self.book.choose(facts).rule
            after = self._chain(rule, requester, facts)
        except RuleBroken as refused:
            refusal = refused.detail
        same = before == after
        return Row(
            round_id=round_id,
            subject_id=subject_id,
            title=title,
            requester=requester,
            amount=amount,
            before=before,
            after=after,
            rule=rule.name if rule else "",
            hours=ZERO if same or after is None else self._hours(after) - self._hours(before),
            words="" if same else self._words(before, after, refusal),
            before_people=() if same else self._names(before),
            after_people=() if same or after is None else self._names(after),
        )

    def _chain(self, rule: Rule | None, requester: User, facts: Mapping[str, Any]) -> Chain:
        """The chain; requests that a rule cannot tell apart share one."""
        key = self._key(rule, requester, facts)
        if key not in self.known:
            groups = chain.build(
                rule=rule,
                requester=requester,
                facts=facts,
                directory=self.directory,
                applies_to=self.draft.applies_to,
            )
            self.known[key] = chain_from((each.stage, each.needs, each.people) for each in groups)
        return self.known[key]

    def _key(self, rule: Rule | None, requester: User, facts: Mapping[str, Any]) -> Any:
        kinds = {each.kind for step in rule.steps for each in step.approvers} if rule else set()
        parts: list[Any] = [rule and (rule.policy and rule.policy.pk, rule.position), requester.pk]
        if steps.MANAGER_CHAIN in kinds:
            parts += [facts["amount"], facts.get("tier_amount")]
        if steps.BUDGET_OWNER in kinds:
            parts.append(tuple(facts.get("budget_owners", ())))
        if steps.SERVICE_OWNER in kinds:
            parts.append(tuple(facts.get("service_owners", ())))
        return tuple(parts)

    def _hours(self, of: Chain) -> Decimal:
        """Stages take their time one after the other, their groups at once."""
        total = ZERO
        for stage in of:
            slowest = ZERO
            for group in stage:
                times = sorted(self.hours.get(each, self.usual) for each in group.people)
                slowest = max(slowest, times[group.needs - 1])
            total += slowest
        return total

    def _words(self, before: Chain, after: Chain | None, refusal: str) -> str:
        if after is None:
            return f"It would be refused: {refusal}"
        old, new = _people(before), _people(after)
        parts = []
        if not after:
            parts.append("approved at once")
        if more := new - old:
            parts.append(f"also asks {self._said(more)}")
        if after and (less := old - new):
            parts.append(f"no longer asks {self._said(less)}")
        words = "; ".join(parts) or "the same people in another way"
        return words[0].upper() + words[1:]

    def _names(self, of: Chain) -> tuple[str, ...]:
        return tuple(" + ".join(self._group(group) for group in stage) for stage in of)

    def _group(self, group: Group) -> str:
        names = self._said(group.people)
        return names if group.needs == len(group.people) else f"{group.needs} of {names}"

    def _said(self, people: Iterable[UUID]) -> str:
        names = [str(self.directory.person(each) or "somebody who left") for each in people]
        return ", ".join(sorted(names))


def _people(of: Chain) -> set[UUID]:
    return {person for stage in of for group in stage for person in group.people}


def chain_from(groups: Iterable[tuple[int, int, frozenset[UUID]]]) -> Chain:
    """Groups by stage in an order that does not depend on how they were numbered."""
    stages: dict[int, list[Group]] = defaultdict(list)
    for stage, needs, people in groups:
        stages[stage].append(Group(needs, people))
    return tuple(
        tuple(sorted(stages[stage], key=lambda each: (each.needs, sorted(each.people))))
        for stage in sorted(stages)
    )


def _chains_before(draft: ApprovalPolicy, since: datetime, until: datetime) -> dict[UUID, Chain]:
    return asked_for(
        ApprovalStep.objects.filter(
            request__entity=draft.entity_id,
            request__subject_type=draft.applies_to,
            request__created_at__gte=since,
            request__created_at__lt=until,
        )
    )


Seat = tuple[int, int, str, int, UUID]  # stage, group, mode, quorum, person


def asked_for(asked: QuerySet[ApprovalStep]) -> dict[UUID, Chain]:
    """Of each round the chain as it was asked for at the time, without who stepped in later."""
    rows = (
        asked.filter(replaces__isnull=True)
        .exclude(kind="added")
        .values_list("request_id", "stage", "group", "mode", "quorum", "assignee_id")
    )
    seats: dict[UUID, list[Seat]] = defaultdict(list)
    for round_id, *seat in rows:
        seats[round_id].append(tuple(seat))
    return {round_id: chain_of_seats(found) for round_id, found in seats.items()}


def chain_of_seats(seats: Iterable[Seat]) -> Chain:
    """The chain that these seats make."""
    groups: dict[tuple[int, int, str, int], set[UUID]] = {}
    for stage, group, mode, quorum, person in seats:
        groups.setdefault((stage, group, mode, quorum), set()).add(person)
    made = []
    for (stage, _, mode, quorum), people in groups.items():
        needs = len(people) if mode == steps.ALL else max(1, quorum)
        made.append((stage, min(needs, len(people)), frozenset(people)))
    return chain_from(made)


__all__ = [
    "Chain", "Group", "PolicyBroken", "Row", "Simulation",
    "asked_for", "chain_from", "chain_of_seats", "signatures", "simulate",
]  # fmt: skip
