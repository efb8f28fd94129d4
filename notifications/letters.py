"""What the portal writes to whom: one function per letter, subject and facts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format

from accounts.models import User
from approvals import item, links, safeguards, subjects
from approvals.models import (
    ApprovalRequest,
    ApprovalStep,
    Delegation,
    Ratification,
    StepQuestion,
)
from approvals.subjects import Description
from budgets.models import AlertLetter, BudgetAlert
from chargeback.models import StatementLine
from core import files
from core.models import Comment, StoredFile, TrailEvent
from core.templatetags.figures import amount
from invoicing.models import Invoice
from invoicing.services.returning import RETURN_CODES
from notifications.services import Attached, Letter
from purchase_orders.models import Dispatch
from vendors.models import Vendor

MOST_ATTACHED = 10 * 1024 * 1024
_PREFIX = {"approval_reminded": "Reminder: ", "approval_escalated": "Escalated: "}


@dataclass(frozen=True)
class BudgetRow:
    """A budget as a mail shows it: what is free now and after this request (base currency)."""

    label: str
    before: Decimal
    after: Decimal
    is_over: bool


def approval(step: ApprovalStep, *, raw_link: str, template: str, at: datetime) -> Letter:
    """Ask a person to decide; the subject says it all."""
    description = _described(step.request)
    reasons = safeguards.signin_reasons(step, step.assignee, at=at, description=description)
    return Letter(
        subject=f"{_PREFIX.get(template, '')}{_asked(description)}",
        template=template,
        context={
            **_facts(step, description),
            "link": links.address(raw_link),
            "hours": links.HOURS,
            "reasons": reasons,
        },
    )


def for_delegate(step: ApprovalStep, delegation: Delegation) -> Letter:
    """Tell who may decide as well. The way leads to their own inbox: links are the assignee's."""
    description = _described(step.request)
    return Letter(
        subject=f"For {step.assignee}: {_asked(description)}",
        template="approval_for_delegate",
        context={**_facts(step, description), "delegation": delegation},
    )


def question(asked: StepQuestion, *, is_late: bool = False) -> Letter:
    """Tell whoever was asked what an approver wants to know; remind them once it is late."""
    word = "Reminder: Question" if is_late else "Question"
    page = reverse("approvals:answer", args=[asked.pk])
    return _of_question(asked, "approval_asked", word, asked.asked_by, absolute(page))


def answer(asked: StepQuestion) -> Letter:
    """Tell the approver that the answer is there and their clock runs again."""
    return _of_question(asked, "approval_answered", "Answer", asked.asked_of, _inbox(asked.step))


def unanswered(asked: StepQuestion) -> Letter:
    """Tell the approver that the answer did not come in time and the clock goes on without."""
    return _of_question(
        asked, "approval_unanswered", "No answer", asked.asked_of, _inbox(asked.step)
    )


def _of_question(asked: StepQuestion, template: str, word: str, whose: User, url: str) -> Letter:
    """One about a question: whose words it brings or misses, and the page to go on from."""
    description = _described(asked.step.request)
    number = f" ({description.number})" if description.number else ""
    return Letter(
        subject=f"{word} about {description.title} – {whose}",
        template=template,
        context={
            "asked": asked,
            "about": f"{description.title}{number}, {_total(description)}",
            "url": url,
        },
    )


def mention(made: Comment, *, reference: str, page: str) -> Letter:
    """Tell somebody that they are named in a comment."""
    return Letter(
        subject=f"{made.author} mentioned you on {reference}",
        template="mentioned",
        context={"comment": made, "reference": reference, "url": f"{absolute(page)}#comments"},
    )


def ratification(task: Ratification, *, overdue: bool = False) -> Letter:
    """Ask for the look afterwards at what was approved as an emergency; say so once it is late."""
    description = _described(task.request)
    asked = f"Ratify {_total(description)} {description.title} – {task.requester}"
    return Letter(
        subject=f"Overdue: {asked}" if overdue else asked,
        template="ratification_due",
        context={
            "task": task,
            "overdue": overdue,
            "description": description,
            "base_currency": task.entity.currency,
            "url": absolute(reverse("approvals:emergencies")),
        },
    )


def _asked(description: Description) -> str:
    amount_asked = f"{_total(description)} " if description.lines else ""
    return f"Approve {amount_asked}{description.title} – {description.requester}"


def _total(description: Description) -> str:
    return f"{amount(description.total, description.currency)} {description.currency}"


def _inbox(step: ApprovalStep) -> str:
    return absolute(f"{reverse('approvals:inbox')}?step={step.pk}")


