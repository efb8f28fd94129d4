"""Taking an allocation back, line by line, by mirrors."""

from datetime import datetime
from uuid import UUID

from django.db.models import Max
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from budgets.ledger.allocating import recharge
from chargeback.models import Allocation, StatementLine
from chargeback.services.running import locked_allocation, source, touch
from core import events, text
from core.errors import Invalid
from core.transactions import atomic
from core.transitions import perform


@atomic
def reverse(*, allocation: Allocation, actor: User, at: datetime, reason: str) -> Allocation:
    """Take back every line that still holds; the month may then be run again.

    Raises IllegalTransition, NotAllowed, Invalid without a reason, BudgetExceeded when a budget
    that gets its spend back has no room for it any more, FiscalYearClosed.
    """
    allocation = locked_allocation(allocation)
    lines = locked_lines(allocation)
    perform(allocation.reverse, actor=actor, at=at)
    if faults := text.check(reason, "/reason", most=2000, required=True, multiline=True):
        raise Invalid(errors=faults)
    allocation.save()
    held = [line for line in lines if line.status in StatementLine.HOLDS and line.is_share]
    for line in held:
        perform(line.reverse, actor=actor, at=at)
        line.save()
    mirrors = mirrored(allocation, held, at)
    bulk_create_with_history(mirrors, StatementLine, default_user=actor)
    touch(line.statement_id for line in mirrors)
    if allocation.revision.moves_money:
        recharge(
            source=source(allocation),
            taken_back=names_of(mirrors),
            on=allocation.posting_date,
            actor=actor,
            at=at,
            reason=reason,
            event="allocation.reversed",
            turn=str(allocation.pk),
        )
    events.publish("allocation.reversed", allocation, actor=actor, at=at, reason=reason)
    return allocation


def locked_lines(allocation: Allocation) -> list[StatementLine]:
    rows = StatementLine.objects.select_for_update(of=("self",), no_key=True)
    return list(
        rows.filter(allocation=allocation)
        .select_related("entity", "cost_center", "allocation__revision", "allocation__rule")
        .order_by("pk")
    )


def mirrored(
    allocation: Allocation, lines: list[StatementLine], at: datetime
) -> list[StatementLine]:
    """The exact opposites of lines, not stored yet."""
    first = next_number(allocation)
    return [
        StatementLine(
            entity=allocation.entity,
            allocation=allocation,
            statement_id=line.statement_id,
            line_number=first + place,
            cost_center=line.cost_center,
            units=None if line.units is None else -line.units,
            percent=-line.percent,
            amount=-line.amount,
            moved=-line.moved,
            mirrors=line,
            created_at=at,
        )
        for place, line in enumerate(lines)
    ]


def names_of(mirrors: list[StatementLine]) -> dict[UUID, tuple[UUID, int]]:
    """What the ledger calls the mirror of each line."""
    return {line.mirrors_id: (line.pk, line.line_number) for line in mirrors if line.mirrors_id}


def next_number(allocation: Allocation) -> int:
    """The first free line number. Called under the allocation's lock."""
    found = StatementLine.objects.filter(allocation=allocation).aggregate(last=Max("line_number"))
    return int(found["last"] or 0) + 1
