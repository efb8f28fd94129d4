"""What a department says to a line of its statement, and what the service's owner answers."""

from datetime import datetime
from decimal import Decimal

from simple_history.utils import bulk_create_with_history

from accounts.models import User
from budgets.ledger.allocating import Charge, Spend, recharge
from budgets.ledger.cells import Dimensions
from chargeback.models import Allocation, StatementLine
from chargeback.services.reversing import locked_lines, mirrored, names_of
from chargeback.services.running import locked_allocation, source, touch
from chargeback.sharing import moved, percent_of, spread
from core import events, text
from core.decimals import NotADecimal, parse
from core.errors import Conflict, FieldError, Invalid
from core.money import ZERO, round_amount
from core.transactions import atomic
from core.transitions import perform

MOST_WORDS = 2000


@atomic
def dispute(*, line: StatementLine, actor: User, at: datetime, reason: str) -> StatementLine:
    """Say why a line is wrong; it returns to the owner of the service. Nothing moves yet.

    Raises IllegalTransition, NotAllowed for all but the owner of the cost centre, Invalid without
    a reason.
    """
    _, _, line = _locked(line)
    perform(line.dispute, actor=actor, at=at, reason=reason)
    _require_words(reason, "/reason")
    line.save()
    touch([line.statement_id])
    events.publish("statement_line.disputed", line, actor=actor, at=at, reason=reason)
    return line


@atomic
def keep(*, line: StatementLine, actor: User, at: datetime, resolution: str) -> StatementLine:
    """Leave a disputed line as it is, with words.

    Raises IllegalTransition, NotAllowed for all but the service's owner and controllers and for
    who disputed it, Invalid without words.
    """
    _, _, line = _locked(line)
    perform(line.keep, actor=actor, at=at, resolution=resolution)
    _require_words(resolution, "/resolution")
    line.save()
    touch([line.statement_id])
    events.publish("statement_line.resolved", line, actor=actor, at=at, reason=resolution)
    return line


@atomic
def correct(
    *, line: StatementLine, amount: Decimal, actor: User, at: datetime, resolution: str
) -> StatementLine:
    """Take a disputed line back by its mirror and charge `amount` (base currency) instead.

    What nobody bears then stays with who paid. Returns the new line. Raises as `keep`, and Invalid
    for an amount of the other sign or beyond what the allocation still has to share,
    BudgetExceeded, FiscalYearClosed.
    """
    allocation, lines, line = _locked(line)
    perform(line.correct, actor=actor, at=at, resolution=resolution)
    _require_words(resolution, "/resolution")
    new_amount = _judged(allocation, lines, line, amount)
    line.save()
    mirror, new = _replaced(allocation, line, new_amount, at)
    charge = Charge(new.pk, new.line_number, new.cost_center_id, _parts(allocation, new_amount))
    if allocation.revision.moves_money:
        new.moved = moved(charge)
    bulk_create_with_history([mirror, new], StatementLine, default_user=actor)
    touch([line.statement_id])
    if allocation.revision.moves_money:
        recharge(
            source=source(allocation),
            taken_back=names_of([mirror]),
            charges=[charge],
            on=allocation.posting_date,
            actor=actor,
            at=at,
            reason=resolution,
            event="allocation.corrected",
            turn=str(line.pk),
        )
    events.publish(
        "statement_line.resolved",
        line,
        actor=actor,
        at=at,
        reason=resolution,
        changes=[{"field": "amount", **_told(allocation, line.amount, new_amount)}],
        data={"allocation": str(allocation.pk)},
    )
    return new


def _told(allocation: Allocation, old: Decimal, new: Decimal) -> dict[str, str]:
    currency = allocation.entity.currency
    return {"old": str(round_amount(old, currency)), "new": str(round_amount(new, currency))}


def _locked(line: StatementLine) -> tuple[Allocation, list[StatementLine], StatementLine]:
    """The allocation, all its lines and this one among them, under their locks."""
    allocation = locked_allocation(line.allocation)
    lines = locked_lines(allocation)
    return allocation, lines, next(each for each in lines if each.pk == line.pk)


def _require_words(words: str, pointer: str) -> None:
    if faults := text.check(words, pointer, most=MOST_WORDS, required=True, multiline=True):
        raise Invalid(errors=faults)


def _judged(
    allocation: Allocation, lines: list[StatementLine], line: StatementLine, amount: Decimal
) -> Decimal:
    """The amount, if it lies between nothing and what is left to share."""
    currency = allocation.entity.currency
    try:
        value = parse(amount)
    except NotADecimal as error:
        message = "Write a plain amount such as 1250.00."
        raise Invalid(errors=[FieldError("/amount", "invalid", message)]) from error
    borne = sum((each.amount for each in lines if each.pk != line.pk), ZERO)  # mirrors take away
    if value != round_amount(value, currency):
        message = f"Not an amount in {currency}: {value}."
        raise Invalid(errors=[FieldError("/amount", "max_decimal_places", message)])
    least, most = sorted((ZERO, allocation.total - borne))
    if not least <= value <= most:
        message = f"Between {least:,.2f} and {most:,.2f} {currency}: more was not to be shared."
        raise Invalid(errors=[FieldError("/amount", "range", message)])
    if value == line.amount:
        raise Conflict("This is what the line says already: keep it instead.")
    return value


def _replaced(
    allocation: Allocation, line: StatementLine, amount: Decimal, at: datetime
) -> tuple[StatementLine, StatementLine]:
    (mirror,) = mirrored(allocation, [line], at)
    new = StatementLine(
        entity=allocation.entity,
        allocation=allocation,
        statement_id=line.statement_id,
        line_number=mirror.line_number + 1,
        cost_center=line.cost_center,
        percent=percent_of(amount, allocation.total),
        amount=amount,
        replaces=line,
        created_at=at,
    )
    return mirror, new


def _parts(allocation: Allocation, amount: Decimal) -> tuple[tuple[Spend, Decimal], ...]:
    """Of which spends an amount is made, in proportion to what was shared."""
    shared = allocation.spends.select_related("cell").order_by("cell_id")
    spends = [
        Spend(
            each.cell_id,
            Dimensions(each.cell.cost_center_id, each.cell.gl_account_id, each.cell.project_id),
            each.amount,
        )
        for each in shared
    ]
    weights = [abs(amount), abs(allocation.total - amount)]
    return spread(spends, weights, allocation.entity.currency)[0]
