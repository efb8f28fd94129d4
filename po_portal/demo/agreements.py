"""A blanket order at Nordlicht, approved by its limit, and what was released from it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import approvals.services
import purchase_orders.services
from approvals.models import ApprovalStep
from po_portal.demo.history import Player, Story
from po_portal.demo.organisation import BRITAIN, GERMANY
from purchase_orders.inputs import (
    AgreementInput,
    DistributionInput,
    OrderInput,
    OrderLineInput,
    ReleaseLineInput,
)
from purchase_orders.models import PurchaseOrder

Steps = Iterator[datetime]
PRICES = {"PAPER-A4": ("240", "22.50")}


def supplies_on_call(p: Player) -> Steps:
    """Paper for a year at a price of its own: two releases so far, one of them billed."""
    yield p.day(75, 9, 10)
    blanket = _drafted(p)
    yield p.later(hours=1)
    purchase_orders.services.submit(order=blanket, actor=p.people["bea"], at=p.at)
    blanket.refresh_from_db()
    while blanket.status == PurchaseOrder.Status.IN_APPROVAL:
        yield p.later(hours=3)
        _approve(p, blanket)
        blanket.refresh_from_db()
    yield p.later(hours=2)
    blanket = p.issue(blanket)
    yield p.later(days=3)
    first = _released(p, blanket, "40")
    yield p.later(days=4)
    p.receive(first, {1: 40}, "W-7802")
    yield p.later(days=3)
    p.bill(first, "2026/3467", {1: 40})
    yield p.later(days=20)
    _released(p, blanket, "60")


def _drafted(p: Player) -> PurchaseOrder:
    item, (quantity, price) = p.items["PAPER-A4"], PRICES["PAPER-A4"]
    line = OrderLineInput(
        description=item.name,
        quantity=Decimal(quantity),
        unit=item.unit,
        unit_price=Decimal(price),
        catalog_item=item,
        sku=item.sku,
        tax_code=item.tax_code,
        distributions=[DistributionInput(p.centers["CC400"], p.accounts[item.gl_account_code])],
    )
    data = OrderInput(
        vendor=item.vendor,
        currency=item.currency,
        title="Paper on call, one year",
        kind=PurchaseOrder.Kind.BLANKET,
        valid_from=p.today(),
        valid_to=p.today() + timedelta(days=365),
        terms=AgreementInput(
            limit=Decimal(6_000), allowance_percent=Decimal(5), release_minimum=Decimal(500)
        ),
        lines=[line],
    )
    return purchase_orders.services.create(
        entity=p.entity, data=data, actor=p.people["bea"], at=p.at
    )


def _approve(p: Player, order: PurchaseOrder) -> None:
    steps = ApprovalStep.objects.filter(request__subject_id=order.pk, status="active")
    step = steps.select_related("assignee").order_by("group", "id")[0]
    approvals.services.decide(step=step, decision="approve", actor=step.assignee, at=p.at)


def _released(p: Player, blanket: PurchaseOrder, quantity: str) -> PurchaseOrder:
    """What was needed is released and issued at once; it was decided with the blanket order."""
    draft = purchase_orders.services.release(
        order=blanket,
        lines=[ReleaseLineInput(blanket.lines.get(), Decimal(quantity))],
        actor=p.people["bea"],
        at=p.at,
    )
    return p.issue(draft)


STORIES: dict[str, list[Story]] = {GERMANY: [supplies_on_call], BRITAIN: []}
