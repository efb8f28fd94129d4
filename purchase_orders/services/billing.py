"""What invoices do to order lines. Called by invoicing inside its own transaction."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from core import rows
from core.errors import Missing
from core.transactions import atomic
from purchase_orders import accruals
from purchase_orders.models import BilledLine, PurchaseOrder, PurchaseOrderLine


@atomic
def bill(
    *,
    order: PurchaseOrder,
    lines: Mapping[UUID | PurchaseOrderLine, tuple[Decimal, Decimal, bool]],
    actor: User | None,
    at: datetime,
) -> None:
    """Add to the billed quantity and net (order currency) of lines; negative takes back.

    Per line: signed quantity, signed net, and whether no more invoices are expected for it. Lines
    are locked in key order. What their budgets accrue follows. Raises Missing for a line of another
    order.
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
            line.is_final = line.is_final or final
        rows.store(stored, ["billed_quantity", "billed_amount", "is_final"])
        BilledLine.objects.bulk_create(
            BilledLine(order_line=line, billed_on=today, quantity=quantity, net=net)
            for line in stored
            for quantity, net, _ in [wanted[line.pk]]
        )
