"""Who must agree: a rule's steps resolved to people, once, when a round begins.

The requester never counts, nor does whoever decides for the requester by delegation. What resolves
to nobody goes to the entity's fallback approver, and where even that is impossible the request is
refused: nothing passes in silence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import Entity, Role, User
from approvals import conditions, seating, steps
from approvals.directory import Directory
from approvals.policy import Rule
from approvals.seating import Group, Seat
from core.errors import RuleBroken
from core.money import minor_units

ROLE_SCOPES = {
    Role.SECURITY: ("risk", "vendor", "lines"),
    Role.LEGAL: ("risk", "vendor", "terms"),
}
FALLBACK = "fallback"


class NoApprover(RuleBroken):
    slug = "no-approver"
    title = "Nobody may approve this."


@dataclass(frozen=True)
class _Case:
    """What resolution needs to know. `amount` is what limits are held against."""

    directory: Directory
    requester: User
    amount: Decimal
    facts: Mapping[str, Any]
    excluded: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def entity(self) -> Entity:
        return self.directory.entity

    def eligible(self, person: User | None) -> bool:
        return (
            person is not None
            and person.pk not in self.excluded
            and self.directory.is_active(person.pk)
        )

    def money(self, value: Decimal) -> str:
        return f"{value:,.{minor_units(self.entity.currency)}f} {self.entity.currency}"


def build(
    *,
    rule: Rule | None,
    requester: User,
    facts: Mapping[str, Any],
    directory: Directory,
    applies_to: str = "",
) -> list[Group]:
    """The groups of a chain in order. No rule: the fallback approver alone; no steps: no groups.

    Nor do the people in the fact `excluded`, whom the document itself is about.
    `applies_to` is the document type, for which delegations of the requester are looked at (all
    where it is not said). Raises PolicyBroken, NoApprover where nobody is left.
    """
    amount = Decimal(str(conditions.facts_of(facts)["tier_amount"]))
    excluded = directory.delegates_of(requester.pk, applies_to) | {requester.pk}
    excluded |= {UUID(str(each)) for each in facts.get("excluded", ())}
    case = _Case(directory, requester, amount, facts, excluded)
    if rule is None:
        return [Group(steps.ALL, (_fallback(case, "no policy covers this"),))]
    groups: list[Group] = []
    start = last = 0
    for step in rule.steps:
        if not step.with_previous or not groups:
            start = last + 1
        made = _groups(case, step, start)
        last = max(last, *(group.stage for group in made))
        groups += made
    groups.sort(key=lambda group: group.stage)  # stable: what goes together keeps its order
    return seating.once_each(groups)


def superiors(person: User) -> Iterable[User]:
    """Managers upwards; a circle ends where it began."""
    seen, boss = {person.pk}, person.manager
    while boss is not None and boss.pk not in seen:
        seen.add(boss.pk)
        yield boss
        boss = boss.manager


def _groups(case: _Case, step: steps.Step, stage: int) -> list[Group]:
    """One group per step; a manager chain goes on in further stages, one manager each."""
    first: list[Seat] = []
    further: list[Seat] = []
    for approver in step.approvers:
        seats = _RESOLVE[approver.kind](case, approver.value)
        if approver.kind == steps.MANAGER_CHAIN and step.mode == steps.ALL:
            further += seats[1:]
            seats = seats[:1]
        elif approver.kind == steps.MANAGER_CHAIN:
            seats = seats[-1:]  # where some suffice, it is the one whose limit covers the amount
        if not seats and step.mode == steps.ALL:
            seats = [_fallback(case, "the step found nobody")]
        first += seats
    if not first:
        first = [_fallback(case, "the step found nobody")]
    if step.mode == steps.QUORUM:
        first = _fill(case, first, step.quorum)
    quorum = step.quorum if step.mode == steps.QUORUM else 0
    made = [Group(step.mode, tuple(first), stage, quorum, step.sla_hours)]
    made += [
        Group(steps.ALL, (seat,), stage + number, sla_hours=step.sla_hours)
        for number, seat in enumerate(further, 1)
    ]
    return made


def _fill(case: _Case, seats: list[Seat], quorum: int) -> list[Seat]:
    """Enough people for a quorum: the fallback approver and those above join where some lack."""
    seats, found = list(seats), {seat.person.pk for seat in seats}
    for person in _stand_ins(case):
        if len(found) >= quorum:
            break
        if person.pk not in found:
            found.add(person.pk)
            why = f"Fallback approver: {quorum} must agree and fewer were found"
            seats.append(Seat(person, why, kind=FALLBACK))
    if len(found) < quorum:
        raise NoApprover(
            f"{quorum} people must agree and only {len(found)} of {case.entity} may. "
            "Ask an administrator to change the policy or to add people."
        )
    return seats


def _of_role(case: _Case, value: str) -> list[Seat]:
    why, scope = f"{Role(value).label} of {case.entity}", ROLE_SCOPES.get(Role(value), ())
    return [
        Seat(person, why, kind=f"role:{value}", scope=scope)
        for person in case.directory.of_role(value)
        if case.eligible(person)
    ]


def _named(case: _Case, value: str) -> list[Seat]:
    found = case.directory.addressed(value)
    if found is None or not case.eligible(found):
        return []
    return [Seat(found, "Named by the policy", kind=steps.PERSON)]


def _manager(case: _Case, value: str) -> list[Seat]:
    boss = next(iter(case.directory.superiors(case.requester)), None)
    if boss is None or not case.eligible(boss):
        return []
    return [Seat(boss, f"Manager of {case.requester}", kind=steps.MANAGER)]


def _manager_chain(case: _Case, value: str) -> list[Seat]:
    """Managers upwards until one whose limit covers the amount; who has no limit is passed over."""
    seats: list[Seat] = []
    for boss in case.directory.superiors(case.requester):
        if not case.eligible(boss) or boss.approval_limit is None:
            continue
        why = f"In line above {case.requester}, approves up to {case.money(boss.approval_limit)}"
        seat = Seat(boss, why, kind=steps.MANAGER_CHAIN)
        if boss.approval_limit >= case.amount:
            return [*seats, replace(seat, required_limit=case.amount)]
        seats.append(seat)
    stands_in = _fallback(
        case, f"nobody above {case.requester} approves up to {case.money(case.amount)}"
    )
    return [*seats, replace(stands_in, required_limit=case.amount)]


def _budget_owners(case: _Case, value: str) -> list[Seat]:
    """Each owner; the fallback approver for an owner who is the requester, gone, or not named.

    The fact `centers_by_owner` says which cost centres are whose; without it an owner's say is
    about all of them.
    """
    codes = list(case.facts.get("cost_centers", []))
    owned = case.facts.get("centers_by_owner") or {}
    seats: list[Seat] = []
    for owner_id in dict.fromkeys(str(each) for each in case.facts.get("budget_owners", [])):
        centers = sorted(owned.get(owner_id, codes))
        scope = (*(f"coding:{code}" for code in centers), "amount", "vendor")
        owner = case.directory.person(owner_id)
        if owner is not None and case.eligible(owner):
            sure = centers and (owner_id in owned or len(case.facts["budget_owners"]) == 1)
            why = f"Budget owner of {', '.join(centers)}" if sure else "Budget owner"
            seats.append(Seat(owner, why, kind=steps.BUDGET_OWNER, scope=scope))
        else:
            seat = _fallback(case, "a budget has no other owner who may decide")
            seats.append(replace(seat, scope=scope))
    return seats


def _service_owners(case: _Case, value: str) -> list[Seat]:
    seats: list[Seat] = []
    for owner_id in dict.fromkeys(str(each) for each in case.facts.get("service_owners", [])):
        owner = case.directory.person(owner_id)
        if owner is not None and case.eligible(owner):
            seats.append(Seat(owner, "Owner of this kind of service", kind=steps.SERVICE_OWNER))
        else:
            seats.append(_fallback(case, "a service has no other owner who may decide"))
    return seats


def _on_call(case: _Case, value: str) -> list[Seat]:
    person = case.directory.person(case.entity.on_call_approver_id)
    if person is None or not case.eligible(person):
        return []
    return [Seat(person, "On call for emergencies", kind=steps.ON_CALL)]


_RESOLVE: dict[str, Callable[[_Case, str], list[Seat]]] = {
    steps.ROLE: _of_role,
    steps.PERSON: _named,
    steps.MANAGER: _manager,
    steps.MANAGER_CHAIN: _manager_chain,
    steps.BUDGET_OWNER: _budget_owners,
    steps.SERVICE_OWNER: _service_owners,
    steps.ON_CALL: _on_call,
}


def _stand_ins(case: _Case) -> Iterator[User]:
    """The entity's fallback approver, then whoever stands above them; only who may decide."""
    appointed = case.directory.person(case.entity.fallback_approver_id)
    if appointed is None:
        return
    for person in (appointed, *case.directory.superiors(appointed)):
        if case.eligible(person):
            yield person


def _fallback(case: _Case, reason: str) -> Seat:
    """The fallback approver, or whoever stands above them when they may not decide this."""
    for person in _stand_ins(case):
        return Seat(person, f"Fallback approver: {reason}", kind=FALLBACK)
    raise NoApprover(
        f"Nobody in {case.entity} may approve this: {reason}, and no fallback approver is left. "
        "Ask an administrator to name one."
    )


def people(groups: Sequence[Group]) -> list[User]:
    """Everybody of a chain in the order in which they are asked."""
    return [seat.person for group in groups for seat in group.seats]
