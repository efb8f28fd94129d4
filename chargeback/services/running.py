"""Sharing a month: looked at beforehand, asked for by a controller, done once by the queue."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from accounts.permissions import role
from budgets.ledger import BudgetExceeded, Demand, FundsCheck, Source, check_funds
from budgets.ledger.allocating import Charge, charge
from budgets.ledger.cells import Dimensions
from chargeback.models import (
    Allocation,
    AllocationRule,
    RuleRevision,
    SharedSpend,
    Statement,
    StatementLine,
)
from chargeback.models.rules import MAKERS
from chargeback.services.rules import locked_rule
from chargeback.sharing import NotInForce, Part, Plan, last_day, moved, plan, revision_for
from core import events, numbering
from core.errors import Conflict, FieldError, NotAllowed, RuleBroken
from core.ids import new_id
from core.transactions import atomic
from core.transitions import perform

KIND = "AL"
_MAKES = role(*MAKERS)


class MonthNotOver(RuleBroken):
    slug = "month-not-over"
    title = "The month is not over yet."


class AlreadyShared(Conflict):
    slug = "already-shared"
    title = "The month is shared already, or about to be."


@dataclass(frozen=True)
class Preview:
    """What a run would do now. `refusals` say why it could not; `checks` what budgets answer."""

    revision: RuleRevision | None
    plan: Plan | None
    checks: list[FundsCheck]
    refusals: list[str]


def preview(*, rule: AllocationRule, month: date, at: datetime) -> Preview:
    """Share a month without writing anything; of one that was shared only that is said."""
    live = Allocation.objects.filter(rule=rule, month=month, status__in=Allocation.LIVE).first()
    if live is not None and live.status == Allocation.Status.POSTED:
        return Preview(None, None, [], [f"{month:%B %Y} is shared already by {live.number}."])
    revision = None
    try:
        _require_over(rule, month, at)
        revision = revision_for(rule, month)
        planned = plan(revision, month)
        checks = _checks(planned)
    except RuleBroken as refusal:
        return Preview(revision, None, [], [refusal.detail])
    refusals = [check.message for check in checks if check.verdict == "refuse"]
    if live is not None:
        refusals.append(AlreadyShared.title)
    return Preview(revision, planned, checks, refusals)


def _checks(planned: Plan) -> list[FundsCheck]:
    """The funds check of what each budget bears in the end; showback asks nobody."""
    if not planned.revision.moves_money:
        return []
    net: dict[Dimensions, Decimal] = defaultdict(Decimal)
    for each in _charges(planned, [new_id() for _ in planned.parts]):
        for spend, target, amount in each.moves():
            net[spend.dimensions] -= amount
            net[target] += amount
    demands = [Demand(*key, amount=amount) for key, amount in net.items() if amount > 0]
    return check_funds(
        entity=planned.revision.rule.entity, on=last_day(planned.month), demands=demands
    )


@atomic
def request_run(
    *, rule: AllocationRule, month: date, actor: User | None, at: datetime
) -> Allocation:
    """Have the queue share a month by the rule as it stands.

    Raises NotAllowed for all but controllers and the portal itself, MonthNotOver, NotInForce,
    AlreadyShared while an allocation of the month waits or holds.
    """
    rule = locked_rule(rule)
    if actor is not None and not _MAKES(rule, actor):
        raise NotAllowed("Only a controller runs allocations.")
    _require_over(rule, month, at)
    revision = revision_for(rule, month)
    if Allocation.objects.filter(rule=rule, month=month, status__in=Allocation.LIVE).exists():
        raise AlreadyShared(f"{month:%B %Y} is shared already by {rule}, or about to be.")
    allocation = Allocation(
        entity=rule.entity,
        rule=rule,
        revision=revision,
        month=month,
        posting_date=last_day(month),
        requested_by=actor,
        created_at=at,
    )
    allocation._history_user = actor
    allocation.save()
    events.publish("allocation.requested", allocation, actor=actor, at=at)
    return allocation


def _require_over(rule: AllocationRule, month: date, at: datetime) -> None:
    if month.day != 1:
        message = "A month is named by its first day."
        raise NotInForce(message, errors=[FieldError("/month", "invalid", message)])
    if rule.entity.day_of(at) <= last_day(month):
        message = f"{month:%B %Y} is not over yet."
        raise MonthNotOver(message, errors=[FieldError("/month", "not_over", message)])


@atomic
def perform_run(*, allocation: Allocation, at: datetime) -> Allocation:
    """Share the month that was asked for, or say why that cannot be. A second call does nothing.

    Runs of one entity wait for each other: two rules may share the same spend, and the second must
    see what the first left of it.
    """
    list(
        AllocationRule.objects.select_for_update(no_key=True)
        .filter(entity=allocation.entity_id)
        .order_by("pk")
    )
    allocation = locked_allocation(allocation)
    if allocation.status != Allocation.Status.QUEUED:
        return allocation
    try:
        with atomic():
            _share(allocation, at)
    except (RuleBroken, BudgetExceeded) as refusal:
        allocation = locked_allocation(allocation)
        perform(allocation.fail, actor=None, at=at, refusal=refusal.detail)
        allocation.save()
        events.publish("allocation.failed", allocation, actor=None, at=at, reason=refusal.detail)
    return allocation


def _share(allocation: Allocation, at: datetime) -> None:
    planned = plan(allocation.revision, allocation.month)
    perform(allocation.post, actor=None, at=at, total=planned.total)
    allocation.number = numbering.take(
        stream=allocation.stream,
        kind=KIND,
        fiscal_year=allocation.entity.fiscal_year_of(allocation.posting_date),
    )
    allocation.save()
    SharedSpend.objects.bulk_create(
        SharedSpend(allocation=allocation, cell_id=each.cell_id, amount=each.amount)
        for each in planned.spends
    )
    lines = _lines(allocation, planned, at)
    if allocation.revision.moves_money:
        charge(
            source=source(allocation),
            charges=_charges(planned, [line.pk for line in lines]),
            on=allocation.posting_date,
            actor=allocation.requested_by,
            at=at,
            reason=f"{allocation.rule}, {allocation.month:%B %Y}",
        )
    events.publish("allocation.posted", allocation, actor=allocation.requested_by, at=at)


def _lines(allocation: Allocation, planned: Plan, at: datetime) -> list[StatementLine]:
    statements = _statements(allocation, planned.parts, at)
    lines = []
    for number, part in enumerate(planned.parts, 1):
        bearer = part.bearer
        line = StatementLine(
            entity=allocation.entity,
            allocation=allocation,
            statement=statements[bearer.cost_center.pk],
            line_number=number,
            cost_center=bearer.cost_center,
            units=bearer.units,
            percent=bearer.percent,
            amount=part.amount,
            created_at=at,
        )
        if planned.revision.moves_money:
            line.moved = moved(_charge(part, line.pk, number))
        lines.append(line)
    bulk_create_with_history(lines, StatementLine, default_user=allocation.requested_by)
    return lines


def _statements(allocation: Allocation, parts: list[Part], at: datetime) -> dict[Any, Statement]:
    """The statement of each bearer for the month, made where there is none yet."""
    centers = [part.bearer.cost_center for part in parts]
    Statement.objects.bulk_create(
        [
            Statement(
                entity=allocation.entity, cost_center=each, month=allocation.month, created_at=at
            )
            for each in sorted(centers, key=lambda center: center.pk)
        ],
        ignore_conflicts=True,
    )
    found = Statement.objects.filter(month=allocation.month, cost_center__in=centers)
    touch(each.pk for each in found)
    return {each.cost_center_id: each for each in found}


def touch(statement_ids: Iterable[Any]) -> None:
    """Count that lines of these statements changed: the last locks but the ledger's.

    Locked in primary-key order, because several allocations stand on one statement.
    """
    rows = Statement.objects.select_for_update(no_key=True).filter(pk__in=list(statement_ids))
    locked = list(rows.order_by("pk").values_list("pk", flat=True))
    Statement.objects.filter(pk__in=locked).update(version=F("version") + 1)


def _charges(planned: Plan, line_ids: list[Any]) -> list[Charge]:
    return [
        _charge(part, line_id, number)
        for number, (part, line_id) in enumerate(zip(planned.parts, line_ids, strict=True), 1)
    ]


def _charge(part: Part, line_id: Any, number: int) -> Charge:
    return Charge(line_id, number, part.bearer.cost_center.pk, part.parts)


def locked_allocation(allocation: Allocation) -> Allocation:
    rows = Allocation.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related(
        "entity",
        "rule__entity",
        "requested_by",
        "revision__rule__entity",
        "revision__cost_center",
        "revision__gl_account",
        "revision__project",
    ).get(pk=allocation.pk)


def source(allocation: Allocation) -> Source:
    """The allocation as the ledger names it; everything is base currency."""
    return Source(
        entity=allocation.entity,
        document_type=Allocation.document_type,
        document_id=allocation.pk,
        number=allocation.number or "",
        currency=allocation.entity.currency,
        rate=Decimal(1),
    )
