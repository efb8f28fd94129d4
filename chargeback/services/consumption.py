"""Who used how much of a shared service: taken in by the month, any number of times."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import User
from accounts.permissions import role
from chargeback.inputs import UnitsInput
from chargeback.models import Allocation, AllocationRule, Consumption
from chargeback.models.rules import MAKERS
from chargeback.services.rules import locked_rule
from core import events
from core.decimals import NotADecimal, parse, places
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.money import ZERO
from core.transactions import atomic

MOST_ROWS = 5000
_MOST_UNITS = Decimal(10) ** 11
_MAKES = role(*MAKERS)
Key = tuple[date, UUID]


class MonthShared(Conflict):
    """The month is run or about to be: what it was shared by does not change under it."""

    slug = "month-shared"
    title = "The month is shared already. Reverse its allocation first."


@dataclass(frozen=True)
class ImportReport:
    """How many rows were new, changed what stood there, or said the same again."""

    created: int
    changed: int
    unchanged: int


@atomic
def import_consumption(
    *, rule: AllocationRule, rows: list[UnitsInput], actor: User | None, at: datetime
) -> ImportReport:
    """Take in what cost centres used. The same rows again change nothing.

    Raises NotAllowed for all but controllers, the service's owner and the portal itself; Invalid
    with the row in each pointer; MonthShared where a month that was run would change.
    """
    rule = locked_rule(rule)
    _require_importer(rule, actor)
    if errors := list(_faults(rule, rows)):
        raise Invalid(errors=errors)
    wanted: dict[Key, Decimal] = {_key(row): parse(row.units) for row in rows}
    months = {month for month, _ in wanted}
    there = {
        (row.month, row.cost_center_id): row
        for row in Consumption.objects.filter(rule=rule, month__in=months)
    }
    new = {key: units for key, units in wanted.items() if key not in there}
    other = {
        key: units for key, units in wanted.items() if key in there and there[key].units != units
    }
    _require_open(rule, {month for month, _ in (*new, *other)})
    codes = {row.cost_center.pk: row.cost_center.code for row in rows if row.cost_center}
    changes = [
        {
            "field": f"{month:%Y-%m} {codes[center]}",
            "old": _plain(there[month, center].units) if (month, center) in there else None,
            "new": _plain(units),
        }
        for (month, center), units in {**new, **other}.items()
    ]
    _store(rule, new, there, other, actor, at)
    if changes:
        rule.save()
        events.publish(
            "allocation_rule.consumption_imported", rule, actor=actor, at=at, changes=changes
        )
    return ImportReport(len(new), len(other), len(wanted) - len(new) - len(other))


def _store(
    rule: AllocationRule,
    new: dict[Key, Decimal],
    there: dict[Key, Consumption],
    other: dict[Key, Decimal],
    actor: User | None,
    at: datetime,
) -> None:
    Consumption.objects.bulk_create(
        Consumption(
            rule=rule,
            month=month,
            cost_center_id=center,
            units=units,
            imported_by=actor,
            imported_at=at,
        )
        for (month, center), units in new.items()
    )
    for key, units in other.items():
        row = there[key]
        row.units, row.imported_by, row.imported_at = units, actor, at
    Consumption.objects.bulk_update(
        [there[key] for key in other], ["units", "imported_by", "imported_at"]
    )


def _require_importer(rule: AllocationRule, actor: User | None) -> None:
    if actor is None or _MAKES(rule, actor):
        return
    newest = rule.revisions.order_by("revision").last()
    if not (actor.is_active and newest and newest.service_owner_id == actor.pk):
        raise NotAllowed("Consumption is taken in by a controller or the owner of the service.")


def _require_open(rule: AllocationRule, months: set[date]) -> None:
    live = Allocation.objects.filter(rule=rule, month__in=months, status__in=Allocation.LIVE)
    run = live.order_by("month").first()
    if run is not None:
        raise MonthShared(
            f"{run.month:%B %Y} is shared already by {rule}. Reverse its allocation first."
        )


def _key(row: UnitsInput) -> Key:
    assert row.month is not None
    assert row.cost_center is not None
    return row.month, row.cost_center.pk


def _faults(rule: AllocationRule, rows: list[UnitsInput]) -> Iterator[FieldError]:
    if not rows or len(rows) > MOST_ROWS:
        yield FieldError("/rows", "required", f"Hand in 1 to {MOST_ROWS} rows.")
        return
    seen: set[Any] = set()
    for place, row in enumerate(rows):
        pointer = f"/rows/{place}"
        if row.month is None or row.month.day != 1:
            yield FieldError(f"{pointer}/month", "invalid", "Write a month such as 2026-03.")
        center = row.cost_center
        if center is None or center.entity_id != rule.entity_id:
            yield FieldError(f"{pointer}/cost_center", "unknown", "There is no such cost centre.")
        elif (row.month, center.pk) in seen:
            yield FieldError(pointer, "taken", "This cost centre and month stand above already.")
        else:
            seen.add((row.month, center.pk))
        yield from _units_faults(row.units, f"{pointer}/units")


def _units_faults(value: Any, pointer: str) -> Iterator[FieldError]:
    try:
        units = parse(value)
    except NotADecimal:
        yield FieldError(pointer, "invalid", "Write a plain number such as 12.5.")
        return
    if units < ZERO or units >= _MOST_UNITS:
        yield FieldError(pointer, "range", "Not below 0, and below 100 billion.")
    elif places(units) > 6:
        yield FieldError(pointer, "max_decimal_places", "At most 6 decimals.")


def _plain(units: Decimal) -> str:
    return f"{units.normalize():f}"
