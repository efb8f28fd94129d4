"""The verbs of requisitions: each takes the row's lock, moves the state, tells what happened."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

import approvals.services
from accounts.models import Entity, Role, User
from approvals.models import ApprovalRequest
from budgets import ledger
from budgets.rates import RateMissing, rate_on
from core import events, numbering, rows, text
from core.composed import Composed
from core.errors import Conflict, FieldError, Invalid, Missing, NotAllowed
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform
from requisitions import content, emergencies, facts, storing, submission, validation
from requisitions.asked import Asked, stored
from requisitions.inputs import RequisitionInput
from requisitions.models import Requisition, RequisitionLine
from requisitions.rolling import rolling

KIND = "REQ"
MOST_REASON = 2000


@atomic
def create(*, requester: User, data: RequisitionInput, at: datetime) -> Requisition:
    """A draft of the requester's entity. Raises NotAllowed without the requester role, Invalid."""
    if not (requester.is_active and requester.entity_id and requester.has_role(Role.REQUESTER)):
        raise NotAllowed("You are not allowed to request purchases.")
    entity = requester.entity
    today = entity.day_of(at)
    judged = validation.judge(entity=entity, data=data, today=today)
    requisition = Requisition(entity=entity, requester=requester, created_at=at)
    storing.store(
        requisition, data, judged, rate=_rate(entity, data.currency, today), actor=requester
    )
    events.publish("requisition.created", requisition, actor=requester, at=at)
    return requisition


