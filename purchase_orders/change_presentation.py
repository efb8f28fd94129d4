"""How change orders are shown: what a person may do, and versions side by side in words."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from accounts.models import Role, User
from approvals.subjects import Difference
from core import transitions
from purchase_orders import differences
from purchase_orders.models import ChangeOrder, PurchaseOrder
from purchase_orders.services.change_orders import CHANGEABLE

_OWN = ("edit", "submit", "issue", "withdraw")
DONE = {
    "issue": "The change is issued: the order has a new revision, which goes to the vendor.",
    "withdraw": "The change is withdrawn; the order stays as it is.",
}


def actions(change: ChangeOrder, user: User) -> list[str]:
    """What this person may do with it now; deciding is done where approvals are."""
    may = transitions.available(change, user)
    return [name for name in _OWN if name in may]


def may_change(order: PurchaseOrder, user: User) -> bool:
    """Whether this person may begin a change of the order."""
    return bool(
        order.status in CHANGEABLE
        and user.has_role(Role.BUYER)
        and user.entity_id == order.entity_id
    )


def first_versions(changes: Iterable[ChangeOrder]) -> dict[UUID, dict[str, Any]]:
    """What each order said when it was first approved, by change. Statements: 1."""
    changes = list(changes)
    issued = ChangeOrder.objects.filter(
        order__in={each.order_id for each in changes}, status=ChangeOrder.Status.ISSUED
    )
    firsts: dict[UUID, tuple[int, dict[str, Any]]] = {}
    for order, sequence, before in issued.order_by("order", "sequence").values_list(
        "order_id", "sequence", "before"
    ):
        firsts.setdefault(order, (sequence, before))
    found = {}
    for each in changes:
        sequence, before = firsts.get(each.order_id, (each.sequence, each.before))
        found[each.pk] = before if sequence < each.sequence else each.before
    return found


def side_by_side(change: ChangeOrder, first: dict[str, Any]) -> list[Difference]:
    """Every field that differs from the version in force or the one first approved, in words."""
    now = change.after
    since_last = {row.field: row for row in differences.between(change.before, now)}
    since_first = {row.field: row for row in differences.between(first, now)}
    return [
        Difference(
            field=name,
            first=since_first[name].old if name in since_first else row.new,
            old=since_last[name].old if name in since_last else row.new,
            new=row.new,
        )
        for name, row in {**since_first, **since_last}.items()
    ]
