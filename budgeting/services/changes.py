"""The verbs of budget changes: nothing moves before somebody else has agreed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import approvals.services
import budgets.services
from accounts.models import Entity, User
from budgeting import facts
from budgeting.inputs import ChangeInput, MoveInput
from budgeting.models import BudgetChange, BudgetChangeLine
from budgeting.models.changes import PROPOSERS
from budgets.models import BudgetCell
from core import events, numbering, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.money import ZERO, round_amount
from core.transactions import atomic
from core.transitions import perform

KIND = "BC"
MOST_REASON = 2000
MOST_LINES = 50
MOST_DIGITS = Decimal(10) ** 12


@atomic
def create(*, entity: Entity, data: ChangeInput, actor: User, at: datetime) -> BudgetChange:
    """A draft. Raises NotAllowed for all but controllers and budget owners, Invalid."""
    if not (actor.is_active and actor.entity_id == entity.pk and actor.has_role(*PROPOSERS)):
        raise NotAllowed("Only controllers and budget owners propose changes of budgets.")
    change = BudgetChange(entity=entity, proposed_by=actor, created_at=at)
    _store(change, data, actor)
    events.publish("budget_change.created", change, actor=actor, at=at, reason=change.reason)
    return change


@atomic
def edit(
    *,
    change: BudgetChange,
    data: ChangeInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> BudgetChange:
    """Replace the content of a draft; what was returned or withdrawn becomes a draft again.

    Raises IllegalTransition, NotAllowed for anybody but its proposer, StaleVersion, Invalid.
    """
    change = locked(change.pk)
    change.require_version(expected_version)
    perform(change.edit, actor=actor, at=at)
    before = facts.content(change)
    change.lines.all().delete()
    _store(change, data, actor)
    changes = facts.differences(before, facts.content(change))
    events.publish("budget_change.edited", change, actor=actor, at=at, changes=changes)
    return change


@atomic
def submit(*, change: BudgetChange, actor: User, at: datetime) -> BudgetChange:
    """Ask for approval. The number is taken once; budgets stay as they are.

    Raises IllegalTransition, NotAllowed, BudgetBelowUse when what goes out is in use already,
    FiscalYearClosed, NoApprover, Conflict where something else undoes the same change.
    """
    change = locked(change.pk)
    perform(change.submit, actor=actor, at=at)
    if change.reverses is not None:
        _require_one_mirror(locked(change.reverses_id), but=change)
    lines = facts.lines_of(change)
    cells = [line.cell for line in lines]
    budgets.services.require_room(cells, {line.cell_id: line.amount for line in lines})
    if change.number is None:
        year = cells[0].fiscal_year.year
        change.number = numbering.take(stream=change.stream, kind=KIND, fiscal_year=year)
    change.save()
    digest = facts.digest(change)
    events.publish(
        "budget_change.submitted",
        change,
        actor=actor,
        at=at,
        reason=change.reason,
        data={"digest": digest, "content": facts.content(change)},
    )
    approvals.services.request(
        document=change,
        requester=change.proposed_by,
        amount=change.total,
        facts=facts.approval_facts(change, lines),
        digest=digest,
        title=change.title,
        actor=actor,
        at=at,
    )
    return change


@atomic
def withdraw(*, change: BudgetChange, actor: User, at: datetime, reason: str = "") -> BudgetChange:
    """Take it back from approval. Raises IllegalTransition, NotAllowed for all but its proposer."""
    change = locked(change.pk)
    perform(change.withdraw, actor=actor, at=at)
    _check_reason(reason, required=False)
    change.save()
    approvals.services.cancel(
        subject_type=change.document_type,
        subject_id=change.pk,
        actor=actor,
        at=at,
        reason=reason or "Withdrawn by who proposed it.",
    )
    events.publish("budget_change.withdrawn", change, actor=actor, at=at, reason=reason)
    return change


@atomic
def transfer(
    *,
    source: BudgetCell,
    target: BudgetCell,
    amount: Decimal,
    reason: str,
    actor: User,
    at: datetime,
) -> BudgetChange:
    """Propose to move an amount from one budget to another, and ask for approval at once.

    Raises as `create` and `submit` do.
    """
    if amount <= ZERO:
        message = "Move more than nothing."
        raise Invalid(message, errors=[FieldError("/amount", "min_value", message)])
    moves = [MoveInput(source, -amount), MoveInput(target, amount)]
    data = ChangeInput(BudgetChange.Kind.TRANSFER, reason, moves)
    change = create(entity=source.entity, data=data, actor=actor, at=at)
    return submit(change=change, actor=actor, at=at)


@atomic
def reverse(*, change: BudgetChange, actor: User, at: datetime, reason: str) -> BudgetChange:
    """Propose the exact opposite of an approved change, and ask for approval at once.

    Raises Conflict unless it is approved, and when that was proposed already; else as `create` and
    `submit` do.
    """
    change = locked(change.pk)
    if change.status != BudgetChange.Status.APPROVED:
        raise Conflict(f"{change.reference} was not approved: there is nothing to undo.")
    _require_one_mirror(change)
    moves = [MoveInput(line.cell, -line.amount) for line in facts.lines_of(change)]
    data = ChangeInput(change.kind, reason, moves)
    mirror = create(entity=change.entity, data=data, actor=actor, at=at)
    mirror.reverses = change
    mirror.save()
    return submit(change=mirror, actor=actor, at=at)


def _require_one_mirror(change: BudgetChange, *, but: BudgetChange | None = None) -> None:
    gone = (BudgetChange.Status.REJECTED, BudgetChange.Status.WITHDRAWN)
    others = change.reversed_by.exclude(status__in=gone)
    if before := others.exclude(pk=but.pk if but else None).first():
        raise Conflict(f"{before.reference} undoes {change.reference} already.")


def locked(pk: Any) -> BudgetChange:
    """The change as stored now, locked until the transaction ends."""
    found = BudgetChange.objects.select_for_update(of=("self",), no_key=True)
    return found.select_related("entity", "proposed_by").get(pk=pk)


def _store(change: BudgetChange, data: ChangeInput, actor: User) -> None:
    _require_fit(change.entity, data, actor)
    into = sum((each.amount for each in data.moves if each.amount > ZERO), ZERO)
    out = -sum((each.amount for each in data.moves if each.amount < ZERO), ZERO)
    change.kind, change.reason = data.kind, data.reason.strip()
    change.total = max(into, out)
    change.title = facts.title(change, data.moves)
    change._history_user = actor
    change.save()
    BudgetChangeLine.objects.bulk_create(
        BudgetChangeLine(change=change, position=number, cell=each.cell, amount=each.amount)
        for number, each in enumerate(data.moves, 1)
    )


def _require_fit(entity: Entity, data: ChangeInput, actor: User) -> None:
    """Raise Invalid with everything that is wrong at once."""
    errors = text.check(data.reason, "/reason", most=MOST_REASON, required=True, multiline=True)
    if data.kind not in BudgetChange.Kind.values:
        errors.append(FieldError("/kind", "unknown", "A transfer or a revision."))
    errors += _faults_of(entity, data.moves, actor)
    if not 1 <= len(data.moves) <= MOST_LINES:
        errors.append(FieldError("/lines", "length", f"Name 1 to {MOST_LINES} budgets."))
    elif data.kind == BudgetChange.Kind.TRANSFER and not errors:
        rest = sum((each.amount for each in data.moves), ZERO)
        if rest:
            said = f"A transfer moves as much in as out: {rest:+,.2f} {entity.currency} too much."
            errors.append(FieldError("/lines", "unbalanced", said))
    if len({each.cell.fiscal_year_id for each in data.moves}) > 1:
        errors.append(
            FieldError("/lines", "fiscal_year", "All budgets must be of one fiscal year.")
        )
    if errors:
        raise Invalid(errors=errors)


def _faults_of(entity: Entity, moves: Sequence[MoveInput], actor: User) -> list[FieldError]:
    errors, seen = [], set()
    wanted = {each.cell.pk for each in moves}
    known = BudgetCell.objects.visible_to(actor).filter(entity=entity, pk__in=wanted)
    visible = set(known.values_list("pk", flat=True))
    for number, each in enumerate(moves):
        here = f"/lines/{number}"
        if each.cell.pk not in visible:
            errors.append(FieldError(f"{here}/budget", "unknown", "There is no such budget."))
        if each.cell.pk in seen:
            errors.append(FieldError(f"{here}/budget", "twice", "Name each budget once."))
        seen.add(each.cell.pk)
        if (
            not each.amount
            or abs(each.amount) >= MOST_DIGITS
            or each.amount != round_amount(each.amount, entity.currency)
        ):
            said = f"Not an amount in {entity.currency}: {abs(each.amount)}."
            errors.append(FieldError(f"{here}/amount", "invalid", said))
    return errors


def _check_reason(reason: str, *, required: bool = True) -> None:
    errors = text.check(reason, "/reason", most=MOST_REASON, required=required, multiline=True)
    if errors:
        raise Invalid(errors=errors)
