"""A file of consumption read into rows: UTF-8, comma or semicolon, header in row 1."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from accounts.models import Entity
from budgets.models import CostCenter
from chargeback.inputs import UnitsInput
from chargeback.services.consumption import MOST_ROWS
from core import delimited
from core.decimals import NotADecimal, parse
from core.errors import Invalid, TooLarge

MAX_BYTES = 2 * 1024 * 1024
COLUMNS = ("month", "cost_center", "units")


def read(*, entity: Entity, data: bytes) -> list[UnitsInput]:
    """The rows of a file with the columns month, cost_center (its code) and units.

    What cannot be read in a row is left empty there, for the service to name. Raises TooLarge,
    Invalid when it is not such a file.
    """
    rows = list(_rows(data))
    codes = {code for _, code, _ in rows}
    centers = {each.code: each for each in CostCenter.objects.filter(entity=entity, code__in=codes)}
    return [
        UnitsInput(month_of(month), centers.get(code), _units(units)) for month, code, units in rows
    ]


def month_of(said: str) -> date | None:
    """The first day of a month such as 2026-03, or 2026-03-01; None for anything else."""
    words = said.strip()
    try:
        found = date.fromisoformat(words if len(words) == 10 else f"{words}-01")
    except ValueError:
        return None
    return found if words.isascii() and found.day == 1 else None


def _units(said: str) -> Decimal | None:
    try:
        return parse(said)
    except NotADecimal:
        return None


def _rows(data: bytes) -> Iterator[tuple[str, str, str]]:
    content, delimiter = delimited.opened(data, most_bytes=MAX_BYTES)
    reader = csv.reader(content, delimiter=delimiter, strict=True)
    try:
        yield from _named(reader)
    except csv.Error as error:
        raise Invalid(f"Row {reader.line_num} is not CSV: {error}.") from error


def _named(reader: Iterable[list[str]]) -> Iterator[tuple[str, str, str]]:
    lines = iter(reader)
    names = [name.strip().lower() for name in next(lines, [])]
    if sorted(names) != sorted(COLUMNS):
        raise Invalid(f"The header must be {', '.join(COLUMNS)}.")
    places = [names.index(name) for name in COLUMNS]
    for count, line in enumerate((line for line in lines if any(line)), 1):
        if count > MOST_ROWS:
            raise TooLarge(f"More than {MOST_ROWS} rows.")
        padded = [*line, "", "", ""]
        month, code, units = (padded[place].strip() for place in places)
        yield month, code, units
