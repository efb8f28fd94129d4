"""What later rooms must be able to say about an order within its own transaction.

Filled in their `apps.py`; no import points up.
"""

from collections.abc import Callable

from purchase_orders.models import PurchaseOrder

_invoices: list[Callable[[PurchaseOrder], str]] = []


def register(*, invoice_on: Callable[[PurchaseOrder], str]) -> None:
    """`invoice_on(order)` names an invoice that stands against the order, or returns ""."""
    if invoice_on not in _invoices:
        _invoices.append(invoice_on)


def invoice_on(order: PurchaseOrder) -> str:
    """An invoice that stands against the order, by name; empty when there is none."""
    return next(filter(None, (ask(order) for ask in _invoices)), "")
