"""Budgets are set by adjustments with a reason, by a controller, never below what is in use."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from budgets import ledger, services
from budgets.models import BudgetAdjustment, BudgetCell, FiscalYear
from budgets.services import BudgetBelowUse, FiscalYearClosed, FiscalYearMissing
from core.errors import NotAllowed, RuleBroken
from core.models import TrailEvent
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, PEOPLE, TODAY, Organisation

pytestmark = pytest.mark.django_db


def put(org: Organisation, amount: str, **facts) -> BudgetCell:
    given = {
        "entity": org.entity,
        "fiscal_year": 2026,
        "cost_center": org.cost_centers["CC600"],
        "gl_account": org.gl_accounts["6310"],
        "control": "stop",
        "actor": org.cora,
        "at": NOW,
        "reason": "Board decision",
        **facts,
    }
    return services.set_budget(amount=D(amount), **given)


def test_a_new_budget_is_its_first_adjustment(org: Organisation):
    cell = put(org, "1200.50", control="warn")
    assert (cell.amount, cell.control, cell.available) == (D("1200.50"), "warn", D("1200.50"))
    adjustment = BudgetAdjustment.objects.get(cell=cell)
    assert (adjustment.amount, adjustment.control) == (D("1200.50"), "warn")
    assert (adjustment.actor, adjustment.reason) == (org.cora, "Board decision")
    assert (adjustment.effective_on, adjustment.recorded_at) == (TODAY, NOW)


def test_a_change_is_a_further_adjustment_of_the_difference(org: Organisation):
    put(org, "1000")
    cell = put(org, "700", reason="Savings")
    cell = put(org, "750", control="track", reason="Some of it back")
    amounts = BudgetAdjustment.objects.filter(cell=cell).order_by("id")
    assert [each.amount for each in amounts] == [1000, -300, 50]
    assert [each.control for each in amounts] == ["stop", "stop", "track"]
    cell.refresh_from_db()
    assert (cell.amount, cell.control) == (750, "track")


def test_m16_a_closed_year_keeps_its_budgets(org: Organisation):
    cell = put(org, "1000")
    FiscalYear.objects.filter(year=2026, entity=org.entity).update(is_open=False)
    before = BudgetCell.objects.count(), BudgetAdjustment.objects.count()
    for account in ("6310", "6300"):  # one that is there, and a new one
        with pytest.raises(FiscalYearClosed):
            put(org, "5000", gl_account=org.gl_accounts[account])
    cell.refresh_from_db()
    assert (cell.amount, cell.control) == (1000, "stop")
    assert (BudgetCell.objects.count(), BudgetAdjustment.objects.count()) == before


def test_setting_a_budget_stands_in_the_trail(org: Organisation):
    put(org, "1000")
    cell = put(org, "700", control="warn", reason="Savings")
    first, told = TrailEvent.objects.filter(type="budget.set").order_by("sequence")
    assert (told.actor, told.reason, told.stream) == (org.cora, "Savings", str(org.entity.pk))
    assert (told.document_type, told.document_reference) == ("budget", str(cell))
    assert told.document_id == first.document_id
    assert told.data["budget"] == str(cell.pk)
    assert told.changes == [
        {"field": "amount", "old": "1000.00", "new": "700.00"},
        {"field": "control", "old": "stop", "new": "warn"},
    ]


def test_year_month_and_project_are_budgets_of_their_own(org: Organisation):
    cells = [
        put(org, "1"),
        put(org, "2", period=3),
        put(org, "3", project=org.projects["ATLAS"]),
        put(org, "4", fiscal_year=2027),
    ]
    assert len({cell.pk for cell in cells}) == 4
    assert put(org, "9", period=3).pk == cells[1].pk


def test_the_amount_in_use_is_the_least_a_stop_can_have(org: Organisation):
    desk = Desk(org, put(org, "1000"))
    desk.reserve(D(100))
    desk.order("1", "200")
    with pytest.raises(BudgetBelowUse) as refused:
        put(org, "299.99")
    assert refused.value.errors[0].pointer == "/amount"
    assert "300.00 EUR" in refused.value.detail
    assert BudgetAdjustment.objects.filter(cell=desk.cell).count() == 1
    assert put(org, "300").available == 0


@pytest.mark.usefixtures("vouched")
def test_what_was_allowed_beyond_the_amount_stays_allowed(org: Organisation):
    desk = Desk(org, put(org, "100"))
    paper = Paper(desk.cell, "journal")
    facts = {"on": TODAY, "at": NOW, "actor": None, "reason": "Payroll"}
    ledger.post_outside(source=paper.source, shares=[paper.share(D(120))], **facts)
    with pytest.raises(BudgetBelowUse):
        put(org, "99.99")
    assert put(org, "110").overdraft == 20
    services.adjust(moves={desk.cell.pk: D(-10)}, actor=None, at=NOW, reason="Back")
    assert desk.now.amount == 100
    with pytest.raises(BudgetBelowUse, match=r"0\.00 EUR of it can"):
        services.adjust(moves={desk.cell.pk: D("-0.01")}, actor=None, at=NOW, reason="Back")


@pytest.mark.parametrize("control", ["track", "warn"])
@pytest.mark.usefixtures("vouched")
def test_what_only_tracks_or_warns_gives_what_is_in_use(org: Organisation, control: str):
    desk = Desk(org, put(org, "100", control=control))
    desk.order("1", "90")
    services.adjust(moves={desk.cell.pk: D(-100)}, actor=None, at=NOW, reason="Savings")
    assert desk.available == -90


def test_control_becomes_stop_only_where_it_holds(org: Organisation):
    desk = Desk(org, put(org, "100", control="track"))
    desk.order("1", "200")
    with pytest.raises(BudgetBelowUse):
        put(org, "100", control="stop")
    assert put(org, "50", control="warn").available == -150


@pytest.mark.parametrize("persona", [name for name in PEOPLE if name != "cora"])
def test_nobody_but_a_controller_sets_budgets(org: Organisation, persona: str):
    before = BudgetCell.objects.count()
    with pytest.raises(NotAllowed):
        put(org, "1000", actor=org.people[persona])
    assert BudgetCell.objects.count() == before


def test_the_controller_of_another_entity_does_not(org: Organisation):
    with pytest.raises(NotAllowed):
        put(org, "1000", actor=org.nils)


@pytest.mark.parametrize(
    ("amount", "facts", "pointer"),
    [
        ("-1", {}, "/amount"),
        ("1.001", {}, "/amount"),
        ("1", {"reason": "  "}, "/reason"),
    ],
)
def test_a_wrong_field_is_named(org: Organisation, amount: str, facts: dict, pointer: str):
    with pytest.raises(RuleBroken) as refused:
        put(org, amount, **facts)
    assert [each.pointer for each in refused.value.errors] == [pointer]


def test_coding_of_another_entity_is_refused(org: Organisation):
    with pytest.raises(RuleBroken) as refused:
        put(org, "1", cost_center=org.uk_cost_center, project=org.uk_project)
    assert [each.pointer for each in refused.value.errors] == ["/cost_center", "/project"]


def test_a_year_that_does_not_exist_is_refused(org: Organisation):
    with pytest.raises(FiscalYearMissing):
        put(org, "1", fiscal_year=2031)


def test_adjustments_only_grow(org: Organisation):
    put(org, "1000")
    for change in (
        lambda: BudgetAdjustment.objects.update(amount=D(1)),
        lambda: BudgetAdjustment.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
            change()


def test_the_books_hold_after_setting_and_cutting(org: Organisation, books_hold):
    put(org, "1000")
    put(org, "400.25", control="warn")


def test_the_fiscal_year_of_a_day(org: Organisation):
    assert services.fiscal_year_for(org.entity, TODAY).year == 2026
    assert services.fiscal_year_for(org.entity, date(2026, 12, 31)).year == 2026
    assert services.fiscal_year_for(org.entity, date(2027, 1, 1)).year == 2027
    with pytest.raises(FiscalYearMissing, match="01 January 2031"):
        services.fiscal_year_for(org.entity, date(2031, 1, 1))
    FiscalYear.objects.filter(entity=org.entity, year=2026).update(is_open=False)
    with pytest.raises(FiscalYearClosed):
        services.fiscal_year_for(org.entity, TODAY)


def test_a_decimal_is_kept_exactly(org: Organisation):
    cell = put(org, "99999999999.99")
    cell.refresh_from_db()
    assert cell.amount == Decimal("99999999999.99")
