"""How far invoices may be off: one limit of one scope, from a day on."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from accounts.services import figure
from administration.kinds.values import Kind, Values, decimal_text, only, two_people, wrong
from administration.models import ChangeRequest
from approvals.subjects import Change
from core.api.fields import find
from core.errors import Invalid
from invoicing import limits
from invoicing.models import Tolerance
from invoicing.services import ToleranceInput, set_tolerance
from invoicing.services.tolerances import faults, held
from vendors.models import Vendor

NAMES = (
    *("check", "direction", "vendor", "category", "percent", "absolute", "combine", "action"),
    *("valid_from", "ends"),
)
_SCOPE = ("check", "direction", "vendor", "category")
_TEXTS = {"check": "", "direction": "over", "category": "", "combine": "AND", "action": "exception"}
NOTHING = "nothing of its own"


def wanted(change: ChangeRequest, after: Values) -> ToleranceInput:
    """What is wanted, as people or programs say it. Raises Invalid at the field that says no
    such thing; whether it may be is judged elsewhere."""
    if after.get("currency"):
        said = "Amounts count in the currency of each invoice: say none."
        raise wrong("/currency", "not_here", said)
    only(after, *NAMES, "currency")
    texts = {name: after.get(name) or default for name, default in _TEXTS.items()}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise wrong(f"/{name}", "invalid", "Not a value that this can have.")
    return ToleranceInput(
        **texts,
        vendor=_vendor(change, after.get("vendor")),
        percent=_figure(after.get("percent"), "/percent"),
        absolute=_figure(after.get("absolute"), "/absolute"),
        valid_from=_day(after.get("valid_from")),
        ends=str(after.get("ends", False)).lower() == "true",
    )


def _vendor(change: ChangeRequest, value: Any) -> Vendor | None:
    if value in (None, ""):
        return None
    said = str(value.get("id") if isinstance(value, Mapping) else value)
    found = find(Vendor.objects.filter(entity=change.entity_id), [said]).get(said)
    if found is None:
        raise wrong("/vendor", "unknown", "There is no such vendor.")
    return found


def _figure(value: Any, pointer: str) -> Decimal | None:
    text = decimal_text(value, pointer)
    return None if text is None else Decimal(text)


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise wrong("/valid_from", "invalid", "A day such as 2026-12-31.") from None


def _read(change: ChangeRequest) -> Values:
    """The row that holds for the very same scope on its day."""
    row = held(change.entity, wanted(change, change.after))
    return {} if row is None else {"tolerance": str(row.pk), **_limits(row)}


def _limits(row: Tolerance | ToleranceInput) -> Values:
    return {
        "percent": None if row.percent is None else figure(row.percent),
        "absolute": None if row.absolute is None else figure(row.absolute),
        "combine": row.combine,
        "action": row.action,
    }


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    said = wanted(change, after)
    if errors := faults(change.entity, said, at=at):
        raise Invalid(errors=errors)
    vendor = said.vendor
    return {
        "check": said.check,
        "direction": said.direction,
        "vendor": {"id": str(vendor.pk), "name": vendor.name} if vendor else None,
        "category": said.category,
        **({} if said.ends else _limits(said)),
        "valid_from": said.valid_from.isoformat(),
        "ends": said.ends,
    }


def _apply(change: ChangeRequest, actor: User, at: datetime) -> None:
    set_tolerance(
        entity=change.entity,
        wanted=wanted(change, change.after),
        reason=change.reason,
        **two_people(change, actor, at),
    )


def scope(after: Values) -> tuple[Any, ...]:
    """What a proposal is about: the same for a limit, its changes and its end."""
    return tuple(
        value["id"] if isinstance(value := after.get(name), Mapping) else value for name in _SCOPE
    )


def _rows(change: ChangeRequest) -> list[Change]:
    after = change.after
    new = _row(change, after)
    day = date.fromisoformat(after["valid_from"])
    return [
        Change(
            limits.scope(new),
            limits.sentence(_row(change, change.before)) if change.before else NOTHING,
            NOTHING if after["ends"] else limits.sentence(new),
        ),
        Change("Holds from", "", f"{day:%-d %b %Y}, or from the day it is agreed if that is later"),
    ]


def _row(change: ChangeRequest, said: Values) -> Tolerance:
    """What was or is wanted as a row, for its words. Statements: none."""
    about, vendor = change.after, change.after["vendor"]
    return Tolerance(
        entity=change.entity,
        vendor=Vendor(pk=vendor["id"], name=vendor["name"]) if vendor else None,
        category=about["category"],
        check_name=about["check"],
        direction=about["direction"],
        percent=_figure(said.get("percent"), "/percent"),
        absolute=_figure(said.get("absolute"), "/absolute"),
        combine=said.get("combine", "AND"),
        action=said.get("action", "exception"),
    )


TOLERANCE = Kind(_read, _check, _apply, _rows, scope=scope)
