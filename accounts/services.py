"""People: who works here, in which roles, up to which limits.

What gives somebody more is proposed by one person and approved by another (`proposed_by`,
`actor`); without both it is the portal itself, setting up. Each change is one event of the trail.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.authority import locked_person, require_administrator, require_two_people
from accounts.duties import require_grantable
from accounts.models import ApiToken, Entity, Role, RoleAssignment, User
from core import events, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.transactions import atomic

LIMITS = ("approval_limit", "delegated_order_limit", "variance_limit")
MOST_LIMIT = Decimal(10) ** 12


class LastAdministrator(Conflict):
    slug = "last-administrator"
    title = "Somebody must remain who administers the portal."


@atomic
def add_person(
    *,
    entity: Entity,
    email: str,
    name: str,
    actor: User | None,
    at: datetime,
    roles: Iterable[str] = (),
    job_title: str = "",
    manager: User | None = None,
) -> User:
    """A person who signs in by this address once a password is set; no limits yet.

    Roles come at once only when the portal itself sets up; otherwise by `set_roles`, which takes
    two. Raises NotAllowed for all but administrators of the entity, Invalid.
    """
    require_administrator(entity, actor)
    roles = set(roles)
    if roles and actor is not None:
        raise NotAllowed("Roles are proposed by one person and approved by another.")
    errors = [
        *text.check(name, "/name", most=120, required=True, name=True),
        *text.check(job_title, "/job_title", most=120, name=True),
        *_email_errors(email),
        *manager_errors(entity, None, manager),
        *role_errors(roles),
    ]
    if errors:
        raise Invalid(errors=errors)
    user = User(
        email=email.strip().lower(),
        name=name.strip(),
        job_title=job_title.strip(),
        entity=entity,
        manager=manager,
        created_at=at,
    )
    user.set_unusable_password()
    user._history_user = actor
    user.save()
    require_grantable(person=user, roles=roles, at=at)
    _assign(user, roles, actor)
    data = {"manager": _plain(manager), "roles": sorted(roles)}
    events.publish("person.added", user, actor=actor, at=at, data=data)
    return user


@atomic
def set_roles(
    *,
    person: User,
    roles: Iterable[str],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> User:
    """Give exactly these roles in the person's entity, as one proposed and `actor` approved.

    Raises NotAllowed without two others, Invalid for an unknown role, RolesConflict for duties
    that are never given together, LastAdministrator.
    """
    person = locked_person(person)
    require_two_people(person.entity, actor=actor, proposed_by=proposed_by, person=person)
    wanted = set(roles)
    if errors := role_errors(wanted):
        raise Invalid(errors=errors)
    if Role.ADMINISTRATOR not in wanted:
        _require_other_administrator(person)
    require_grantable(person=person, roles=wanted, at=at)
    before = sorted(person.roles)
    _assign(person, wanted, actor)
    after = sorted(wanted)
    if before != after:
        change = {"field": "roles", "old": ", ".join(before), "new": ", ".join(after)}
        _changed(person, "person.roles_changed", [change], actor, proposed_by, at, reason)
    return User.objects.get(pk=person.pk)


@atomic
def set_limits(
    *,
    person: User,
    limits: dict[str, Decimal | None],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> User:
    """Set approval, delegated order or variance limits (base currency), by two people.

    An empty approval limit approves nothing by amount. Raises NotAllowed, Invalid.
    """
    person = locked_person(person)
    require_two_people(person.entity, actor=actor, proposed_by=proposed_by, person=person)
    if errors := limit_errors(limits):
        raise Invalid(errors=errors)
    changes = [
        {"field": name, "old": figure(getattr(person, name)), "new": figure(value)}
        for name, value in limits.items()
        if getattr(person, name) != value
    ]
    for name, value in limits.items():
        setattr(person, name, value)
    if changes:
        _changed(person, "person.limits_changed", changes, actor, proposed_by, at, reason)
    return person


@atomic
def set_manager(
    *,
    person: User,
    manager: User | None,
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> User:
    """Name who stands above a person, by two people: approvals go upwards.

    Raises NotAllowed, Invalid for a loop or another entity.
    """
    person = locked_person(person)
    require_two_people(person.entity, actor=actor, proposed_by=proposed_by, person=person)
    # Of two that are put above each other at this moment, the second must see the first.
    Entity.objects.select_for_update(no_key=True).filter(pk=person.entity_id).first()
    if manager is not None:
        manager = User.objects.get(pk=manager.pk)
    if errors := manager_errors(person.entity, person, manager):
        raise Invalid(errors=errors)
    change = {"field": "manager", "old": _plain(person.manager), "new": _plain(manager)}
    if person.manager_id != (manager.pk if manager else None):
        person.manager = manager
        _changed(person, "person.manager_changed", [change], actor, proposed_by, at, reason)
    return person


@atomic
def set_settings(
    *,
    entity: Entity,
    values: dict[str, Any],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> Entity:
    """Change settings of an entity by name, by two people. The caller checked the values.

    Raises NotAllowed.
    """
    require_two_people(entity, actor=actor, proposed_by=proposed_by)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    changes = [
        {"field": name, "old": _plain(getattr(entity, name)), "new": _plain(value)}
        for name, value in values.items()
        if getattr(entity, name) != value
    ]
    if changes:
        for name, value in values.items():
            setattr(entity, name, value)
        entity.version += 1
        entity._history_user = actor
        entity.save()
        events.publish(
            "entity.settings_changed", entity, actor=actor, at=at, reason=reason, changes=changes
        )
    return entity


@atomic
def deactivate(*, person: User, actor: User | None, at: datetime, reason: str = "") -> User:
    """Let nobody act as this person any more, at once: sessions and tokens are refused, open
    approvals go to others. One administrator suffices, since it takes away and gives nothing.

    Raises NotAllowed, LastAdministrator, Conflict for somebody who left already.
    """
    person = locked_person(person)
    require_administrator(person.entity, actor)
    if actor is not None and actor.pk == person.pk:
        raise NotAllowed("Somebody else must change what you may do.")
    if errors := text.check(reason, "/reason", most=2000, multiline=True):
        raise Invalid(errors=errors)
    if not person.is_active:
        raise Conflict(f"{person} is deactivated already.")
    _require_other_administrator(person)
    person.is_active = False
    change = {"field": "is_active", "old": "yes", "new": "no"}
    _changed(person, "person.deactivated", [change], actor, None, at, reason)
    ApiToken.objects.filter(user=person).delete()
    return person


def role_errors(roles: Iterable[str]) -> list[FieldError]:
    if unknown := set(roles) - set(Role.values):
        return [FieldError("/roles", "unknown", f"Unknown: {', '.join(sorted(unknown))}.")]
    return []


def limit_errors(limits: dict[str, Decimal | None]) -> list[FieldError]:
    errors = [
        FieldError(f"/{name}", "unknown", "No such limit.") for name in limits if name not in LIMITS
    ]
    for name, value in limits.items():
        if value is None and name == "approval_limit":
            continue
        if value is None or not value.is_finite() or not 0 <= value < MOST_LIMIT:
            errors.append(FieldError(f"/{name}", "min_value", "Zero or more."))
    return errors


def figure(value: Decimal | None) -> str | None:
    """A limit as the trail shows it, the same whatever its scale."""
    return None if value is None else f"{Decimal(value).normalize():f}"


def _plain(value: Any) -> Any:
    """A value as the trail keeps it: people by key."""
    if isinstance(value, User):
        return str(value.pk)
    return figure(value) if isinstance(value, Decimal) else str(value or "")


def _changed(
    person: User,
    event: str,
    changes: list[dict[str, Any]],
    actor: User | None,
    proposed_by: User | None,
    at: datetime,
    reason: str,
) -> None:
    """Store a change of a person and tell it once."""
    person.version += 1
    person._history_user = actor
    person.save()
    data = {"proposed_by": str(proposed_by.pk)} if proposed_by else {}
    events.publish(event, person, actor=actor, at=at, reason=reason, changes=changes, data=data)


def _require_other_administrator(person: User) -> None:
    """Looked at under the entity's lock: two administrators may be dismissing each other."""
    Entity.objects.select_for_update(no_key=True).get(pk=person.entity_id)
    of_entity = RoleAssignment.objects.filter(
        entity=person.entity, role=Role.ADMINISTRATOR, user__is_active=True
    )
    if of_entity.filter(user=person).exists() and not of_entity.exclude(user=person).exists():
        raise LastAdministrator()


def _assign(person: User, roles: set[str], actor: User | None) -> None:
    present = {each.role: each for each in person.role_assignments.filter(entity=person.entity)}
    for role in sorted(set(present) - roles):
        present[role]._history_user = actor
        present[role].delete()
    for role in sorted(roles - set(present)):
        given = RoleAssignment(user=person, entity=person.entity, role=role)
        given._history_user = actor
        given.save()


def _email_errors(email: str) -> list[FieldError]:
    try:
        validate_email(email.strip())
    except ValidationError:
        return [FieldError("/email", "invalid", "Not an email address.")]
    if User.objects.filter(email__iexact=email.strip()).exists():
        return [FieldError("/email", "taken", "Somebody has this address already.")]
    return text.check(email, "/email", most=254, name=True)


def manager_errors(
    entity: Entity | None, person: User | None, manager: User | None
) -> list[FieldError]:
    if manager is None:
        return []
    if entity is None or manager.entity_id != entity.pk or not manager.is_active:
        return [FieldError("/manager", "unknown", "Nobody of this entity.")]
    above: User | None = manager
    while person is not None and above is not None:
        if above.pk == person.pk:
            return [FieldError("/manager", "loop", f"{person} stands above {manager}.")]
        above = above.manager
    return []
