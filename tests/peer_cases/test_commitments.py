"""Budgets and commitments as other systems test them."""

from decimal import Decimal

import pytest

import requisitions.services
import requisitions.subjects
from accounts.models import Control
from budgets.ledger import BudgetExceeded
from budgets.services import BudgetBelowUse
from purchase_orders import services as orders
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from tests.factories import NOW
from tests.peer_cases.cases import figure

pytestmark = pytest.mark.django_db


def request(stage, *lines, approve=True):
    """Lines of (quantity, price, account)."""
    said = [
        LineInput(
            description="Asked for",
            quantity=figure(quantity),
            unit_price=figure(price),
            distributions=[
                DistributionInput(stage.org.cost_centers["CC100"], stage.org.gl_accounts[account])
            ],
        )
        for quantity, price, account in lines
    ]
    data = RequisitionInput(title="Asked for", currency="EUR", vendor=stage.org.vendor, lines=said)
    made = requisitions.services.create(requester=stage.org.rita, data=data, at=NOW)
    made = requisitions.services.submit(requisition=made, actor=stage.org.rita, at=NOW)
    if approve:
        requisitions.subjects.mark_approved(subject_id=made.pk, actor=stage.org.dora, at=NOW)
        made.refresh_from_db()
    return made


def test_erpnext_order_close_releases(stage, case):
    given = case("erpnext-order-close-releases")
    before = stage.cell().available
    order = stage.ordered(given.given["order"]["lines"])
    assert stage.cell().encumbered == 500
    stage.close(order)
    assert (stage.cell().encumbered, stage.cell().available) == (0, before)


def test_erpnext_accrual_reversed_by_bill(stage, case):
    given = case("erpnext-accrual-reversed-by-bill")
    order = stage.ordered([{"qty": "5", "price": "50"}])
    stage.receive(order, "5")
    assert stage.accrual() == figure(given.expected_after(1)["accrual"])
    bill = stage.bill(order, (1, "5"))
    after = given.expected_after(2)
    assert (stage.accrual(), bill.net) == (figure(after["accrual"]), figure(after["billed_amount"]))


def test_budget_cancel_releases(stage, case):
    """Control per cost centre: both kinds lie in one cell of 300."""
    given = case("budget-cancel-releases")
    stage.budget(given.given["budget"]["amount"])
    lines = given.given["order"]["lines"]
    order = stage.ordered(lines)
    assert stage.cell().available == figure(given.expected_after(1)["available"])
    stage.cancel(order)
    assert stage.cell().available == figure(given.expected_after(2)["available"])
    with pytest.raises(BudgetExceeded):
        stage.ordered([lines[0], {**lines[1], "price": "100"}])
    assert stage.cell().encumbered == 0


@pytest.mark.parametrize("index", [0, 1])
def test_budget_requisition_stop(stage, case, index):
    given = case("budget-requisition-stop")
    asked, expected = given.alternatives[index]
    stage.budget(given.given["budget"]["amount"])
    lines = [("1", line["amount"], "6600") for line in asked["request"]["lines"]]
    if expected["outcome"] == "blocked":
        with pytest.raises(BudgetExceeded):
            request(stage, *lines)
        assert stage.cell().pre_encumbered == 0
    else:
        request(stage, *lines)
        assert stage.cell().available == figure(expected["available"])


def test_budget_requisition_order_lower_price(stage, case):
    """Otherwise: ordering a part leaves the rest reserved (C3) until the request is closed."""
    given = case("budget-requisition-order-lower-price")
    stage.budget(given.given["budget"]["amount"])
    made = request(stage, ("2", "15", "6600"), ("4", "10", "6600"))
    assert stage.cell().pre_encumbered == figure(given.expected_after(1)["pre_committed"])
    first, second = made.lines.order_by("line_number")
    [draft] = orders.create_from_requisition(
        requisition=made,
        actor=stage.org.bea,
        at=NOW,
        quantities={first.pk: Decimal(1), second.pk: Decimal(3)},
    )
    order = stage.issue(draft)
    assert stage.cell().encumbered == figure(given.expected_after(2)["committed"])
    assert stage.cell().pre_encumbered == 25
    requisitions.services.close(requisition=made, reason="Enough", actor=stage.org.bea, at=NOW)
    stage.close(order)
    assert (stage.cell().pre_encumbered, stage.cell().encumbered) == (0, 0)


