"""The worked numbers of the commitment rules, one by one, to the cent."""

from decimal import Decimal

import pytest

from budgets import ledger, queries
from budgets.ledger import Demand
from budgets.models import Commitment, LedgerEntry, Stage
from core.errors import Conflict
from tests.budgets.postings import D, Desk, Paper, held
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db


def test_c1_submission_checks_funds_and_posts_nothing(desk: Desk):
    cell = desk.cell
    demand = Demand(cell.cost_center_id, cell.gl_account_id, None, D(100))
    (check,) = ledger.check_funds(entity=cell.entity, on=TODAY, demands=[demand])
    assert (check.verdict, check.available, check.remaining) == ("ok", D(100_000), D(99_900))
    assert desk.stages == (0, 0, 0)
    assert not LedgerEntry.objects.exists()


def test_c2_approval_reserves_the_estimate(desk: Desk):
    desk.reserve(D(100))
    assert desk.stages == (100, 0, 0)
    assert desk.available == D(99_900)


def test_c3_an_order_by_quantity_uses_its_part_of_the_reservation(desk: Desk):
    requisition = desk.reserve(D(100))
    order = desk.order("7", "11", uses=requisition, takes=D(70))
    assert desk.stages == (30, 77, 0)
    taken = LedgerEntry.objects.get(stage="PRE", document_id=order.id)
    assert (taken.amount, taken.line_id) == (-70, order.line)


def test_c3_an_order_takes_no_more_than_remains(desk: Desk):
    requisition = desk.reserve(D(100))
    desk.order("7", "11", uses=requisition, takes=D(70))
    desk.order("7", "11", uses=requisition, takes=D(70))
    assert desk.stages == (0, 154, 0)


def test_c3_by_amount_takes_the_orders_amount(desk: Desk):
    requisition = desk.reserve(D(5000))
    desk.order("1", "3000", uses=requisition, takes=D(3000))
    assert desk.stages == (2000, 3000, 0)


def test_c4_closing_a_requisition_gives_the_rest_back(desk: Desk):
    requisition = desk.reserve(D(100))
    desk.order("7", "11", uses=requisition, takes=D(70))
    assert desk.give_back(requisition) == D(30)
    assert desk.stages == (0, 77, 0)
    assert desk.give_back(requisition) == 0
    assert desk.stages == (0, 77, 0)


def test_c5_an_order_without_requisition_commits(desk: Desk):
    desk.order("10", "10")
    assert desk.stages == (0, 100, 0)


def test_c7_two_invoices_above_the_orders_price(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="6", liquidate="60", actual="63.00")
    assert desk.stages == (0, 40, 63)
    billed = LedgerEntry.objects.filter(event="invoice.cleared").order_by("id")
    assert [(each.stage, each.quantity) for each in billed] == [("ENC", -6), ("ACT", 6)]
    desk.bill(order, quantity="4", liquidate="40", actual="42.00", final=True)
    assert desk.stages == (0, 0, 105)


def test_c8_the_last_invoice_takes_the_exact_rest(desk: Desk):
    order = desk.order("3", "33.333")
    assert desk.stages == (0, 100, 0)
    taken = []
    for final in (False, False, True):
        before = desk.now.encumbered
        desk.bill(order, quantity="1", liquidate="33.33", actual="33.33", final=final)
        taken.append(before - desk.now.encumbered)
    assert taken == [D("33.33"), D("33.33"), D("33.34")]
    assert held(order) == 0


def test_c8_the_exact_rest_in_both_currencies(desk: Desk):
    order = desk.order("3", "33.333", currency="USD", rate=D("0.90137"))
    assert desk.now.encumbered == D("90.14")
    for final in (False, False, True):
        desk.bill(
            order, liquidate="33.33", actual="33.33", final=final, currency="USD", rate=D("0.90137")
        )
    entries = LedgerEntry.objects.filter(stage=Stage.ENC, document_type="paper invoice").order_by(
        "id"
    )
    assert [entry.document_amount for entry in entries] == [-D("33.33"), -D("33.33"), -D("33.34")]
    assert [entry.amount for entry in entries] == [-D("30.04"), -D("30.04"), -D("30.06")]
    assert desk.now.encumbered == 0


def test_c8_a_part_never_takes_more_than_rounding_left_of_the_whole(desk: Desk):
    order = desk.order("1", "100", currency="USD", rate=D("0.005"))
    for _ in range(3):  # 0.16665 each, of 0.50
        desk.bill(order, liquidate="33.33", actual="33.33", currency="USD", rate=D("0.005"))
    commitment = Commitment.objects.get(distribution_id=order.distribution)
    assert (commitment.liquidated, commitment.open, commitment.document_open) == (
        D("0.50"),
        0,
        D("0.01"),
    )


