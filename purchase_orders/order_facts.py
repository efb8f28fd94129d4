"""What budgets and approvals need to know of an order that is not issued yet."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.ledger import Demand, FundsCheck, check_funds
from budgets.ledger.forward import this_years
from budgets.models import Commitment, Stage
from core.money import ZERO, to_base
from purchase_orders import agreements, contracts, policy_facts, splitting
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from purchase_orders.shares import shares
from requisitions.asked import with_lost_tax
from requisitions.facts import budget_state


def amount_to_approve(order: PurchaseOrder, lines: Iterable[PurchaseOrderLine]) -> Decimal:
    """What approvers judge, in base currency at the order's rate: its net and the tax that cannot
    be recovered; of a blanket order its limit. Statements: 1 for a blanket order."""
    if order.kind == PurchaseOrder.Kind.BLANKET:
        amount = agreements.amount_to_approve(order)
    else:
        amount = sum((_cost(line, order.currency) for line in lines), ZERO)
    return to_base(amount, rate=order.rate, base_currency=order.entity.currency)


def _cost(line: PurchaseOrderLine, currency: str) -> Decimal:
    return with_lost_tax(
        line.net,
        percent=line.tax_percent,
        recoverable_percent=line.recoverable_percent,
        currency=currency,
    )


def demands(order: PurchaseOrder, lines: list[PurchaseOrderLine], *, on: date) -> list[Demand]:
    """What issuing it would ask of the budgets of that day's fiscal year, in base currency.

    What approved requests reserved for it, and what its blanket order commits, pays first.
    Statements: 2, of a release 3.
    """
    entity, currency = order.entity, order.currency
    wanted = shares(order, lines)
    reserved = _reserved(share.converts for share in wanted if share.converts)
    found = []
    for share in wanted:
        amount = this_years(
            share.amount, entity=entity, period=share.period, currency=currency, on=on
        )
        base = to_base(amount, rate=order.rate, base_currency=entity.currency)
        held = reserved.get(share.converts) if share.converts else None
        if held is not None:
            part = to_base(share.converts_amount, rate=held.rate, base_currency=entity.currency)
            base -= min(part, held.open)
        found.append(Demand(share.cost_center_id, share.gl_account_id, share.project_id, base))
    return found + _given(order)


def _given(release: PurchaseOrder) -> list[Demand]:
    """What a release takes of what its blanket order commits itself, as less of a demand (C24)."""
    if release.agreement_id is None:
        return []
    rows = Commitment.objects.filter(document_id=release.agreement_id, stage=Stage.ENC)
    found, left = [], release.net
    for row in rows.select_related("cell").order_by("pk"):
        part = min(left, row.document_open)
        left -= part
        base = to_base(part, rate=row.rate, base_currency=release.entity.currency)
        cell = row.cell
        found.append(Demand(cell.cost_center_id, cell.gl_account_id, cell.project_id, -base))
    return found


def _reserved(distributions: Iterable[UUID]) -> dict[UUID, Commitment]:
    rows = Commitment.objects.filter(distribution_id__in=[*distributions], stage=Stage.PRE)
    return {row.distribution_id: row for row in rows if row.holds}


def checks(order: PurchaseOrder, lines: list[PurchaseOrderLine], *, on: date) -> list[FundsCheck]:
    """What the budgets say to issuing it on a day. Reads only.

    Raises FiscalYearMissing or FiscalYearClosed.
    """
    return check_funds(entity=order.entity, on=on, demands=demands(order, lines, on=on))


def approval_facts(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    *,
    checked: Iterable[FundsCheck],
    at: datetime,
    lock: bool = False,
) -> dict[str, Any]:
    """The facts that policy rules ask about; lines carry their coded `parts`.

    What its buyer orders alone counts with what the buyer ordered so lately of the same vendor
    family; `lock` as in `splitting.rolling_total`. Statements: 6, 7 for a blanket order.
    """
    amount = total = amount_to_approve(order, lines)
    if _is_own(order, lines):
        total = splitting.rolling_total(order, amount, at=at, lock=lock)
    return policy_facts.of(
        order,
        [part for line in lines for part in line.parts],
        amount=amount,
        rolling_total=total,
        catalog_only=all(line.catalog_item_id for line in lines),
        budget_state=budget_state(checked),
        under_contract=contracts.covering(order, lines, on=order.entity.day_of(at)) is not None,
    )


def flag(order: PurchaseOrder, lines: list[PurchaseOrderLine], *, at: datetime) -> str:
    """What approvers should know of parts of one purchase; empty where there are none."""
    if order.buyer is None or not _is_own(order, lines):
        return ""
    return splitting.said(order, amount_to_approve(order, lines), order.buyer, at=at)


def _is_own(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> bool:
    return bool(agreements.own_decision(order, lines))
