"""How orders are shown: words for buttons, the tabs of the list, where one stands in its life."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

import approvals.queries
import core.queries
from accounts.models import Role, User
from approvals.models import ApprovalStep
from budgets.models import Commitment, Stage
from budgets.queries import forward
from budgets.rates import RateMissing
from core import transitions
from core.models import TrailEvent
from core.money import ZERO
from purchase_orders import cover, queries
from purchase_orders.models import Dispatch, OrderRevision, PurchaseOrder, PurchaseOrderLine
from vendors.models import MatchType

_STATUS = PurchaseOrder.Status
EDITABLE = (_STATUS.DRAFT, _STATUS.APPROVED, _STATUS.REJECTED)
_DECIDING = frozenset({"approve", "reject", "send_back", "rework"})
SENDABLE = (_STATUS.ISSUED, _STATUS.ON_HOLD, _STATUS.CLOSED)
TABS = (
    ("open", "Open"),
    ("draft", "Drafts"),
    ("to_receive", "To receive"),
    ("to_bill", "To be billed"),
    ("on_hold", "On hold"),
    ("closed", "Closed"),
    ("all", "All"),
)
_TAB_STATES = {
    "open": (_STATUS.ISSUED, _STATUS.ON_HOLD),
    "draft": (_STATUS.DRAFT, _STATUS.IN_APPROVAL, _STATUS.APPROVED),
    "to_receive": (_STATUS.ISSUED,),
    "to_bill": (_STATUS.ISSUED, _STATUS.ON_HOLD),
    "on_hold": (_STATUS.ON_HOLD,),
    "closed": (_STATUS.CLOSED, _STATUS.CANCELLED, _STATUS.REJECTED),
}
DONE = {
    "submit": "The order is sent for approval; nothing is committed before it is issued.",
    "withdraw": "The order is a draft again; nobody is asked any more.",
    "issue": "The order is issued and its budget committed. Its document goes to the vendor.",
    "hold": "The order is on hold: nothing is received or paid on it for now.",
    "resume": "The order goes on.",
    "cancel": "The order is cancelled; its whole commitment goes back to the budget.",
    "close": "The order is closed; what is committed and unused goes back to the budget.",
    "reopen": "The order is open again and its rest committed.",
    "send": "The document is on its way to the vendor again.",
}
# What is done for an order behind the scenes while somebody looks at it.
DOING = (
    "purchase_orders.render_document",
    "purchase_orders.release_unused",
    "notifications.dispatch_order",
)


def own_orders(orders: QuerySet[PurchaseOrder]) -> QuerySet[PurchaseOrder]:
    """Those of a buyer's own making: of no request and of no blanket order, nor one."""
    asked = PurchaseOrderLine.objects.filter(requisition_line__isnull=False)
    return orders.filter(kind=PurchaseOrder.Kind.STANDARD).exclude(pk__in=asked.values("order"))


def fixed(order: PurchaseOrder) -> str:
    """Why an order cannot be edited now, and what to do instead."""
    if order.status == _STATUS.IN_APPROVAL:
        return f"{order.reference} is in approval: withdraw it to change it."
    if order.status in SENDABLE:
        return f"{order.reference} is issued: it takes a change order."
    return f"{order.reference} is {order.get_status_display().lower()}: nothing of it changes."


def listed(user: User, *, tab: str, search: str = "") -> QuerySet[PurchaseOrder]:
    """Orders for the list. A search looks at every state, and at numbers old and new, titles,
    vendors and what was ordered."""
    found = queries.order_list(user)
    words = search.split()[:6]
    for word in words:
        lines = PurchaseOrderLine.objects.filter(
            Q(description__icontains=word) | Q(sku__iexact=word)
        )
        found = found.filter(
            Q(number__icontains=word)
            | Q(legacy_number__icontains=word)
            | Q(title__icontains=word)
            | Q(vendor__name__icontains=word)
            | Q(pk__in=lines.values("order"))
        )
    if words:
        return found
    if tab in _TAB_STATES:
        found = found.filter(status__in=_TAB_STATES[tab])
    if tab in ("to_receive", "to_bill"):
        found = found.exclude(kind=PurchaseOrder.Kind.BLANKET)  # that is done on its releases
    if tab == "to_receive":
        found = found.filter(receipt_state__in=[queries.NONE, queries.PARTIAL])
    if tab == "to_bill":
        found = found.filter(billing_state__in=[queries.NONE, queries.PARTIAL])
    return found


