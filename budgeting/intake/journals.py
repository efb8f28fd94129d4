"""Journals from a file: rows of one external id are one journal, whole or not at all."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounts.models import Entity
from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.intake import report, values
from budgeting.intake.coding import Coding, Reading
from budgeting.intake.report import BadRow, Report, Taken
from budgeting.intake.sheets import Row, rows
from budgeting.models import Journal
from budgeting.services import journals
from core.errors import DomainError, FieldError
from core.money import UnknownCurrency, minor_units, round_amount
from core.transactions import atomic

REQUIRED = ("external_id", "posting_date", "description", "cost_center", "gl_account", "amount")
OPTIONAL = ("project", "currency", "source", "line_description")
_HEAD = ("posting_date", "currency", "description", "source")


@dataclass(frozen=True, slots=True)
class _Line:
    """One good row: what its journal is, and one line of it."""

    row: int
    external_id: str
    posting_date: date
    currency: str
    description: str
    source: str
    said: JournalLineInput


def take_in(*, entity: Entity, data: bytes, actor: Any, at: datetime, reason: str) -> Report:
    """Post the journals all of whose rows are good. Runs inside the caller's unit of work.

    A journal that came before with the same content posts nothing. `reason` is not needed: each
    journal says itself what it is. Raises what `sheets.rows` raises.
    """
    made = Report()
    lines, broken = _judged(entity, data, made)
    for external_id in sorted(lines, key=lambda each: lines[each][0].row):
        own = lines[external_id]
        if external_id in broken:
            made.taken += [Taken(line.row, report.SKIPPED, external_id) for line in own]
        else:
            _take(external_id, own, made, entity, actor, at)
    made.taken.sort(key=lambda taken: taken.row)
    made.bad_rows.sort(key=lambda bad: bad.row)
    return made


def _take(
    external_id: str, lines: list[_Line], made: Report, entity: Entity, actor: Any, at: datetime
) -> None:
    head = lines[0]
    data = JournalInput(
        external_id=external_id,
        posting_date=head.posting_date,
        currency=head.currency,
        description=head.description,
        lines=[line.said for line in lines],
        source=head.source,
    )
    try:
        with atomic():
            posted = journals.post(entity=entity, data=data, actor=actor, at=at)
    except DomainError as refusal:
        made.bad_rows += _refused(refusal, lines)
        return
    what = report.CREATED if posted.is_new else report.UNCHANGED
    gone = ", reversed since" if posted.journal.status == Journal.Status.REVERSED else ""
    for line in lines:
        figure = f"{round_amount(line.said.amount, line.currency):,} {line.currency}"
        about = f"{posted.journal.number} {external_id}{gone}"
        made.taken.append(Taken(line.row, what, about, "", figure))


def _refused(refusal: DomainError, lines: list[_Line]) -> list[BadRow]:
    """Each fault at the row it is about; what is about the whole journal at its first."""
    found: dict[int, list[FieldError]] = defaultdict(list)
    for each in refusal.errors:
        parts = each.pointer.strip("/").split("/")
        place = int(parts[1]) if parts[0] == "lines" and parts[1:2] and parts[1].isdigit() else 0
        found[lines[place].row].append(FieldError(f"/{parts[-1]}", each.code, each.detail))
    if not found:
        found[lines[0].row] = report.of_refusal(refusal, "external_id")
    return [BadRow(row, errors) for row, errors in found.items()]


def _judged(entity: Entity, data: bytes, made: Report) -> tuple[dict[str, list[_Line]], set[str]]:
    """The good rows by external id, and the ids of which a row is bad."""
    coding = Coding(entity)
    lines: dict[str, list[_Line]] = defaultdict(list)
    broken: set[str] = set()
    for row in rows(data, required=REQUIRED, optional=OPTIONAL):
        made.rows += 1
        external_id, line, errors = _read(row, coding, entity)
        if line is not None and lines[external_id]:
            errors += _unlike(line, lines[external_id][0])
        if errors or line is None:
            made.bad_rows.append(BadRow(row.number, errors))
            broken.add(external_id)
        else:
            lines[external_id].append(line)
    return {key: own for key, own in lines.items() if own}, broken


def _unlike(line: _Line, first: _Line) -> list[FieldError]:
    return [
        FieldError(f"/{name}", "differs", f"Row {first.row} of this journal says otherwise.")
        for name in _HEAD
        if getattr(line, name) != getattr(first, name)
    ]


def _read(row: Row, coding: Coding, entity: Entity) -> tuple[str, _Line | None, list[FieldError]]:
    reading = Reading()
    external_id = reading.read(
        "external_id", values.words, row["external_id"], most=64, required=True
    )
    day = reading.read("posting_date", values.day, row["posting_date"])
    currency = reading.read("currency", values.words, row["currency"], most=3)
    description = reading.read(
        "description", values.words, row["description"], most=500, required=True
    )
    source = reading.read("source", values.words, row["source"], most=64)
    own_words = reading.read("line_description", values.words, row["line_description"], most=500)
    center = reading.read("cost_center", coding.find, row, "cost_center")
    account = reading.read("gl_account", coding.find, row, "gl_account")
    project = reading.read("project", coding.find, row, "project", required=False)
    currency = (currency or entity.currency).upper()
    try:
        minor_units(currency)
        amount = reading.read("amount", values.amount, row["amount"], currency=currency)
    except UnknownCurrency:
        said = f"There is no currency {currency!r}."
        reading.errors.append(FieldError("/currency", "unknown", said))
    if not reading.errors and not amount:
        reading.errors.append(FieldError("/amount", "invalid", "A line moves more than nothing."))
    if reading.errors:
        return external_id or "", None, reading.errors
    line = JournalLineInput(center, account, amount, project, own_words)
    return external_id, _Line(row.number, external_id, day, currency, description, source, line), []
