"""What would happen to a request that is still being typed: budgets and approvers. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import approvals.services
from accounts.models import Entity, User
from budgets import ledger
from budgets.ledger import FundsCheck
from budgets.rates import rate_on
from core.errors import DomainError
from core.money import ZERO, to_base
from requisitions import facts, validation
from requisitions.inputs import RequisitionInput
from requisitions.models import Requisition
from vendors.models import Vendor

_NOT_RESERVED = (
    Requisition.Status.DRAFT,
    Requisition.Status.RETURNED,
    Requisition.Status.WITHDRAWN,
    Requisition.Status.SUBMITTED,
)


@dataclass(frozen=True)
class Outlook:
    """The answer to "what if I submit this": what each budget says and whom it would go to."""

    total: Decimal
    base_total: Decimal
    checks: list[FundsCheck]
    steps: list[Any]
    approvers_problem: str = ""

    @property
    def is_refused(self) -> bool:
        return any(check.verdict == "refuse" for check in self.checks)

    @property
    def is_warned(self) -> bool:
        return any(check.verdict == "warn" for check in self.checks)


def outlook(*, entity: Entity, requester: User, data: RequisitionInput, on: date) -> Outlook:
    """Judge an input without keeping it. Raises Invalid while it is not complete, RateMissing."""
    judged = validation.judge(entity=entity, data=data, today=on)
    rate = rate_on(currency=data.currency, base=entity.currency, day=on)
    demands = facts.judged_demands(judged, rate=rate, base=entity.currency)
    checks = ledger.check_funds(entity=entity, on=on, demands=demands)
    base_total = to_base(judged.total, rate=rate, base_currency=entity.currency)
    known = _facts(data, judged, requester, base_total, checks)
    try:
        steps = approvals.services.preview(
            entity=entity,
            applies_to=Requisition.document_type,
            requester=requester,
            facts=known,
        )
    except DomainError as problem:
        return Outlook(judged.total, base_total, checks, [], problem.detail)
    return Outlook(judged.total, base_total, checks, steps)


def standing(requisition: Requisition, at: datetime) -> list[FundsCheck]:
    """What each budget says today about a request that reserves nothing yet; else nothing."""
    if requisition.status not in _NOT_RESERVED:
        return []
    demands = facts.demands(requisition, requisition.lines.all())
    entity = requisition.entity
    return ledger.check_funds(entity=entity, on=entity.day_of(at), demands=demands)


def _facts(
    data: RequisitionInput,
    judged: validation.Judged,
    requester: User,
    amount: Decimal,
    checks: list[FundsCheck],
) -> dict[str, Any]:
    """The facts that `facts.approval_facts` would state, of lines that are not stored."""
    parts = [part for line in judged.lines for part in line.said.distributions]
    sellers = [line.vendor or data.vendor for line in judged.lines]
    approved = all(each and each.status == Vendor.Status.APPROVED for each in sellers)
    return {
        "amount": str(amount),
        "currency": data.currency,
        "service_type": data.service_type,
        "cost_centers": sorted({part.cost_center.code for part in parts}),
        "gl_accounts": sorted({part.gl_account.code for part in parts}),
        "vendor_status": "approved" if approved else "other",
        "catalog_only": all(line.said.catalog_item is not None for line in judged.lines),
        "within_delegated_limit": ZERO < amount <= requester.delegated_order_limit,
        "budget_state": facts.budget_state(checks),
        "budget_owners": sorted({str(part.cost_center.owner_id or "") for part in parts}),
    }