def test_c9_by_amount_the_rest_stays_until_closed(desk: Desk):
    order = desk.order("1", "100")
    desk.bill(order, liquidate="98", actual="98")
    assert desk.stages == (0, 2, 98)
    assert desk.close(order) == D(2)
    assert desk.stages == (0, 0, 98)


def test_c10_what_was_cheaper_is_free_at_once(desk: Desk):
    order = desk.order("10", "10")
    before = desk.available
    desk.bill(order, quantity="10", liquidate="100", actual="98", final=True)
    assert desk.stages == (0, 0, 98)
    assert desk.available == before + 2


def test_c11_over_billing_goes_to_actuals_with_its_own_check(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="11", liquidate="110", actual="110", final=True)
    assert desk.stages == (0, 0, 110)


def test_c12_the_exchange_rates_part_is_shown_apart(desk: Desk):
    order = desk.order("1", "1000", currency="USD", rate=D("1.10"))
    assert desk.stages == (0, 1100, 0)
    invoice = desk.bill(
        order, quantity="1", liquidate="1000", actual="1000", currency="USD", rate=D("1.15")
    )
    assert desk.stages == (0, 0, 1150)
    entries = LedgerEntry.objects.filter(document_id=invoice.id).order_by("id")
    rates = [(each.stage, each.amount, each.rate) for each in entries]
    assert rates == [("ENC", -1100, D("1.10")), ("ACT", 1150, D("1.15"))]
    (variance,) = queries.variances(invoice.id, base_currency="EUR")
    assert (variance.fx, variance.price) == (D(50), D(0))


def test_c12_price_and_exchange_add_up_to_the_cent(desk: Desk):
    order = desk.order("7", "13.37", currency="USD", rate=D("1.0937"))
    invoice = desk.bill(
        order, quantity="7", liquidate="93.59", actual="95.13", currency="USD", rate=D("1.1511")
    )
    (variance,) = queries.variances(invoice.id, base_currency="EUR")
    assert variance.fx == D("5.46")  # 109.50 − 104.04
    assert variance.price == D("1.68")  # 104.04 − 102.36
    assert variance.price + variance.fx == variance.actual - variance.liquidated


def test_c14_a_price_credit_leaves_the_commitment_alone(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="6", liquidate="60", actual="63")
    desk.bill(order, actual="-3")
    assert desk.stages == (0, 40, 60)


def test_c15_a_return_with_replacement_commits_again(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="10", liquidate="100", actual="105", final=True)
    desk.bill(order, quantity="-2", reencumber="20", actual="-21")
    assert desk.stages == (0, 20, 84)
    assert held(order) == D(20)


def test_c15_no_return_commits_more_than_was_used_up(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="4", liquidate="40", actual="40")
    desk.bill(order, quantity="-6", reencumber="60", actual="-60")
    commitment = Commitment.objects.get(distribution_id=order.distribution)
    assert (desk.stages, commitment.document_open) == ((0, 100, -20), 100)


def test_c16_a_return_for_credit_commits_nothing(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="10", liquidate="100", actual="100", final=True)
    desk.bill(order, quantity="-2", actual="-20")
    assert desk.stages == (0, 0, 80)


def test_c17_voiding_mirrors_the_entries_exactly(desk: Desk):
    order = desk.order("10", "10")
    invoice = desk.bill(order, quantity="6", liquidate="60", actual="63")
    desk.void(invoice)
    assert desk.stages == (0, 100, 0)
    originals = list(LedgerEntry.objects.filter(event="invoice.cleared").order_by("id"))
    mirrors = list(LedgerEntry.objects.filter(event="invoice.voided").order_by("id"))
    assert [mirror.reverses for mirror in mirrors] == originals
    assert [mirror.amount for mirror in mirrors] == [-entry.amount for entry in originals]
    assert [mirror.quantity for mirror in mirrors] == [-entry.quantity for entry in originals]


def test_c17_a_voided_invoice_can_be_billed_anew(desk: Desk):
    order = desk.order("10", "10")
    desk.void(desk.bill(order, quantity="10", liquidate="100", actual="105", final=True))
    desk.bill(order, quantity="10", liquidate="100", actual="100", final=True)
    assert desk.stages == (0, 0, 100)


def test_c17_nothing_is_committed_again_for_a_closed_order(desk: Desk):
    order = desk.order("10", "10")
    invoice = desk.bill(order, quantity="6", liquidate="60", actual="63")
    desk.close(order)
    desk.void(invoice, reencumber=False)
    assert desk.stages == (0, 0, 0)
    desk.reopen(order)
    assert desk.stages == (0, 100, 0)


def test_c17_the_void_of_a_return_gives_up_nothing_but_what_the_return_committed(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="6", liquidate="60", actual="60")
    back = desk.bill(order, quantity="-2", reencumber="20", actual="-20")
    desk.void(back, reencumber=False)
    assert desk.stages == (0, 40, 60)