def needs(orders: Iterable[PurchaseOrder], user: User, *, on: date) -> dict[UUID, list[str]]:
    """Why drafts among these need an approval of their own, as far as this person could issue them.

    Statements: as `cover.needs`, none where no order is a draft or the person is no buyer.
    """
    drafts = {
        each: list(each.lines.all())
        for each in orders
        if each.status == _STATUS.DRAFT and _buys(user, each)
    }
    if not drafts:
        return {}
    try:
        return cover.needs(drafts, user, on=on)
    except RateMissing:
        return {each.pk: _needs(each, lines, user, on) for each, lines in drafts.items()}


def _needs(order: PurchaseOrder, lines: list[PurchaseOrderLine], user: User, on: date) -> list[str]:
    try:
        return cover.needs({order: lines}, user, on=on)[order.pk]
    except RateMissing as missing:
        return [missing.detail]


def _buys(user: User, order: PurchaseOrder) -> bool:
    return bool(user.has_role(Role.BUYER) and user.entity_id == order.entity_id)


def holders(order: PurchaseOrder, open_steps: Iterable[ApprovalStep]) -> list[User]:
    """Who has an order that is not issued yet: who is asked to approve it, else its buyer."""
    if order.status == _STATUS.IN_APPROVAL:
        return [step.assignee for step in open_steps]
    return [order.buyer] if order.status in EDITABLE and order.buyer else []


def say_who_is_asked(orders: Iterable[PurchaseOrder]) -> None:
    """Note on those in approval whom they wait for, as `with_whom`. Statements: 1 at most."""
    waiting = {each.pk: each for each in orders if each.status == _STATUS.IN_APPROVAL}
    asked = approvals.queries.holders_of(waiting) if waiting else {}
    for pk, person in asked.items():
        waiting[pk].with_whom = person.name  # type: ignore[attr-defined]


def answer(order: PurchaseOrder) -> TrailEvent | None:
    """Who said no last and why, while that is how it stands. Statements: 1, none for an order that
    was never sent."""
    if order.submitted_at is None or order.status not in (_STATUS.DRAFT, _STATUS.REJECTED):
        return None
    said = core.queries.timeline(order).filter(
        type__in=[f"order.{name}" for name in ("submitted", "withdrawn", "returned", "rejected")]
    )
    last = said.select_related("actor").last()
    return last if last and last.type in ("order.returned", "order.rejected") else None


def own_actions(order: PurchaseOrder, user: User, needs: Collection[str]) -> set[str]:
    """The verbs of the order itself that this person may use now; deciding is done where approvals
    are. A draft is issued, or sent for approval where there is a reason (`needs`) to."""
    found = set(transitions.available(order, user)) - _DECIDING
    if _buys(user, order):
        if order.status in EDITABLE:
            found.add("edit")
        if order.status in SENDABLE:
            found.add("send")
        if order.is_blanket and order.status == _STATUS.ISSUED:
            found.add("release")
    if "submit" in found:
        found.discard("issue" if needs else "submit")
    return found


def actions(order: PurchaseOrder, user: User, needs: Collection[str] = ()) -> list[str]:
    """What this person may do with the order now, at its page: also receive."""
    found = own_actions(order, user, needs)
    may_receive = user.has_role(Role.RECEIVER, Role.BUYER) and user.pk != order.buyer_id
    if may_receive and order.status == _STATUS.ISSUED and not order.is_blanket:
        found.add("receive")
    untouched = queries.receipt_status(order) == queries.billing_status(order) == queries.NONE
    if "cancel" in found and not untouched:
        found.discard("cancel")  # it would be refused: what came or was billed is closed short
    return sorted(found)


def doing(order: PurchaseOrder) -> str:
    """What the worker does for the order, in words, while work of `DOING` is promised."""
    if order.status in (_STATUS.CLOSED, _STATUS.CANCELLED):
        return "What is unused goes back to the budget; this page follows by itself."
    return "The document is being printed and sent; this page follows by itself."


def life(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    sent: Dispatch | None,
    *,
    needs: Collection[str] = (),
) -> list[dict[str, Any]]:
    """(Approved →) issued → sent → received → billed → closed, and where it stopped if it did. What
    comes and is billed of a blanket order is on its releases."""
    steps = [
        *_approved(order, needs),
        _issued(order, needs),
        _sent(order, sent),
        *([] if order.is_blanket else [_received(order, lines), _billed(order)]),
        {
            "label": "Closed",
            "at": order.closed_at,
            "state": "done" if order.status == _STATUS.CLOSED else "next",
        },
    ]
    if order.status == _STATUS.CANCELLED:
        steps[-1] |= {"label": "Cancelled", "state": "failed"}
        for step in steps[:-1]:
            step["state"] = "done" if step["state"] == "done" else "next"
    if order.status == _STATUS.ON_HOLD:
        waiting = next((step for step in steps[2:] if step["state"] != "done"), steps[-1])
        waiting |= {"state": "failed", "note": "on hold"}
    return steps


