"""The commitments report: right as of now and of any day, in one snapshot, tied to the ledger."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import budgets.services
from budgets import ledger
from budgets.models import BudgetCell, LedgerEntry
from core.errors import Invalid
from reports import queries
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation

pytestmark = pytest.mark.django_db

APRIL = date(2026, 4, 20)


@pytest.fixture
def desk(org: Organisation) -> Desk:
    """CC100/6600: 100 reserved; 7 × 11 ordered of it; 22 billed at 23 in April; 40 elsewhere."""
    desk = Desk(org, org.cells["CC100", "6600", None])
    requisition = desk.reserve(D(100))
    order = desk.order("7", "11", uses=requisition, takes=D(70))
    invoice = Paper(desk.cell, "paper invoice")
    settlement = ledger.Settlement(invoice.line, 1, order.distribution, D(2), D(22), D(0), D(23))
    ledger.liquidate(
        source=invoice.source,
        settlements=[settlement],
        on=APRIL,
        actor=None,
        at=NOW + timedelta(days=49),
    )
    Desk(org, org.cells["CC500", "6400", "ATLAS"]).order("1", "40")
    return desk


def report(org: Organisation, **facts) -> queries.CommitmentReport:
    return queries.commitments(entity=org.entity, fiscal_year=2026, **facts)


def figures(row: queries.CommitmentRow) -> tuple[Decimal, ...]:
    it = row.figures
    return it.budget, it.pre_encumbered, it.encumbered, it.spent, it.available


def test_one_row_for_every_budget_and_totals_that_tie(org: Organisation, desk: Desk):
    found = report(org)
    assert len(found.rows) == 7
    rows = {
        (row.cost_center.code, row.gl_account.code, row.project.code): figures(row)
        for row in found.rows
    }
    assert rows["CC100", "6600", ""] == (D(100_000), D(30), D(55), D(23), D(99_892))
    assert rows["CC500", "6400", "ATLAS"] == (D(50_000), D(0), D(40), D(0), D(49_960))
    assert found.totals.encumbered == D(95)
    assert found.totals.available == D(356_500 - 30 - 95 - 23)
    assert (found.ties, found.difference) == (True, 0)


def test_rows_name_their_coding(org: Organisation, desk: Desk):
    row = report(org, cost_center="CC500").rows[0]
    assert row.cost_center == queries.Coding("CC500", "Data platform")
    assert row.gl_account == queries.Coding("6400", "Professional services")
    assert row.project == queries.Coding("ATLAS", "Cloud migration")
    assert (row.fiscal_year, row.period) == (2026, None)


def test_grouped_by_cost_center(org: Organisation, desk: Desk):
    found = report(org, group_by="cost_center")
    codes = [row.cost_center.code for row in found.rows]
    assert codes == ["CC100", "CC200", "CC300", "CC400", "CC500"]
    assert figures(found.rows[0]) == (D(300_000), D(30), D(55), D(23), D(299_892))
    assert found.rows[0].gl_account is None
    assert found.ties


def test_grouped_by_account_and_by_project(org: Organisation, desk: Desk):
    by_account = {row.gl_account.code: row for row in report(org, group_by=["gl_account"]).rows}
    assert by_account["6400"].figures.encumbered == D(40)
    by_project = {row.project.code: row for row in report(org, group_by=["project"]).rows}
    assert by_project["ATLAS"].figures.encumbered == D(40)
    assert by_project[""].figures.encumbered == D(55)


@pytest.mark.parametrize("as_of", [None, date(2026, 12, 31)])
def test_grouped_by_period_shows_each_months_movements(org: Organisation, desk: Desk, as_of):
    found = report(org, group_by="period", as_of=as_of)
    rows = {row.period: figures(row) for row in found.rows}
    assert rows == {
        3: (D(356_500), D(30), D(117), D(0), D(356_353)),
        4: (D(0), D(0), D(-22), D(23), D(-1)),
    }
    assert found.ties


def test_as_of_a_past_day_tells_what_was_known_then(org: Organisation, desk: Desk):
    then = report(org, as_of=date(2026, 4, 19), cost_center="CC100", gl_account="6600")
    assert [figures(row) for row in then.rows] == [(D(100_000), D(30), D(77), D(0), D(99_893))]
    assert then.ties
    that_day = report(org, as_of=APRIL, cost_center="CC100", gl_account="6600")
    assert [figures(row) for row in that_day.rows] == [(D(100_000), D(30), D(55), D(23), D(99_892))]
    assert that_day.ties


def test_as_of_before_the_budget_was_set_there_is_none(org: Organisation, desk: Desk):
    before = report(org, as_of=TODAY - timedelta(days=1))
    assert len(before.rows) == 7
    assert before.totals == queries.Figures()
    assert before.ties


@pytest.mark.usefixtures("vouched")
def test_a_day_ends_where_the_entity_is(org: Organisation):
    cell = org.cells["CC100", "6600", None]
    late = NOW.replace(hour=23, minute=30)  # already 3 March in Berlin
    moves = {cell.pk: D(5)}
    budgets.services.adjust(moves=moves, actor=org.cora, at=late, reason="More")
    on_the_second = report(org, as_of=TODAY, cost_center="CC100", gl_account="6600")
    assert on_the_second.totals.budget == D(100_000)
    on_the_third = report(
        org, as_of=TODAY + timedelta(days=1), cost_center="CC100", gl_account="6600"
    )
    assert on_the_third.totals.budget == D(100_005)


def test_a_past_report_stays_the_same_whatever_comes_later(org: Organisation, desk: Desk):
    before = report(org, as_of=APRIL)
    desk_of_may = Desk(org, desk.cell)
    paper = Paper(desk.cell)
    ledger.encumber(
        source=paper.source,
        shares=[paper.share(D(500))],
        on=APRIL + timedelta(days=20),
        actor=None,
        at=NOW + timedelta(days=70),
    )
    assert desk_of_may.now.encumbered == D(555)
    after = report(org, as_of=APRIL)
    assert (after.rows, after.totals, after.ties) == (before.rows, before.totals, True)


def test_filters_by_code_and_for_no_project(org: Organisation, desk: Desk):
    assert len(report(org, cost_center="CC100").rows) == 3
    assert len(report(org, gl_account="6400").rows) == 2
    assert len(report(org, project="ATLAS").rows) == 1
    assert len(report(org, project=queries.WITHOUT).rows) == 6
    assert report(org, project="NOSUCH").rows == []


def test_another_entity_with_the_same_codes_stays_out(org: Organisation, desk: Desk):
    found = queries.commitments(entity=org.uk, fiscal_year=2026)
    assert [figures(row)[0] for row in found.rows] == [D(20_000)]
    assert found.ties
    entries = queries.entries_behind(entity=org.uk, fiscal_year=2026, cost_center="CC100")
    assert list(entries) == []


def test_a_year_without_budgets_is_empty_and_ties(org: Organisation):
    found = queries.commitments(entity=org.entity, fiscal_year=2027)
    assert (found.rows, found.ties) == ([], True)


def test_an_unknown_dimension_is_refused(org: Organisation):
    with pytest.raises(Invalid) as refused:
        report(org, group_by=["vendor__password"])
    assert refused.value.errors[0].pointer == "/group_by"


@pytest.mark.parametrize("as_of", [None, date(2026, 12, 31)])
def test_a_changed_balance_no_longer_ties(org: Organisation, desk: Desk, as_of):
    BudgetCell.objects.filter(pk=desk.cell.pk).update(encumbered=D(56))
    found = report(org, as_of=as_of)
    assert (found.ties, found.difference) == (False, D(1))


def test_differences_of_two_stages_do_not_cancel_out(org: Organisation, desk: Desk):
    BudgetCell.objects.filter(pk=desk.cell.pk).update(encumbered=D(56), spent=D(22))
    found = report(org)
    assert (found.ties, found.difference) == (False, D(2))


def test_the_figure_opens_the_entries_it_is_the_sum_of(org: Organisation, desk: Desk):
    for as_of in (None, date(2026, 3, 31), APRIL):
        for row in report(org, as_of=as_of).rows:
            entries = queries.entries_behind(
                entity=org.entity, fiscal_year=2026, as_of=as_of, **row.drill_down
            )
            sums = {stage: D(0) for stage in ("PRE", "ENC", "ACT")}
            for entry in entries:
                sums[entry.stage] += entry.amount
            assert tuple(sums.values()) == (
                row.figures.pre_encumbered,
                row.figures.encumbered,
                row.figures.spent,
            )


def test_the_figure_of_a_month_opens_that_months_entries(org: Organisation, desk: Desk):
    facts = {"entity": org.entity, "fiscal_year": 2026, "period": 4}
    entries = queries.entries_behind(**facts, stage="ACT")
    assert [entry.amount for entry in entries] == [D(23)]
    assert len(queries.entries_behind(**facts)) == 2


def test_entries_lead_on_to_their_documents(org: Organisation, desk: Desk):
    entry = queries.entries_behind(entity=org.entity, fiscal_year=2026, stage="ACT").get()
    assert (entry.document_type, entry.document_number, entry.line_number) == (
        "paper invoice",
        "paper invoice-1",
        1,
    )


def test_the_burn_down_ends_where_the_report_stands(org: Organisation, desk: Desk):
    points = queries.burn_down(entity=org.entity, fiscal_year=2026, cost_center="CC100").points
    assert [(point.period, point.day) for point in points] == [
        (1, date(2026, 1, 31)),
        (2, date(2026, 2, 28)),
        (3, date(2026, 3, 31)),
        (4, date(2026, 4, 30)),
    ]
    assert points[1].figures == queries.Figures()
    assert (points[2].figures.encumbered, points[2].figures.spent) == (D(77), D(0))
    assert points[-1].figures == report(org, cost_center="CC100").totals


def test_what_is_booked_after_the_year_is_none_of_its_months(org: Organisation, desk: Desk):
    order, invoice = desk.order("1", "100"), Paper(desk.cell, "paper invoice")
    settled = ledger.Settlement(invoice.line, 1, order.distribution, D(1), D(60), D(0), D(60))
    late = date(2027, 2, 9)  # before the year end takes the order over
    ledger.liquidate(source=invoice.source, settlements=[settled], on=late, actor=None, at=NOW)
    facts = {"entity": org.entity, "fiscal_year": 2026, "cost_center": "CC100"}
    for days in ({}, {"as_of": late}, {"as_of": late, "known_on": TODAY}):
        found = queries.commitments(**facts, **days, group_by=["period"])
        by_period = {row.period: row.figures for row in found.rows}
        assert (by_period[3].encumbered, by_period[13].spent, by_period[13].encumbered) == (
            *(D(177), D(60), D(-60)),
        )
        assert (1 in by_period, found.ties) == (False, True)
        whole = queries.burn_down(**facts, **days)
        assert whole.ties
        assert [(each.period, each.day) for each in whole.points[-2:]] == [
            (12, date(2026, 12, 31)),
            (13, late),
        ]
        assert whole.points[-1].figures.spent - whole.points[-2].figures.spent == D(60)
    behind = {
        period: sum(e.amount for e in queries.entries_behind(**facts, period=period, stage="ACT"))
        for period in (1, 2, 12, 13)
    }
    assert behind == {1: 0, 2: 0, 12: 0, 13: D(60)}


def test_the_burn_down_says_when_it_does_not_tie(org: Organisation, desk: Desk):
    BudgetCell.objects.filter(pk=desk.cell.pk).update(encumbered=D(70))
    for as_of in (None, APRIL):
        found = queries.burn_down(entity=org.entity, fiscal_year=2026, as_of=as_of)
        assert (found.ties, found.difference != 0) == (False, True)


def test_the_burn_down_of_a_day_ends_on_that_day(org: Organisation, desk: Desk):
    points = queries.burn_down(entity=org.entity, fiscal_year=2026, as_of=date(2026, 4, 19)).points
    assert points[-1].day == date(2026, 4, 19)
    assert points[-1].figures.spent == 0
    nothing = queries.burn_down(
        entity=org.entity, fiscal_year=2026, as_of=date(2025, 12, 31)
    ).points
    assert nothing == []


@pytest.mark.parametrize("as_of", [None, APRIL])
def test_statements_do_not_grow_with_rows(org: Organisation, desk: Desk, as_of):
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            report(org, as_of=as_of)
        return len(captured)

    before = statements()
    for center in org.cost_centers.values():
        for account in org.gl_accounts.values():
            cell, _ = BudgetCell.objects.get_or_create(
                entity=org.entity,
                fiscal_year=desk.cell.fiscal_year,
                cost_center=center,
                gl_account=account,
                project=None,
                defaults={"control": "track"},
            )
            Desk(org, cell).order("1", "1", reason="Growth")
    assert statements() == before
    assert before <= 12


def test_without_tie_out_two_statements_less(org: Organisation, desk: Desk):
    with CaptureQueriesContext(connection) as whole:
        report(org)
    with CaptureQueriesContext(connection) as figures_only:
        found = report(org, tie_out=False)
    assert len(whole) - len(figures_only) == 2
    assert not found.ties


def test_what_the_report_says_is_what_the_entries_say(org: Organisation, desk: Desk):
    found = report(org)
    total = sum(entry.amount for entry in LedgerEntry.objects.filter(entity=org.entity))
    assert found.totals.budget - found.totals.available == total
