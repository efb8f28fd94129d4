"""Changes of orders, currencies, and budgets as other systems test them."""

from decimal import Decimal

import pytest

from accounts.models import Control, TaxCode
from budgeting.models import BudgetChange
from budgeting.services import changes
from budgets.models import ExchangeRate, LedgerEntry
from budgets.services import BudgetBelowUse
from core.errors import Invalid
from invoicing import services as invoicing
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice
from purchase_orders import services as orders
from purchase_orders.inputs import ChangedLine, ChangeInput
from tests.budgeting.scene import decide
from tests.factories import NOW, TODAY
from tests.peer_cases.cases import figure
from tests.purchase_orders.making import Maker
from tests.purchase_orders.test_change_orders import made, said

pytestmark = pytest.mark.django_db


def change(stage, order, *lines):
    """The change is agreed to by everybody who is asked, and issued."""
    made(Maker(stage.org), order, *lines)
    order.refresh_from_db()


def test_erpnext_order_amend_tax_recomputed(stage, case):
    """Otherwise: a line has one tax."""
    given = case("erpnext-order-amend-tax-recomputed")
    TaxCode.objects.create(
        entity=stage.org.entity, code="T10", name="Ten", category="S",
        percent=figure(given.given["order"]["taxes"][0]["rate"]), recoverable_percent=100,
    )  # fmt: skip
    order = stage.ordered(given.given["order"]["lines"], tax_code="T10")
    before = given.expected_after(1)["order"]
    assert (order.net, order.tax, order.total) == tuple(map(figure, before.values()))
    added = [
        Maker(stage.org).line(step["qty"], step["price"], tax_code="T10")
        for step in given.steps
        if step.get("add")
    ]
    change(stage, order, *added)
    after = given.expected_after(3)["order"]
    assert (order.net, order.tax, order.total) == tuple(map(figure, after.values()))


def test_odoo_raise_after_return(stage, case):
    given = case("odoo-raise-after-return")
    order = stage.ordered(given.given["order"]["lines"])
    came, back, raised = (figure(step["qty"]) for step in given.steps)
    receipt = stage.receive(order, came)
    orders.reverse_receipt(receipt=receipt, reason="Broken", actor=stage.org.rob, at=NOW)
    stage.receive(order, came - back)
    assert stage.line(order).received == figure(given.expected_after(2)["lines"][0]["received"])
    change(stage, order, ChangedLine(stage.line(order), quantity=raised))
    line, after = stage.line(order), given.expected_after(3)["lines"][0]
    assert line.received == figure(after["received"])
    assert line.quantity - line.received == figure(after["to_receive"])


def discounted(line):
    return figure(line["price"]) * (100 - figure(line["discount_pct"])) / 100


def test_oca_discount_goods_value(stage, case):
    """Otherwise: the line has the price after its discount."""
    given = case("oca-discount-goods-value")
    lines = given.given["order"]["lines"]
    prices = [discounted(line) for line in lines]
    assert prices == list(map(figure, given.expected_after(1)["value_per_piece"]))
    order = stage.ordered(
        [{"qty": line["qty"], "price": price} for line, price in zip(lines, prices, strict=True)]
    )
    stage.receive(order, 1)
    assert stage.accrual() == prices[0]
    new = [
        discounted({**line, **step})
        for line, step in zip(lines, given.steps[2]["lines"], strict=True)
    ]
    assert new == list(map(figure, given.expected_after(3)["value_per_piece_open"]))
    change(stage, order, ChangedLine(stage.line(order, 2), unit_price=new[1]))
    assert stage.accrual() == prices[0]
    stage.receive(order, 0, 1)
    assert stage.accrual() == prices[0] + new[1]


def test_tryton_amendment(stage, case):
    """Otherwise: the vendor stays; quantity and price change and the revision goes up."""
    given = case("tryton-amendment")
    order = stage.ordered(given.given["order"]["lines"])
    assert order.net == figure(given.expected_after(1)["order"]["total"])
    first, second = given.steps[1]["lines"]
    change(
        stage,
        order,
        ChangedLine(
            stage.line(order), quantity=figure(first["qty"]), unit_price=figure(first["price"])
        ),
        ChangedLine(stage.line(order, 2), quantity=figure(second["qty"])),
    )
    after = given.expected_after(2)
    assert order.net == figure(after["order"]["total"])
    assert order.revision == 1 + after["order"]["revision"]
    expected = [(figure(each["qty"]), figure(each["price"])) for each in after["expected_bill"]]
    assert [(line.quantity, line.unit_price) for line in order.lines.all()] == expected
    assert stage.cell().encumbered == order.net


