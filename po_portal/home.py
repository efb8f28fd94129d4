"""What waits for a person, and what of theirs waits for others: the data of the home page."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

import approvals.emergencies
import approvals.queries
import invoicing.queries
import purchase_orders.presentation
import purchase_orders.queries
import requisitions.queries
import vendors.queries
from accounts.models import Role, User
from budgets.models import BudgetCell
from core.fields import amount
from core.money import ZERO
from core.web import pages_of
from purchase_orders.models import PurchaseOrder

SHOWN = 5
# What a person most likely came to do: the first of these that one of their roles allows.
BEGINNINGS = (
    ((Role.RECEIVER,), "purchase_orders:receive", "Receive a delivery", "package"),
    ((Role.REQUESTER,), "requisitions:create", "New requisition", "plus"),
    ((Role.AP_CLERK, Role.AP_MANAGER), "invoicing:upload", "Drop invoices", "upload"),
    ((Role.VENDOR_MANAGER,), "vendors:list", "Vendors", "building-store"),
    ((Role.AUDITOR,), "core:audit", "Audit trail", "history"),
    ((Role.CONTROLLER,), "reports:commitments", "Commitments", "chart-bar"),
    ((Role.ADMINISTRATOR,), "administration:people", "People", "users"),
    ((Role.ADMINISTRATOR,), "administration:changes", "Proposed changes", "git-compare"),
    ((Role.ADMINISTRATOR,), "approvals:policies", "Approval policies", "adjustments"),
)


@dataclass(frozen=True)
class Row:
    """One thing to do, or one thing others do for this person."""

    title: str
    url: str
    note: str = ""
    document: Any = None
    amount: Decimal | None = None
    currency: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True)
class Work:
    """A group of rows that wait, with the page that holds them all."""

    title: str
    url: str
    count: int
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class OwnBudget:
    """A cost centre of this person in the running fiscal year, in base currency."""

    name: str
    budget: Decimal
    spent: Decimal
    committed: Decimal
    reserved: Decimal
    url: str


@dataclass(frozen=True)
class Beginning:
    """A button of the home page: the main one, or where else to go when nothing waits."""

    url: str
    label: str
    icon: str


def beginnings_of(user: User) -> list[Beginning]:
    """What this person may have come to do, the most likely first."""
    return [
        Beginning(reverse(page), label, icon)
        for roles, page, label, icon in BEGINNINGS
        if user.has_role(*roles)
    ]


def waiting_for(user: User) -> list[Work]:
    """Groups with something to do, by the person's roles; empty ones are left out."""
    groups = [_decisions(user), _questions(user), _emergencies(user)]
    groups += [_returned(user), _drafts(user)]
    if user.has_role(Role.ADMINISTRATOR, Role.CONTROLLER):
        groups.append(_policies(user))
    if user.has_role(Role.BUYER):
        groups += [_to_order(user), _to_issue(user)]
    if user.has_role(Role.RECEIVER):
        groups.append(_to_receive(user))
    if user.has_role(Role.AP_CLERK, Role.AP_MANAGER):
        groups.append(_exceptions(user))
    if user.has_role(Role.VENDOR_MANAGER):
        groups.append(_to_review(user))
    return [group for group in groups if group.count]


def with_others(user: User) -> list[Row]:
    """Own requests that somebody else has to move on, and who has them.

    Statements: 4, and one for each kind of other documents among them.
    """
    mine = list(requisitions.queries.of_mine_with_others(user)[:SHOWN])
    holders = requisitions.queries.holders(mine)
    return [
        *(
            replace(_requisition(each), document=None, note=f"with {holders[each.pk].name}")
            for each in mine
        ),
        *_others_in_approval(user),
    ]


