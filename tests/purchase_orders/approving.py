"""Orders that need an approval of their own, and the people who are asked."""

from decimal import Decimal
from typing import Any

from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import decide
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests import factories
from tests.factories import NOW
from tests.purchase_orders.making import LATER, Maker, line_of


def policy(make: Maker, fact: str = "amount") -> None:
    """Whoever leads the buyer decides; from 5 000 a controller, too."""
    factories.policy(
        make.org.entity,
        "orders",
        [
            (
                "From 5 000",
                {"all": [{"fact": fact, "operator": "gte", "value": "5000"}]},
                [factories.step("manager"), factories.step(("role", "controller"))],
            ),
            ("Below 5 000", {"all": []}, [factories.step("manager")]),
        ],
        applies_to="order",
    )


def own(make: Maker, quantity: str = "10", price: str = "100", **header: Any) -> PurchaseOrder:
    """A draft that comes from no request; bea may decide nothing alone."""
    data = make.order_data(make.line(quantity, price), **{"title": "Cables", **header})
    return services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)


def dearer(make: Maker, price: str = "120") -> PurchaseOrder:
    """A draft of 10 pieces at a price above the approved 100."""
    draft = make.draft(("10", "100"))
    return repriced(make, draft, price)


def repriced(make: Maker, order: PurchaseOrder, price: str) -> PurchaseOrder:
    line = line_of(order)
    said = make.line("10", price, requisition_line=line.requisition_line, distributions=[])
    data = make.order_data(said, title=order.title)
    return services.edit(order=order, data=data, actor=make.org.bea, at=NOW)


def submit(make: Maker, order: PurchaseOrder, **said: Any) -> PurchaseOrder:
    return services.submit(order=order, actor=make.org.bea, at=LATER, **said)


def open_step(order: PurchaseOrder) -> ApprovalStep:
    return ApprovalStep.objects.select_related("request", "assignee").get(
        request__subject_id=order.pk, status=ApprovalStep.Status.ACTIVE
    )


def round_of(order: PurchaseOrder) -> ApprovalRequest:
    return ApprovalRequest.objects.filter(subject_id=order.pk).latest("id")


def decided(order: PurchaseOrder, decision: str = "approve", comment: str = "") -> PurchaseOrder:
    """The next one who is asked says so."""
    step = open_step(order)
    decide(
        step=step,
        decision=decision,
        actor=step.assignee,
        at=LATER,
        comment=comment or ("" if decision == "approve" else "Not like this"),
        digest=step.request.digest,
    )
    order.refresh_from_db()
    return order


def approved(make: Maker, order: PurchaseOrder, **said: Any) -> PurchaseOrder:
    """Submitted, and everybody who is asked agrees."""
    order = submit(make, order, **said)
    while order.status == PurchaseOrder.Status.IN_APPROVAL:
        order = decided(order)
    return order


def issue(make: Maker, order: PurchaseOrder, **said: Any) -> PurchaseOrder:
    return services.issue(order=order, actor=make.org.bea, at=LATER, **said)


def D(text: str) -> Decimal:
    return Decimal(text)