def test_tryton_amendment_to_another_vendor_is_not_a_change(stage, case):
    order = stage.ordered([{"qty": "5", "price": "10"}])
    with pytest.raises(Invalid):
        orders.draft_change(
            order=order,
            data=ChangeInput("need", "Another vendor", terms={"vendor": stage.org.other_vendor}),
            actor=stage.org.bea,
            at=NOW,
        )
    assert said(order).terms == {}


def test_erpnext_bill_foreign(stage, case):
    given = case("erpnext-bill-foreign")
    bill, rate = given.given["bill"], given.given["rates"]["USD"]
    ExchangeRate.objects.create(
        currency="USD", base="EUR", day=TODAY, rate=figure(rate), source="ECB"
    )
    order = stage.ordered(bill["lines"], currency="USD", match_type="2-way")
    invoice = stage.bill(order, (1, bill["lines"][0]["qty"]))
    final = given.finally_expected["bill"]
    assert (invoice.status, invoice.net) == ("cleared", figure(final["total"]))
    entry = LedgerEntry.objects.get(document_id=invoice.pk, stage="ACT")
    assert (entry.document_amount, entry.amount) == (
        figure(final["total"]),
        figure(final["total_base"]),
    )


def test_odoo_two_orders_one_bill_currencies(stage, case):
    """Otherwise: a bill in another currency than its order is stopped."""
    case("odoo-two-orders-one-bill-currencies")
    order = stage.ordered([{"qty": "1", "price": "1000"}], match_type="2-way")
    line = InvoiceLineInput(
        quantity=Decimal(1),
        unit_price=Decimal(500),
        order_line_reference="1",
        tax_code="DE0",
    )
    data = InvoiceInput(
        number="B-USD",
        issue_date=TODAY,
        currency="USD",
        order_reference=order.number,
        lines=[line],
    )
    invoice = invoicing.capture(entity=stage.org.entity, data=data, actor=stage.org.finn, at=NOW)
    invoicing.match(invoice_id=invoice.pk, key="once", at=NOW)
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert invoice.status == "in_exception"
    assert "currency" in stage.checks(invoice)
    assert stage.cell().spent == 0


def test_budget_transfer(stage, case):
    given = case("budget-transfer")
    org, accounts = stage.org, {"A": "6600", "B": "6300"}
    for name, account in accounts.items():
        stage.budget(given.given["budget"][name], account=account)

    def amounts():
        return {name: stage.cell(account).amount for name, account in accounts.items()}

    def move(amount):
        return changes.transfer(
            source=stage.cell(accounts["A"]),
            target=stage.cell(accounts["B"]),
            amount=figure(amount),
            reason="The case says so.",
            actor=org.dora,
            at=NOW,
        )

    with pytest.raises(BudgetBelowUse):
        move(given.steps[0]["amount"])
    assert amounts() == {name: figure(value) for name, value in given.given["budget"].items()}
    moved = decide(move(given.steps[1]["amount"]))
    expected = given.expected_after(2)
    assert amounts() == {name: figure(expected[name]) for name in accounts}
    back = changes.reverse(change=moved, actor=org.dora, at=NOW, reason="Not after all")
    assert decide(back).status == BudgetChange.Status.APPROVED
    expected = given.expected_after(3)
    assert amounts() == {name: figure(expected[name]) for name in accounts}


@pytest.mark.parametrize(
    ("name", "budget", "period"),
    [("tryton-budget-actual", "budget", None), ("tryton-budget-period-used", "period_budget", 3)],
)
def test_tryton_budget_used(stage, case, name, budget, period):
    """Otherwise: of the expense only; March is period 3."""
    given = case(name)
    amount, spent = figure(given.given[budget]["expense"]), given.given["actual"]["expense"]
    stage.budget(amount, control=Control.TRACK, period=period)
    order = stage.ordered([{"qty": "1", "price": spent}], match_type="2-way")
    assert stage.bill(order, (1, "1")).status == "cleared"
    entry = LedgerEntry.objects.select_related("cell").get(stage="ACT")
    assert entry.cell.period == period
    used = round(entry.cell.spent / entry.cell.amount, 4)
    final = given.finally_expected
    expected = final["expense"]["used"] if period is None else final["used"]["expense"]
    assert used == figure(expected)
