"""Year ends: looked at first, run by the worker as one batch, undone as one batch (C22, M16)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from accounts.models import Control, Entity, Role, User
from budgeting.models import YearEnd, YearEndLine
from budgets import queries
from budgets.ledger import Source, rolling
from budgets.ledger.cells import Calendar, Dimensions, find
from budgets.ledger.travelling import Rolled
from budgets.models import BudgetCell, Commitment, FiscalYear
from budgets.trail import told_of_commitments
from core import events, text
from core.errors import Conflict, DomainError, FieldError, Invalid, NotAllowed
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform

MOST_REASON = 2000


@atomic
def request(
    *, entity: Entity, fiscal_year: int, policy: str, reason: str, actor: User, at: datetime
) -> YearEnd:
    """Let the worker take over what is open in a fiscal year that has ended.

    Only a controller may. Raises NotAllowed, Invalid, Conflict before the year is over, while the
    next one is missing or closed, and when this was done already.
    """
    if not (actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.CONTROLLER)):
        raise NotAllowed("Only a controller runs a year end.")
    _check_reason(reason)
    if policy not in YearEnd.Policy.values:
        raise Invalid(errors=[FieldError("/policy", "unknown", "With or without budget.")])
    old, new = years(entity, fiscal_year)
    if entity.day_of(at) <= old.ends_on:
        raise Conflict(f"Fiscal year {old} ends on {old.ends_on:%d %B %Y}.")
    if YearEnd.objects.filter(from_year=old).exclude(status=YearEnd.Status.REVERSED).exists():
        raise Conflict(f"The year end of {old} was run already; it can be resumed or reversed.")
    year_end = YearEnd(
        entity=entity,
        from_year=old,
        to_year=new,
        policy=policy,
        reason=reason.strip(),
        requested_by=actor,
        created_at=at,
    )
    year_end._history_user = actor
    year_end.save()
    events.publish(
        "year_end.requested",
        year_end,
        actor=actor,
        at=at,
        reason=year_end.reason,
        data={"from_year": old.year, "to_year": new.year, "policy": policy},
    )
    return year_end


def years(entity: Entity, fiscal_year: int) -> tuple[FiscalYear, FiscalYear]:
    """A fiscal year and the one that follows it, both open. Raises Invalid, Conflict."""
    old = FiscalYear.objects.filter(entity=entity, year=fiscal_year).first()
    if old is None:
        message = f"There is no fiscal year {fiscal_year}."
        raise Invalid(message, errors=[FieldError("/fiscal_year", "missing", message)])
    first_day = old.ends_on + timedelta(days=1)
    new = FiscalYear.objects.filter(entity=entity, starts_on=first_day).first()
    if new is None:
        raise Conflict(f"No fiscal year follows {old} yet. Set it up first.")
    for each in (old, new):
        if not each.is_open:
            raise Conflict(f"Fiscal year {each} is closed.")
    return old, new


@dataclass(frozen=True)
class PreviewLine:
    """What a year end would do to one commitment; base currency. `available` is of the new budget
    when its turn comes, with what travels along; `is_short` says that a stop would refuse its
    document."""

    commitment: Commitment
    amount: Decimal
    activated: Decimal
    available: Decimal
    control: str
    is_short: bool


def preview(*, entity: Entity, fiscal_year: int, policy: str) -> list[PreviewLine]:
    """What would go over, line by line; nothing is written. Statements: 5.

    Documents take from the new budgets in the order of the run, so what is told to be short is what
    it would refuse. Raises Invalid, Conflict as `request` does, but for the day.
    """
    old, new = years(entity, fiscal_year)
    found = rolling.to_roll(entity_id=entity.pk, year_id=old.pk, next_year=new.year)
    related = ("cost_center", "gl_account", "project", "fiscal_year")
    documents: dict[UUID, list[Commitment]] = defaultdict(list)
    for each in found.select_related(*(f"cell__{name}" for name in related)):
        documents[each.document_id].append(each)
    held = [each for rows in documents.values() for each in rows]
    due: dict[int, Decimal] = defaultdict(Decimal)
    rows = queries.forward(entity=entity).filter(fiscal_year__lte=new.year)
    for pk, amount in rows.values_list("commitment_id", "amount"):
        due[pk] += amount
    cells = find(Calendar(entity, new.starts_on), {Dimensions.of(each.cell) for each in held})
    foresight = _Foresight(
        due=due,
        control=defaultdict(
            lambda: entity.unbudgeted_control, {key: cell.control for key, cell in cells.items()}
        ),
        has=defaultdict(
            Decimal, {key: cell.available + cell.overdraft for key, cell in cells.items()}
        ),
        left={
            each.cell_id: max(Decimal(each.cell.amount), ZERO)
            if policy == YearEnd.Policy.WITH_BUDGET
            else ZERO
            for each in held
        },
    )
    lines = [line for each in documents.values() for line in foresight.of(each)]
    return sorted(lines, key=_by_document)


def _by_document(line: PreviewLine) -> tuple[str, str, int, int]:
    each = line.commitment
    return each.document_type, each.document_number, each.line_number, each.pk


@dataclass
class _Foresight:
    """What is `left` of the old budgets to travel along, and what the new ones have, document by
    document as the run goes on."""

    due: dict[int, Decimal]
    control: dict[Dimensions, str]
    has: dict[Dimensions, Decimal]
    left: dict[int, Decimal]

    def of(self, document: list[Commitment]) -> list[PreviewLine]:
        left, asked, budgets = dict(self.left), defaultdict[Dimensions, Decimal](Decimal), {}
        for each in document:
            budgets[each.pk] = budget = min(each.open, left[each.cell_id])
            left[each.cell_id] -= budget
            asked[Dimensions.of(each.cell)] += each.open + self.due[each.pk] - budget
        is_short = any(
            self.control[key] == Control.STOP and amount > self.has[key]
            for key, amount in asked.items()
        )
        lines = []
        for each in document:
            key = Dimensions.of(each.cell)
            available = self.has[key] + budgets[each.pk]
            control, activated = self.control[key], self.due[each.pk]
            lines.append(PreviewLine(each, each.open, activated, available, control, is_short))
        if not is_short:
            self.left = left
            for key, amount in asked.items():
                self.has[key] -= amount
        return lines


def run(*, year_end: YearEnd, at: datetime) -> YearEnd:
    """Take everything over, document by document, each in a transaction of its own.

    What was taken over is not found any more, so a second delivery, or one after a worker died,
    goes on where the first one ended. A document whose new budget refuses it stays, and says why.
    """
    year_end = YearEnd.objects.select_related("entity", "from_year", "to_year").get(pk=year_end.pk)
    if year_end.status != YearEnd.Status.REQUESTED:
        return year_end
    for document_id, ids in _waiting(year_end).items():
        try:
            _take_over(year_end, document_id, ids, at)
        except DomainError as refusal:
            _note_refusal(year_end, ids, refusal.detail)
    return _end(year_end, at)


def _waiting(year_end: YearEnd) -> dict[UUID, list[int]]:
    """The commitments to take over, by document."""
    found = rolling.to_roll(
        entity_id=year_end.entity_id,
        year_id=year_end.from_year_id,
        next_year=year_end.to_year.year,
    )
    waiting: dict[UUID, list[int]] = defaultdict(list)
    for pk, document_id in found.values_list("pk", "document_id"):
        waiting[document_id].append(pk)
    return waiting


@atomic
def _take_over(year_end: YearEnd, document_id: UUID, ids: list[int], at: datetime) -> None:
    standing = _locked(year_end)
    if standing.status != YearEnd.Status.REQUESTED:
        return
    source, reason = _source(standing, ids), f"{standing}: {standing.reason}"
    rolled = rolling.roll(
        source=source,
        commitment_ids=ids,
        batch=standing.pk,
        turn=standing.turn,
        days=_days(standing),
        with_budget=standing.policy == YearEnd.Policy.WITH_BUDGET,
        actor=standing.requested_by,
        at=at,
        reason=reason,
    )
    told_of_commitments("rolled_over", source, actor=standing.requested_by, at=at, reason=reason)
    YearEndLine.objects.filter(year_end=standing, commitment__in=ids).delete()
    YearEndLine.objects.bulk_create(
        YearEndLine(
            year_end=standing,
            commitment_id=each.commitment_id,
            stage=each.stage,
            from_cell_id=each.from_cell_id,
            to_cell_id=each.to_cell_id,
            amount=each.amount,
            activated=each.activated,
            budget=each.budget,
            state=YearEndLine.State.ROLLED,
        )
        for each in rolled
    )


def _days(year_end: YearEnd) -> tuple[date, date]:
    """The last day of the old year and the first of the new one."""
    return year_end.from_year.ends_on, year_end.to_year.starts_on


def _source(year_end: YearEnd, ids: list[int]) -> Source:
    first = Commitment.objects.get(pk=ids[0])
    return Source(
        entity=year_end.entity,
        document_type=first.document_type,
        document_id=first.document_id,
        number=first.document_number,
        currency=first.currency,
        rate=first.rate,
    )


@atomic
def _note_refusal(year_end: YearEnd, ids: list[int], why: str) -> None:
    for commitment in Commitment.objects.filter(pk__in=ids).order_by("pk"):
        YearEndLine.objects.update_or_create(
            year_end=year_end,
            commitment=commitment,
            defaults={
                "stage": commitment.stage,
                "from_cell_id": commitment.cell_id,
                "amount": commitment.open,
                "state": YearEndLine.State.REFUSED,
                "note": why,
            },
        )


@atomic
def _end(year_end: YearEnd, at: datetime) -> YearEnd:
    year_end = _locked(year_end)
    if year_end.status != YearEnd.Status.REQUESTED:
        return year_end
    refused = year_end.lines.filter(state=YearEndLine.State.REFUSED).count()
    perform(year_end.stop if refused else year_end.finish, actor=None, at=at)
    year_end.save()
    events.publish(
        "year_end.stopped" if refused else "year_end.run",
        year_end,
        actor=None,
        at=at,
        data={"lines": year_end.lines.count() - refused, "refused": refused},
    )
    return year_end


@atomic
def resume(*, year_end: YearEnd, actor: User, at: datetime, reason: str = "") -> YearEnd:
    """Try again what was refused, after budgets were set. Raises IllegalTransition, NotAllowed."""
    year_end = _locked(year_end)
    perform(year_end.resume, actor=actor, at=at)
    year_end.lines.filter(state=YearEndLine.State.REFUSED).delete()
    year_end.save()
    events.publish("year_end.requested", year_end, actor=actor, at=at, reason=reason)
    return year_end


@atomic
def reverse(*, year_end: YearEnd, actor: User, at: datetime, reason: str) -> YearEnd:
    """Undo the whole batch by the exact mirror of its entries, and what travelled with it.

    Raises IllegalTransition (a closed year is opened first), NotAllowed, Invalid without a reason,
    Conflict when something was posted since to what it took over, BudgetBelowUse, BudgetExceeded.
    """
    year_end = _locked(year_end)
    perform(year_end.reverse, actor=actor, at=at)
    _check_reason(reason)
    rolled = [
        Rolled(
            line.commitment_id,
            line.stage,
            line.from_cell_id,
            line.to_cell_id or line.from_cell_id,
            line.amount,
            line.activated,
            line.budget,
        )
        for line in year_end.lines.filter(state=YearEndLine.State.ROLLED).order_by("commitment")
    ]
    rolling.unroll(
        batch=year_end.pk,
        rolled=rolled,
        days=_days(year_end),
        actor=actor,
        at=at,
        reason=f"{year_end} undone: {reason}",
    )
    year_end.save()
    events.publish("year_end.reversed", year_end, actor=actor, at=at, reason=reason)
    return year_end


@atomic
def close(*, year_end: YearEnd, actor: User, at: datetime, reason: str = "") -> YearEnd:
    """Close the old fiscal year: from now on it takes no entries, whoever tries.

    Waits for postings that move its budgets at this moment. Raises IllegalTransition, NotAllowed,
    Conflict while something is still open in it.
    """
    year_end = _locked(year_end)
    perform(year_end.close, actor=actor, at=at)
    cells = BudgetCell.objects.select_for_update(no_key=True).filter(
        fiscal_year=year_end.from_year_id
    )
    list(cells.order_by("pk").values_list("pk", flat=True))
    if waiting := _waiting(year_end):
        raise Conflict(
            f"{len(waiting)} documents still hold something of {year_end.from_year}: reverse this "
            "year end and run it again, or close them."
        )
    _set_open(year_end, False)
    events.publish("year_end.closed", year_end, actor=actor, at=at, reason=reason)
    return year_end


@atomic
def reopen(*, year_end: YearEnd, actor: User, at: datetime, reason: str) -> YearEnd:
    """Open the closed fiscal year again. Raises IllegalTransition, NotAllowed, Invalid."""
    year_end = _locked(year_end)
    perform(year_end.reopen, actor=actor, at=at)
    _check_reason(reason)
    _set_open(year_end, True)
    events.publish("year_end.reopened", year_end, actor=actor, at=at, reason=reason)
    return year_end


def _set_open(year_end: YearEnd, is_open: bool) -> None:
    year_end.save()
    FiscalYear.objects.filter(pk=year_end.from_year_id).update(is_open=is_open)
    year_end.from_year.is_open = is_open


def _locked(year_end: YearEnd) -> YearEnd:
    found = YearEnd.objects.select_for_update(of=("self",), no_key=True)
    related = ("entity", "from_year", "to_year", "requested_by")
    return found.select_related(*related).get(pk=year_end.pk)


def _check_reason(reason: str) -> None:
    errors = text.check(reason, "/reason", most=MOST_REASON, required=True, multiline=True)
    if errors:
        raise Invalid(errors=errors)