def _others_in_approval(user: User) -> list[Row]:
    """What else this person asked approval for: orders, changes of budgets, vendors, settings."""
    rounds = list(approvals.queries.pending_of(user).exclude(subject_type="requisition")[:SHOWN])
    holders = approvals.queries.holders_of([each.subject_id for each in rounds])
    pages = pages_of(user, [(each.subject_type, each.subject_id) for each in rounds])
    return [
        Row(
            title=each.subject_title,
            url=pages[each.subject_id],
            note=f"with {holders[each.subject_id]}" if each.subject_id in holders else "",
            amount=each.amount or None,
            currency=each.entity.currency,
        )
        for each in rounds
        if each.subject_id in pages
    ]


def own_budgets(user: User, *, year: int) -> list[OwnBudget]:
    """Meters of the cost centres this person owns. Statements: 1."""
    cells = BudgetCell.objects.filter(cost_center__owner=user, fiscal_year__year=year)
    rows = cells.values("cost_center__code", "cost_center__name").annotate(
        total=_sum("amount"),
        used=_sum("spent"),
        committed=_sum("encumbered"),
        reserved=_sum("pre_encumbered"),
    )
    return [
        OwnBudget(
            name=f"{row['cost_center__code']} {row['cost_center__name']}",
            budget=row["total"],
            spent=row["used"],
            committed=row["committed"],
            reserved=row["reserved"],
            url=f"{reverse('budgets:list')}?cost_center={row['cost_center__code']}",
        )
        for row in rows.order_by("cost_center__code")
    ]


def _sum(name: str) -> Any:
    return Coalesce(Sum(name), amount(ZERO))


def _work(title: str, url: str, found: Any, row: Any) -> Work:
    """Count and the first rows of a queryset. Statements: 2."""
    count = found.count()
    return Work(title, url, count, [row(each) for each in found[:SHOWN]] if count else [])


def _decisions(user: User) -> Work:
    steps = approvals.queries.inbox(user, timezone.now())
    return _work(
        "To decide",
        reverse("approvals:inbox"),
        steps,
        lambda step: Row(
            title=step.request.subject_title,
            url=f"{reverse('approvals:inbox')}?step={step.pk}",
            note=f"asked by {step.request.requester}"
            + ("" if step.assignee_id == user.pk else f", for {step.assignee}"),
            amount=step.request.amount or None,  # some documents cost nothing
            currency=step.entity.currency,
            due_at=step.due_at,
        ),
    )


def _questions(user: User) -> Work:
    return _work(
        "Questions for you",
        reverse("home"),
        approvals.queries.questions_for(user),
        lambda asked: Row(
            title=asked.step.request.subject_title,
            url=reverse("approvals:answer", args=[asked.pk]),
            note=f"{asked.asked_by} asks: {asked.question[:80]}",
        ),
    )


def _emergencies(user: User) -> Work:
    return _work(
        "Emergencies to look at",
        reverse("approvals:emergencies"),
        approvals.emergencies.falling_to(user),
        lambda task: Row(
            title=task.request.subject_title,
            url=reverse("approvals:emergencies"),
            note=f"{task.requester}, incident {task.incident}",
            amount=task.request.amount,
            currency=task.entity.currency,
            due_at=task.due_at,
        ),
    )


def _policies(user: User) -> Work:
    """Drafts of others to put into force, and what others want out of it."""
    return _work(
        "Policies that need a second person",
        reverse("approvals:policies"),
        approvals.queries.policies_for_another(user),
        lambda policy: Row(
            title=str(policy),
            url=reverse("approvals:policy", args=[policy.pk]),
            note=f"{policy.retirement_asked_by} wants it out of force"
            if policy.retirement_asked_by
            else "Drafted by somebody else",
            document=policy,
        ),
    )


def _returned(user: User) -> Work:
    found = requisitions.queries.listing(user, status="returned", mine=True)
    return _work(
        "Sent back to you", f"{reverse('requisitions:list')}?show=mine", found, _requisition
    )


def _drafts(user: User) -> Work:
    found = requisitions.queries.listing(user, status="draft", mine=True)
    return _work(
        "Drafts to finish",
        f"{reverse('requisitions:list')}?show=mine",
        found,
        lambda each: replace(_requisition(each), note="Not sent for approval yet"),
    )


