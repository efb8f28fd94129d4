"""Spend to share, rules to share it by, and what became of both."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from budgets.ledger.posting import Posting, write
from budgets.ledger.types import Source
from budgets.models import BudgetCell, CostCenter, LedgerEntry, Stage
from chargeback import services
from chargeback.inputs import RuleInput, ShareInput, UnitsInput
from chargeback.models import Allocation, AllocationRule
from core.ids import new_id
from core.transactions import atomic
from tests.factories import Organisation, budget_cell

FEBRUARY = date(2026, 2, 1)
AT = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
SPLIT = {"CC200": 60, "CC300": 40}


def spend(
    cell: BudgetCell, amount: str, on: date = date(2026, 2, 10), at: datetime = AT
) -> LedgerEntry:
    """Something was paid: +ACT on a cell, by a document of no app."""
    source = Source(cell.entity, "opening", new_id(), "OP-1", cell.entity.currency, Decimal(1))
    posting = Posting(source, "opening.posted", f"opening:{source.document_id}", on, None, at, "")
    line = new_id()
    posting.add(
        stage=Stage.ACT,
        cell_id=cell.pk,
        line_id=line,
        line_number=1,
        distribution_id=line,
        amount=Decimal(amount),
        document_amount=Decimal(amount),
        currency=source.currency,
        rate=source.rate,
    )
    with atomic():
        write([posting], [])
    return LedgerEntry.objects.get(line_id=line)


def share_inputs(org: Organisation, shares: dict[str, Any]) -> list[ShareInput]:
    return [
        ShareInput(org.cost_centers[code], Decimal(str(percent)))
        for code, percent in shares.items()
    ]


def rule_input(org: Organisation, **fields: Any) -> RuleInput:
    """A chargeback of CC100 · 6300 by fixed split, owned by axel, without an end."""
    given: dict[str, Any] = {
        "kind": "chargeback",
        "basis": "fixed",
        "service_owner": org.axel,
        "valid_from": date(2026, 1, 1),
        "cost_center": org.cost_centers["CC100"],
        "gl_account": org.gl_accounts["6300"],
        "shares": share_inputs(org, SPLIT),
    }
    return RuleInput(**{**given, **fields})


def consumption_input(org: Organisation, **fields: Any) -> RuleInput:
    return rule_input(org, **{"basis": "consumption", "unit": "GB", "shares": [], **fields})


def make_rule(
    org: Organisation, data: RuleInput | None = None, name: str = "Cloud"
) -> AllocationRule:
    return services.create_rule(
        entity=org.entity, name=name, data=data or rule_input(org), actor=org.cora, at=AT
    )


def units(org: Organisation, used: dict[str, Any], month: date = FEBRUARY) -> list[UnitsInput]:
    return [
        UnitsInput(month, org.cost_centers[code], Decimal(str(amount)))
        for code, amount in used.items()
    ]


def room(org: Organisation, *centers: str, amount: int = 10_000, account: str = "6300") -> None:
    """Budgets of the bearers on the account of what they bear."""
    for code in centers:
        budget_cell(org.entity, org.cost_centers[code], org.gl_accounts[account], amount=amount)


def run(rule: AllocationRule, month: date = FEBRUARY, at: datetime = AT) -> Allocation:
    """Asked for by the controller of the rule's entity and done at once."""
    actor = rule.revisions.latest("revision").made_by
    asked = services.request_run(rule=rule, month=month, actor=actor, at=at)
    return services.perform_run(allocation=asked, at=at)


def spent(org: Organisation, code: str, account: str = "6300") -> Decimal:
    cell = BudgetCell.objects.get(
        cost_center=CostCenter.objects.get(entity=org.entity, code=code),
        gl_account=org.gl_accounts[account],
        project=None,
    )
    return cell.spent


def amounts(allocation: Allocation) -> dict[str, Decimal]:
    """What each cost centre bears now."""
    found: dict[str, Decimal] = {}
    for line in allocation.lines.select_related("cost_center"):
        code = line.cost_center.code
        found[code] = found.get(code, Decimal(0)) + line.amount
    return found


def borne(allocation: Allocation) -> dict[str, str]:
    """What each cost centre bears now, in words to the cent."""
    return {code: f"{amount:.2f}" for code, amount in amounts(allocation).items()}


def scene(org: Organisation) -> dict[str, str]:
    """The ids of a rule, one by consumption, and a month shared by the first: what CC300 bears of
    it is disputed by sven, and axel answers for both."""
    room(org, "CC200", "CC300")
    spend(org.cell("CC100", "6300"), "1000.01")
    rule = make_rule(org)
    metered = make_rule(org, consumption_input(org), name="By consumption")
    posted = run(rule)
    standing = posted.lines.get(cost_center__code="CC200")
    disputed = posted.lines.get(cost_center__code="CC300")
    services.dispute(line=disputed, actor=org.sven, at=AT, reason="We left")
    return {
        "allocation_rule": str(rule.pk),
        "allocation_rule_metered": str(metered.pk),
        "allocation": str(posted.pk),
        "statement": str(standing.statement_id),
        "statement_disputed": str(disputed.statement_id),
        "statement_line": str(standing.pk),
        "statement_line_disputed": str(disputed.pk),
    }
