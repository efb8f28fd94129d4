"""The forecast: what is on order by its day, what is usual beyond it, and variance."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from budgets import ledger
from budgets.models import BudgetCell, Commitment, ForwardCommitment, Stage
from core.errors import Invalid
from reports.expected import expected, first_of, month_of
from reports.figures import Scope
from reports.forecast import Ahead, outlook
from reports.run_rate import AVERAGE, NONE, SEASONAL, of
from reports.variance import VarianceReport, VarianceRow, variance
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation, budget_cell
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db

MARCH = month_of(TODAY)
PLACE = {"cost_center": "CC100", "gl_account": "6600"}


def scope(org: Organisation, **facts) -> Scope:
    return Scope(**{"entity": org.entity, "fiscal_year": 2026, **facts})


def report(org: Organisation, *, today: date = TODAY, group_by=None, **facts) -> VarianceReport:
    groups = {"group_by": group_by} if group_by else {}
    return variance(scope(org, **facts), today=today, **groups)


def spend(org: Organisation, day: date, amount: str, place: tuple = ("CC100", "6600", None)):
    """An invoice without an order, posted on a day."""
    cell = org.cells[place]
    paper = Paper(cell, "paper invoice")
    order = Desk(org, cell).order("1", amount)
    settlement = ledger.Settlement(
        paper.line, 1, order.distribution, D(1), D(amount), D(0), D(amount)
    )
    ledger.liquidate(source=paper.source, settlements=[settlement], on=day, actor=None, at=NOW)


def by_month(found: VarianceReport) -> dict[int, Ahead]:
    return {month_of(day) - MARCH: ahead for day, ahead in found.outlook.rolling}


def test_an_order_is_expected_on_the_day_it_is_needed(org: Organisation):
    Order(org, "10", "10", line={"need_by": date(2026, 5, 20)})
    found = report(org, **PLACE)
    assert by_month(found)[2] == Ahead(on_order=D(60))
    assert [ahead for month, ahead in by_month(found).items() if month != 2] == [Ahead()] * 11
    assert (found.ties, found.difference) == (True, 0)


@pytest.mark.parametrize("need_by", [None, date(2026, 1, 31), date(2026, 3, 31)])
def test_what_is_overdue_or_has_no_day_is_expected_now(org: Organisation, need_by):
    Order(org, "10", "10", line={"need_by": need_by})
    assert by_month(report(org, **PLACE))[0] == Ahead(on_order=D(60))


def test_an_order_that_slips_moves_and_one_that_is_cancelled_goes(org: Organisation):
    order = Order(org, "10", "10", line={"need_by": date(2026, 5, 20)})
    order.line.need_by = date(2027, 2, 1)
    order.line.save()
    slipped = report(org, **PLACE)
    assert by_month(slipped)[2] == Ahead()
    assert by_month(slipped)[11] == Ahead(on_order=D(60))
    # it leaves the year: the variance of this one is its whole budget, the next one pays
    assert slipped.totals.forecast == 0
    assert [year.forecast for year in slipped.years] == [D(0), D(60), D(0)]
    ledger.cancel(
        source=order.source(order.order.pk, "order"), on=TODAY, actor=None, at=NOW, reason="Gone"
    )
    gone = report(org, **PLACE)
    assert [year.forecast for year in gone.years] == [D(0)] * 3
    assert gone.ties


def test_a_bill_takes_from_what_is_on_order(org: Organisation):
    order = Order(org, "10", "10", line={"need_by": date(2026, 5, 20)})
    order.bill("4", on=TODAY)
    found = report(org, **PLACE)
    assert by_month(found)[0].spent == D(24)
    assert by_month(found)[2] == Ahead(on_order=D(36))
    # 24 spent so far and 36 on order: no complete month of history, so no run rate
    assert found.totals.forecast == D(60)
    assert found.totals.variance == D(100_000 - 60)
    assert found.totals.method == NONE


def test_approved_requests_are_expected_too(org: Organisation):
    Desk(org, org.cells["CC100", "6600", None]).reserve(D(100))
    found = report(org, **PLACE)
    assert by_month(found)[0] == Ahead(reserved=D(100))
    assert found.totals.forecast == D(100)
    assert found.ties


def test_months_are_filled_up_to_what_is_usual(org: Organisation):
    spend(org, date(2026, 1, 10), "100")
    spend(org, date(2026, 2, 10), "200")
    spend(org, date(2026, 3, 1), "40")
    Order(org, "10", "20", line={"need_by": date(2026, 4, 1)})  # 120 of CC100
    Order(org, "10", "30", line={"need_by": date(2026, 5, 1)})  # 180 of CC100
    months = by_month(report(org, **PLACE))
    assert months[0] == Ahead(spent=D(40), run_rate=D(110))  # 150 usual, 40 spent
    assert months[1] == Ahead(on_order=D(120), run_rate=D(30))
    assert months[2] == Ahead(on_order=D(180))  # more than usual: nothing on top
    assert months[3] == Ahead(run_rate=D(150))
    found = report(org, **PLACE)
    assert found.totals.method == AVERAGE
    # spent 340, then 110 + 150 + 180 + 7 × 150 to the end of December
    assert found.totals.forecast == D(340 + 110 + 150 + 180 + 7 * 150)


def test_a_share_of_a_cent_is_rounded_once_a_month():
    spent = {MARCH - 3: D(100), MARCH - 2: D(0), MARCH - 1: D(0)}
    rate = of(spent, now=MARCH, kind="opex", currency="EUR")
    assert (rate.method, rate.usual(MARCH)) == (AVERAGE, D("33.33"))


def test_twelve_months_of_history_make_it_seasonal():
    spent = {MARCH - back: D(10 * back) for back in range(1, 13)}
    rate = of(spent, now=MARCH, kind="opex", currency="EUR")
    assert rate.method == SEASONAL
    assert rate.usual(MARCH) == D(120)  # March a year ago
    assert rate.usual(MARCH + 11) == D(10)  # February
    assert rate.usual(MARCH + 12) == D(120)  # and again in the year after


def test_two_years_of_history_are_averaged_by_month():
    spent = {MARCH - back: D(10) for back in range(1, 25)} | {MARCH - 24: D(30)}
    rate = of(spent, now=MARCH, kind="opex", currency="EUR")
    assert (rate.usual(MARCH), rate.usual(MARCH + 1)) == (D(20), D(10))
    # of four years the latest three count
    spent = {MARCH - back: D(10) for back in range(1, 49)} | {MARCH - 36: D(70)}
    spent |= {MARCH - 48: D(9000)}
    rate = of(spent, now=MARCH, kind="opex", currency="EUR")
    assert (rate.usual(MARCH), rate.told(MARCH)) == (D(30), [MARCH - 12, MARCH - 24, MARCH - 36])


def test_a_history_with_holes_carries_no_season():
    spent = {MARCH - 14: D(1200), MARCH - 2: D(120)}
    rate = of(spent, now=MARCH, kind="opex", currency="EUR")
    assert (rate.method, rate.usual(MARCH + 5)) == (AVERAGE, D(10))
    # spending in six of the last twelve months carries it, in five not; a credit is none
    for spendings, method in ((6, SEASONAL), (5, AVERAGE)):
        spent = {MARCH - 12: D(60)} | {MARCH - back: D(60) for back in range(1, spendings)}
        spent |= {MARCH - 11: D(-1)}
        assert of(spent, now=MARCH, kind="opex", currency="EUR").method == method


@pytest.mark.parametrize(
    ("spent", "kind"),
    [({}, "opex"), ({MARCH: D(5)}, "opex"), ({MARCH - 1: D(5)}, "capex")],
)
def test_what_has_no_history_or_is_bought_has_no_run_rate(spent, kind):
    rate = of(spent, now=MARCH, kind=kind, currency="EUR")
    assert (rate.method, rate.usual(MARCH + 1)) == (NONE, D(0))


def test_credits_never_make_a_run_rate_negative():
    rate = of({MARCH - 1: D(-50)}, now=MARCH, kind="opex", currency="EUR")
    assert rate.usual(MARCH) == 0


def test_capital_and_operating_expense_stand_apart(org: Organisation):
    spend(org, date(2026, 2, 10), "200")
    spend(org, date(2026, 2, 10), "900", ("CC100", "0650", None))
    found = report(org, group_by=["kind"])
    rows = {row.kind: row for row in found.rows}
    assert rows["capex"].forecast == D(900)
    assert rows["opex"].forecast == D(200 + 10 * 200)
    assert rows["opex"].figures.budget == D(256_500)
    assert found.totals.forecast == rows["capex"].forecast + rows["opex"].forecast
    only = report(org, kind="capex")
    assert only.totals.forecast == D(900)
    assert only.ties


def test_rows_add_up_to_the_total_however_grouped(org: Organisation):
    spend(org, date(2026, 1, 10), "100")
    spend(org, date(2026, 2, 10), "33.35", ("CC500", "6400", "ATLAS"))
    Order(org, "10", "33.33", line={"need_by": date(2026, 7, 1)})
    for groups in (["cost_center"], ["gl_account", "kind"], ["project"], None):
        found = report(org, group_by=groups)
        for read in (
            lambda row: row.forecast,
            lambda row: row.variance,
            lambda row: row.rolling.forecast,
            lambda row: row.figures.encumbered,
        ):
            assert sum(map(read, found.rows)) == read(found.totals)
        assert found.totals.rolling == sum((each for _, each in found.outlook.rolling), Ahead())


def test_three_years_go_on_with_what_is_usual(org: Organisation):
    for month in range(1, 13):
        spend(org, date(2025, month, 5), "100")
    found = report(org, today=date(2026, 1, 15), **PLACE)
    assert found.totals.method == SEASONAL
    years = {year.fiscal_year: year for year in found.years}
    assert [years[year].ahead.run_rate for year in (2026, 2027, 2028)] == [D(1200)] * 3
    assert years[2027].variance == D(-1200)  # no budget yet


def test_a_past_year_has_nothing_to_come(org: Organisation):
    center, account = org.cost_centers["CC100"], org.gl_accounts["6600"]
    budget_cell(org.entity, center, account, amount=500, year=2025)
    found = report(org, fiscal_year=2025, **PLACE)
    assert found.totals.figures.budget == D(500)
    assert found.totals.forecast == D(0)
    assert found.totals.ahead == Ahead()


def test_as_of_a_past_day_it_is_what_was_forecast_then(org: Organisation):
    order = Order(org, "10", "10", line={"need_by": date(2026, 5, 20)})
    order.bill("4", on=date(2026, 4, 10))
    then = report(org, as_of=TODAY, **PLACE)
    assert by_month(then)[2] == Ahead(on_order=D(60))
    assert then.ties
    later = report(org, today=date(2026, 4, 30), as_of=date(2026, 4, 30), **PLACE)
    assert later.outlook.month(MARCH + 2).on_order == D(36)
    assert later.totals.figures.spent == D(24)
    assert later.ties


def test_it_says_so_when_it_does_not_tie(org: Organisation):
    Order(org, "10", "10")
    BudgetCell.objects.filter(pk=org.cells["CC100", "6600", None].pk).update(encumbered=D(61))
    found = report(org, **PLACE)
    assert not found.ties
    assert found.difference == D(2)  # once against the entries, once against what is expected


def test_what_is_expected_names_its_order(org: Organisation):
    order = Order(org, "10", "10", line={"need_by": date(2026, 1, 5)})
    where = scope(org, **PLACE)
    [part] = expected(where, {org.cells["CC100", "6600", None].pk: ()}, today=TODAY)
    assert (part.document.document_id, part.document.number) == (order.order.pk, order.order.number)
    assert (part.base, part.is_overdue, first_of(part.month)) == (D(60), True, date(2026, 3, 1))
    assert not replace(part, month=part.month - 2).is_overdue  # in January it was due


def test_another_entity_stays_out(org: Organisation):
    Order(org, "10", "10")
    there = variance(Scope(org.uk, 2026), today=TODAY)
    assert there.totals.forecast == 0
    assert there.ties


def test_an_unknown_dimension_is_refused(org: Organisation):
    with pytest.raises(Invalid) as refused:
        report(org, group_by=["period"])
    assert refused.value.errors[0].pointer == "/group_by"


@pytest.mark.parametrize("as_of", [None, TODAY])
def test_statements_do_not_grow_with_rows(org: Organisation, as_of):
    Order(org, "10", "10")

    def statements() -> int:
        with CaptureQueriesContext(connection) as sent:
            report(org, as_of=as_of)
        return len(sent)

    before = statements()
    for month in range(1, 7):
        Order(org, "3", "7", line={"need_by": date(2026, month, 3)})
        spend(org, date(2025, month, 3), "10")
    assert statements() == before
    assert before <= 28


def test_the_outlook_reaches_the_end_of_the_third_year(org: Organisation):
    seen = outlook(scope(org), today=TODAY + timedelta(days=20))
    assert first_of(seen.last) == date(2028, 12, 1)
    late = outlook(scope(org, fiscal_year=2022), today=TODAY)
    assert late.last == MARCH + 11


def test_percent_of_a_budget(org: Organisation):
    Desk(org, org.cells["CC400", "6600", None]).order("1", "123")
    [row] = report(org, cost_center="CC400").rows
    assert isinstance(row, VarianceRow)
    assert row.percent == Decimal("75.4")
    Desk(org, org.cells["CC300", "6400", None]).order("1", "1000.40")
    [row] = report(org, cost_center="CC300").rows
    assert (row.variance, str(row.percent)) == (D("-0.40"), "0.0")  # never minus nothing


def test_a_service_is_expected_in_equal_parts_over_its_months(org: Organisation):
    Order(
        org,
        "10",
        "10",
        line={"period_from": date(2026, 2, 1), "period_to": date(2026, 8, 31)},
    )
    months = by_month(report(org, **PLACE))
    # 60 over March to August: what is left of the period
    assert [months[month].on_order for month in range(7)] == [D(10)] * 6 + [D(0)]


def test_what_later_years_pay_is_expected_in_theirs(org: Organisation):
    order = Order(
        org,
        "10",
        "10",
        line={"period_from": date(2026, 11, 1), "period_to": date(2027, 4, 30)},
    )
    held = Commitment.objects.get(distribution_id=order.shares[0].pk, stage=Stage.ENC)
    ForwardCommitment.objects.create(
        commitment=held, fiscal_year=2027, amount=D(120), document_amount=D(120)
    )
    found = report(org, **PLACE)
    months = by_month(found)
    assert [months[month].on_order for month in (8, 9, 10)] == [D(30), D(30), D(0)]
    assert [months[month].forward for month in (9, 10, 11)] == [D(0), D(30), D(30)]
    assert [year.ahead.forward for year in found.years] == [D(0), D(120), D(0)]
    assert found.totals.forecast == D(60)
    assert found.ties  # later years' part is in no balance
    # of a later year that has begun only the months that are not over are left
    begun = report(org, today=date(2027, 3, 2), fiscal_year=2027, **PLACE)
    assert [ahead.forward for _, ahead in begun.outlook.rolling[:3]] == [D(60), D(60), D(0)]
    ForwardCommitment.objects.update(state=ForwardCommitment.State.RELEASED)
    assert [year.ahead.forward for year in report(org, **PLACE).years] == [D(0)] * 3
