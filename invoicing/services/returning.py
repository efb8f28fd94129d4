"""Saying no to an invoice: back to the vendor, rejected, or disputed."""

from datetime import datetime

from accounts.models import User
from core import events
from core.errors import FieldError, Invalid
from core.transactions import atomic
from core.transitions import perform
from invoicing.models import Invoice, MatchException

# Reason codes of the Peppol invoice response (OPStatusReason) that fit a return.
RETURN_CODES = {
    "REF": "Wrong or missing reference",
    "LEG": "Legal requirement not met",
    "REC": "Receiver unknown",
    "QUA": "Quality",
    "DEL": "Delivery: quantity or time",
    "PRI": "Price",
    "QTY": "Quantity",
    "ITM": "Item",
    "PAY": "Payment terms",
    "UNR": "Not recognised",
    "FIN": "Finance terms",
    "PPD": "Prepaid or partially paid",
    "OTH": "Other",
}


@atomic
def return_to_vendor(
    *, invoice: Invoice, code: str, reason: str, actor: User, at: datetime
) -> Invoice:
    """Send it back with a reason the vendor is told. Raises Invalid without code or reason."""
    errors = []
    if code not in RETURN_CODES:
        errors.append(FieldError("/code", "invalid_choice", "Choose why it goes back."))
    if not reason.strip():
        errors.append(FieldError("/reason", "required", "Tell the vendor what is wrong."))
    if errors:
        raise Invalid(errors=errors)
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    perform(invoice.return_to_vendor, actor=actor, at=at, code=code, reason=reason)
    invoice.save()
    _close_exceptions(invoice, MatchException.Resolution.RETURNED, actor=actor, at=at)
    events.publish(
        "invoice.returned_to_vendor",
        invoice,
        actor=actor,
        at=at,
        reason=reason,
        data={"code": code},
    )
    return invoice


@atomic
def reject(*, invoice: Invoice, reason: str, actor: User, at: datetime) -> Invoice:
    """It is not ours to pay. Raises Invalid without a reason."""
    require_reason(reason)
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    perform(invoice.reject, actor=actor, at=at)
    invoice.save()
    _close_exceptions(invoice, MatchException.Resolution.RETURNED, actor=actor, at=at)
    events.publish("invoice.rejected", invoice, actor=actor, at=at, reason=reason)
    return invoice


@atomic
def dispute(*, invoice: Invoice, reason: str, actor: User, at: datetime) -> Invoice:
    """Hold it while the vendor is asked. Raises Invalid without a reason."""
    require_reason(reason)
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    perform(invoice.dispute, actor=actor, at=at)
    invoice.save()
    events.publish("invoice.disputed", invoice, actor=actor, at=at, reason=reason)
    return invoice


def require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid(errors=[FieldError("/reason", "required", "Say why.")])


def _close_exceptions(invoice: Invoice, resolution: str, *, actor: User, at: datetime) -> None:
    for exception in invoice.exceptions.unresolved().select_for_update(no_key=True).order_by("pk"):
        perform(exception.resolve, actor=actor, at=at, resolution=resolution)
        exception.save()
        events.publish("match_exception.resolved", exception, actor=actor, at=at)
