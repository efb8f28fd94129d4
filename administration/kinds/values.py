"""What the kinds of change share: how values are read from a proposal and shown to people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts import duties
from accounts.models import Duty, User
from accounts.services import figure
from administration.models import ChangeRequest
from approvals.subjects import Change
from core import decimals
from core.errors import FieldError, Invalid

Values = dict[str, Any]
SCALE = 4  # decimals of amounts and percents


@dataclass(frozen=True)
class Kind:
    """`read` gives the values now, `check` the wanted ones as they are stored (raises Invalid),
    `apply` makes them so, `rows` says in words what differs. `drop`, where there is something to
    put away, is told that they will not be. `scope` says of what is wanted what it is about: one
    change of that waits at a time."""

    read: Callable[[ChangeRequest], Values]
    check: Callable[[ChangeRequest, Values, datetime], Values]
    apply: Callable[[ChangeRequest, User, datetime], None]
    rows: Callable[[ChangeRequest], list[Change]]
    drop: Callable[[ChangeRequest, User, datetime, str], None] = lambda *_: None
    scope: Callable[[Values], object] = lambda _: None


def wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(errors=[FieldError(pointer, code, detail)])


def only(values: Mapping[str, Any], *names: str) -> None:
    for name in values:
        if name not in names:
            raise wrong(f"/after/{name}", "unknown", "This cannot be changed here.")


def two_people(change: ChangeRequest, actor: User, at: datetime) -> Values:
    return {"actor": actor, "proposed_by": change.proposed_by, "at": at}


def colleague(change: ChangeRequest, value: Any, pointer: str) -> Values | None:
    """A person of the entity by id, as it is stored."""
    if value in (None, ""):
        return None
    if isinstance(value, Mapping):
        value = value.get("id")
    try:
        pk = UUID(str(value))
    except ValueError:
        pk = None
    found = User.objects.filter(entity_id=change.entity_id, is_active=True, pk=pk).first()
    if found is None:
        raise wrong(pointer, "unknown", "Nobody of this entity.")
    return named(found)


def named(person: User | None) -> Values | None:
    return {"id": str(person.pk), "name": person.name} if person else None


def person_of(value: Values | None) -> User | None:
    return User.objects.get(pk=value["id"]) if value else None


def decimal_text(value: Any, pointer: str) -> str | None:
    if value in (None, ""):
        return None
    try:
        found = decimals.parse(value)
    except decimals.NotADecimal:
        raise wrong(pointer, "invalid", "Not a figure.") from None
    if decimals.places(found) > SCALE:
        raise wrong(pointer, "max_decimal_places", f"At most {SCALE} decimals are kept.")
    return figure(found)


def money(change: ChangeRequest, text: str | None) -> str:
    return "no limit given" if text is None else f"{Decimal(text):,f} {change.entity.currency}"


def pair_words(first: str, second: str) -> str:
    return f"{Duty(first).label} and {duties.words(second)}"


def strength(at_grant: bool | None) -> str:
    if at_grant is None:
        return "one person may"
    return "kept apart, roles too" if at_grant else "kept apart"
