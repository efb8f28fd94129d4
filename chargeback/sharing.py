"""Who bears how much of a month's spend: arithmetic over what was spent and by which rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from budgets.ledger.allocating import Charge, Spend, actual_spend
from budgets.models import CostCenter
from chargeback.models import AllocationRule, Consumption, RuleRevision
from core.errors import RuleBroken
from core.money import HUNDRED, ZERO, allocate

_PERCENT = Decimal("0.000001")


class NotInForce(RuleBroken):
    slug = "rule-not-in-force"
    title = "The rule does not hold in this month."


class NothingToShare(RuleBroken):
    slug = "nothing-to-share"
    title = "Nothing was spent on this in the month."


class ConsumptionMissing(RuleBroken):
    slug = "consumption-missing"
    title = "Nobody said who used how much in the month."


@dataclass(frozen=True)
class Bearer:
    """One cost centre's weight in a month: its units, or its percent of a fixed split."""

    cost_center: CostCenter
    weight: Decimal
    percent: Decimal
    units: Decimal | None


@dataclass(frozen=True)
class Part:
    """What a bearer bears, and of which spends."""

    bearer: Bearer
    amount: Decimal
    parts: tuple[tuple[Spend, Decimal], ...]


@dataclass(frozen=True)
class Plan:
    """A month shared, before anything is written; base currency."""

    revision: RuleRevision
    month: date
    total: Decimal
    spends: list[Spend]
    parts: list[Part]


def last_day(month: date) -> date:
    """The last day of the month that begins on this day."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def revision_for(rule: AllocationRule, month: date) -> RuleRevision:
    """The newest revision that begins by this month, if it has not ended. Raises NotInForce."""
    begun = rule.revisions.filter(valid_from__lte=month).select_related(
        "cost_center", "gl_account", "project", "service_owner"
    )
    found = begun.order_by("-revision").first()
    if found is None or (found.valid_to and found.valid_to < last_day(month)):
        raise NotInForce(f"{rule} does not hold in {month:%B %Y}.")
    return found


def plan(revision: RuleRevision, month: date) -> Plan:
    """Share the month's spend as it stands now. Raises NothingToShare, ConsumptionMissing."""
    entity = revision.rule.entity
    spends = actual_spend(
        entity=entity,
        first=month,
        last=last_day(month),
        cost_center_id=revision.cost_center_id,
        gl_account_id=revision.gl_account_id,
        project_id=revision.project_id,
    )
    total = sum((spend.amount for spend in spends), ZERO)
    if not total:
        raise NothingToShare(f"{revision.rule}: nothing was spent in {month:%B %Y}.")
    bearers = _bearers(revision, month)
    split = spread(spends, [each.weight for each in bearers], entity.currency)
    parts = [
        Part(bearer, sum((amount for _, amount in few), ZERO), few)
        for bearer, few in zip(bearers, split, strict=True)
    ]
    return Plan(revision, month, total, spends, parts)


def _bearers(revision: RuleRevision, month: date) -> list[Bearer]:
    """In stable order; who used nothing bears nothing and is not among them."""
    if revision.basis == RuleRevision.Basis.FIXED:
        shares = revision.shares.select_related("cost_center__owner").order_by("position")
        return [Bearer(each.cost_center, each.percent, each.percent, None) for each in shares]
    rows = list(
        Consumption.objects.filter(rule=revision.rule_id, month=month, units__gt=0)
        .select_related("cost_center__owner")
        .order_by("cost_center__code")
    )
    whole = sum((row.units for row in rows), ZERO)
    if not whole:
        raise ConsumptionMissing(f"{revision.rule}: no consumption is known for {month:%B %Y}.")
    return [
        Bearer(row.cost_center, row.units, percent_of(row.units, whole), row.units) for row in rows
    ]


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """A part in percent of the whole, to six decimals."""
    return (part * HUNDRED / whole).quantize(_PERCENT, rounding=ROUND_HALF_UP)


def spread(
    spends: Sequence[Spend], weights: Sequence[Decimal], currency: str
) -> list[tuple[tuple[Spend, Decimal], ...]]:
    """Split every spend by the same weights, so that both ways of adding up are exact.

    What a weight gets of all spends is its share of their sum, with the remainder of rounding in
    the last; what all weights get of one spend is that spend.
    """
    running, before = ZERO, [ZERO] * len(weights)
    found: list[list[tuple[Spend, Decimal]]] = [[] for _ in weights]
    for spend in spends:
        running += spend.amount
        after = allocate(running, weights, currency)
        for place, (new, old) in enumerate(zip(after, before, strict=True)):
            found[place].append((spend, new - old))
        before = after
    return [tuple(each) for each in found]


def moved(charge: Charge) -> Decimal:
    """What the ledger moves for a line: all but what its cost centre had spent itself."""
    return sum((amount for _, _, amount in charge.moves()), ZERO)
