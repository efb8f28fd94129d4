"""Outside journals: posted whole as they were told, once per external id, undone by a mirror."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from accounts.models import Entity, User
from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.models import Journal, JournalLine
from budgeting.models.journals import KEEPERS
from budgets import ledger
from budgets.ledger import Share, Source
from budgets.rates import RateMissing, rate_on
from budgets.services import fiscal_year_for
from core import events, numbering, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.money import ZERO, UnknownCurrency, minor_units, round_amount
from core.transactions import atomic
from core.transitions import perform

KIND = "JV"
MOST_LINES = 5000
MOST_REASON = 2000
MOST_DIGITS = Decimal(10) ** 12


class JournalDiffers(Conflict):
    slug = "journal-differs"
    title = "This journal came before and said something else."


class Posted(NamedTuple):
    """The journal of an external id, and whether it was new."""

    journal: Journal
    is_new: bool


@atomic
def post(*, entity: Entity, data: JournalInput, actor: User, at: datetime) -> Posted:
    """Take a journal of other books and post what it says was spent.

    The same external id with the same content is answered with the journal that is there and
    posts nothing. No budget refuses it; what a stop lacks becomes overdraft. Raises NotAllowed for
    all but controllers, Invalid, JournalDiffers, RateMissing, FiscalYearMissing, FiscalYearClosed.
    """
    if not (actor.is_active and actor.entity_id == entity.pk and actor.has_role(*KEEPERS)):
        raise NotAllowed("Only controllers take in journals of other books.")
    _require_fit(entity, data, at)
    said = digest(data)
    # Under the entity's lock, so that of two with one id the second sees the first.
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    before = Journal.objects.filter(entity=entity, external_id=data.external_id).first()
    if before is not None:
        if before.digest != said:
            raise JournalDiffers(
                f"{data.external_id} was taken in as {before.number} with other content. "
                "Reverse that and send the correction under an id of its own."
            )
        return Posted(before, False)
    journal, lines = _store(entity, data, said, actor, at)
    ledger.post_outside(
        source=source(journal),
        shares=[_share(line) for line in lines],
        on=data.posting_date,
        actor=actor,
        at=at,
        reason=journal.description,
    )
    events.publish(
        "journal.posted",
        journal,
        actor=actor,
        at=at,
        reason=journal.description,
        data={"digest": said, "content": content(data), "rate": str(journal.rate)},
    )
    return Posted(journal, True)


@atomic
def reverse(
    *, journal: Journal, actor: User, at: datetime, reason: str, on: date | None = None
) -> Journal:
    """Undo a journal by the exact mirror of its entries, on its own posting date unless said.

    Raises IllegalTransition, NotAllowed, Invalid without a reason or for a day before it was
    posted, FiscalYearMissing and FiscalYearClosed for the day and for the journal's own year.
    """
    found = Journal.objects.select_for_update(of=("self",), no_key=True)
    journal = found.select_related("entity").get(pk=journal.pk)
    day = on or journal.posting_date
    perform(journal.reverse, actor=actor, at=at, on=day)
    errors = text.check(reason, "/reason", most=MOST_REASON, required=True, multiline=True)
    if day < journal.posting_date or day > journal.entity.day_of(at):
        errors.append(FieldError("/on", "day", "From its posting date until today."))
    if errors:
        raise Invalid(errors=errors)
    fiscal_year_for(journal.entity, journal.posting_date)
    journal.save()
    ledger.reverse_outside(
        source=source(journal), on=day, actor=actor, at=at, reason=reason.strip()
    )
    events.publish("journal.reversed", journal, actor=actor, at=at, reason=reason.strip())
    return journal


def source(journal: Journal) -> Source:
    return Source(
        entity=journal.entity,
        document_type=journal.document_type,
        document_id=journal.pk,
        number=journal.number,
        currency=journal.currency,
        rate=journal.rate,
    )


def content(data: JournalInput) -> dict[str, Any]:
    """What a journal says, as JSON data."""
    return {
        "external_id": data.external_id,
        "source": data.source.strip(),
        "posting_date": data.posting_date.isoformat(),
        "currency": data.currency,
        "description": data.description.strip(),
        "lines": [
            {
                "cost_center": line.cost_center.code,
                "gl_account": line.gl_account.code,
                "project": line.project.code if line.project else None,
                "amount": str(round_amount(line.amount, data.currency)),
                "description": line.description.strip(),
            }
            for line in data.lines
        ],
    }


def digest(data: JournalInput) -> str:
    """SHA-256 over everything it says."""
    return hashlib.sha256(json.dumps(content(data), sort_keys=True).encode()).hexdigest()


def _store(
    entity: Entity, data: JournalInput, said: str, actor: User, at: datetime
) -> tuple[Journal, list[JournalLine]]:
    try:
        rate = rate_on(currency=data.currency, base=entity.currency, day=data.posting_date)
    except RateMissing as missing:
        missing.errors = [FieldError("/currency", missing.slug, missing.detail)]
        raise
    year = fiscal_year_for(entity, data.posting_date).year
    journal = Journal(
        entity=entity,
        number=numbering.take(stream=str(entity.pk), kind=KIND, fiscal_year=year),
        external_id=data.external_id,
        source=data.source.strip(),
        description=data.description.strip(),
        posting_date=data.posting_date,
        currency=data.currency,
        rate=rate,
        total=sum((line.amount for line in data.lines), ZERO),
        digest=said,
        imported_by=actor,
        created_at=at,
    )
    journal._history_user = actor
    journal.save()
    lines = JournalLine.objects.bulk_create(
        JournalLine(
            journal=journal,
            line_number=number,
            description=line.description.strip(),
            cost_center=line.cost_center,
            gl_account=line.gl_account,
            project=line.project,
            amount=line.amount,
        )
        for number, line in enumerate(data.lines, 1)
    )
    return journal, lines


def _share(line: JournalLine) -> Share:
    return Share(
        line_id=line.pk,
        line_number=line.line_number,
        distribution_id=line.pk,
        cost_center_id=line.cost_center_id,
        gl_account_id=line.gl_account_id,
        project_id=line.project_id,
        amount=line.amount,
    )


def _require_fit(entity: Entity, data: JournalInput, at: datetime) -> None:
    """Raise Invalid with everything that is wrong at once."""
    errors = text.check(data.external_id, "/external_id", most=64, required=True, name=True)
    errors += text.check(data.source, "/source", most=64)
    errors += text.check(data.description, "/description", most=500, required=True)
    if data.posting_date > entity.day_of(at):
        errors.append(FieldError("/posting_date", "max_value", "This day has not come yet."))
    if not 1 <= len(data.lines) <= MOST_LINES:
        errors.append(FieldError("/lines", "length", f"1 to {MOST_LINES} lines."))
    try:
        minor_units(data.currency)
    except UnknownCurrency:
        errors.append(FieldError("/currency", "unknown", "There is no such currency."))
    else:
        errors += _faults_of(entity, data.lines, data.currency)
    if errors:
        raise Invalid(errors=errors)


def _faults_of(
    entity: Entity, lines: Sequence[JournalLineInput], currency: str
) -> list[FieldError]:
    errors = []
    for number, line in enumerate(lines):
        here = f"/lines/{number}"
        for name in ("cost_center", "gl_account", "project"):
            coding = getattr(line, name)
            if coding is not None and coding.entity_id != entity.pk:
                errors.append(FieldError(f"{here}/{name}", "unknown", "There is no such code."))
        errors += text.check(line.description, f"{here}/description", most=500)
        exact = round_amount(line.amount, currency) == line.amount
        if not line.amount or not exact or abs(line.amount) >= MOST_DIGITS:
            said = f"Not an amount in {currency}: {line.amount}."
            errors.append(FieldError(f"{here}/amount", "invalid", said))
    return errors
