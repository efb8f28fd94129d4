"""What others need to know of a requisition: budgets its shares, approvals its facts."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.models import Entity
from budgets.ledger import Demand, FundsCheck, Share, Source
from budgets.ledger.forward import this_years
from core.composed import Composed
from core.money import HUNDRED, ZERO, to_base
from requisitions.asked import Asked
from requisitions.models import (
    Distribution,
    DocumentLine,
    Requisition,
    RequisitionDistribution,
    RequisitionLine,
)
from requisitions.rolling import Rolling
from requisitions.validation import Judged
from vendors.coverage import agreed
from vendors.queries import service_owners


def source(requisition: Requisition) -> Source:
    return Source(
        entity=requisition.entity,
        document_type=requisition.document_type,
        document_id=requisition.pk,
        number=requisition.number or "",
        currency=requisition.currency,
        rate=requisition.rate,
    )


def emergency(requisition: Requisition) -> str:
    """Why its budgets may be overdrawn (rule C27); empty for what is no emergency."""
    if not requisition.emergency:
        return ""
    incident = requisition.references.get("incident", "")
    return f"Emergency {incident}: {requisition.emergency_reason}"


def shares(lines: Iterable[RequisitionLine]) -> list[Share]:
    """One share per distribution, in the requisition's currency; quantities follow the amounts."""
    return [share(line, part) for line in lines for part in line.distributions.all()]


_stored_shares = Composed[tuple[Any, ...]](
    lambda requisition: (
        RequisitionDistribution.objects.filter(line__requisition=requisition)
        .order_by("line__line_number", "position")
        .values_list(
            "line_id", "line__line_number", "pk", "cost_center_id", "gl_account_id", "project_id",
            "amount", "percent", "line__quantity", "line__period_from", "line__period_to",
        )
    )
)  # fmt: skip


def stored_shares(requisition: Requisition) -> list[Share]:
    """`shares` of what is stored now, read without making rows into objects. Statements: 1."""
    return [
        Share(
            *paid,
            quantity=_quantity(quantity, percent),
            period=(first, last) if first and last else None,
        )
        for *paid, percent, quantity, first, last in _stored_shares(requisition.pk)
    ]


def _quantity(quantity: Decimal, percent: Decimal) -> Decimal:
    return round(quantity * percent / HUNDRED, 6)


def share(line: DocumentLine, part: Distribution, **more: Any) -> Share:
    """What one distribution of a line pays, as the ledger takes it; `more` is what an order uses
    up of a reservation."""
    return Share(
        line_id=line.pk,
        line_number=line.line_number,
        distribution_id=part.pk,
        cost_center_id=part.cost_center_id,
        gl_account_id=part.gl_account_id,
        project_id=part.project_id,
        amount=part.amount,
        quantity=_quantity(line.quantity, part.percent),
        period=line.period,
        **more,
    )


def demands(
    requisition: Requisition, lines: Iterable[RequisitionLine], *, on: date
) -> list[Demand]:
    """What it asks of the budgets of that day's fiscal year, in base currency at its rate."""
    entity, currency = requisition.entity, requisition.currency
    return [
        Demand(
            each.cost_center_id,
            each.gl_account_id,
            each.project_id,
            to_base(
                this_years(
                    each.amount, entity=entity, period=each.period, currency=currency, on=on
                ),
                rate=requisition.rate,
                base_currency=entity.currency,
            ),
        )
        for each in shares(lines)
    ]


def judged_demands(
    judged: Judged, *, entity: Entity, currency: str, rate: Decimal, on: date
) -> list[Demand]:
    """The same for lines that are not stored yet."""
    return [
        Demand(
            part.cost_center.pk,
            part.gl_account.pk,
            part.project.pk if part.project else None,
            to_base(
                this_years(
                    amount, entity=entity, period=line.said.period, currency=currency, on=on
                ),
                rate=rate,
                base_currency=entity.currency,
            ),
        )
        for line in judged.lines
        for part, amount in zip(line.said.distributions, line.amounts, strict=True)
    ]


def budget_state(checks: Iterable[FundsCheck]) -> str:
    """`over` when a budget would be overdrawn, `warn` when one warns, else `ok`."""
    checks = list(checks)
    if any(check.remaining < 0 for check in checks):
        return "over"
    return "warn" if any(check.verdict != "ok" for check in checks) else "ok"


def approval_facts(
    asked: Asked, *, recent: Rolling, checks: Iterable[FundsCheck], on: date
) -> dict[str, Any]:
    """The facts that policy rules ask about, as JSON data (amounts as text, base currency).

    What one person may order without asking counts together with what they asked for lately. It is
    under contract when contracts in force `on` the day cover every line at its price.
    """
    contracts = agreed((line.bought for line in asked.lines), on=on)
    said, coding = asked.said, [pair for line in asked.lines for pair in line.coding]
    approved = all(line.vendor and line.vendor.is_approved for line in asked.lines)
    tier_amount = max(asked.amount, recent.total)
    owned: dict[str, set[str]] = {}
    for center, _ in coding:
        owned.setdefault(str(center.owner_id or ""), set()).add(center.code)
    limit = asked.requester.delegated_order_limit
    # "" stands for a cost centre or service without an owner: somebody must decide for it, too
    centers = {center.code: str(center.owner_id or "") for center, _ in coding}
    owners = sorted(set(centers.values()))
    return {
        "amount": str(asked.amount),
        "rolling_total": str(recent.total),
        "tier_amount": str(tier_amount),
        "currency": said.currency,
        "service_type": said.service_type,
        "cost_centers": sorted({center.code for center, _ in coding}),
        "gl_accounts": sorted({account.code for _, account in coding}),
        "gl_classes": sorted({str(account.kind) for _, account in coding}),
        "vendor_status": "approved" if approved else "other",
        "vendor_family": recent.family,
        "catalog_only": all(line.catalog_item_id is not None for line in asked.lines),
        "within_delegated_limit": ZERO < tier_amount <= limit,
        "under_contract": all(each is not None and each.covers for each in contracts),
        "emergency": said.emergency,
        "incident": said.references.get("incident", ""),
        "personal_data": said.personal_data,
        "data_residency": said.data_residency,
        "regulated": said.regulated,
        "third_party_access": said.third_party_access,
        "budget_state": budget_state(checks),
        "budget_owners": owners,
        "centers_by_owner": {
            owner: sorted(code for code, each in centers.items() if each == owner)
            for owner in owners
        },
        "service_owners": service_owners(asked.entity, said.service_type),
    }