def _facts(step: ApprovalStep, description: Description) -> dict[str, Any]:
    """What every letter about a decision shows."""
    return {
        "step": step,
        "round": step.request,
        "description": description,
        "budget": [_budget_row(check) for check in description.budget],
        "base_currency": step.entity.currency,
        "changes": item.changes(step.request),
        "portal_link": _inbox(step),
        "replaced": step.replaces.assignee if step.replaces else None,
        "note": step.replaces.comment if step.replaces else "",
    }


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


def vendor_changed(vendor: Vendor, fields: list[str]) -> Letter:
    """Tell a vendor at its old addresses that its data was changed; not to what (rule A5)."""
    return Letter(
        subject=f"{vendor.entity.name} changed your details",
        template="vendor_changed",
        context={"vendor": vendor, "entity": vendor.entity, "fields": fields},
        reply_to=vendor.entity.purchasing_email,
    )


def vendor_bank(vendor: Vendor, *, counts_from: datetime | None) -> Letter:
    """Tell a vendor that another bank account of it was named, or will be paid to; not which one:
    whoever reads its mail learns nothing (rules A5, X35)."""
    subject = "will pay you to another account" if counts_from else "was given another bank account"
    local = counts_from.astimezone(vendor.entity.zone) if counts_from else None
    return Letter(
        subject=f"{vendor.entity.name} {subject}",
        template="vendor_bank",
        context={
            "vendor": vendor,
            "entity": vendor.entity,
            "counts_from": date_format(local, "j F Y, H:i") if local else "",
        },
        reply_to=vendor.entity.purchasing_email,
    )


def report(report: Any, event: TrailEvent) -> Letter:
    """A report that was due, with its file; one that mail servers would refuse is only announced.

    Raises files.FileDamaged.
    """
    facts: Any = event.data
    stored = StoredFile.objects.get(pk=facts["file"])
    small = stored.size <= MOST_ATTACHED
    attached = Attached(facts["file_name"], files.read(stored), stored.content_type)
    return Letter(
        subject=f"{facts['title']}: {report.name}",
        template="report_scheduled",
        context={
            "report": report,
            "title": facts["title"],
            "file_name": facts["file_name"],
            "small": small,
            "url": absolute(facts["page"]),
        },
        attachments=[attached] if small else [],
    )


def line_disputed(line: StatementLine) -> Letter:
    """Tell the owner of a service that a department disputes what it came to, and why."""
    center = line.cost_center.code
    month = f"{line.allocation.month:%B %Y}"
    return Letter(
        subject=f"{center} disputes {line.allocation.rule} for {month}",
        template="line_disputed",
        context=_about(line),
    )


def line_resolved(line: StatementLine) -> Letter:
    """Tell who disputed a line what the owner of the service said, and what it comes to now."""
    word = "Kept" if line.status == StatementLine.Status.KEPT else "Corrected"
    month = f"{line.allocation.month:%B %Y}"
    return Letter(
        subject=f"{word}: {line.allocation.rule} for {month}, {line.cost_center.code}",
        template="line_resolved",
        context={**_about(line), "word": word, "new": getattr(line, "replacement", None)},
    )


def _about(line: StatementLine) -> dict[str, Any]:
    return {
        "line": line,
        "service": line.allocation.rule,
        "month": line.allocation.month,
        "currency": line.entity.currency,
        "url": absolute(
            f"{reverse('chargeback:statement', args=[line.statement_id])}#line-{line.pk}"
        ),
    }


def budget_alerts(told: AlertLetter, alerts: list[BudgetAlert]) -> Letter:
    """Every warning that came up about a person's budgets; of one budget the most severe first."""
    first = alerts[0]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return Letter(
        subject=f"Budget {first.cell}: {str(first)[:1].lower()}{str(first)[1:]}{more}",
        template="budget_alerts",
        context={
            "person": told.recipient,
            "entity": told.entity,
            "alerts": [
                (alert, absolute(reverse("budgets:detail", args=[alert.cell_id])))
                for alert in alerts
            ],
            "url": absolute(reverse("budgets:alerts")),
        },
    )


def absolute(path: str) -> str:
    """A path of the portal on its configured host."""
    return f"{settings.PORTAL_URL}{path}"


def _described(round_: ApprovalRequest) -> Description:
    return subjects.of(round_.subject_type).describe(round_.subject_id)


def _budget_row(check: Any) -> BudgetRow:
    return BudgetRow(check.label, check.available, check.remaining, check.verdict != "ok")
