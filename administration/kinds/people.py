"""What one person may do: roles, limits, manager, and exceptions from pairs of duties."""

from datetime import date, datetime
from decimal import Decimal

import accounts.services
from accounts import duties
from accounts.models import Role, User
from accounts.services import figure
from administration.kinds.values import (
    Kind,
    Values,
    colleague,
    decimal_text,
    money,
    named,
    only,
    pair_words,
    person_of,
    two_people,
    wrong,
)
from administration.models import ChangeRequest
from approvals.subjects import Change
from core.errors import Invalid


def _read_roles(change: ChangeRequest) -> Values:
    assert change.person is not None
    return {"roles": sorted(User.objects.get(pk=change.person.pk).roles)}


def _check_roles(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, "roles")
    roles = after.get("roles")
    if not isinstance(roles, list) or not all(isinstance(each, str) for each in roles):
        raise wrong("/roles", "invalid", "A list of roles.")
    if errors := accounts.services.role_errors(roles):
        raise Invalid(errors=errors)
    assert change.person is not None
    duties.require_grantable(person=change.person, roles=roles, at=at)
    return {"roles": sorted(set(roles))}


def _apply_roles(change: ChangeRequest, actor: User, at: datetime) -> None:
    accounts.services.set_roles(
        person=change.person,
        roles=change.after["roles"],
        reason=change.reason,
        **two_people(change, actor, at),
    )


def _role_rows(change: ChangeRequest) -> list[Change]:
    before, after = set(change.before["roles"]), set(change.after["roles"])
    return [
        *(Change(Role(role).label, "no", "yes") for role in sorted(after - before)),
        *(Change(Role(role).label, "yes", "no") for role in sorted(before - after)),
    ]


def _read_limits(change: ChangeRequest) -> Values:
    person = User.objects.get(pk=change.person_id)
    return {name: figure(getattr(person, name)) for name in accounts.services.LIMITS}


def _check_limits(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, *accounts.services.LIMITS)
    wanted = {name: decimal_text(value, f"/{name}") for name, value in after.items()}
    figures = {name: None if text is None else Decimal(text) for name, text in wanted.items()}
    if errors := accounts.services.limit_errors(figures):
        raise Invalid(errors=errors)
    return {**_read_limits(change), **wanted}


def _apply_limits(change: ChangeRequest, actor: User, at: datetime) -> None:
    limits = {name: None if text is None else Decimal(text) for name, text in change.after.items()}
    accounts.services.set_limits(
        person=change.person, limits=limits, reason=change.reason, **two_people(change, actor, at)
    )


LIMIT_NAMES = {
    "approval_limit": "Approves up to",
    "delegated_order_limit": "Orders from the catalog up to",
    "variance_limit": "Accepts invoice variances up to",
}


def _limit_rows(change: ChangeRequest) -> list[Change]:
    return [
        Change(LIMIT_NAMES[name], money(change, change.before[name]), money(change, new))
        for name, new in change.after.items()
        if new != change.before[name]
    ]


def _read_manager(change: ChangeRequest) -> Values:
    return {
        "manager": named(User.objects.select_related("manager").get(pk=change.person_id).manager)
    }


def _check_manager(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, "manager")
    wanted = colleague(change, after.get("manager"), "/manager")
    boss = person_of(wanted)
    if errors := accounts.services.manager_errors(change.entity, change.person, boss):
        raise Invalid(errors=errors)
    return {"manager": wanted}


def _apply_manager(change: ChangeRequest, actor: User, at: datetime) -> None:
    accounts.services.set_manager(
        person=change.person,
        manager=person_of(change.after["manager"]),
        reason=change.reason,
        **two_people(change, actor, at),
    )


def _manager_rows(change: ChangeRequest) -> list[Change]:
    old, new = (values["manager"] for values in (change.before, change.after))
    return [Change("Manager", old["name"] if old else "nobody", new["name"] if new else "nobody")]


def _read_mitigation(change: ChangeRequest) -> Values:
    return {}


def _check_mitigation(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, "first", "second", "valid_until")
    first, second = duties.ordered(str(after.get("first", "")), str(after.get("second", "")))
    try:
        until = date.fromisoformat(str(after.get("valid_until", "")))
    except ValueError:
        raise wrong("/valid_until", "invalid", "A day such as 2026-12-31.") from None
    given = {"first": first, "second": second, "reason": change.reason, "valid_until": until}
    if errors := duties.check_mitigation(change.entity, **given, at=at):
        raise Invalid(errors=errors)
    return {"first": first, "second": second, "valid_until": until.isoformat()}


def _apply_mitigation(change: ChangeRequest, actor: User, at: datetime) -> None:
    duties.mitigate(
        person=change.person,
        first=change.after["first"],
        second=change.after["second"],
        reason=change.reason,
        valid_until=date.fromisoformat(change.after["valid_until"]),
        **two_people(change, actor, at),
    )


def _mitigation_rows(change: ChangeRequest) -> list[Change]:
    pair = pair_words(change.after["first"], change.after["second"])
    return [Change(pair, "kept apart", f"excepted until {change.after['valid_until']}")]


ROLES = Kind(_read_roles, _check_roles, _apply_roles, _role_rows)
LIMITS = Kind(_read_limits, _check_limits, _apply_limits, _limit_rows)
MANAGER = Kind(_read_manager, _check_manager, _apply_manager, _manager_rows)
MITIGATION = Kind(_read_mitigation, _check_mitigation, _apply_mitigation, _mitigation_rows)
