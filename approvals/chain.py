"""Who must agree: a rule's steps resolved to people, once, when a round begins.

The requester never counts. What resolves to nobody goes to the entity's fallback approver, and
where even that is impossible the request is refused: nothing passes in silence.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import Entity, Role, User
from approvals.models import PolicyRule
from approvals.policy import PolicyBroken
from core.errors import RuleBroken
from core.money import minor_units

MODES = ("any", "all")
KINDS = ("role", "person", "manager", "manager_chain", "budget_owner")


class NoApprover(RuleBroken):
    slug = "no-approver"
    title = "Nobody may approve this."


@dataclass(frozen=True)
class Seat:
    """One person's place in a chain. `required_limit`: base currency, checked when they approve."""

    person: User
    why: str
    required_limit: Decimal | None = None


@dataclass(frozen=True)
class Group:
    """Seats that are asked together; `any`: one of them suffices."""

    mode: str
    seats: tuple[Seat, ...]


@dataclass(frozen=True)
class _Case:
    """What resolution needs to know."""

    entity: Entity
    requester: User
    amount: Decimal
    facts: Mapping[str, Any]

    def eligible(self, person: User | None) -> bool:
        return (
            person is not None
            and person.is_active
            and person.entity_id == self.entity.pk
            and person.pk != self.requester.pk
        )

    def money(self, value: Decimal) -> str:
        return f"{value:,.{minor_units(self.entity.currency)}f} {self.entity.currency}"


def build(
    *, rule: PolicyRule | None, entity: Entity, requester: User, facts: Mapping[str, Any]
) -> list[Group]:
    """The groups of a chain in order. No rule: the fallback approver alone; no steps: no groups.

    Raises PolicyBroken for steps that cannot be read, NoApprover where nobody is left.
    """
    case = _Case(entity, requester, Decimal(str(facts["amount"])), facts)
    if rule is None:
        return [Group("all", (_fallback(case, "no policy covers this"),))]
    check(rule.steps)
    groups = [group for step in rule.steps for group in _groups(case, step)]
    return _once_each(groups)


def check(steps: Any) -> None:
    """Raise PolicyBroken unless these steps can be read."""
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise PolicyBroken("Steps are a list.")
    for step in steps:
        approvers = step.get("approvers", [])
        if step.get("mode", "all") not in MODES or not isinstance(approvers, list):
            raise PolicyBroken(f"A step's mode is any or all, not “{step.get('mode')}”.")
        for approver in approvers:
            if not isinstance(approver, dict) or approver.get("kind") not in KINDS:
                raise PolicyBroken(f"Unknown kind of approver: {approver}.")


def superiors(person: User) -> Iterable[User]:
    """Managers upwards; a circle ends where it began."""
    seen, boss = {person.pk}, person.manager
    while boss is not None and boss.pk not in seen:
        seen.add(boss.pk)
        yield boss
        boss = boss.manager


def _groups(case: _Case, step: Mapping[str, Any]) -> list[Group]:
    """One group per step; a manager chain goes on in further groups, one manager each."""
    mode = step.get("mode", "all")
    first: list[Seat] = []
    further: list[Seat] = []
    for approver in step.get("approvers", []):
        kind = approver["kind"]
        seats = _RESOLVE[kind](case, approver.get("value"))
        if kind == "manager_chain" and mode == "all":
            further += seats[1:]
            seats = seats[:1]
        elif kind == "manager_chain":
            seats = seats[-1:]  # where one suffices, it is the one whose limit covers the amount
        if not seats and mode == "all":
            seats = [_fallback(case, "the step found nobody")]
        first += seats
    if not first:
        first = [_fallback(case, "the step found nobody")]
    return [Group(mode, tuple(first)), *(Group("all", (seat,)) for seat in further)]


def _of_role(case: _Case, value: Any) -> list[Seat]:
    if value not in Role.values:
        raise PolicyBroken(f"Unknown role “{value}”.")
    people = (
        User.objects.filter(
            role_assignments__entity=case.entity, role_assignments__role=value, is_active=True
        )
        .filter(entity=case.entity)
        .exclude(pk=case.requester.pk)
        .order_by("name", "pk")
    )
    return [Seat(person, f"{Role(value).label} of {case.entity}") for person in people]


def _named(case: _Case, value: Any) -> list[Seat]:
    found = User.objects.filter(**_address(value)).first()
    return [Seat(found, "named by the policy")] if case.eligible(found) else []


