"""What others need to know of a requisition: budgets its shares, approvals its facts."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from accounts.models import TaxCode
from budgets.ledger import Demand, FundsCheck, Share, Source
from core.money import HUNDRED, ZERO, round_amount, to_base
from requisitions.models import Requisition, RequisitionLine
from requisitions.validation import Judged
from vendors.models import Vendor


def source(requisition: Requisition) -> Source:
    return Source(
        entity=requisition.entity,
        document_type=requisition.document_type,
        document_id=requisition.pk,
        number=requisition.number or "",
        currency=requisition.currency,
        rate=requisition.rate,
    )


def shares(lines: Iterable[RequisitionLine]) -> list[Share]:
    """One share per distribution, in the requisition's currency; quantities follow the amounts."""
    return [
        Share(
            line_id=line.pk,
            line_number=line.line_number,
            distribution_id=part.pk,
            cost_center_id=part.cost_center_id,
            gl_account_id=part.gl_account_id,
            project_id=part.project_id,
            amount=part.amount,
            quantity=round(line.quantity * part.percent / HUNDRED, 6),
        )
        for line in lines
        for part in line.distributions.all()
    ]


def demands(requisition: Requisition, lines: Iterable[RequisitionLine]) -> list[Demand]:
    """What it asks of its budgets, in base currency at its rate."""
    base = requisition.entity.currency
    return [
        Demand(
            each.cost_center_id,
            each.gl_account_id,
            each.project_id,
            to_base(each.amount, rate=requisition.rate, base_currency=base),
        )
        for each in shares(lines)
    ]


def judged_demands(judged: Judged, *, rate: Decimal, base: str) -> list[Demand]:
    """The same for lines that are not stored yet."""
    return [
        Demand(
            part.cost_center.pk,
            part.gl_account.pk,
            part.project.pk if part.project else None,
            to_base(amount, rate=rate, base_currency=base),
        )
        for line in judged.lines
        for part, amount in zip(line.said.distributions, line.amounts, strict=True)
    ]


def vendors(requisition: Requisition, lines: Iterable[RequisitionLine]) -> list[Vendor | None]:
    """The vendor of each line: its own, else the header's."""
    return [line.vendor or requisition.vendor for line in lines]


def approval_amount(requisition: Requisition, lines: list[RequisitionLine]) -> Decimal:
    """Net plus the tax that cannot be recovered, in base currency at the submission's rate."""
    codes = {code.code: code for code in TaxCode.objects.filter(entity=requisition.entity)}
    lost = ZERO
    for line in lines:
        if code := codes.get(line.tax_code):
            share = (HUNDRED - code.recoverable_percent) / HUNDRED
            lost += round_amount(line.net * code.percent / HUNDRED * share, requisition.currency)
    return to_base(
        requisition.total + lost,
        rate=requisition.rate,
        base_currency=requisition.entity.currency,
    )


def budget_state(checks: Iterable[FundsCheck]) -> str:
    """`over` when a budget would be overdrawn, `warn` when one warns, else `ok`."""
    checks = list(checks)
    if any(check.remaining < 0 for check in checks):
        return "over"
    return "warn" if any(check.verdict != "ok" for check in checks) else "ok"


def approval_facts(
    requisition: Requisition,
    lines: list[RequisitionLine],
    *,
    amount: Decimal,
    checks: Iterable[FundsCheck],
) -> dict[str, Any]:
    """The facts that policy rules ask about, as JSON data (amounts as text, base currency)."""
    parts = [part for line in lines for part in line.distributions.all()]
    sellers = vendors(requisition, lines)
    approved = all(each and each.status == Vendor.Status.APPROVED for each in sellers)
    return {
        "amount": str(amount),
        "currency": requisition.currency,
        "service_type": requisition.service_type,
        "cost_centers": sorted({part.cost_center.code for part in parts}),
        "gl_accounts": sorted({part.gl_account.code for part in parts}),
        "vendor_status": "approved" if approved else "other",
        "catalog_only": all(line.catalog_item_id is not None for line in lines),
        "within_delegated_limit": ZERO < amount <= requisition.requester.delegated_order_limit,
        "budget_state": budget_state(checks),
        # "" stands for a cost centre without an owner: somebody must decide for it, too
        "budget_owners": sorted({str(part.cost_center.owner_id or "") for part in parts}),
    }