@atomic
def edit(
    *,
    requisition: Requisition,
    data: RequisitionInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> Requisition:
    """Replace the content of a draft; a returned or withdrawn one becomes a draft again.

    Raises IllegalTransition while it is in approval or later (withdraw it first), NotAllowed for
    anybody but its requester, StaleVersion when it is not `expected_version`, Invalid.
    """
    requisition = _locked(requisition)
    requisition.require_version(expected_version)
    perform(requisition.edit, actor=actor, at=at)
    today = requisition.entity.day_of(at)
    judged = validation.judge(entity=requisition.entity, data=data, today=today)
    before = content.content(requisition, content.lines_of(requisition))
    requisition.lines.all().delete()
    rate = _rate(requisition.entity, data.currency, today)
    storing.store(requisition, data, judged, rate=rate, actor=actor)
    after = content.content(requisition, content.lines_of(requisition))
    changes = content.differences(before, after)
    events.publish("requisition.edited", requisition, actor=actor, at=at, changes=changes)
    return requisition


@atomic
def copy(*, requisition: Requisition, actor: User, at: datetime) -> Requisition:
    """A new draft of the actor with the same lines at today's catalog prices.

    Raises Missing when the actor may not see it, NotAllowed, Invalid.
    """
    seen = Requisition.objects.visible_to(actor).select_related("vendor")
    original = seen.filter(pk=requisition.pk).first()
    if original is None:
        raise Missing()
    data = content.as_input(original, content.lines_of(original), fresh=True)
    return create(requester=actor, data=data, at=at)


@atomic
def submit(*, requisition: Requisition, actor: User, at: datetime) -> Requisition:
    """Ask for approval: funds are checked, nothing is reserved yet. The number is taken once.

    Where the policy asks nobody, it is approved at once. Raises IllegalTransition, NotAllowed,
    Invalid (when the draft's coding, vendor or prices no longer hold, a reference that policy
    demands is missing, or it cannot be an emergency), RateMissing, BudgetExceeded,
    BudgetReasonRequired.
    """
    requisition = _locked(requisition)
    perform(requisition.submit, actor=actor, at=at)
    entity, lines = requisition.entity, content.lines_of(requisition)
    today = entity.day_of(at)
    stated = content.as_input(requisition, lines)
    judged = validation.judge(entity=entity, data=stated, today=today)
    requisition.rate = _rate(entity, requisition.currency, today)
    asked = stored(requisition, lines, judged.tax_codes)
    submission.require_vendors(asked)
    emergencies.require_open(asked, at=at)
    checks = _funds(requisition, lines, today)
    around = rolling(asked, at=at, pk=requisition.pk)
    known = facts.approval_facts(asked, recent=around, checks=checks, on=today)
    submission.require_references(asked, known)
    if requisition.number is None:
        year = entity.fiscal_year_of(today)
        requisition.number = numbering.take(stream=requisition.stream, kind=KIND, fiscal_year=year)
    requisition.save()
    round_ = _ask_for_approval(requisition, lines, asked, known, actor=actor, at=at)
    if round_.closed_at is not None:
        requisition.refresh_from_db()  # approved by policy in the same breath
    return requisition


@atomic
def withdraw(
    *, requisition: Requisition, actor: User, at: datetime, reason: str = ""
) -> Requisition:
    """Take it back from approval; links in mails die. Raises IllegalTransition, NotAllowed."""
    requisition = _locked(requisition)
    perform(requisition.withdraw, actor=actor, at=at)
    _check_reason(reason, required=False)
    requisition.save()
    _end_round(requisition, actor=actor, at=at, reason=reason or "Withdrawn by the requester.")
    events.publish("requisition.withdrawn", requisition, actor=actor, at=at, reason=reason)
    return requisition


@atomic
def cancel(*, requisition: Requisition, actor: User, at: datetime, reason: str) -> Requisition:
    """Not needed any more: its whole reservation goes back. Refused once something was ordered.

    Raises IllegalTransition, NotAllowed, Invalid without a reason.
    """
    requisition = _locked(requisition)
    perform(requisition.cancel, actor=actor, at=at)
    return _ended(requisition, actor=actor, at=at, reason=reason)


@atomic
def close(
    *, requisition: Requisition, actor: User | None, at: datetime, reason: str
) -> Requisition:
    """Nothing more will be ordered from it: the rest of its reservation goes back (rule C4).

    Raises IllegalTransition, NotAllowed, Invalid without a reason.
    """
    requisition = _locked(requisition)
    perform(requisition.close, actor=actor, at=at)
    return _ended(requisition, actor=actor, at=at, reason=reason)


@atomic
def mark_ordered(
    *,
    requisition: Requisition,
    quantities: Mapping[UUID, tuple[Decimal, Decimal]],
    actor: User | None,
    at: datetime,
) -> Requisition:
    """Note what an order took over: per line its quantity and net in the requisition's currency.

    Called inside the order's transaction. A line by amount is complete when its net is ordered. The
    lines of what is returned are at hand, as they are now. Statements: 4 and its history.
    Raises IllegalTransition, NotAllowed, Conflict when a line has less left, Missing for a line
    of another requisition.
    """
    requisition = _locked_with_lines.one(requisition.pk)
    lines = {line.pk: line for line in requisition.lines.all()}
    if unknown := set(quantities) - set(lines):
        raise Missing(f"Not lines of {requisition.reference}: {len(unknown)}.")
    complete = all(_will_be_ordered(line, quantities.get(pk)) for pk, line in lines.items())
    move = requisition.order_all if complete else requisition.order_part
    perform(move, actor=actor, at=at)
    for pk, (quantity, amount) in quantities.items():
        _take(lines[pk], quantity, amount)
    rows.store([lines[pk] for pk in quantities], ["ordered_quantity", "ordered_amount"])
    requisition.save()
    events.publish(f"requisition.{requisition.status}", requisition, actor=actor, at=at)
    return requisition


@atomic
def mark_unordered(
    *,
    requisition: Requisition,
    quantities: Mapping[UUID, tuple[Decimal, Decimal]],
    actor: User | None,
    at: datetime,
    reason: str,
) -> Requisition:
    """Undo `mark_ordered` for an order that was cancelled: what it took can be ordered again.

    Called inside the order's transaction. Nothing is reserved for it again: the next order is
    checked against its budgets like any other. One that was closed meanwhile stays closed. Raises
    NotAllowed.
    """
    requisition = _locked_with_lines.one(requisition.pk)
    if requisition.status not in (
        Requisition.Status.PARTIALLY_ORDERED,
        Requisition.Status.ORDERED,
    ):
        return requisition
    lines = {line.pk: line for line in requisition.lines.all()}
    for pk, (quantity, amount) in quantities.items():
        lines[pk].ordered_quantity = max(lines[pk].ordered_quantity - quantity, ZERO)
        lines[pk].ordered_amount = max(lines[pk].ordered_amount - amount, ZERO)
    part = any(line.ordered_quantity or line.ordered_amount for line in lines.values())
    perform(requisition.free_part if part else requisition.free_all, actor=actor, at=at)
    rows.store([lines[pk] for pk in quantities], ["ordered_quantity", "ordered_amount"])
    requisition.save()
    events.publish("requisition.orderable_again", requisition, actor=actor, at=at, reason=reason)
    return requisition


def funds(*, entity: Entity, data: RequisitionInput, on: date) -> list[ledger.FundsCheck]:
    """What its budgets would say to this input. Reads only. Raises Invalid, RateMissing."""
    judged = validation.judge(entity=entity, data=data, today=on)
    rate = _rate(entity, data.currency, on)
    demands = facts.judged_demands(judged, entity=entity, currency=data.currency, rate=rate, on=on)
    return ledger.check_funds(entity=entity, on=on, demands=demands)


def _funds(
    requisition: Requisition, lines: list[RequisitionLine], today: date
) -> list[ledger.FundsCheck]:
    """What its budgets say, and a refusal where they stop it; an emergency may overdraw (C27)."""
    demands = facts.demands(requisition, lines, on=today)
    if requisition.emergency:
        return ledger.check_funds(entity=requisition.entity, on=today, demands=demands)
    return ledger.require_funds(
        entity=requisition.entity, on=today, demands=demands, reason=requisition.budget_reason
    )


_locked_requisition = Composed[Requisition](
    lambda pk: (
        Requisition.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "requester", "vendor")
        .filter(pk=pk)
    )
)