def _to_review(user: User) -> Work:
    return _work(
        "Vendors to review",
        f"{reverse('vendors:list')}?show=in_review",
        vendors.queries.listing(user, status="in_review"),
        lambda vendor: Row(
            title=vendor.name,
            url=reverse("vendors:detail", args=[vendor.pk]),
            note=vendor.code,
            document=vendor,
        ),
    )


def _requisition(each: Any) -> Row:
    return Row(
        title=each.title,
        url=reverse("requisitions:detail", args=[each.pk]),
        note=each.number or "Draft",
        document=each,
        amount=each.total,
        currency=each.currency,
    )


def _to_order(user: User) -> Work:
    found = requisitions.queries.to_order(user)
    return _work(
        "Approved, to be ordered",
        f"{reverse('requisitions:list')}?show=approved",
        found,
        _requisition,
    )


def _order(each: PurchaseOrder) -> Row:
    return Row(
        title=each.title or each.vendor.name,
        url=reverse("purchase_orders:detail", args=[each.pk]),
        note=f"{each.number or 'Draft'} · {each.vendor.name}",
        document=each,
        amount=each.total,
        currency=each.currency,
    )


def _to_issue(user: User) -> Work:
    drafts = (
        PurchaseOrder.objects.visible_to(user)
        .filter(status__in=[PurchaseOrder.Status.DRAFT, PurchaseOrder.Status.APPROVED])
        .select_related("vendor")
        .order_by("pk")
    )
    return _work("Drafts to issue", f"{reverse('purchase_orders:list')}?show=draft", drafts, _order)


def _to_receive(user: User) -> Work:
    found = purchase_orders.queries.to_receive(user)
    return _work("Deliveries expected", reverse("purchase_orders:receive"), found, _order)


def _exceptions(user: User) -> Work:
    found = invoicing.queries.exceptions_queue(user)
    return _work(
        "Invoice exceptions",
        reverse("invoicing:exceptions"),
        found,
        lambda each: Row(
            title=f"{each.invoice.vendor_name} · {each.invoice.number}",
            url=reverse("invoicing:exception", args=[each.pk]),
            note=each.sentence,
            amount=each.invoice.gross,
            currency=each.invoice.currency,
        ),
    )


@dataclass(frozen=True)
class Hits:
    """What a search found of one kind."""

    title: str
    rows: list[Row]


def search(user: User, words: str) -> list[Hits]:
    """Documents by number or text, each kind through its own visibility; at most ten a kind.

    A whole order number finds that order alone; other words look at vendors, titles and items.
    """
    orders = purchase_orders.queries.order_list(user)
    named = purchase_orders.queries.by_any_number(user.entity, words)
    hits = _rows(orders.filter(pk__in=named.values("pk")), _order)
    if not hits:
        wide = purchase_orders.presentation.listed(user, tab="all", search=words)
        hits = _rows(wide.order_by("-pk"), _order)
    receipts = purchase_orders.queries.receipt_list(user).filter(
        Q(number__iexact=words) | Q(delivery_note__iexact=words)
    )
    found = [
        Hits("Requisitions", _rows(requisitions.queries.listing(user, search=words), _requisition)),
        Hits("Orders", hits),
        Hits("Receipts", _rows(receipts, _receipt)),
        Hits("Invoices", _rows(invoicing.queries.invoices(user, search=words), _invoice)),
    ]
    return [hits for hits in found if hits.rows]


def _rows(found: Iterable[Any], row: Any) -> list[Row]:
    return [row(each) for each in found[:10]]  # type: ignore[index]


def _receipt(each: Any) -> Row:
    return Row(
        title=each.number,
        url=reverse("purchase_orders:receipt", args=[each.pk]),
        note=f"{each.order.number} · {each.order.vendor.name}",
        document=each,
    )


def _invoice(each: Any) -> Row:
    return Row(
        title=each.number,
        url=reverse("invoicing:detail", args=[each.pk]),
        note=each.vendor_name,
        document=each,
        amount=each.gross,
        currency=each.currency,
    )
