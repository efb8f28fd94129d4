"""Budgets of months and quarters, and cumulative ones that use what earlier periods left."""

from datetime import date, timedelta

import pytest

from budgets import invariants, ledger
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetAdjustment, BudgetCell
from budgets.services import set_budget
from core.errors import RuleBroken
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation
from tests.racing import race

pytestmark = pytest.mark.django_db

MARCH, FEBRUARY = 3, 2


def put(org: Organisation, amount: str, **facts) -> BudgetCell:
    given = {
        "entity": org.entity,
        "fiscal_year": 2026,
        "cost_center": org.cost_centers["CC600"],
        "gl_account": org.gl_accounts["6310"],
        "control": "stop",
        "actor": org.cora,
        "at": NOW,
        "reason": "Plan",
        **facts,
    }
    return set_budget(amount=D(amount), **given)


def desk_of(org: Organisation, cell: BudgetCell) -> Desk:
    return Desk(org, BudgetCell.objects.select_related("entity").get(pk=cell.pk))


def available(cell: BudgetCell):
    return BudgetCell.objects.get(pk=cell.pk).available


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"period": 2, "months": 3}, "/period"),
        ({"period": 1, "months": 6}, "/months"),
        ({"period": 13}, "/period"),
        ({"period": None, "months": 1}, "/period"),
        ({"period": 3, "months": 12}, "/period"),
        ({"is_cumulative": True}, "/is_cumulative"),
    ],
)
def test_a_period_that_is_none_is_refused_at_its_field(org, facts, pointer):
    with pytest.raises(RuleBroken) as caught:
        put(org, "100", **facts)
    assert pointer in [each.pointer for each in caught.value.errors]
    assert not BudgetCell.objects.filter(cost_center=org.cost_centers["CC600"]).exists()


def test_a_period_is_told_in_words(org):
    year, quarter, month = put(org, "1"), put(org, "2", period=4, months=3), put(org, "3", period=2)
    names = [BudgetCell.objects.get(pk=each.pk).period_name for each in (year, quarter, month)]
    assert names == ["2026", "2026 Q2", "February 2026"]


def test_the_shortest_period_that_covers_the_day_pays(org):
    year, quarter, month = (
        put(org, "100"),
        put(org, "50", period=1, months=3),
        put(org, "9", period=3),
    )
    desk = desk_of(org, year)
    assert TODAY.month == MARCH
    desk.order("1", "5")
    assert (available(year), available(quarter), available(month)) == (100, 50, 4)
    BudgetCell.objects.filter(pk=month.pk).update(period=2)
    desk.order("1", "5")
    assert (available(year), available(quarter)) == (100, 45)


def test_a_month_refuses_what_earlier_months_left_unless_it_is_cumulative(org):
    put(org, "100", period=FEBRUARY)
    march = put(org, "10", period=MARCH)
    with pytest.raises(BudgetExceeded):
        desk_of(org, march).order("1", "11")


@pytest.mark.usefixtures("vouched")
def test_a_cumulative_month_uses_what_earlier_ones_left_oldest_first(org):
    january = put(org, "30", period=1, is_cumulative=True)
    february = put(org, "40", period=FEBRUARY, is_cumulative=True)
    april = put(org, "500", period=4, is_cumulative=True)
    march = put(org, "10", period=MARCH, is_cumulative=True)
    paper = Paper(desk_of(org, march).cell)
    facts = {"on": TODAY, "at": NOW + timedelta(days=40), "actor": None}  # written down in April
    ledger.encumber(source=paper.source, shares=[paper.share(D("60"))], **facts)
    assert [available(each) for each in (january, february, march, april)] == [0, 20, 0, 500]
    carried = BudgetAdjustment.objects.filter(reason__startswith="Left by earlier")
    assert {each.effective_on for each in carried} == {TODAY}
    assert {each.cell_id: each.amount for each in carried} == {
        january.pk: -30,
        february.pk: -20,
        march.pk: 50,
    }
    assert all(not proof.faults for _, proof in invariants.prove())


def test_what_other_books_say_uses_up_what_was_left_before_it_overdraws(org):
    february = put(org, "30", period=FEBRUARY, is_cumulative=True)
    march = put(org, "10", period=MARCH, is_cumulative=True)
    paper = Paper(desk_of(org, march).cell, "journal")
    facts = {"on": TODAY, "at": NOW, "actor": None, "reason": "Payroll"}
    ledger.post_outside(source=paper.source, shares=[paper.share(D("100"))], **facts)
    march.refresh_from_db()
    assert (available(february), march.amount, march.overdraft) == (0, 40, 60)
    ledger.reverse_outside(source=paper.source, **facts)
    february = put(org, "30", period=FEBRUARY, is_cumulative=True)
    desk_of(org, march).order("1", "70")  # what was allowed before goes first
    assert (available(february), available(march)) == (30, -30)


def test_a_cumulative_month_is_refused_beyond_all_that_was_left_and_nothing_moves(org):
    put(org, "30", period=FEBRUARY, is_cumulative=True)
    march = put(org, "10", period=MARCH, is_cumulative=True)
    adjustments = BudgetAdjustment.objects.count()
    with pytest.raises(
        BudgetExceeded, match=r"40\.00 EUR available of 40\.00 EUR, 0\.01 EUR short"
    ):
        desk_of(org, march).order("1", "40.01")
    assert BudgetAdjustment.objects.count() == adjustments


def test_the_funds_check_shows_what_earlier_periods_left(org):
    put(org, "30", period=FEBRUARY, is_cumulative=True)
    march = put(org, "10", period=MARCH, is_cumulative=True)
    asked = ledger.Demand(march.cost_center_id, march.gl_account_id, None, D("35"))
    (check,) = ledger.check_funds(entity=org.entity, on=TODAY, demands=[asked])
    assert (check.available, check.remaining, check.verdict) == (40, 5, "ok")


def test_the_next_fiscal_years_months_are_not_earlier_ones(org):
    put(org, "30", period=FEBRUARY, is_cumulative=True, fiscal_year=2027)
    march = put(org, "10", period=MARCH, is_cumulative=True)
    with pytest.raises(BudgetExceeded):
        desk_of(org, march).order("1", "11")


def test_a_day_of_another_month_is_paid_by_that_month(org):
    march, april = put(org, "10", period=3), put(org, "20", period=4)
    asked = ledger.Demand(march.cost_center_id, march.gl_account_id, None, D("15"))
    for day, verdict in ((TODAY, "refuse"), (date(2026, 4, 1), "ok")):
        (check,) = ledger.check_funds(entity=org.entity, on=day, demands=[asked])
        assert check.verdict == verdict
    assert april.months == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("vouched")
def test_many_at_once_use_what_was_left_exactly_once(org):
    february = put(org, "60", period=FEBRUARY, is_cumulative=True)
    march = put(org, "40", period=MARCH, is_cumulative=True)
    desk = desk_of(org, march)

    def order():
        try:
            desk.order("1", "10")
        except BudgetExceeded:
            return "refused"
        return "ordered"

    results = race([order] * 16)
    assert (results.count("ordered"), results.count("refused")) == (10, 6)
    assert (available(february), available(march)) == (0, 0)
    assert all(not proof.faults for _, proof in invariants.prove())
