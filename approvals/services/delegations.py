"""Letting somebody decide in one's place for a while, and taking that back."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.models import Role, User
from approvals import subjects
from approvals.models import DECIDING_ROLES, ActionToken, Delegation
from core import decimals, events, refusals, text, transactions
from core.errors import Conflict, FieldError, IllegalTransition, Invalid, NotAllowed
from core.transitions import perform

LONGEST, FARTHEST = timedelta(days=90), timedelta(days=366)
MOST_REASON = 200
WHOLE_DIGITS, SCALE = 12, 2
CAUSE = "delegation"  # why a mail's link died


@refusals.told("delegation.refused", about="from_user")
@transactions.atomic
def delegate(
    *,
    from_user: User,
    to_user: User,
    duties: Sequence[str],
    valid_from: datetime,
    valid_to: datetime,
    max_amount: Decimal | None,
    reason: str,
    actor: User,
    at: datetime,
) -> Delegation:
    """Let `to_user` decide as well on what waits for `from_user`, between two moments.

    `duties` are document types, none means all; `max_amount` is base currency, None means the
    delegator's limit. Today begins now. Raises NotAllowed for all but the delegator, their manager
    and administrators, and for who would give it to themselves; Invalid for what breaks a rule at a
    field; Conflict where the same is delegated to the same person already.
    """
    people = _locked(from_user, to_user)
    from_user, to_user = people[from_user.pk], people[to_user.pk]
    _require_say(from_user, to_user, actor)
    valid_from = _not_before(from_user, valid_from, at)
    errors = [
        *_people_errors(from_user, to_user),
        *_duty_errors(duties),
        *_date_errors(valid_from, valid_to, at),
        *_cap_errors(from_user, max_amount),
        *text.check(reason, "/reason", most=MOST_REASON, required=True),
    ]
    if errors:
        raise Invalid(errors=errors)
    delegation = Delegation(
        entity=from_user.entity,
        from_user=from_user,
        to_user=to_user,
        duties=sorted(set(duties)),
        valid_from=valid_from,
        valid_to=valid_to,
        max_amount=max_amount,
        reason=reason.strip(),
        created_by=actor,
        created_at=at,
    )
    _require_no_twin(delegation)
    delegation.save()
    void_links(delegation)
    events.publish(
        "delegation.granted",
        delegation,
        actor=actor,
        at=at,
        reason=delegation.reason,
        data=about(delegation),
    )
    return delegation


@refusals.told("delegation.refused", about="delegation")
@transactions.atomic
def revoke_delegation(
    *, delegation: Delegation, actor: User | None, at: datetime, reason: str = ""
) -> Delegation:
    """End it at once; one that has not begun never will.

    Raises NotAllowed for all but the delegator, their manager and administrators,
    IllegalTransition for one that is over.
    """
    if errors := text.check(reason, "/reason", most=MOST_REASON):
        raise Invalid(errors=errors)
    delegation = (
        Delegation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "from_user", "to_user")
        .get(pk=delegation.pk)
    )
    perform(delegation.revoke, actor=actor, at=at)
    if delegation.valid_to <= at:
        raise IllegalTransition(f"{delegation} ended by itself already.")
    delegation.save()
    void_links(delegation)
    events.publish(
        "delegation.revoked",
        delegation,
        actor=actor,
        at=at,
        reason=reason.strip(),
        data=about(delegation),
    )
    return delegation


def void_links(delegation: Delegation) -> None:
    """Links of the delegator die, and the delegate's on what the delegator requested."""
    theirs = Q(person=delegation.from_user_id) | Q(
        person=delegation.to_user_id, step__request__requester=delegation.from_user_id
    )
    ActionToken.objects.filter(theirs, used_at=None, void_reason="").update(void_reason=CAUSE)


def about(delegation: Delegation) -> dict[str, Any]:
    """What its events say about it."""
    most = delegation.max_amount
    return {
        "from": str(delegation.from_user_id),
        "to": str(delegation.to_user_id),
        "duties": delegation.duties,
        "valid_from": delegation.valid_from.isoformat(),
        "valid_to": delegation.valid_to.isoformat(),
        "max_amount": None if most is None else str(most),
    }