def test_c17_a_void_under_a_later_return_is_refused_and_changes_nothing(desk: Desk):
    order = desk.order("10", "10")
    invoice = desk.bill(order, quantity="10", liquidate="100", actual="100", final=True)
    desk.bill(order, quantity="-2", reencumber="20", actual="-20")
    with pytest.raises(Conflict, match="void that first"):
        desk.void(invoice)
    assert desk.stages == (0, 20, 80)


def test_c19_closing_short_frees_the_rest(desk: Desk):
    order = desk.order("1", "15000")
    desk.bill(order, liquidate="11000", actual="11000")
    assert desk.close(order) == D(4000)
    assert desk.stages == (0, 0, 11_000)
    entry = LedgerEntry.objects.get(event="order.closed")
    assert (entry.amount, entry.reason) == (D(-4000), "Nothing more comes")


def test_c19_one_line_can_be_given_back_alone(desk: Desk):
    paper = Paper(desk.cell)
    other = Paper(desk.cell)
    shares = [
        paper.share(D(100)),
        paper.share(D(50), line_id=other.line, line_number=2, distribution_id=other.distribution),
    ]
    ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)
    freed = ledger.release(
        source=paper.source, on=TODAY, actor=None, at=NOW, reason="Short", line_ids=[other.line]
    )
    assert freed == D(50)
    assert desk.close(paper) == D(100)
    assert desk.stages == (0, 0, 0)


def test_c20_reopening_commits_the_rest_again(desk: Desk):
    order = desk.order("1", "15000")
    desk.bill(order, liquidate="11000", actual="11000")
    desk.close(order)
    desk.reopen(order)
    assert desk.stages == (0, 4000, 11_000)
    desk.reopen(order)
    assert desk.stages == (0, 4000, 11_000)


def test_c20_close_reopen_close_frees_each_time_once(desk: Desk):
    order = desk.order("1", "100")
    assert [desk.close(order), desk.close(order)] == [D(100), D(0)]
    desk.reopen(order)
    assert [desk.close(order), desk.close(order)] == [D(100), D(0)]
    assert desk.stages == (0, 0, 0)


def test_c21_cancelling_frees_all(desk: Desk):
    order = desk.order("10", "10")
    assert desk.cancel(order) == D(100)
    assert desk.stages == (0, 0, 0)


def test_c21_cancelling_what_was_billed_is_refused_and_changes_nothing(desk: Desk):
    order = desk.order("10", "10")
    desk.bill(order, quantity="6", liquidate="60", actual="60")
    with pytest.raises(Conflict, match="close it instead"):
        desk.cancel(order)
    assert desk.stages == (0, 40, 60)


def test_c21_a_voided_invoice_does_not_stand_in_the_way(desk: Desk):
    order = desk.order("10", "10")
    desk.void(desk.bill(order, quantity="6", liquidate="60", actual="60"))
    assert desk.cancel(order) == D(100)


def test_c25_each_distribution_is_liquidated_by_its_own_share(desk: Desk):
    paper = Paper(desk.cell)
    parts = [Paper(desk.cell) for _ in range(3)]
    amounts = [D("33.33"), D("33.33"), D("33.34")]
    shares = [
        paper.share(amount, distribution_id=part.distribution)
        for part, amount in zip(parts, amounts, strict=True)
    ]
    ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)
    invoice = Paper(desk.cell, "paper invoice")
    settlements = [
        ledger.Settlement(
            line_id=invoice.line,
            line_number=1,
            order_distribution_id=part.distribution,
            quantity=D(1),
            liquidate=half,
            reencumber=D(0),
            actual=half,
        )
        for part, half in zip(parts, [D("16.67"), D("16.67"), D("16.66")], strict=True)
    ]
    ledger.liquidate(source=invoice.source, settlements=settlements, on=TODAY, actor=None, at=NOW)
    open_now = ledger.open_amounts(paper.id)
    assert [open_now[part.distribution] for part in parts] == [
        Decimal("16.66"),
        Decimal("16.66"),
        Decimal("16.68"),
    ]
    assert desk.stages == (0, 50, 50)


def test_two_invoice_lines_may_bill_the_same_distribution(desk: Desk):
    order = desk.order("10", "10")
    invoice = Paper(desk.cell, "paper invoice")
    settlements = [
        ledger.Settlement(line, number, order.distribution, D(5), D(50), D(0), D(50))
        for number, line in enumerate((Paper(desk.cell).line, Paper(desk.cell).line), 1)
    ]
    ledger.liquidate(source=invoice.source, settlements=settlements, on=TODAY, actor=None, at=NOW)
    assert desk.stages == (0, 0, 100)
    assert LedgerEntry.objects.filter(document_id=invoice.id).count() == 4
