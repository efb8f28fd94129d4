"""Budget control: stop refuses, warn wants a reason, track lets pass; the whole document counts."""

from datetime import date

import pytest

from accounts.models import Control, Entity
from budgets import ledger
from budgets.ledger import BudgetExceeded, BudgetReasonRequired, Demand
from budgets.models import BudgetCell, Commitment, FiscalYear, LedgerEntry
from budgets.services import FiscalYearClosed, FiscalYearMissing
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation

pytestmark = pytest.mark.django_db


def demand(cell: BudgetCell, amount: str) -> Demand:
    return Demand(cell.cost_center_id, cell.gl_account_id, cell.project_id, D(amount))


def test_stop_refuses_and_says_what_is_short(tight: Desk):
    tight.order("1", "400")
    with pytest.raises(BudgetExceeded) as refused:
        tight.order("1", "150.50")
    error = refused.value
    assert (error.slug, error.status) == ("budget-exceeded", 409)
    assert error.detail == (
        "CC400 · 6600 · 2026: 150.50 EUR requested, 100.00 EUR available of 500.00 EUR, "
        "50.50 EUR short."
    )
    assert [(each.pointer, each.code) for each in error.errors] == [("/lines", "budget-exceeded")]


def test_a_refused_posting_leaves_nothing(tight: Desk):
    with pytest.raises(BudgetExceeded):
        tight.order("1", "500.01")
    assert tight.stages == (0, 0, 0)
    assert not LedgerEntry.objects.exists()
    assert not Commitment.objects.exists()


def test_the_last_cent_fits(tight: Desk):
    demands = [demand(tight.cell, "500")]
    (check,) = ledger.check_funds(entity=tight.cell.entity, on=TODAY, demands=demands)
    assert (check.verdict, check.remaining) == ("ok", 0)
    tight.order("1", "500.00")
    assert tight.available == 0


def test_two_small_lines_do_not_pass_where_their_sum_would_not(tight: Desk):
    paper, other = Paper(tight.cell), Paper(tight.cell)
    shares = [
        paper.share(D(300)),
        paper.share(D(300), line_id=other.line, line_number=2, distribution_id=other.distribution),
    ]
    with pytest.raises(BudgetExceeded, match=r"600\.00 EUR requested"):
        ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)
    demands = [demand(tight.cell, "300"), demand(tight.cell, "300")]
    (check,) = ledger.check_funds(entity=tight.cell.entity, on=TODAY, demands=demands)
    assert (check.verdict, check.requested) == ("refuse", D(600))


def test_every_cell_that_is_short_is_named(org: Organisation, tight: Desk):
    other = Desk(org, org.cells["CC500", "6400", "ATLAS"])
    paper = Paper(tight.cell)
    elsewhere = Paper(other.cell)
    shares = [
        paper.share(D(501)),
        elsewhere.share(D(50_001), line_id=paper.line, line_number=2),
    ]
    with pytest.raises(BudgetExceeded) as refused:
        ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)
    assert "CC400 · 6600 · 2026" in refused.value.detail
    assert "CC500 · 6400 · ATLAS · 2026" in refused.value.detail
    assert tight.stages == other.stages == (0, 0, 0)


def test_a_conversion_needs_only_the_difference(tight: Desk):
    requisition = tight.reserve(D(490))
    tight.order("1", "500", uses=requisition, takes=D(490))
    assert tight.stages == (0, 500, 0)


def test_a_conversion_beyond_the_budget_is_refused(tight: Desk):
    requisition = tight.reserve(D(490))
    with pytest.raises(BudgetExceeded, match=r"11\.00 EUR requested, 10\.00 EUR available"):
        tight.order("1", "501", uses=requisition, takes=D(490))
    assert tight.stages == (490, 0, 0)


def test_over_billing_beyond_the_budget_is_refused(tight: Desk):
    order = tight.order("1", "500")
    with pytest.raises(BudgetExceeded):
        tight.bill(order, liquidate="500", actual="500.01")
    assert tight.stages == (0, 500, 0)


def test_an_invoice_within_its_commitment_clears_on_an_exhausted_budget(tight: Desk):
    order = tight.order("1", "500")
    tight.bill(order, liquidate="500", actual="500", final=True)
    assert tight.stages == (0, 0, 500)


def test_reopening_is_refused_when_the_money_is_gone(tight: Desk):
    order = tight.order("1", "500")
    tight.close(order)
    tight.order("1", "1")
    with pytest.raises(BudgetExceeded):
        tight.reopen(order)
    assert tight.stages == (0, 1, 0)


@pytest.mark.parametrize("nothing_said", ["", " "])
def test_warn_wants_a_reason(warned: Desk, nothing_said: str):
    with pytest.raises(BudgetReasonRequired) as refused:
        warned.order("1", "5000.01", reason=nothing_said)
    assert refused.value.status == 422
    assert refused.value.errors[0].pointer == "/budget_reason"
    assert warned.stages == (0, 0, 0)


def test_warn_passes_with_a_reason(warned: Desk):
    warned.order("1", "5000.01", reason="The audit needs it this quarter")
    assert warned.stages == (0, D("5000.01"), 0)
    assert LedgerEntry.objects.get().reason == "The audit needs it this quarter"