def _locked(*people: User) -> dict[Any, User]:
    """Both rows in one order: two delegations, or a delegation and a leaving, take turns."""
    found = (
        User.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .filter(pk__in=[each.pk for each in people])
        .order_by("pk")
    )
    return {each.pk: each for each in found}


def _require_say(from_user: User, to_user: User, actor: User) -> None:
    administers = actor.entity_id == from_user.entity_id and actor.has_role(Role.ADMINISTRATOR)
    may = actor.pk in (from_user.pk, from_user.manager_id) or administers
    if not (actor.is_active and may):
        raise NotAllowed(f"{from_user}, their manager or an administrator may delegate this.")
    if actor.pk == to_user.pk and actor.pk != from_user.pk:
        raise NotAllowed("Nobody gives themselves what another decides.")


def _not_before(person: User, moment: datetime, at: datetime) -> datetime:
    """A day that began already lasts from now: nothing is delegated for the past."""
    entity = person.entity
    near = entity is not None and abs(moment - at) < timedelta(days=2)
    return max(moment, at) if near and entity.day_of(moment) == entity.day_of(at) else moment


def _people_errors(from_user: User, to_user: User) -> Iterable[FieldError]:
    if not from_user.is_active or not from_user.has_role(*DECIDING_ROLES):
        yield FieldError("/from_user", "invalid", f"{from_user} decides on nothing.")
    if to_user.pk == from_user.pk:
        yield FieldError("/to_user", "self", "Choose somebody else.")
    elif (
        not to_user.is_active
        or to_user.entity_id != from_user.entity_id
        or not to_user.has_role(*DECIDING_ROLES)
    ):
        yield FieldError("/to_user", "invalid", "Choose somebody who may approve in this entity.")


def _duty_errors(duties: Sequence[str]) -> Iterable[FieldError]:
    known = subjects.names()
    for index, duty in enumerate(duties):
        if duty not in known:
            yield FieldError(f"/duties/{index}", "unknown", f"One of {', '.join(known)}.")


def _date_errors(valid_from: datetime, valid_to: datetime, at: datetime) -> Iterable[FieldError]:
    if valid_from < at:
        yield FieldError("/valid_from", "past", "Choose today or a later day.")
    if valid_from > at + FARTHEST:
        yield FieldError("/valid_from", "too_far", "Choose a day within a year from now.")
    if valid_to <= valid_from:
        yield FieldError("/valid_to", "too_early", "Choose a time after its beginning.")
    elif valid_to - valid_from > LONGEST:
        yield FieldError("/valid_to", "too_long", f"At most {LONGEST.days} days.")


def _cap_errors(from_user: User, cap: Decimal | None) -> Iterable[FieldError]:
    if cap is None:
        return
    limit = from_user.approval_limit
    if not cap.is_finite() or cap <= 0:
        yield FieldError("/max_amount", "min_value", "More than zero, or nothing.")
    elif cap.adjusted() >= WHOLE_DIGITS or decimals.places(cap) > SCALE:
        yield FieldError("/max_amount", "invalid", f"At most {SCALE} decimals.")
    elif limit is not None and cap > limit:
        yield FieldError("/max_amount", "max_value", f"{from_user} approves up to {limit:,.2f}.")


def _require_no_twin(delegation: Delegation) -> None:
    """Two that overlap for the same documents and the same person would contradict each other."""
    others = Delegation.objects.filter(
        from_user=delegation.from_user,
        to_user=delegation.to_user,
        status=Delegation.Status.STANDING,
        valid_from__lt=delegation.valid_to,
        valid_to__gt=delegation.valid_from,
    )
    for other in others:
        if not (other.duties and delegation.duties) or set(other.duties) & set(delegation.duties):
            raise Conflict(
                f"{delegation.to_user} decides for {delegation.from_user} in that time already; "
                "revoke that first."
            )
