"""Fifty people at one budget through the services: never a cent over, every refusal clean."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db.models import Sum

import approvals.services
from approvals.models import ApprovalStep
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell, LedgerEntry
from purchase_orders import services as purchase_orders
from purchase_orders.inputs import OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW, Organisation, coded, line_input, submitted
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

THREADS = 50
CELL = ("CC400", "6600", None)  # stops at 500


def asked(org: Organisation, price: str = "30.00") -> Requisition:
    """Waits for axel alone: one piece at this price, paid by the tight budget."""
    line = line_input(org, 1, price, distributions=[coded(org, "CC400", "6600")])
    return submitted(org, line)


def assert_never_overspent(org: Organisation) -> BudgetCell:
    cell = org.cell(*CELL)
    entries = LedgerEntry.objects.filter(cell=cell).aggregate(total=Sum("amount"))["total"]
    assert cell.used == entries <= cell.amount
    return cell


def outcome_of(act: Callable[[], object]) -> str:
    try:
        act()
    except BudgetExceeded as refusal:
        assert refusal.status == 409 and "available" in refusal.detail
        return "refused"
    return "passed"


def test_fifty_approvals_at_once_reserve_no_more_than_there_is(org: Organisation, books_hold):
    requisitions = [asked(org) for _ in range(THREADS)]
    turns = list(ApprovalStep.objects.filter(status="active").select_related("assignee"))
    assert len(turns) == THREADS

    def approve(turn: ApprovalStep) -> Callable[[], str]:
        return lambda: outcome_of(
            lambda: approvals.services.decide(
                step=turn, decision="approve", actor=turn.assignee, at=NOW
            )
        )

    outcomes = race([approve(turn) for turn in turns])
    assert Counter(outcomes) == {"passed": 16, "refused": 34}  # 16 × 30 = 480 of 500
    assert assert_never_overspent(org).pre_encumbered == Decimal(480)
    states = Counter(Requisition.objects.values_list("status", flat=True))
    assert states == {"approved": 16, "submitted": 34}, "a refused decision leaves its request"
    waiting = ApprovalStep.objects.filter(status="active")
    assert {step.request.subject_id for step in waiting} == {
        each.pk for each in requisitions if Requisition.objects.get(pk=each.pk).status != "approved"
    }


def test_fifty_issues_at_once_commit_no_more_than_there_is(org: Organisation, books_hold):
    """Buyer's own orders: nothing was reserved, so every issue asks the budget."""
    drafts = own_drafts(org, THREADS, "CC400")

    def issue(draft: PurchaseOrder) -> Callable[[], str]:
        return lambda: outcome_of(lambda: purchase_orders.issue(order=draft, actor=org.bea, at=NOW))

    outcomes = race([issue(draft) for draft in drafts])
    assert Counter(outcomes) == {"passed": 16, "refused": 34}
    assert assert_never_overspent(org).encumbered == Decimal(480)
    issued = PurchaseOrder.objects.exclude(number=None).order_by("number")
    numbers = list(issued.values_list("number", flat=True))
    assert numbers == [f"PO-2026-{n:06d}" for n in range(1, 17)], "a refused issue takes no number"


def own_drafts(org: Organisation, count: int, cost_center: str) -> list[PurchaseOrder]:
    """Drafts of 30.00 that bea may issue alone."""
    org.bea.approval_limit = Decimal(100_000)
    org.bea.save()
    line = OrderLineInput(
        description="Lamp",
        quantity=Decimal(1),
        unit_price=Decimal(30),
        distributions=[coded(org, cost_center, "6600")],
    )
    data = OrderInput(vendor=org.vendor, currency="EUR", lines=[line])
    return [
        purchase_orders.create(entity=org.entity, data=data, actor=org.bea, at=NOW)
        for _ in range(count)
    ]


def test_a_hundred_issues_at_once_take_a_hundred_gapless_numbers(org: Organisation, books_hold):
    orders = own_drafts(org, 100, "CC100")

    def issue(order: PurchaseOrder) -> Callable[[], str]:
        return lambda: purchase_orders.issue(order=order, actor=org.bea, at=NOW).number

    numbers = race([issue(order) for order in orders])
    assert sorted(numbers) == [f"PO-2026-{n:06d}" for n in range(1, 101)]
