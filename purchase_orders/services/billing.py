"""What invoices do to order lines. Called by invoicing inside its own transaction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from budgets.ledger import Draw
from core import rows
from core.errors import Missing
from core.transactions import atomic
from purchase_orders import accruals, drawing
from purchase_orders.locks import source
from purchase_orders.models import Agreement, BilledLine, PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.orders import release_unused


@atomic
def bill(
    *,
    order: PurchaseOrder,
    lines: Mapping[UUID | PurchaseOrderLine, tuple[Decimal, Decimal, bool]],
    actor: User | None,
    at: datetime,
    reopens: bool = False,
) -> None:
    """Add to the billed quantity and net (order currency) of lines; negative takes back.

    Per line: signed quantity, signed net, and whether no more invoices are expected for it;
    `reopens` says that a final invoice is taken back and more are expected again. Lines are locked
    in key order. What their budgets accrue follows, and what a closed release draws of its blanket
    order. Raises Missing for a line of another order.
    """
    wanted = {getattr(line, "pk", line): change for line, change in lines.items()}
    today = order.entity.day_of(at)
    stored = accruals.locked_lines(order, on=today, only=wanted.keys())
    if len(stored) != len(wanted):
        raise Missing(f"Not all of these are lines of {order.reference}.")
    with accruals.moving(order, stored, on=today):
        for line in stored:
            quantity, net, final = wanted[line.pk]
            line.billed_quantity += quantity
            line.billed_amount += net
            line.is_final = final or (line.is_final and not reopens)
        rows.store(stored, ["billed_quantity", "billed_amount", "is_final"])
        rows.insert(
            [
                BilledLine(order_line=line, billed_on=today, quantity=quantity, net=net)
                for line in stored
                for quantity, net, _ in [wanted[line.pk]]
            ]
        )
    drawing.billed(order, actor=actor, at=at)


@atomic
def draw_of(*, order: PurchaseOrder, lines: drawing.Billed, at: datetime) -> Draw | None:
    """What the ledger moves between a release that was closed and its blanket order when these
    lines are billed, as in `bill`, or taken back. None where nothing moves.

    To be asked, and handed to the ledger, before `bill`. What the release still holds for the
    worker to give back goes back first. Statements: none unless it is a closed release.
    """
    if not drawing.is_closed_release(order):
        return None
    agreed = drawing.locked_agreement(order)
    assert agreed is not None  # a release has one
    if agreed.terms.commits == Agreement.Commits.RELEASES:
        return None
    release_unused(order=order, at=at)
    more = drawing.more_by_billing(order, lines)
    draw = drawing.in_ledger(agreed, order, more=more)
    return replace(draw, release=source(order)) if draw else None