_locked_with_lines = Composed[Requisition](
    lambda pk: (
        Requisition.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=pk)
        .prefetch_related(
            Prefetch("lines", RequisitionLine.objects.select_for_update(no_key=True).order_by("pk"))
        )
    )
)


def _locked(requisition: Requisition) -> Requisition:
    return _locked_requisition.one(requisition.pk)


def _check_reason(reason: str, *, required: bool = True) -> None:
    errors = text.check(reason, "/reason", most=MOST_REASON, required=required, multiline=True)
    if errors:
        raise Invalid(errors=errors)


def _rate(entity: Entity, currency: str, day: date) -> Decimal:
    """The rate of a day; a missing one is shown at the currency field."""
    try:
        return rate_on(currency=currency, base=entity.currency, day=day)
    except RateMissing as missing:
        missing.errors = [FieldError("/currency", missing.slug, missing.detail)]
        raise


def _ask_for_approval(
    requisition: Requisition,
    lines: list[RequisitionLine],
    asked: Asked,
    known: dict[str, Any],
    *,
    actor: User,
    at: datetime,
) -> ApprovalRequest:
    stated = content.content(requisition, lines)
    digest = content.digest(stated)
    events.publish(
        "requisition.submitted",
        requisition,
        actor=actor,
        at=at,
        data={"digest": digest, "content": stated, "rate": str(requisition.rate)},
    )
    return approvals.services.request(
        document=requisition,
        requester=requisition.requester,
        amount=asked.amount,
        facts=known,
        digest=digest,
        parts=content.parts(stated),
        title=requisition.title,
        actor=actor,
        at=at,
    )


def _end_round(requisition: Requisition, *, actor: User, at: datetime, reason: str) -> None:
    approvals.services.cancel(
        subject_type=requisition.document_type,
        subject_id=requisition.pk,
        actor=actor,
        at=at,
        reason=reason,
    )


def _ended(
    requisition: Requisition, *, actor: User | None, at: datetime, reason: str
) -> Requisition:
    """What it reserves still goes back, and how it ended is told. Raises Invalid, no reason."""
    _check_reason(reason)
    requisition.save()
    event = f"requisition.{requisition.status}"
    freed = ledger.release_reservation(
        source=facts.source(requisition),
        actor=actor,
        at=at,
        on=requisition.entity.day_of(at),
        reason=reason,
        event=event,
    )
    data = {"released": str(freed)}
    events.publish(event, requisition, actor=actor, at=at, reason=reason, data=data)
    return requisition


def _take(line: RequisitionLine, quantity: Decimal, amount: Decimal) -> None:
    by_amount = line.basis == RequisitionLine.Basis.AMOUNT
    left = line.quantity - line.ordered_quantity
    taken = min(quantity, left) if by_amount else quantity
    if taken < ZERO or amount <= ZERO or (not by_amount and taken == ZERO):
        raise Conflict(f"Line {line.line_number}: order more than nothing.")
    if taken > left or _is_ordered(line):
        raise Conflict(
            f"Line {line.line_number}: {left.normalize():f} {line.unit} left to order, "
            f"{quantity.normalize():f} asked."
        )
    line.ordered_quantity += taken
    line.ordered_amount += amount


def _is_ordered(line: RequisitionLine) -> bool:
    return _will_be_ordered(line, None)


def _will_be_ordered(line: RequisitionLine, more: tuple[Decimal, Decimal] | None) -> bool:
    quantity, amount = more or (ZERO, ZERO)
    if line.basis == RequisitionLine.Basis.AMOUNT:
        return line.ordered_amount + amount >= line.net
    return line.ordered_quantity + quantity >= line.quantity