def _address(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and "@" in value:
        return {"email__iexact": value}
    try:
        return {"pk": UUID(str(value))}
    except ValueError as error:
        raise PolicyBroken(f"“{value}” names no person.") from error


def _manager(case: _Case, value: Any) -> list[Seat]:
    boss = case.requester.manager
    return [Seat(boss, f"Manager of {case.requester}")] if case.eligible(boss) else []


def _manager_chain(case: _Case, value: Any) -> list[Seat]:
    """Managers upwards until one whose limit covers the amount; who has no limit is passed over."""
    seats = []
    for boss in superiors(case.requester):
        if not case.eligible(boss) or boss.approval_limit is None:
            continue
        why = f"In line above {case.requester}, approves up to {case.money(boss.approval_limit)}"
        if boss.approval_limit >= case.amount:
            return [*seats, Seat(boss, why, case.amount)]
        seats.append(Seat(boss, why))
    stands_in = _fallback(
        case, f"nobody above {case.requester} approves up to {case.money(case.amount)}"
    )
    return [*seats, replace(stands_in, required_limit=case.amount)]


def _budget_owners(case: _Case, value: Any) -> list[Seat]:
    """Each owner; the fallback approver for an owner who is the requester, gone, or not named."""
    ids = list(dict.fromkeys(str(each) for each in case.facts.get("budget_owners", [])))
    known = {str(user.pk): user for user in User.objects.filter(pk__in=_uuids(ids))}
    codes = ", ".join(case.facts.get("cost_centers", []))
    seats = []
    for each in ids:
        owner = known.get(each)
        if case.eligible(owner):
            why = f"Budget owner of {codes}" if len(ids) == 1 and codes else "Budget owner"
            seats.append(Seat(owner, why))
        else:
            seats.append(_fallback(case, "a budget has no other owner who may decide"))
    return seats


def _uuids(ids: Sequence[str]) -> list[UUID]:
    return [UUID(each) for each in ids if each not in ("", "None")]


_RESOLVE: dict[str, Callable[[_Case, Any], list[Seat]]] = {
    "role": _of_role,
    "person": _named,
    "manager": _manager,
    "manager_chain": _manager_chain,
    "budget_owner": _budget_owners,
}


def _fallback(case: _Case, reason: str) -> Seat:
    """The entity's fallback approver, or whoever stands above them when they are the requester."""
    appointed = case.entity.fallback_approver
    candidates = [appointed, *superiors(appointed)] if appointed else []
    for person in candidates:
        if case.eligible(person):
            return Seat(person, f"Fallback approver: {reason}")
    raise NoApprover(
        f"Nobody in {case.entity} may approve this: {reason}, and no fallback approver is left. "
        "Ask an administrator to name one."
    )


def _once_each(groups: list[Group]) -> list[Group]:
    """One person decides once, and that say counts wherever the person was to be asked.

    Who must sign somewhere keeps the first place where it is a must; an `any` group with that
    person in it needs nobody else. Of two `any` groups the one within the other stays.
    """
    limits = _strictest_limits(groups)
    groups = [Group(group.mode, _distinct(group.seats)) for group in groups]
    must: dict[UUID, int] = {}
    for index, group in enumerate(groups):
        if group.mode == "all" or len(group.seats) == 1:
            for seat in group.seats:
                must.setdefault(seat.person.pk, index)
    kept: list[Group] = []
    for index, group in enumerate(groups):
        if group.mode == "any" and len(group.seats) > 1:
            if not any(seat.person.pk in must for seat in group.seats):
                _add_choice(kept, group)
            continue
        seats = tuple(s for s in group.seats if must[s.person.pk] == index)
        if seats:
            kept.append(Group(group.mode, seats))
    return [
        Group(g.mode, tuple(replace(s, required_limit=limits.get(s.person.pk)) for s in g.seats))
        for g in kept
    ]


def _distinct(seats: Iterable[Seat]) -> tuple[Seat, ...]:
    first: dict[UUID, Seat] = {}
    for seat in seats:
        first.setdefault(seat.person.pk, seat)
    return tuple(first.values())


def _strictest_limits(groups: list[Group]) -> dict[UUID, Decimal]:
    limits: dict[UUID, Decimal] = {}
    for group in groups:
        for seat in group.seats:
            if seat.required_limit is not None:
                known = limits.get(seat.person.pk, seat.required_limit)
                limits[seat.person.pk] = max(known, seat.required_limit)
    return limits


def _add_choice(kept: list[Group], group: Group) -> None:
    """Add an `any` group beside the earlier ones so that no person sits in two."""
    mine = {seat.person.pk: seat for seat in group.seats}
    for earlier in [each for each in kept if each.mode == "any"]:
        theirs = {seat.person.pk for seat in earlier.seats}
        if mine.keys() <= theirs:
            kept.remove(earlier)
        elif theirs <= mine.keys():
            return
        else:
            mine = {pk: seat for pk, seat in mine.items() if pk not in theirs}
    kept.append(Group("any", tuple(mine.values())))
