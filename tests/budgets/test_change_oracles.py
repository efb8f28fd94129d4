"""Rule C18, number by number: a change order holds its rise and commits the difference only."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from budgets.ledger import BudgetExceeded
from budgets.ledger.changing import BelowUsed, Wanted, change, drop_hold, hold
from budgets.models import BudgetCell, Commitment, GLAccount, LedgerEntry, Stage
from core.ids import new_id
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY

WHEN: dict[str, Any] = {"on": TODAY, "actor": None, "at": NOW}


def wanted(
    order: Paper, amount: str, cell: BudgetCell | None = None, held_as: UUID | None = None
) -> Wanted:
    cell = cell or order.cell
    return Wanted(
        line_id=order.line,
        line_number=1,
        distribution_id=order.distribution,
        held_as=held_as or new_id(),
        cost_center_id=cell.cost_center_id,
        gl_account_id=cell.gl_account_id,
        project_id=cell.project_id,
        amount=D(amount),
    )


def paper_change(order: Paper) -> Paper:
    return Paper(order.cell, "paper change", order.currency, order.rate)


def test_c18_a_rise_is_held_while_it_waits_and_committed_once(desk: Desk) -> None:
    order = desk.order("10", "100")
    paper, more = paper_change(order), wanted(order, "1200")
    hold(source=paper.source, wanted=[more], **WHEN)
    assert desk.stages == (200, 1000, 0)
    change(source=order.source, wanted=[more], revision=2, **WHEN)
    assert desk.stages == (0, 1200, 0)
    change(source=order.source, wanted=[more], revision=2, **WHEN)
    assert desk.stages == (0, 1200, 0)


def test_c18_less_money_is_free_only_when_it_is_issued(desk: Desk) -> None:
    order = desk.order("10", "100")
    paper, less = paper_change(order), wanted(order, "900")
    hold(source=paper.source, wanted=[less], **WHEN)
    assert desk.stages == (0, 1000, 0)
    change(source=order.source, wanted=[less], revision=2, **WHEN)
    assert desk.stages == (0, 900, 0)


def test_c18_1000_to_950_after_1000_billed_is_refused(desk: Desk) -> None:
    order = desk.order("10", "100")
    desk.bill(order, quantity="10", liquidate="1000", actual="1000", final=True)
    entries = LedgerEntry.objects.count()
    with pytest.raises(BelowUsed, match=r"1,000 EUR of it was used up"):
        change(source=order.source, wanted=[wanted(order, "950")], revision=2, **WHEN)
    assert (desk.stages, LedgerEntry.objects.count()) == ((0, 0, 1000), entries)


def test_c18_the_difference_counts_after_a_part_was_billed(desk: Desk) -> None:
    order = desk.order("10", "100")
    desk.bill(order, quantity="6", liquidate="600", actual="630")
    change(source=order.source, wanted=[wanted(order, "1200")], revision=2, **WHEN)
    assert desk.stages == (0, 600, 630)
    change(source=order.source, wanted=[wanted(order, "600")], revision=3, **WHEN)
    assert desk.stages == (0, 0, 630)


def test_c18_a_rise_beyond_the_budget_is_refused_and_holds_nothing(desk: Desk) -> None:
    order = desk.order("10", "100")
    before = desk.stages
    too_much = str(desk.cell.amount + 1)
    with pytest.raises(BudgetExceeded):
        hold(source=paper_change(order).source, wanted=[wanted(order, too_much)], **WHEN)
    with pytest.raises(BudgetExceeded):
        change(source=order.source, wanted=[wanted(order, too_much)], revision=2, **WHEN)
    assert desk.stages == before
    assert not Commitment.objects.filter(stage=Stage.PRE).exists()


def test_c18_what_is_not_wanted_any_more_is_given_back_once(desk: Desk) -> None:
    order = desk.order("10", "100")
    paper = paper_change(order)
    hold(source=paper.source, wanted=[wanted(order, "1500")], **WHEN)
    assert drop_hold(source=paper.source, reason="Not now", **WHEN) == 500
    assert drop_hold(source=paper.source, reason="Not now", **WHEN) == 0
    assert desk.stages == (0, 1000, 0)
    again = wanted(order, "1100")
    hold(source=paper.source, wanted=[again], **WHEN)
    change(source=order.source, wanted=[again], revision=2, **WHEN)
    assert desk.stages == (0, 1100, 0)


def test_c18_what_falls_in_a_cell_pays_what_rises_in_it(desk: Desk) -> None:
    first, second = desk.order("10", "100"), desk.order("10", "50")
    paper = paper_change(first)
    both = [wanted(first, "1300"), wanted(second, "400")]
    hold(source=paper.source, wanted=both, **WHEN)
    assert desk.stages == (200, 1500, 0)


def test_c18_another_payer_takes_along_what_is_left(desk: Desk) -> None:
    other = desk.org.cell("CC100", "6300")
    order = desk.order("10", "100")
    moved = wanted(order, "1100", other)
    hold(source=paper_change(order).source, wanted=[moved], **WHEN)
    other.refresh_from_db()
    assert (desk.stages, other.pre_encumbered) == ((0, 1000, 0), 1100)
    change(source=order.source, wanted=[moved], revision=2, **WHEN)
    other.refresh_from_db()
    assert (desk.stages, other.pre_encumbered, other.encumbered) == ((0, 0, 0), 0, 1100)


def test_c18_who_pays_cannot_change_once_something_was_billed(desk: Desk) -> None:
    order = desk.order("10", "100")
    desk.bill(order, quantity="1", liquidate="100", actual="100")
    other = desk.org.cell("CC100", "6300")
    with pytest.raises(BelowUsed):
        change(source=order.source, wanted=[wanted(order, "1000", other)], revision=2, **WHEN)
    assert desk.stages == (0, 900, 100)


def test_c18_in_another_currency_the_used_part_stays_to_the_cent(desk: Desk) -> None:
    order = desk.order("3", "33.333", currency="USD", rate=Decimal("0.917"))
    desk.bill(order, quantity="1", liquidate="33.33", actual="33.33", currency="USD",
              rate=Decimal("0.95"))  # fmt: skip
    change(source=order.source, wanted=[wanted(order, "33.33")], revision=2, **WHEN)
    commitment = Commitment.objects.get(distribution_id=order.distribution)
    assert (commitment.open, commitment.document_open) == (0, 0)
    assert desk.stages[1] == 0


@pytest.mark.parametrize(
    ("rate", "whole", "used", "rest"),
    [
        ("0.005", "66.67", "0.34", "0.01"),  # 0.17 each, though both together come to 0.33
        ("0.90137", "66.66", "60.08", "0"),  # 30.04 each, though both together come to 60.09
    ],
)
def test_c18_what_was_used_in_parts_is_not_reckoned_anew(
    desk: Desk, rate: str, whole: str, used: str, rest: str
) -> None:
    dollars = {"currency": "USD", "rate": D(rate)}
    order = desk.order("1", "100", **dollars)
    for _ in range(2):
        desk.bill(order, liquidate="33.33", actual="33.33", **dollars)
    change(source=order.source, wanted=[wanted(order, whole)], revision=2, **WHEN)
    commitment = Commitment.objects.get(distribution_id=order.distribution)
    assert (commitment.amount, commitment.open) == (D(used), 0)
    assert commitment.document_open == D(rest)


def test_c18_an_account_that_reserves_when_ordered_holds_nothing_while_it_waits(
    desk: Desk,
) -> None:
    GLAccount.objects.filter(pk=desk.cell.gl_account_id).update(reserves_at="order")
    order = desk.order("10", "100")
    more = wanted(order, "1200")
    hold(source=paper_change(order).source, wanted=[more], **WHEN)
    assert desk.stages == (0, 1000, 0)
    change(source=order.source, wanted=[more], revision=2, **WHEN)
    assert desk.stages == (0, 1200, 0)


def test_c18_an_account_that_reserves_when_billed_commits_no_difference(desk: Desk) -> None:
    GLAccount.objects.filter(pk=desk.cell.gl_account_id).update(reserves_at="invoice")
    order = desk.order("10", "100")
    more = wanted(order, "1200")
    hold(source=paper_change(order).source, wanted=[more], **WHEN)
    change(source=order.source, wanted=[more], revision=2, **WHEN)
    assert desk.stages == (0, 0, 0)
