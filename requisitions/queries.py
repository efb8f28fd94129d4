"""Reading requisitions: lists, one with all it holds, who has it now, what a person may do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from accounts.acts import acts_of
from accounts.models import Duty, Role, User
from approvals import queries as approvals
from approvals.models import ApprovalStep
from core import transitions
from requisitions import content
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine

PURCHASING = "Purchasing"
_INTERNAL = frozenset(
    {"approve", "reject", "send_back", "order_part", "order_all", "free_part", "free_all"}
)


@dataclass(frozen=True)
class Holder:
    """Who has a requisition now, people or a department by its name, and until when."""

    name: str
    people: tuple[User, ...] = ()
    due_at: datetime | None = None


NOBODY = Holder("")


def acts_on(requisition_ids: Any) -> list[QuerySet[Any]]:
    """Who asked for these requests and who approved them: ids, or a query of them."""
    requests = Requisition.objects.filter(pk__in=requisition_ids)
    approved = approvals.approved_steps(requisition_ids)
    return [
        acts_of(Duty.REQUEST, requests, "requester"),
        acts_of(Duty.APPROVE, approved, "decided_by"),
    ]


def listing(
    user: User,
    *,
    status: str = "",
    search: str = "",
    mine: bool = False,
    requester: UUID | None = None,
    vendor: UUID | None = None,
) -> QuerySet[Requisition]:
    """What the person may see, newest first. `search` looks at number, title and vendor."""
    found = Requisition.objects.visible_to(user).select_related("entity", "requester", "vendor")
    if status:
        found = found.filter(status=status)
    if mine:
        found = found.filter(requester=user)
    if requester:
        found = found.filter(requester_id=requester)
    if vendor:
        found = found.filter(Q(vendor_id=vendor) | Q(lines__vendor_id=vendor)).distinct()
    for word in search.split()[:6]:
        found = found.filter(
            Q(number__icontains=word) | Q(title__icontains=word) | Q(vendor__name__icontains=word)
        )
    return found.order_by("-id")


def detailed(user: User) -> QuerySet[Requisition]:
    """Visible ones with lines and coding at hand, for the page and the API. Statements: 3."""
    parts = RequisitionDistribution.objects.select_related("cost_center", "gl_account", "project")
    lines = RequisitionLine.objects.select_related("catalog_item", "vendor").prefetch_related(
        Prefetch("distributions", parts)
    )
    return (
        Requisition.objects.visible_to(user)
        .select_related("entity", "requester", "vendor")
        .prefetch_related(Prefetch("lines", lines))
    )


def to_order(user: User) -> QuerySet[Requisition]:
    """Approved demand that a buyer still has to order, longest approved first."""
    return (
        Requisition.objects.visible_to(user)
        .filter(status__in=[Requisition.Status.APPROVED, Requisition.Status.PARTIALLY_ORDERED])
        .select_related("entity", "requester", "vendor")
        .order_by("approved_at", "id")
    )


def waiting_for(user: User) -> QuerySet[Requisition]:
    """What waits for this person: returned to the requester, or for a buyer to order."""
    mine = Q(requester=user, status=Requisition.Status.RETURNED)
    if user.has_role(Role.BUYER):
        mine |= Q(status__in=[Requisition.Status.APPROVED, Requisition.Status.PARTIALLY_ORDERED])
    return Requisition.objects.visible_to(user).filter(mine).order_by("id")


def waiting_count(user: User) -> int:
    """How many requisitions wait for this person."""
    return waiting_for(user).count()


def of_mine_with_others(user: User) -> QuerySet[Requisition]:
    """One's own that others have to move on."""
    return (
        Requisition.objects.filter(
            requester=user,
            status__in=[
                Requisition.Status.SUBMITTED,
                Requisition.Status.APPROVED,
                Requisition.Status.PARTIALLY_ORDERED,
            ],
        )
        .select_related("entity", "requester", "vendor")
        .order_by("-id")
    )


def holders(
    requisitions: Iterable[Requisition],
    *,
    open_steps: Mapping[UUID, list[ApprovalStep]] | None = None,
) -> dict[UUID, Holder]:
    """Who has each of them now. Statements: 1, however many there are; none with `open_steps`.

    These are the steps that wait for somebody, in order, by requisition.
    """
    requisitions = list(requisitions)
    if open_steps is None:
        open_steps = _open_steps(requisitions)
    return {each.pk: _holder(each, open_steps.get(each.pk, [])) for each in requisitions}


def _open_steps(requisitions: list[Requisition]) -> dict[UUID, list[ApprovalStep]]:
    waiting = [each.pk for each in requisitions if each.status == Requisition.Status.SUBMITTED]
    found: dict[UUID, list[ApprovalStep]] = {}
    if waiting:
        steps = ApprovalStep.objects.filter(
            request__subject_id__in=waiting, status=ApprovalStep.Status.ACTIVE
        ).select_related("assignee", "request")
        for step in steps.order_by("group", "id"):
            found.setdefault(step.request.subject_id, []).append(step)
    return found


def holder(requisition: Requisition) -> Holder:
    """Who has it now: its requester, approvers, Purchasing, or nobody any more."""
    return holders([requisition])[requisition.pk]


def _holder(requisition: Requisition, steps: list[ApprovalStep]) -> Holder:
    status = Requisition.Status
    if requisition.status in (status.DRAFT, status.RETURNED):
        return Holder(requisition.requester.name, (requisition.requester,))
    if requisition.status == status.SUBMITTED:
        people = tuple(step.assignee for step in steps)
        due = min((step.due_at for step in steps if step.due_at), default=None)
        return Holder(", ".join(each.name for each in people), people, due)
    if requisition.status in (status.APPROVED, status.PARTIALLY_ORDERED):
        return Holder(PURCHASING)
    return NOBODY


def available_actions(requisition: Requisition, user: User) -> list[str]:
    """What this person may do with it now: the verbs of the API and the buttons of the page."""
    actions = set(transitions.available(requisition, user))
    offered = actions - _INTERNAL
    if actions & {"order_part", "order_all"} and user.has_role(Role.BUYER):
        offered.add("order")
    if user.entity_id == requisition.entity_id and user.has_role(Role.REQUESTER):
        offered.add("copy")
    return sorted(offered)


def digest(requisition: Requisition) -> str:
    """SHA-256 of everything an approver agrees to."""
    return content.digest(content.content(requisition, content.lines_of(requisition)))
