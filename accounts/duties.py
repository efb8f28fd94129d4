"""Duties that one person must not hold together: at the act, and when roles are given.

A pair of duties is kept apart along one purchase: requests, order, receipts and invoices that
belong together. A mitigation excepts one person from one pair until a day.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any

from accounts.acts import Performed
from accounts.authority import locked_person, require_two_people
from accounts.models import Duty, DutyPair, Entity, Mitigation, Role, User
from core import events, refusals, text, transactions
from core.documents import Document
from core.errors import Conflict, FieldError, Invalid, NotAllowed

Pair = tuple[str, str]

SLUG = "segregation-of-duties"
KEPT_APART = "person.kept_apart"
LONGEST_MITIGATION = timedelta(days=366)
CARRIES: Mapping[str, frozenset[str]] = {
    Role.REQUESTER: frozenset({Duty.REQUEST}),
    Role.APPROVER: frozenset({Duty.APPROVE}),
    Role.BUDGET_OWNER: frozenset({Duty.APPROVE}),
    Role.CONTROLLER: frozenset({Duty.APPROVE}),
    Role.SECURITY: frozenset({Duty.APPROVE}),
    Role.LEGAL: frozenset({Duty.APPROVE}),
    Role.FINANCE: frozenset({Duty.APPROVE}),
    Role.BUYER: frozenset({Duty.ORDER}),
    Role.RECEIVER: frozenset({Duty.RECEIVE}),
    Role.AP_CLERK: frozenset({Duty.ENTER_INVOICE, Duty.RESOLVE}),
    Role.AP_MANAGER: frozenset({Duty.ENTER_INVOICE, Duty.RESOLVE, Duty.RELEASE}),
    Role.VENDOR_MANAGER: frozenset({Duty.VENDOR_BANK}),
}
# What an entity that says nothing else may live without: whoever asks for something may order it
# and may confirm that it came; everything else on one purchase needs another person.
TOLERATED: frozenset[Pair] = frozenset(
    {(Duty.ORDER, Duty.REQUEST), (Duty.RECEIVE, Duty.REQUEST)}  # first < second
)
# Pairs that would let one person alone pay for nothing: nor are their roles given together.
NEVER_TOGETHER: frozenset[Pair] = frozenset(
    {
        (Duty.ORDER, Duty.RECEIVE),
        (Duty.ENTER_INVOICE, Duty.ORDER),
        (Duty.ENTER_INVOICE, Duty.RECEIVE),
        (Duty.ENTER_INVOICE, Duty.VENDOR_BANK),
        (Duty.RELEASE, Duty.VENDOR_BANK),
        (Duty.ORDER, Duty.VENDOR_BANK),
        (Duty.ORDER, Duty.RELEASE),
        (Duty.RECEIVE, Duty.RELEASE),
    }
)
_DID = {
    Duty.REQUEST: "requested it",
    Duty.APPROVE: "approved it",
    Duty.ORDER: "ordered it",
    Duty.RECEIVE: "received on it",
    Duty.ENTER_INVOICE: "entered an invoice for it",
    Duty.RESOLVE: "accepted a variance of it",
    Duty.VENDOR_BANK: "changed its vendor's bank",
    Duty.RELEASE: "released its payment",
}
_TO_DO = {
    Duty.REQUEST: "request it",
    Duty.APPROVE: "approve it",
    Duty.ORDER: "order it",
    Duty.RECEIVE: "confirm what arrived",
    Duty.ENTER_INVOICE: "enter its invoices",
    Duty.RESOLVE: "accept its variances",
    Duty.VENDOR_BANK: "change its vendor's bank",
    Duty.RELEASE: "release its payment",
}


class DutiesConflict(NotAllowed):
    """Two duties on one purchase that the entity keeps apart. The attempt stays in the trail."""

    slug = SLUG
    title = "Two duties that one person must not hold on one purchase."
    leaves_trace = False  # it leaves its own, which names the duties


class RolesConflict(Conflict):
    """Roles whose duties are never given together, for one person."""

    slug = SLUG
    title = "These roles must not be held together."


def ordered(one: str, other: str) -> Pair:
    """A pair as it is stored: the earlier word first."""
    return (one, other) if one < other else (other, one)


def default_pairs() -> list[tuple[str, str, bool]]:
    """Every two duties but those tolerated, each with whether their roles are kept apart too."""
    every = (ordered(str(one), str(other)) for one, other in combinations(Duty.values, 2))
    return [(*pair, pair in NEVER_TOGETHER) for pair in sorted(every) if pair not in TOLERATED]


def pairs_of(entity: Entity) -> list[DutyPair]:
    """What an entity keeps apart, in stable order. Statements: 1."""
    return list(DutyPair.objects.filter(entity=entity).order_by("first", "second"))


def carried_by(roles: Iterable[str]) -> frozenset[str]:
    """The duties that these roles carry."""
    return frozenset(duty for role in roles for duty in CARRIES.get(role, ()))


def words(duty: str) -> str:
    return str(Duty(duty).label).lower()


# --- At the act ------------------------------------------------------------------------------


def require_apart(
    *,
    entity: Entity,
    person: User | None,
    duty: str,
    performed: Performed,
    at: datetime,
    about: Document | None = None,
) -> None:
    """Let `person` do this duty on a purchase of which others were `performed` by these people.

    `about` is the document at hand, for the trail. The portal itself (None) passes: whoever told
    it to act was asked. Raises DutiesConflict naming both duties, unless a mitigation of the
    person holds on that day. Statements: none for somebody new to the purchase.
    """
    found = _conflict(entity, person, duty, performed, at)
    if found is None or person is None:
        return
    refusal = DutiesConflict(_sentence(person, str(duty), found))
    data = {"duty": str(duty), "other": found}
    if about is not None:
        data |= {
            "document_type": about.document_type,
            "document_id": str(about.pk),
            "reference": about.reference,
        }
    refusals.record(
        KEPT_APART, person, actor=person, at=at, why=SLUG, words=refusal.detail, data=data
    )
    raise refusal


def conflict_words(
    *, entity: Entity, person: User | None, duty: str, performed: Performed, at: datetime
) -> str:
    """Why `require_apart` would refuse; empty where it would not. For pages: reads only."""
    found = _conflict(entity, person, duty, performed, at)
    return _sentence(person, str(duty), found) if found and person else ""


def _conflict(
    entity: Entity, person: User | None, duty: str, performed: Performed, at: datetime
) -> str | None:
    """The duty that the person did before and that is kept apart from this one."""
    if person is None:
        return None
    done = {str(other) for other, people in performed.items() if person.pk in people}
    conflicts = {ordered(str(duty), other): other for other in done if other != duty}
    if not conflicts:
        return None
    rows = DutyPair.objects.filter(
        entity=entity, first__in={a for a, _ in conflicts}, second__in={b for _, b in conflicts}
    )
    kept = sorted(pair for pair in rows.values_list("first", "second") if pair in conflicts)
    excepted = mitigated(person, on=entity.day_of(at)) if kept else set()
    return next((conflicts[pair] for pair in kept if pair not in excepted), None)


def _sentence(person: User, duty: str, other: str) -> str:
    return (
        f"{person} {_DID[Duty(other)]}: somebody else must {_TO_DO[Duty(duty)]} "
        f"({words(other)} and {words(duty)} are kept apart)."
    )


def mitigated(person: User, *, on: date) -> set[Pair]:
    """The pairs that a person is excepted from on a day. Statements: 1."""
    rows = Mitigation.objects.filter(person=person, valid_until__gte=on)
    return {(each.first, each.second) for each in rows}


# --- When roles are given --------------------------------------------------------------------


def conflicts_of(entity: Entity, roles: Iterable[str]) -> list[DutyPair]:
    """Pairs that these roles would bring together although they are never given together."""
    duties = carried_by(roles)
    pairs = DutyPair.objects.filter(entity=entity, at_grant=True).order_by("first", "second")
    return [each for each in pairs if each.first in duties and each.second in duties]


def require_grantable(*, person: User, roles: Iterable[str], at: datetime) -> None:
    """Roles for a person, all of them. Raises RolesConflict at /roles for every pair that they
    bring together anew, unless a mitigation of the person holds."""
    entity = person.entity
    before = carried_by(
        person.role_assignments.filter(entity=entity).values_list("role", flat=True)
    )
    new = [
        each
        for each in conflicts_of(entity, roles)
        if not (each.first in before and each.second in before)
    ]
    if not new:
        return
    excepted = mitigated(person, on=entity.day_of(at))
    roles = list(roles)
    faults = [
        FieldError("/roles", SLUG, _together(each, roles))
        for each in new
        if (each.first, each.second) not in excepted
    ]
    if faults:
        raise RolesConflict(" ".join(fault.detail for fault in faults), errors=faults)


def _together(pair: DutyPair, roles: list[str]) -> str:
    first, second = (
        " or ".join(
            sorted(str(Role(role).label) for role in roles if duty in CARRIES.get(role, ()))
        )
        for duty in (pair.first, pair.second)
    )
    return (
        f"{first} and {second} are not given to one person: "
        f"{words(pair.first)} and {words(pair.second)} are kept apart."
    )


# --- Set-up ----------------------------------------------------------------------------------


def check_pairs(pairs: Iterable[tuple[str, str, bool]]) -> list[FieldError]:
    """What is wrong with pairs (one duty, another, kept apart when roles are given)."""
    errors, seen = [], set()
    for index, (one, other, at_grant) in enumerate(pairs):
        pointer = f"/pairs/{index}"
        if one not in Duty.values or other not in Duty.values or one == other:
            errors.append(FieldError(pointer, "unknown", "Name two different duties."))
            continue
        pair = ordered(one, other)
        if pair in seen:
            errors.append(FieldError(pointer, "repeated", "This pair is named twice."))
        seen.add(pair)
        both = [role for role, duties in CARRIES.items() if {one, other} <= duties]
        if at_grant and both:
            detail = f"{Role(both[0]).label} carries both; nobody could have that role."
            errors.append(FieldError(f"{pointer}/at_grant", "impossible", detail))
    return errors


@transactions.atomic
def set_pairs(
    *,
    entity: Entity,
    pairs: Iterable[tuple[str, str, bool]],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
) -> list[DutyPair]:
    """Keep exactly these pairs apart from now on. What was done before stays as it was judged.

    Raises NotAllowed without two people, Invalid.
    """
    require_two_people(entity, actor=actor, proposed_by=proposed_by)
    pairs = list(pairs)
    if errors := check_pairs(pairs):
        raise Invalid(errors=errors)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    wanted = {ordered(one, other): at_grant for one, other, at_grant in pairs}
    present = {(each.first, each.second): each for each in pairs_of(entity)}
    changes = []
    for pair in sorted({*wanted, *present}):
        old = present[pair].at_grant if pair in present else None
        new = wanted.get(pair)
        if old == new:
            continue
        changes.append({"field": " and ".join(pair), "old": _strength(old), "new": _strength(new)})
        _set_pair(entity, pair, present.get(pair), new, actor)
    if changes:
        entity.version += 1
        entity._history_user = actor
        entity.save()
        events.publish("entity.duty_pairs_changed", entity, actor=actor, at=at, changes=changes)
    return pairs_of(entity)


def _strength(at_grant: bool | None) -> str:
    if at_grant is None:
        return "one person may"
    return "kept apart, roles too" if at_grant else "kept apart"


def _set_pair(
    entity: Entity, pair: Pair, row: DutyPair | None, at_grant: bool | None, actor: Any
) -> None:
    row = row or DutyPair(entity=entity, first=pair[0], second=pair[1])
    row._history_user = actor
    if at_grant is None:
        row.delete()
        return
    row.at_grant = at_grant
    row.save()


def check_mitigation(
    entity: Entity, *, first: str, second: str, reason: str, valid_until: date, at: datetime
) -> list[FieldError]:
    """What is wrong with an exception from a pair until a day."""
    errors = text.check(reason, "/reason", most=2000, required=True, multiline=True)
    known = DutyPair.objects.filter(entity=entity, first=first, second=second)
    if not known.exists():
        errors.append(FieldError("/pair", "unknown", "These duties are not kept apart here."))
    today = entity.day_of(at)
    if not today <= valid_until <= today + LONGEST_MITIGATION:
        detail = "From today up to a year ahead."
        errors.append(FieldError("/valid_until", "out_of_range", detail))
    return errors


@transactions.atomic
def mitigate(
    *,
    person: User,
    first: str,
    second: str,
    reason: str,
    valid_until: date,
    actor: User,
    proposed_by: User,
    at: datetime,
) -> Mitigation:
    """Except a person from a pair until a day, as one person proposed and another approved.

    Raises NotAllowed unless they are two others than the person, Invalid.
    """
    person = locked_person(person)
    require_two_people(person.entity, actor=actor, proposed_by=proposed_by, person=person)
    first, second = ordered(first, second)
    given = {"first": first, "second": second, "reason": reason, "valid_until": valid_until}
    if errors := check_mitigation(person.entity, **given, at=at):
        raise Invalid(errors=errors)
    made = Mitigation(
        entity=person.entity, person=person, approved_by=actor, approved_at=at, **given
    )
    made._history_user = actor
    made.save()
    person.version += 1
    person.save(update_fields=["version"])
    events.publish(
        "person.mitigated",
        person,
        actor=actor,
        at=at,
        reason=reason,
        data={
            "first": first,
            "second": second,
            "valid_until": valid_until.isoformat(),
            "proposed_by": str(proposed_by.pk),
        },
    )
    return made
