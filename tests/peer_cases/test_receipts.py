"""Receipts as other systems test them."""

from decimal import Decimal

import pytest

from core.errors import IllegalTransition, Invalid
from purchase_orders.queries import receipt_status
from purchase_orders.services import OverReceipt
from tests.peer_cases.cases import figure

pytestmark = pytest.mark.django_db


def test_erpnext_order_partial_receipt(stage, case):
    given = case("erpnext-order-partial-receipt")
    order = stage.ordered(given.given["order"]["lines"])
    first = given.expected_after(1)["lines"][0]
    assert stage.line(order).open_quantity == figure(first["to_receive"])
    stage.receive(order, given.steps[1]["qty"])
    line, final = stage.line(order), given.finally_expected["lines"][0]
    assert (line.received, line.open_quantity) == (
        figure(final["received"]),
        figure(final["to_receive"]),
    )


def test_erpnext_order_received_by_many_ways(stage, case):
    """Otherwise: a bill never receives, so the bill of 3 leaves the received quantity at 2."""
    given = case("erpnext-order-received-by-many-ways")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "2")
    assert stage.bill(order, (1, "2")).status == "cleared"
    assert stage.line(order).received == figure(given.expected_after(3)["lines"][0]["received"])
    stage.bill(order, (1, "3"))
    assert stage.line(order).received == 2
    stage.receive(order, "1")
    assert stage.line(order).received == 3


def test_inventree_receive(stage, case):
    given = case("inventree-receive")
    order = stage.draft(given.given["order"]["lines"])
    with pytest.raises(IllegalTransition):
        stage.receive(order, "50")
    order = stage.issue(order)
    stage.receive(order, "50")
    assert stage.line(order).open_quantity == figure(given.expected_after(3)["remaining"])
    for wrong in ("-10", "NaN"):
        with pytest.raises(Invalid):
            stage.receive(order, wrong)
    assert stage.line(order).received == 50
    stage.receive(order, "50")
    assert stage.line(order).open_quantity == figure(given.expected_after(6)["remaining"])


def test_inventree_pack_sizes(stage, case):
    """Otherwise: lines are received in the unit ordered; pieces per pack are stock's business."""
    given = case("inventree-pack-sizes")
    order = stage.ordered(given.given["order"]["lines"])
    stage.receive(order, "1", "5")
    for row in given.expected_after(2)["lines"]:
        line = stage.line(order, row["line"])
        assert (line.received, line.open_quantity) == (
            figure(row["received"]),
            figure(row["remaining"]),
        )


def test_erpnext_receipt_accepted_rejected(stage, case):
    """Otherwise: what was accepted is received; rejected stands beside it and leaves it open."""
    case("erpnext-receipt-accepted-rejected")
    order = stage.ordered([{"qty": "3", "price": "1"}])
    stage.receive(order, "1", rejected="1")
    line = stage.line(order)
    assert (line.received, line.open_quantity) == (1, 2)


def test_oca_request_service_rest(stage, case):
    """Otherwise: the rest of a service ends with its order; what is wanted is asked for anew."""
    given = case("oca-request-service-rest")
    order = stage.ordered([{"qty": given.given["request"]["qty"], "price": "100"}])
    stage.receive(order, "0.5")
    assert stage.line(order).received == figure(given.expected_after(2)["done"])
    stage.close(order)
    assert stage.line(order).open_quantity == figure(given.expected_after(3)["cancelled"])
    assert stage.cell().encumbered == 0


def test_idempiere_unlinked_receipt(stage, case):
    """Otherwise: a receipt names its order; the order is open before and not after."""
    given = case("idempiere-unlinked-receipt")
    order = stage.ordered(given.given["order"]["lines"])
    assert stage.line(order).open_quantity == figure(given.expected_after(1)["open"])
    stage.receive(order, "1")
    assert stage.line(order).open_quantity == figure(given.expected_after(2)["open"])


@pytest.mark.parametrize("index", [0, 1, 2])
def test_bc_over_receipt_limit(stage, case, index):
    given = case("bc-over-receipt-limit")
    asked, expected = given.alternatives[index]
    order = stage.ordered(
        given.given["order"]["lines"], over=given.given["policy"]["over_receipt_pct"]
    )
    if "over" in asked:  # what is ordered first, then this much over it
        stage.receive(order, "10")
    quantity = asked.get("to_receive") or asked["over"]
    if expected["outcome"] == "blocked":
        with pytest.raises(OverReceipt):
            stage.receive(order, quantity)
        assert stage.line(order).received <= Decimal(20)
    else:
        stage.receive(order, quantity)
        assert stage.line(order).received == figure(expected["qty"])
        assert receipt_status(order) == "over"


def test_bc_over_receipt_posted(stage, case):
    given = case("bc-over-receipt-posted")
    order = stage.ordered(
        given.given["order"]["lines"], over=given.given["policy"]["over_receipt_pct"]
    )
    receipt = stage.receive(order, given.steps[1]["qty"])
    assert receipt.lines.get().quantity == figure(given.expected_after(2)["receipt_qty"])
