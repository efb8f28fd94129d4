"""Rule C29, number by number: this year's part commits, later years' parts wait for their year."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from budgets import ledger
from budgets.ledger import BudgetExceeded, Source, Wanted
from budgets.ledger.forward import months_by_year, split
from budgets.models import Commitment, ForwardCommitment, LedgerEntry
from tests.budgets.postings import D, Desk, Paper, held
from tests.factories import NOW, TODAY, Organisation

THREE_YEARS = (date(2026, 7, 1), date(2029, 6, 30))
WHEN: dict[str, Any] = {"on": TODAY, "actor": None, "at": NOW}


def order(desk: Desk, amount: str = "3600", period: Any = THREE_YEARS, **facts: Any) -> Paper:
    paper = Paper(desk.cell)
    share = paper.share(D(amount), period=period, **facts)
    ledger.encumber(source=paper.source, shares=[share], **WHEN)
    return paper


def waits(paper: Paper, amount: str = "amount") -> dict[int, Decimal]:
    """What waits for each later year, base currency."""
    rows = ForwardCommitment.objects.filter(
        commitment__distribution_id=paper.distribution, state="forward"
    )
    return dict(rows.values_list("fiscal_year", amount))


def total(paper: Paper) -> Decimal:
    """What is committed, used up and waiting: always what the line costs."""
    commitment = Commitment.objects.get(distribution_id=paper.distribution)
    return sum(waits(paper, "document_amount").values(), commitment.document_amount)


def test_c29_a_period_is_split_by_begun_months_and_fiscal_years(org: Organisation) -> None:
    april = org.entity
    april.fiscal_year_starts_month = 4
    period = (date(2026, 2, 15), date(2027, 2, 14))
    assert months_by_year(entity=april, period=period, on=date(2026, 1, 5)) == {2025: 2, 2026: 10}
    half = (date(2026, 3, 1), date(2026, 4, 10))
    assert months_by_year(entity=april, period=half, on=date(2026, 1, 5)) == {2025: 1, 2026: 1}
    late = date(2026, 4, 20)  # what is past counts to the year in which it is ordered
    assert months_by_year(entity=april, period=period, on=late) == {2026: 12}


def test_c29_the_rest_of_rounding_goes_to_the_last_year(org: Organisation) -> None:
    period = (date(2026, 12, 1), date(2029, 1, 31))
    parts = split(D("100.00"), entity=org.entity, period=period, currency="EUR", on=TODAY)
    assert parts == {2026: D("3.85"), 2027: D("46.15"), 2028: D("46.15"), 2029: D("3.85")}
    assert sum(parts.values()) == 100


def test_c29_this_year_commits_and_later_years_wait(desk: Desk) -> None:
    paper = order(desk)
    assert desk.stages == (0, 600, 0)
    assert waits(paper) == {2027: 1200, 2028: 1200, 2029: 600}
    assert total(paper) == 3600


def test_c29_only_this_years_part_is_checked_hard(tight: Desk) -> None:
    order(tight, "3000")
    assert tight.stages == (0, 500, 0)
    with pytest.raises(BudgetExceeded):
        order(tight, "6")
    assert (tight.stages, ForwardCommitment.objects.count()) == ((0, 500, 0), 3)


def test_c29_a_second_delivery_does_nothing(desk: Desk) -> None:
    paper = order(desk, period=(date(2027, 1, 1), date(2028, 12, 31)))
    share = paper.share(D("3600"), period=(date(2027, 1, 1), date(2028, 12, 31)))
    ledger.encumber(source=paper.source, shares=[share], **WHEN)
    assert (desk.stages, waits(paper)) == ((0, 0, 0), {2027: 1800, 2028: 1800})


def test_c29_a_reservation_waits_alike_and_its_order_takes_each_years_part(desk: Desk) -> None:
    asked = Paper(desk.cell, "paper requisition")
    ledger.reserve(source=asked.source, shares=[asked.share(D("3600"), period=THREE_YEARS)], **WHEN)
    assert (desk.stages, waits(asked)) == ((600, 0, 0), {2027: 1200, 2028: 1200, 2029: 600})
    order(desk, "1800", converts=asked.distribution, converts_amount=D("1800"))
    assert (desk.stages, waits(asked)) == ((300, 300, 0), {2027: 600, 2028: 600, 2029: 300})
    order(desk, "1800", converts=asked.distribution, converts_amount=D("3600"))
    assert (desk.stages, waits(asked), held(asked)) == ((0, 600, 0), {}, 0)


def test_c29_closing_gives_both_back_and_reopening_takes_both_again(desk: Desk) -> None:
    paper = order(desk)
    assert desk.close(paper) == 600
    assert (desk.stages, waits(paper)) == ((0, 0, 0), {})
    assert desk.close(paper) == 0
    desk.reopen(paper)
    assert (desk.stages, waits(paper)) == ((0, 600, 0), {2027: 1200, 2028: 1200, 2029: 600})
    assert desk.cancel(paper) == 600
    assert (desk.stages, waits(paper)) == ((0, 0, 0), {})


def test_c29_a_bill_beyond_this_year_takes_the_next_years_part(desk: Desk) -> None:
    paper = order(desk)
    bill = desk.bill(paper, liquidate="1000", actual="1000")
    assert (desk.stages, waits(paper)) == ((0, 0, 1000), {2027: 800, 2028: 1200, 2029: 600})
    assert total(paper) == 3600
    desk.void(bill)
    assert (desk.stages, waits(paper)) == ((0, 600, 0), {2027: 1200, 2028: 1200, 2029: 600})
    assert total(paper) == 3600


def test_c29_what_an_early_bill_takes_has_its_own_funds_check(tight: Desk) -> None:
    paper = order(tight, "3000")
    before = LedgerEntry.objects.count()
    with pytest.raises(BudgetExceeded):
        tight.bill(paper, liquidate="501", actual="501")
    assert (tight.stages, LedgerEntry.objects.count()) == ((0, 500, 0), before)
    assert waits(paper) == {2027: 1000, 2028: 1000, 2029: 500}


def test_c29_a_final_bill_ends_what_waits_and_its_void_brings_it_back(desk: Desk) -> None:
    paper = order(desk)
    bill = desk.bill(paper, liquidate="500", actual="500", final=True)
    assert (desk.stages, waits(paper)) == ((0, 0, 500), {})
    desk.void(bill)
    assert (desk.stages, waits(paper)) == ((0, 600, 0), {2027: 1200, 2028: 1200, 2029: 600})


def test_c29_all_of_it_billed_at_once_leaves_nothing(desk: Desk) -> None:
    paper = order(desk)
    desk.bill(paper, liquidate="3600", actual="3600", final=True)
    assert (desk.stages, waits(paper), total(paper)) == ((0, 0, 3600), {}, 3600)


def test_c29_the_void_of_a_closed_orders_bill_gives_up_what_comes_back(desk: Desk) -> None:
    paper = order(desk)
    bill = desk.bill(paper, liquidate="1000", actual="1000")
    desk.close(paper)
    desk.void(bill, reencumber=False)
    assert (desk.stages, waits(paper)) == ((0, 0, 0), {})
    desk.reopen(paper)
    assert (desk.stages, waits(paper)) == ((0, 600, 0), {2027: 1200, 2028: 1200, 2029: 600})


def test_c29_years_add_up_in_another_currency(desk: Desk) -> None:
    paper = Paper(desk.cell, currency="USD", rate=D("0.90"))
    source: Source = paper.source
    ledger.encumber(source=source, shares=[paper.share(D("100.01"), period=THREE_YEARS)], **WHEN)
    rows = ForwardCommitment.objects.filter(commitment__distribution_id=paper.distribution)
    waiting = sum(row.amount for row in rows)
    assert desk.now.encumbered + waiting == D("90.01")


def wanted(paper: Paper, change: Paper, amount: str) -> Wanted:
    cell = paper.cell
    return Wanted(
        line_id=paper.line,
        line_number=1,
        distribution_id=paper.distribution,
        held_as=change.distribution,
        cost_center_id=cell.cost_center_id,
        gl_account_id=cell.gl_account_id,
        project_id=None,
        amount=D(amount),
        period=THREE_YEARS,
    )


def test_c29_a_change_leaves_to_later_years_what_was_not_drawn_of_them(desk: Desk) -> None:
    paper = order(desk)
    desk.bill(paper, liquidate="700", actual="700")
    assert waits(paper) == {2027: 1100, 2028: 1200, 2029: 600}
    more = wanted(paper, Paper(desk.cell, "paper change"), "7200")
    ledger.change(source=paper.source, wanted=[more], revision=2, **WHEN)
    assert (desk.stages, waits(paper)) == ((0, 600, 700), {2027: 2300, 2028: 2400, 2029: 1200})
    assert total(paper) == 7200


def test_c29_a_change_commits_this_years_part_of_the_difference_only(desk: Desk) -> None:
    paper = order(desk)
    change = Paper(desk.cell, "paper change")
    more = wanted(paper, change, "7200")
    ledger.hold(source=change.source, wanted=[more], **WHEN)
    assert (desk.stages, waits(paper)) == ((600, 600, 0), {2027: 1200, 2028: 1200, 2029: 600})
    ledger.change(source=paper.source, wanted=[more], revision=2, **WHEN)
    assert (desk.stages, waits(paper)) == ((0, 1200, 0), {2027: 2400, 2028: 2400, 2029: 1200})
    assert total(paper) == 7200