def _approved(order: PurchaseOrder, needs: Collection[str]) -> list[dict[str, Any]]:
    """Only of an order that is, or has to be, approved itself."""
    if order.status == _STATUS.DRAFT and needs:
        return [{"label": "Approved", "at": None, "state": "now", "note": ""}]
    if order.status not in (_STATUS.IN_APPROVAL, _STATUS.REJECTED) and order.approved_at is None:
        return []
    state = {_STATUS.IN_APPROVAL: "now", _STATUS.REJECTED: "failed"}.get(order.status, "done")
    note = "rejected" if state == "failed" else ""
    return [{"label": "Approved", "at": order.approved_at, "state": state, "note": note}]


def _issued(order: PurchaseOrder, needs: Collection[str]) -> dict[str, Any]:
    waits = order.status in (_STATUS.IN_APPROVAL, _STATUS.REJECTED)
    waits = waits or (order.status == _STATUS.DRAFT and bool(needs))
    state = "done" if order.issued_at else "next" if waits else "now"
    return {"label": "Issued", "at": order.issued_at, "state": state}


def _sent(order: PurchaseOrder, sent: Dispatch | None) -> dict[str, Any]:
    step: dict[str, Any] = {"label": "Sent", "state": "next"}
    if order.legacy_number:
        return step | {"state": "done", "note": "before it came here"}
    if sent is None:
        return step | {"state": "now" if order.status in SENDABLE else "next"}
    states = {Dispatch.Status.SENT: "done", Dispatch.Status.FAILED: "failed"}
    note = "not delivered" if sent.status == Dispatch.Status.FAILED else ""
    return step | {"state": states.get(sent.status, "now"), "at": sent.sent_at, "note": note}


def _received(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> dict[str, Any]:
    state = queries.receipt_status(order)
    step: dict[str, Any] = {"label": "Received", "state": "next"}
    if state in (queries.FULL, queries.OVER):
        return step | {
            "state": "done",
            "note": "more than ordered" if state == queries.OVER else "",
        }
    if state == queries.SHORT_CLOSED:
        return step | {"state": "done", "note": "not all of it"}
    if state == queries.PARTIAL:
        return step | {"state": "now", "note": "in part"}
    if lines and all(line.match_type == MatchType.TWO_WAY for line in lines):
        return step | {"note": "not asked for"}
    return step


def _billed(order: PurchaseOrder) -> dict[str, Any]:
    state = queries.billing_status(order)
    notes = {queries.PARTIAL: "in part", queries.OVER: "more than ordered"}
    states = {queries.NONE: "next", queries.PARTIAL: "now"}
    return {"label": "Billed", "state": states.get(state, "done"), "note": notes.get(state, "")}


@dataclass(frozen=True)
class Held:
    """What an order holds of the budget, in base currency: committed = billed + released + open.

    `forward` waits for later fiscal years, in nobody's balance.
    """

    committed: Decimal
    liquidated: Decimal
    released: Decimal
    forward: Decimal = ZERO

    @property
    def open(self) -> Decimal:
        return self.committed - self.liquidated - self.released


def held(order: PurchaseOrder) -> Held | None:
    """From the ledger's commitments; nothing before it was issued. Statements: 1, or 2."""
    sums = Commitment.objects.filter(document_id=order.pk, stage=Stage.ENC).aggregate(
        committed=Sum("amount"),
        liquidated=Sum("liquidated"),
        released=Sum("released"),
        spanning=Count("pk", filter=Q(spans_years=True)),
    )
    if sums["committed"] is None:
        return None
    if sums.pop("spanning"):
        rows = forward(entity=order.entity).filter(commitment__document_id=order.pk)
        sums["forward"] = rows.filter(commitment__stage=Stage.ENC).aggregate(waits=Sum("amount"))[
            "waits"
        ]
    return Held(**{name: value or ZERO for name, value in sums.items()})


def last_dispatch(revisions: list[OrderRevision]) -> Dispatch | None:
    """The newest sending of the newest revision."""
    if not revisions:
        return None
    return max(revisions[-1].dispatches.all(), key=lambda each: each.pk, default=None)
