"""Keeping what a revision says: its content as data, before anybody prints or sends it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from core import rows
from purchase_orders import content
from purchase_orders.models import OrderRevision, PurchaseOrder, PurchaseOrderLine


def freeze(
    order: PurchaseOrder,
    asked: Iterable[str],
    *,
    actor: Any,
    at: datetime,
    lines: Iterable[PurchaseOrderLine] | None = None,
) -> OrderRevision:
    """The present revision as it goes to the vendor; `asked` are the requisitions it came from."""
    stated = order.lines.all() if lines is None else lines
    revision = OrderRevision(
        order=order,
        revision=order.revision,
        content=content.of(order, stated, requisitions=asked, revised_at=at),
        issued_at=at,
        issued_by=actor,
    )
    rows.insert([revision])
    return revision
