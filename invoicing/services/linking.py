"""Naming the order an invoice bills, when its reference was missing or wrong."""

from datetime import datetime
from typing import Any

from accounts.duties import require_apart
from accounts.models import Duty, Role, User
from core import events
from core.errors import FieldError, Invalid, NotAllowed
from core.transactions import atomic
from invoicing import queries
from invoicing.linking import find_order, link_lines
from invoicing.models import Invoice, InvoiceLine
from invoicing.services.capture import save_once
from invoicing.services.matching import request_match


@atomic
def link_order(*, invoice: Invoice, order_reference: str, actor: User, at: datetime) -> Invoice:
    """Bill the order with this number, line by line, and judge the invoice again.

    Raises Invalid for an unknown order, IllegalTransition once the invoice is settled,
    DuplicateInvoice when the order's vendor sent this number before, DutiesConflict where this
    order was requested, approved, ordered or received by who links or who captured the invoice.
    """
    invoice = Invoice.objects.select_for_update(of=("self",), no_key=True).get(pk=invoice.pk)
    if actor.entity_id != invoice.entity_id or not actor.has_role(Role.AP_CLERK, Role.AP_MANAGER):
        raise NotAllowed("Only accounts payable links invoices.")
    order = find_order(
        invoice.entity, order_reference, vendor=invoice.vendor, currency=invoice.currency
    )
    if order is None:
        raise Invalid(
            errors=[
                FieldError(
                    "/order_reference", "unknown", f"No order has the number {order_reference}."
                )
            ]
        )
    _require_apart(invoice, order, actor, at)
    request_match(invoice=invoice, actor=actor, at=at)
    before = invoice.order_reference
    invoice.order, invoice.order_reference = order, order_reference.strip()
    invoice.vendor = invoice.vendor or order.vendor
    invoice._history_user = actor
    save_once(invoice)
    lines = list(invoice.lines.all())
    for line, order_line in zip(lines, link_lines(order, lines), strict=True):
        line.order_line = order_line
    InvoiceLine.objects.bulk_update(lines, ["order_line"])
    events.publish(
        "invoice.linked",
        invoice,
        actor=actor,
        at=at,
        changes=[{"field": "order_reference", "old": before, "new": invoice.order_reference}],
    )
    return invoice


def _require_apart(invoice: Invoice, order: Any, actor: User, at: datetime) -> None:
    """Linking makes it an invoice of this purchase, also for who captured it."""
    performed = queries.performed_on(order)
    for person in {actor, invoice.captured_by}:
        require_apart(
            entity=invoice.entity,
            person=person,
            duty=Duty.ENTER_INVOICE,
            performed=performed,
            at=at,
            about=order,
        )
