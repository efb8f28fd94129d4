"""Two hands on one order that is sent for approval: one wins, and nothing is half done."""

import pytest

from approvals.models import ApprovalRequest
from approvals.services import decide
from core.errors import DomainError
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests import factories
from tests.purchase_orders import approving
from tests.purchase_orders.making import LATER, Maker, events_of, held
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
STATUS = PurchaseOrder.Status


@pytest.fixture
def make(transactional_db: None) -> Maker:
    maker = Maker(factories.organisation())
    approving.policy(maker)
    return maker


def refusals(results: list[object]) -> list[object]:
    """What was refused; anything else that went wrong is no outcome of a race."""
    wrong = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, DomainError) for each in wrong), wrong
    return wrong


def test_of_many_who_send_it_one_does(make: Maker) -> None:
    order = approving.own(make)
    results = race([lambda: approving.submit(make, order) for _ in range(6)])
    assert len(refusals(results)) == 5
    assert ApprovalRequest.objects.filter(subject_id=order.pk).count() == 1
    assert events_of(order.pk).count("order.submitted") == 1


def test_taken_back_while_it_is_decided_it_is_a_draft_or_approved(make: Maker) -> None:
    for _ in range(4):
        order = approving.submit(make, approving.own(make))
        step = approving.open_step(order)
        results = race(
            [
                lambda step=step: decide(
                    step=step,
                    decision="approve",
                    actor=step.assignee,
                    at=LATER,
                    digest=step.request.digest,
                ),
                lambda order=order: services.withdraw(order=order, actor=make.org.bea, at=LATER),
            ]
        )
        assert len(refusals(results)) == 1
        order.refresh_from_db()
        ends = {STATUS.DRAFT: "cancelled", STATUS.APPROVED: "approved"}
        assert approving.round_of(order).status == ends[STATUS(order.status)]


def test_edited_while_it_is_issued_it_says_what_was_approved(make: Maker) -> None:
    data = make.order_data(make.line("99", "100"), title="Cables")
    for _ in range(4):
        order = approving.approved(make, approving.own(make))
        race(
            [
                lambda order=order: approving.issue(make, order),
                lambda order=order: services.edit(
                    order=order, data=data, actor=make.org.bea, at=LATER
                ),
            ]
        )
        order.refresh_from_db()
        expected = {STATUS.ISSUED: (1000, 1000), STATUS.DRAFT: (9900, 0)}
        assert (order.net, held(order.pk)) == expected[STATUS(order.status)]


def test_cancelled_twice_its_request_is_given_back_once(make: Maker) -> None:
    requisition = make.requisition(("10", "10"))
    order = make.issue(make.drafts(requisition)[0])
    cancel = {"order": order, "actor": make.org.bea, "at": LATER, "reason": "Wrong"}
    results = race([lambda: services.cancel(**cancel) for _ in range(4)])
    assert len(refusals(results)) == 3
    requisition.refresh_from_db()
    line = requisition.lines.get()
    assert (requisition.status, line.ordered_quantity, line.ordered_amount) == ("approved", 0, 0)
    assert make.drafts(requisition)
