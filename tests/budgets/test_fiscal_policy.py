"""From when on an account takes from its budget: requested, ordered or billed (rule C28)."""

import pytest

import purchase_orders.services
from budgets import invariants
from budgets.ledger import BudgetExceeded
from budgets.models import Commitment, GLAccount
from tests.budgets.postings import D, Desk
from tests.factories import NOW, Organisation, approved

pytestmark = pytest.mark.django_db


def reserves_at(desk: Desk, stage: str) -> None:
    GLAccount.objects.filter(pk=desk.cell.gl_account_id).update(reserves_at=stage)


def bought(desk: Desk):
    """A request of 100, the order that uses it up, and its bill; the stages after each."""
    seen = []
    request = desk.reserve(D("100"))
    seen.append(desk.stages)
    order = desk.order("10", "10", uses=request, takes=D("100"))
    seen.append(desk.stages)
    desk.bill(order, actual="100", liquidate="100", quantity="10")
    seen.append(desk.stages)
    return seen


@pytest.mark.parametrize(
    ("stage", "seen"),
    [
        ("requisition", [(100, 0, 0), (0, 100, 0), (0, 0, 100)]),
        ("order", [(0, 0, 0), (0, 100, 0), (0, 0, 100)]),
        ("invoice", [(0, 0, 0), (0, 0, 0), (0, 0, 100)]),
    ],
)
def test_c28_earlier_stages_are_skipped(desk: Desk, stage, seen):
    reserves_at(desk, stage)
    assert bought(desk) == seen


def test_c28_a_bill_has_its_own_funds_check_where_nothing_was_committed(tight: Desk):
    reserves_at(tight, "invoice")
    order = tight.order("1", "600")
    with pytest.raises(BudgetExceeded):
        tight.bill(order, actual="600", liquidate="600", quantity="1")
    assert tight.stages == (0, 0, 0)


def test_c28_what_was_reserved_is_committed_whatever_the_account_says_by_now(desk: Desk):
    request = desk.reserve(D("100"))
    reserves_at(desk, "invoice")
    desk.order("10", "10", uses=request, takes=D("100"))
    assert desk.stages == (0, 100, 0)


def test_c28_what_was_not_reserved_is_committed_when_the_account_reserves_again(desk: Desk):
    reserves_at(desk, "invoice")
    request = desk.reserve(D("100"))
    reserves_at(desk, "requisition")
    desk.order("10", "10", uses=request, takes=D("100"))
    assert desk.stages == (0, 100, 0)


def test_c28_closing_and_reopening_what_holds_nothing_moves_nothing(desk: Desk):
    reserves_at(desk, "invoice")
    order = desk.order("10", "10")
    assert desk.close(order) == 0
    desk.reopen(order)
    assert desk.stages == (0, 0, 0)
    assert not Commitment.objects.get(distribution_id=order.distribution).holds


@pytest.mark.parametrize("stage", ["order", "invoice"])
def test_c28_the_books_agree_over_a_whole_purchase(org: Organisation, stage):
    GLAccount.objects.filter(entity=org.entity).update(reserves_at=stage)
    (order,) = purchase_orders.services.create_from_requisition(
        requisition=approved(org), actor=org.bea, at=NOW
    )
    purchase_orders.services.issue(order=order, actor=org.bea, at=NOW)
    assert all(not proof.faults for _, proof in invariants.prove())
    held = Commitment.objects.filter(document_id=order.pk)
    assert {each.holds for each in held} == {stage == "order"}