@pytest.mark.parametrize("index", [0, 1])
def test_budget_contract(stage, case, index):
    asked, expected = case("budget-contract").alternatives[index]
    order = stage.ordered(asked["contract"])
    assert stage.cell().encumbered == figure(expected["before"]["committed"])
    lines = [(line["line"], line["qty"]) for line in asked["bill"]]
    stage.receive(order, *[line["qty"] for line in asked["bill"]])
    assert stage.bill(order, *lines).status == "cleared"
    cell, after = stage.cell(), expected["after"]
    assert (cell.encumbered, cell.spent) == (figure(after["committed"]), figure(after["actual"]))


def test_budget_foreign_order_rates(stage, case):
    """The stored rate decides: 100.00 USD at 0.90 commits exactly 90.00."""
    case("budget-foreign-order-rates")
    order = stage.ordered([{"qty": "1", "price": "100"}], currency="USD")
    assert order.rate == Decimal("0.9")
    assert stage.cell().encumbered == 90


@pytest.mark.parametrize(("index", "control"), [(0, Control.STOP), (1, Control.STOP), (2, "track")])
def test_budget_actual_per_kind(stage, case, index, control):
    given = case("budget-actual-per-kind")
    asked, expected = given.alternatives[index]
    whole = given.given["budget"]
    stage.budget(whole["by_kind"]["K1"] if index == 0 else whole["amount"], control=control)
    lines = [{"qty": "1", "price": asked["bill"]["amount"]}]
    if expected["outcome"] == "blocked":
        with pytest.raises(BudgetExceeded):
            stage.ordered(lines)
        return
    order = stage.ordered(lines, match_type="2-way")
    assert stage.bill(order, (1, "1")).status == "cleared"
    assert stage.cell().spent == figure(asked["bill"]["amount"])
    if "available" in expected:
        assert stage.cell().available == figure(expected["available"])


def test_budget_not_below_consumed(stage, case):
    given = case("budget-not-below-consumed")
    stage.ordered([{"qty": "1", "price": given.given["consumed"]}])
    before = stage.cell().amount
    with pytest.raises(BudgetBelowUse):
        stage.budget(given.steps[0]["amount"])
    assert stage.cell().amount == before


def test_erpnext_budget_actual_plus_order(stage, case):
    given = case("erpnext-budget-actual-plus-order")
    stage.budget(given.given["budget"]["limit"])
    spent, wanted = (step["amount"] for step in given.steps)
    order = stage.ordered([{"qty": "1", "price": spent}], match_type="2-way")
    assert stage.bill(order, (1, "1")).status == "cleared"
    with pytest.raises(BudgetExceeded):
        stage.ordered([{"qty": "1", "price": wanted}])


def test_erpnext_budget_monthly_stop_spend(stage, case):
    """Otherwise: a period has its own budget; March is period 3 of the calendar year."""
    given = case("erpnext-budget-monthly-stop-spend")
    stage.budget(given.expected_after(1)["limit"], period=3)
    with pytest.raises(BudgetExceeded) as refusal:
        stage.ordered([{"qty": "1", "price": given.steps[0]["amount"]}])
    assert "1.00" in str(refusal.value)


def test_erpnext_budget_monthly_stop_requisition(stage, case):
    given = case("erpnext-budget-monthly-stop-requisition")
    stage.budget("16666.67", period=3)
    with pytest.raises(BudgetExceeded):
        request(stage, ("1", given.steps[0]["amount"], "6600"))
