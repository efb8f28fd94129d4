"""What the portal writes to whom: one function per letter, subject and facts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse

from approvals import links, subjects
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.subjects import Description
from core import files
from core.models import TrailEvent
from core.templatetags.figures import amount
from invoicing.models import Invoice
from invoicing.services.returning import RETURN_CODES
from notifications.services import Attached, Letter
from purchase_orders.models import Dispatch


@dataclass(frozen=True)
class BudgetRow:
    """A budget as a mail shows it: what is free now and after this request (base currency)."""

    label: str
    before: Decimal
    after: Decimal
    is_over: bool


def approval(step: ApprovalStep, *, raw_link: str, template: str, prefix: str = "") -> Letter:
    """Ask a person to decide; the subject says it all."""
    round_ = step.request
    description = _described(round_)
    total = f"{amount(description.total, description.currency)} {description.currency}"
    return Letter(
        subject=f"{prefix}Approve {total} for {description.title} – "
        f"requested by {description.requester}",
        template=template,
        context={
            "step": step,
            "round": round_,
            "description": description,
            "budget": [_budget_row(check) for check in description.budget],
            "base_currency": step.entity.currency,
            "link": links.address(raw_link),
            "portal_link": absolute(f"{reverse('approvals:inbox')}?step={step.pk}"),
            "hours": int(links.LIFE.total_seconds() // 3600),
            "replaced": step.replaces.assignee if step.replaces else None,
        },
    )


def outcome(round_: ApprovalRequest, event: TrailEvent) -> Letter:
    """Tell the requester how it ended, by whom and with which words."""
    description = _described(round_)
    word = {"approved": "Approved", "rejected": "Rejected", "returned": "Returned for changes"}[
        round_.status
    ]
    return Letter(
        subject=f"{word}: {description.title} ({description.number or 'no number'})",
        template="approval_decided",
        context={
            "word": word,
            "round": round_,
            "description": description,
            "actor": event.actor,
            "comment": event.reason,
            "url": absolute(description.url),
        },
    )


def order(dispatch: Dispatch) -> Letter:
    """The order to its vendor, with the frozen document attached. Raises files.FileDamaged."""
    revision = dispatch.revision
    order = revision.order
    changed = f" – revision {revision.revision}" if revision.revision > 1 else ""
    name = f"{order.number}{f'-rev{revision.revision}' if changed else ''}.pdf"
    return Letter(
        subject=f"Purchase order {order.number}{changed} from {order.entity.name}",
        template="order_dispatched",
        context={"order": order, "revision": revision, "entity": order.entity, "changed": changed},
        attachments=[Attached(name, files.read(revision.pdf), "application/pdf")],
        reply_to=order.entity.purchasing_email,
        message_id=dispatch.message_id,
    )


def invoice_returned(invoice: Invoice) -> Letter:
    """Tell the vendor that an invoice comes back, and why."""
    return Letter(
        subject=f"Invoice {invoice.number} returned by {invoice.entity.name}",
        template="invoice_returned",
        context={
            "invoice": invoice,
            "entity": invoice.entity,
            "cause": RETURN_CODES.get(invoice.return_code, invoice.return_code),
        },
        reply_to=invoice.entity.purchasing_email,
    )


def absolute(path: str) -> str:
    """A path of the portal on its configured host."""
    return f"{settings.PORTAL_URL}{path}"


def _described(round_: ApprovalRequest) -> Description:
    return subjects.of(round_.subject_type).describe(round_.subject_id)


def _budget_row(check: Any) -> BudgetRow:
    return BudgetRow(check.label, check.available, check.remaining, check.verdict != "ok")