def test_warn_asks_for_nothing_while_it_fits(warned: Desk):
    warned.order("1", "5000")
    assert warned.available == 0


def test_a_reason_does_not_open_a_stop(tight: Desk):
    with pytest.raises(BudgetExceeded):
        tight.order("1", "501", reason="I want it")


def test_track_never_refuses(tracked: Desk):
    tracked.order("1", "99999")
    assert tracked.available == D(1000 - 99_999)


def test_require_funds_raises_what_posting_would(tight: Desk, warned: Desk):
    facts = {"entity": tight.cell.entity, "on": TODAY}
    with pytest.raises(BudgetExceeded) as refused:
        ledger.require_funds(**facts, demands=[demand(tight.cell, "501")], pointer="/lines/0")
    assert refused.value.errors[0].pointer == "/lines/0"
    with pytest.raises(BudgetReasonRequired):
        ledger.require_funds(**facts, demands=[demand(warned.cell, "5001")])
    (check,) = ledger.require_funds(
        **facts, demands=[demand(warned.cell, "5001")], reason="Needed for the audit"
    )
    assert check.verdict == "warn"


def unbudgeted(org: Organisation) -> Demand:
    return Demand(org.cost_centers["CC600"].pk, org.gl_accounts["6310"].pk, None, D(10))


def order_unbudgeted(org: Organisation) -> None:
    paper = Paper(org.cells["CC100", "6600", None])
    each = unbudgeted(org)
    share = ledger.Share(
        paper.line, 1, paper.distribution, each.cost_center_id, each.gl_account_id, None, D(10)
    )
    ledger.encumber(source=paper.source, shares=[share], on=TODAY, actor=None, at=NOW)


def test_stop_without_a_budget_says_so_and_makes_no_cell(org: Organisation):
    before = BudgetCell.objects.count()
    (check,) = ledger.check_funds(entity=org.entity, on=TODAY, demands=[unbudgeted(org)])
    assert (check.verdict, check.cell_id, check.budget) == ("refuse", None, 0)
    said = "No budget was set for CC600 · 6310 · 2026: 10.00 EUR requested."
    assert check.message == said
    with pytest.raises(BudgetExceeded) as refused:
        order_unbudgeted(org)
    assert refused.value.detail == said
    assert BudgetCell.objects.count() == before


def test_track_without_a_budget_books_to_a_new_empty_cell(org: Organisation):
    # The paper reads its entity through a cell: change it where it lies.
    Entity.objects.filter(pk=org.entity.pk).update(unbudgeted_control=Control.TRACK)
    org.cells["CC100", "6600", None].entity.refresh_from_db()
    order_unbudgeted(org)
    cell = BudgetCell.objects.get(cost_center=org.cost_centers["CC600"])
    assert (cell.amount, cell.control, cell.encumbered) == (0, "track", D(10))


def test_the_months_own_budget_comes_before_the_years(org: Organisation, tight: Desk):
    year = tight.cell
    march = BudgetCell.objects.create(
        entity=year.entity,
        fiscal_year=year.fiscal_year,
        period=3,
        months=1,
        cost_center=year.cost_center,
        gl_account=year.gl_account,
        amount=D(50),
    )
    BudgetCell.objects.create(
        entity=year.entity,
        fiscal_year=year.fiscal_year,
        period=4,
        months=1,
        cost_center=year.cost_center,
        gl_account=year.gl_account,
        amount=D(70),
    )
    tight.order("1", "50")
    march.refresh_from_db()
    assert march.encumbered == D(50)
    assert tight.stages == (0, 0, 0)
    with pytest.raises(BudgetExceeded, match="CC400 · 6600 · March 2026"):
        tight.order("1", "1")


def test_another_project_is_another_budget(org: Organisation):
    cell = org.cells["CC500", "6400", "ATLAS"]
    other = Demand(cell.cost_center_id, cell.gl_account_id, org.projects["HELIOS"].pk, D(1))
    none = Demand(cell.cost_center_id, cell.gl_account_id, None, D(1))
    checks = ledger.check_funds(
        entity=org.entity, on=TODAY, demands=[other, none, demand(cell, "1")]
    )
    assert [check.verdict for check in checks] == ["refuse", "refuse", "ok"]


def test_a_day_without_fiscal_year_is_refused(tight: Desk):
    with pytest.raises(FiscalYearMissing):
        ledger.check_funds(
            entity=tight.cell.entity, on=date(2031, 1, 1), demands=[demand(tight.cell, "1")]
        )


def test_a_closed_fiscal_year_takes_no_entries(tight: Desk):
    order = tight.order("1", "100")
    FiscalYear.objects.filter(pk=tight.cell.fiscal_year_id).update(is_open=False)
    with pytest.raises(FiscalYearClosed):
        tight.order("1", "1")
    with pytest.raises(FiscalYearClosed):
        tight.bill(order, liquidate="1", actual="1")
    with pytest.raises(FiscalYearClosed):
        tight.close(order)
    assert tight.stages == (0, 100, 0)
