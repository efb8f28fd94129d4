"""People: who works here, in which roles, up to which limits. History keeps every change."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import ApiToken, Entity, Role, RoleAssignment, User
from core import text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.transactions import atomic

LIMITS = ("approval_limit", "delegated_order_limit", "variance_limit")


class LastAdministrator(Conflict):
    slug = "last-administrator"
    title = "Somebody must remain who administers the portal."


@atomic
def add_person(
    *,
    entity: Entity,
    email: str,
    name: str,
    roles: Iterable[str],
    actor: User | None,
    at: datetime,
    job_title: str = "",
    manager: User | None = None,
) -> User:
    """A person who signs in by this address once a password is set; no limits yet.

    Raises NotAllowed for all but administrators of the entity, Invalid.
    """
    _require_administrator(entity, actor)
    errors = [
        *text.check(name, "/name", most=120, required=True, name=True),
        *text.check(job_title, "/job_title", most=120, name=True),
        *_email_errors(email),
        *_manager_errors(entity, None, manager),
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
    _assign(user, set(roles), actor)
    return user


@atomic
def set_roles(*, person: User, roles: Iterable[str], actor: User | None) -> User:
    """Give exactly these roles in the person's entity. Nobody changes their own.

    Raises NotAllowed, Invalid for an unknown role, LastAdministrator.
    """
    person = _locked(person, actor)
    wanted = set(roles)
    if Role.ADMINISTRATOR not in wanted:
        _require_other_administrator(person)
    _assign(person, wanted, actor)
    return User.objects.get(pk=person.pk)


@atomic
def set_limits(*, person: User, limits: dict[str, Decimal | None], actor: User | None) -> User:
    """Set approval, delegated order or variance limits (base currency). Nobody sets their own.

    An empty approval limit approves nothing by amount. Raises NotAllowed, Invalid.
    """
    person = _locked(person, actor)
    errors = [
        FieldError(f"/{name}", "unknown", "No such limit.") for name in limits if name not in LIMITS
    ]
    for name, value in limits.items():
        empty = value is None and name == "approval_limit"
        if not empty and (value is None or not value.is_finite() or value < 0):
            errors.append(FieldError(f"/{name}", "min_value", "Zero or more."))
    if errors:
        raise Invalid(errors=errors)
    for name, value in limits.items():
        setattr(person, name, value)
    person._history_user = actor
    person.save()
    return person


@atomic
def set_manager(*, person: User, manager: User | None, actor: User | None) -> User:
    """Name who stands above a person. Raises NotAllowed, Invalid for a loop or another entity."""
    person = _locked(person, actor)
    if errors := _manager_errors(person.entity, person, manager):
        raise Invalid(errors=errors)
    person.manager = manager
    person._history_user = actor
    person.save()
    return person


@atomic
def deactivate(*, person: User, actor: User | None) -> User:
    """Let nobody sign in as this person any more; tokens die at once, the history stays.

    Raises NotAllowed, LastAdministrator.
    """
    person = _locked(person, actor)
    _require_other_administrator(person)
    person.is_active = False
    person._history_user = actor
    person.save()
    ApiToken.objects.filter(user=person).delete()
    return person


def _require_administrator(entity: Entity | None, actor: User | None) -> None:
    """An administrator of that entity, or the portal itself (set-up)."""
    if actor is None:
        return
    if not (actor.is_active and entity and actor.entity_id == entity.pk):
        raise NotAllowed("You are not allowed to manage people.")
    if not actor.has_role(Role.ADMINISTRATOR):
        raise NotAllowed("You are not allowed to manage people.")


def _locked(person: User, actor: User | None) -> User:
    person = (
        User.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .get(pk=person.pk)
    )
    _require_administrator(person.entity, actor)
    if actor is not None and actor.pk == person.pk:
        raise NotAllowed("Somebody else must change what you may do.")
    return person


def _require_other_administrator(person: User) -> None:
    """Looked at under the entity's lock: two administrators may be dismissing each other."""
    Entity.objects.select_for_update(no_key=True).get(pk=person.entity_id)
    of_entity = RoleAssignment.objects.filter(
        entity=person.entity, role=Role.ADMINISTRATOR, user__is_active=True
    )
    if of_entity.filter(user=person).exists() and not of_entity.exclude(user=person).exists():
        raise LastAdministrator()


def _assign(person: User, roles: set[str], actor: User | None) -> None:
    if unknown := roles - set(Role.values):
        detail = f"Unknown: {', '.join(sorted(unknown))}."
        raise Invalid(errors=[FieldError("/roles", "unknown", detail)])
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


def _manager_errors(
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
