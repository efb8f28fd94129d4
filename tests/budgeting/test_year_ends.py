"""Rule C22: what is open goes over once, is undone as one batch, and a closed year is closed."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from budgeting.models import YearEnd, YearEndLine
from budgeting.services import year_ends
from budgeting.tasks import activate_forward
from budgets import invariants, ledger
from budgets.ledger import BudgetExceeded, rolling
from budgets.models import BudgetAdjustment, BudgetCell, Commitment, FiscalYear, LedgerEntry
from budgets.services import BudgetBelowUse, FiscalYearClosed, adjust, set_budget
from core.errors import Conflict, DomainError, IllegalTransition, NotAllowed
from core.models import OutboxItem, TrailEvent
from reports import queries
from reports.drill_down import adjustments_behind
from reports.figures import Scope
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation

JANUARY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)
DAYS = "Days of budgets"
WITH, WITHOUT = YearEnd.Policy.WITH_BUDGET, YearEnd.Policy.WITHOUT_BUDGET


@pytest.fixture
def desk(org: Organisation) -> Desk:
    return Desk(org, org.cells["CC100", "6600", None])


@pytest.fixture(autouse=True)
def _books_agree(org: Organisation) -> Iterator[None]:
    """After every test the ledger's own proofs hold."""
    yield
    names = ("Stored balances", "Budget amounts", "Commitments", "Commitments of cells")
    for name in (*names, "Settlements", "Limits", "Every moment", "Entries", "Fiscal years", DAYS):
        assert invariants.check(name).faults == []


def request(org: Organisation, policy: str = WITH, **facts: Any) -> YearEnd:
    said = {"entity": org.entity, "fiscal_year": 2026, "reason": "Books of 2026", "at": JANUARY}
    return year_ends.request(**{**said, "policy": policy, "actor": org.cora, **facts})


def run(org: Organisation, policy: str = WITH) -> YearEnd:
    return year_ends.run(year_end=request(org, policy), at=JANUARY)


def later(desk: Desk) -> BudgetCell:
    """The same budget in 2027."""
    same = {name: getattr(desk.cell, name) for name in ("cost_center", "gl_account", "project")}
    return BudgetCell.objects.get(fiscal_year__year=2027, **same)


def stages(cell: BudgetCell) -> tuple[Decimal, Decimal, Decimal]:
    return cell.pre_encumbered, cell.encumbered, cell.spent


def give_2027(desk: Desk, amount: int) -> BudgetCell:
    year = FiscalYear.objects.get(entity=desk.cell.entity, year=2027)
    names = ("entity", "cost_center", "gl_account", "project", "control")
    cell = BudgetCell.objects.create(
        fiscal_year=year, amount=amount, **{name: getattr(desk.cell, name) for name in names}
    )
    BudgetAdjustment.objects.create(
        cell=cell,
        amount=amount,
        control=cell.control,
        reason="Plan",
        effective_on=TODAY,
        recorded_at=NOW,
    )
    return cell


def told(org: Organisation, year: int, **days: date) -> tuple[Decimal, Decimal, Decimal]:
    """Budget, committed and spent of one year as a report tells them. They tie out, and what is
    behind the budget is what it is the sum of."""
    cell = {"cost_center": "CC100", "gl_account": "6600"}
    found = queries.commitments(entity=org.entity, fiscal_year=year, **cell, **days)
    assert found.ties, found.difference
    behind = adjustments_behind(Scope(org.entity, year, **cell, **days))
    assert found.totals.budget == sum((each.amount for each in behind), D(0))
    return found.totals.budget, found.totals.encumbered, found.totals.spent


def test_only_a_controller_asks_and_only_after_the_year(org: Organisation) -> None:
    for who in (org.dora, org.bea, org.nils):
        with pytest.raises(NotAllowed):
            request(org, actor=who)
    with pytest.raises(Conflict, match="ends on 31 December 2026"):
        request(org, at=datetime(2026, 12, 31, 12, tzinfo=UTC))
    with pytest.raises(DomainError, match="no fiscal year 2030"):
        request(org, fiscal_year=2030)
    with pytest.raises(Conflict, match="No fiscal year follows 2027"):
        request(org, fiscal_year=2027, at=datetime(2028, 1, 5, tzinfo=UTC))
    assert not YearEnd.objects.exists()


def test_c22_ten_by_ten_with_seven_billed_takes_thirty_over(desk: Desk, org: Organisation) -> None:
    order = desk.order("10", "10")
    desk.bill(order, quantity="7", liquidate="70", actual="70")
    year_end = run(org)
    assert (year_end.status, desk.stages, stages(later(desk))) == ("run", (0, 0, 70), (0, 30, 0))
    entries = LedgerEntry.objects.filter(event="year_end.rolled").order_by("id")
    assert [(each.posting_date, each.amount) for each in entries] == [
        (date(2026, 12, 31), -30),
        (date(2027, 1, 1), 30),
    ]
    line = year_end.lines.get()
    assert (line.amount, line.budget, line.from_cell, line.to_cell) == (
        30,
        30,
        desk.cell,
        later(desk),
    )


def test_c22_the_budget_travels_along_or_the_new_one_pays(desk: Desk, org: Organisation) -> None:
    desk.order("10", "10")
    before = desk.now.amount
    run(org, WITH)
    assert (desk.now.amount, later(desk).amount) == (before - 100, 100)
    assert later(desk).available == 0


def test_c22_the_budget_travels_on_the_days_on_which_the_commitment_does(
    desk: Desk, org: Organisation
) -> None:
    desk.order("10", "10")
    before = desk.now.amount
    last, first, ran = date(2026, 12, 31), date(2027, 1, 1), JANUARY.date()
    year_end = run(org, WITH)
    assert told(org, 2026, as_of=date(2026, 12, 30)) == (before, 100, 0)
    assert told(org, 2026, as_of=last) == told(org, 2026) == (before - 100, 0, 0)
    assert told(org, 2027, as_of=last) == (0, 0, 0)
    assert told(org, 2027, as_of=first) == told(org, 2027) == (100, 100, 0)
    # what the books said before it ran
    assert told(org, 2026, as_of=last, known_on=first) == (before, 100, 0)
    assert told(org, 2027, as_of=ran, known_on=first) == (0, 0, 0)
    months = queries.burn_down(entity=org.entity, fiscal_year=2026, cost_center="CC100").points
    assert [each.figures.encumbered for each in months[-2:]] == [100, 0]
    assert months[-2].figures.available == months[-1].figures.available
    again = datetime(2027, 2, 3, 9, 0, tzinfo=UTC)
    year_ends.reverse(year_end=year_end, actor=org.cora, at=again, reason="Too early")
    assert told(org, 2026, as_of=last) == (before, 100, 0)
    assert told(org, 2027, as_of=ran) == told(org, 2027) == (0, 0, 0)
    assert told(org, 2026, as_of=last, known_on=ran) == (before - 100, 0, 0)
    assert told(org, 2027, as_of=first, known_on=ran) == (100, 100, 0)


@pytest.mark.usefixtures("vouched")
def test_c22_what_is_changed_after_the_year_counts_on_its_last_day(
    desk: Desk, org: Organisation
) -> None:
    before = desk.now.amount
    adjust(moves={desk.cell.pk: D(5)}, actor=org.cora, at=JANUARY, reason="For what came late")
    last = date(2026, 12, 31)
    assert told(org, 2026, as_of=last) == (before + 5, 0, 0)
    assert told(org, 2026, as_of=date(2026, 12, 30)) == (before, 0, 0)
    assert told(org, 2026, as_of=last, known_on=last) == (before, 0, 0)


@pytest.mark.usefixtures("vouched")
def test_c22_the_days_of_budgets_are_proven_and_found_again_from_the_records(
    desk: Desk, org: Organisation, tampered: Callable[..., None]
) -> None:
    desk.order("10", "10")
    paper = Paper(desk.cell, "journal")  # dated a month back, for more than there is
    at = NOW + timedelta(hours=1)
    late = {"on": date(2026, 2, 2), "actor": None, "at": at, "reason": "Other books"}
    ledger.post_outside(source=paper.source, shares=[paper.share(D("200000"))], **late)
    year_ends.reverse(year_end=run(org), actor=org.cora, at=JANUARY, reason="Too early")
    adjust(moves={desk.cell.pk: D(5)}, actor=org.cora, at=JANUARY, reason="For what came late")
    days = dict(BudgetAdjustment.objects.values_list("pk", "effective_on"))
    assert date(2026, 2, 2) in days.values()
    travelled = BudgetAdjustment.objects.filter(cell=desk.cell, amount=-100).get()
    for pk in (travelled.pk, desk.cell.adjustments.earliest("pk").pk):
        moved = "UPDATE budgets_budgetadjustment SET effective_on = %s WHERE id = %s"
        tampered(moved, JANUARY.date(), pk)
        (fault,) = invariants.check(DAYS).faults
        assert f"budget adjustment {pk} of budget cell {desk.cell.pk}" in fault
        tampered(moved, days[pk], pk)
    tampered("UPDATE budgets_budgetadjustment SET effective_on = '2026-06-06'")
    with connection.cursor() as cursor:
        editor = SimpleNamespace(connection=connection, execute=cursor.execute)
        import_module("budgets.migrations.0007_days_of_adjustments").fill(apps, editor)
    assert dict(BudgetAdjustment.objects.values_list("pk", "effective_on")) == days


def test_c22_without_budget_the_new_years_budget_pays(desk: Desk, org: Organisation) -> None:
    desk.order("10", "10")
    before = desk.now.amount
    give_2027(desk, 1000)
    year_end = run(org, WITHOUT)
    assert (year_end.status, desk.now.amount, later(desk).available) == ("run", before, 900)


def test_c22_no_more_budget_travels_than_there_is(org: Organisation) -> None:
    tracked = Desk(org, org.cells["CC300", "6400", None])
    give_2027(tracked, 0)
    first, second = Paper(tracked.cell), Paper(tracked.cell)
    shares = [
        first.share(D(800)),
        first.share(D(700), line_id=second.line, distribution_id=second.distribution),
    ]
    ledger.encumber(source=first.source, shares=shares, on=TODAY, actor=None, at=NOW)
    lines = run(org, WITH).lines.order_by("commitment")
    assert [each.budget for each in lines] == [800, 200]
    assert (tracked.now.amount, later(tracked).amount, later(tracked).encumbered) == (0, 1000, 1500)


@pytest.mark.usefixtures("vouched")
def test_c22_a_budget_below_zero_stays_behind(org: Organisation) -> None:
    """What money back left to a later month goes below zero, and is nobody's to take along."""
    january, february = (
        set_budget(
            entity=org.entity,
            fiscal_year=2026,
            cost_center=org.cost_centers["CC600"],
            gl_account=org.gl_accounts["6310"],
            period=period,
            is_cumulative=True,
            amount=D(0),
            control="stop",
            actor=org.cora,
            at=NOW,
            reason="Plan",
        )
        for period in (1, 2)
    )
    facts = {"actor": None, "at": NOW, "reason": "Money back"}
    for cell, day, amount, post in (
        (january, date(2026, 1, 9), -50, ledger.post_outside),
        (january, date(2026, 1, 9), 30, ledger.encumber),
        (february, date(2026, 2, 9), 20, ledger.encumber),
    ):
        paper = Paper(BudgetCell.objects.get(pk=cell.pk))
        post(source=paper.source, shares=[paper.share(D(amount))], on=day, **facts)
    january.refresh_from_db()
    assert (january.amount, january.used) == (-20, -20)
    refused, went = run(org, WITH).lines.order_by("commitment")
    assert (refused.state, went.state, went.budget) == ("refused", "rolled", 20)


@pytest.mark.usefixtures("vouched")
def test_c22_a_budget_that_was_cut_since_cannot_travel_back(org: Organisation) -> None:
    tracked = Desk(org, org.cells["CC300", "6400", None])
    tracked.order("1", "100")
    year_end = run(org, WITH)
    cell = later(tracked)
    BudgetCell.objects.filter(pk=cell.pk).update(control="track")
    adjust(moves={cell.pk: D(-70)}, actor=org.cora, at=JANUARY, reason="Savings")
    with pytest.raises(BudgetBelowUse, match=r"30\.00 EUR of it can"):
        year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="Too early")
    assert (later(tracked).amount, stages(later(tracked)), tracked.stages) == (
        30,
        (0, 100, 0),
        (0, 0, 0),
    )


def test_c22_the_preview_foresees_what_the_run_refuses_in_its_order(
    desk: Desk, org: Organisation
) -> None:
    for price in ("60", "50", "30"):
        desk.order("1", price)
    give_2027(desk, 100)
    shown = year_ends.preview(entity=org.entity, fiscal_year=2026, policy=WITHOUT)
    assert [(each.amount, each.available, each.is_short) for each in shown] == [
        (60, 100, False),
        (50, 40, True),
        (30, 40, False),
    ]
    said = {each.commitment.pk for each in shown if each.is_short}
    states = run(org, WITHOUT).lines.filter(state=YearEndLine.State.REFUSED)
    assert set(states.values_list("commitment", flat=True)) == said
    assert not any(
        each.is_short
        for each in year_ends.preview(entity=org.entity, fiscal_year=2026, policy=WITH)
    )


def test_c22_what_the_new_budget_refuses_stays_and_is_resumed(
    desk: Desk, org: Organisation
) -> None:
    desk.order("10", "10")
    year_end = run(org, WITHOUT)
    refused = year_end.lines.get()
    assert (year_end.status, refused.state, desk.stages) == ("incomplete", "refused", (0, 100, 0))
    assert "100.00 EUR" in refused.note
    BudgetCell.objects.filter(fiscal_year__year=2027).delete()
    give_2027(desk, 100)
    year_ends.resume(year_end=year_end, actor=org.cora, at=JANUARY)
    year_end = year_ends.run(year_end=year_end, at=JANUARY)
    assert (year_end.status, desk.stages, stages(later(desk))) == ("run", (0, 0, 0), (0, 100, 0))
    assert year_end.lines.get().state == YearEndLine.State.ROLLED


def test_c22_what_was_refused_and_closed_since_is_not_waited_for(
    desk: Desk, org: Organisation
) -> None:
    order = desk.order("10", "10")
    year_end = run(org, WITHOUT)
    desk.close(order)
    year_ends.resume(year_end=year_end, actor=org.cora, at=JANUARY)
    year_end = year_ends.run(year_end=year_end, at=JANUARY)
    assert (year_end.status, year_end.lines.count()) == ("run", 0)


def test_c22_a_worker_that_died_before_it_ended_goes_on(desk: Desk, org: Organisation) -> None:
    desk.order("10", "10")
    year_end = run(org, WITHOUT)
    YearEnd.objects.filter(pk=year_end.pk).update(status="requested")  # refused, but not told yet
    BudgetCell.objects.filter(fiscal_year__year=2027).delete()
    give_2027(desk, 100)
    year_end = year_ends.run(year_end=year_end, at=JANUARY)
    assert (year_end.status, stages(later(desk))) == ("run", (0, 100, 0))
    assert year_end.lines.get().state == YearEndLine.State.ROLLED


def test_c22_it_runs_once_however_often_it_is_delivered(desk: Desk, org: Organisation) -> None:
    desk.order("10", "10")
    year_end = request(org)
    with pytest.raises(Conflict, match="was run already"):  # asked for, which comes to the same
        request(org)
    assert OutboxItem.objects.filter(handler="budgeting.run_year_end").count() == 1
    for _ in range(3):
        year_ends.run(year_end=year_end, at=JANUARY)
    assert (desk.stages, stages(later(desk))) == ((0, 0, 0), (0, 100, 0))
    assert LedgerEntry.objects.filter(event="year_end.rolled").count() == 2
    with pytest.raises(Conflict, match="was run already"):
        request(org)


def test_c22_reservations_go_over_too(desk: Desk, org: Organisation) -> None:
    asked = desk.reserve(D("200"))
    run(org)
    assert (desk.stages, stages(later(desk))) == ((0, 0, 0), (200, 0, 0))
    facts = {"on": JANUARY.date(), "actor": None, "at": JANUARY, "reason": "Over"}
    assert ledger.release_reservation(source=asked.source, **facts) == 200
    assert stages(later(desk)) == (0, 0, 0)


def test_c22_what_is_billed_afterwards_is_billed_to_the_new_year(
    desk: Desk, org: Organisation
) -> None:
    order = desk.order("10", "10")
    run(org)
    paper = Paper(desk.cell, "paper invoice")
    settlement = ledger.Settlement(
        paper.line, 1, order.distribution, D(10), D(100), D(0), D(100), final=True
    )
    ledger.liquidate(
        source=paper.source, settlements=[settlement], on=JANUARY.date(), actor=None, at=JANUARY
    )
    assert (desk.stages, stages(later(desk))) == ((0, 0, 0), (0, 0, 100))


@pytest.mark.usefixtures("vouched")
def test_c22_a_bill_voided_afterwards_comes_back_where_the_order_stands(
    desk: Desk, org: Organisation
) -> None:
    order = desk.order("10", "10")
    bill = desk.bill(order, quantity="7", liquidate="70", actual="70")
    run(org)
    void: dict[str, Any] = {"on": JANUARY.date(), "actor": None, "at": JANUARY, "reason": "Twice"}
    with pytest.raises(BudgetExceeded):
        ledger.mirror(source=bill.source, **void)
    assert (desk.stages, stages(later(desk))) == ((0, 0, 70), (0, 30, 0))
    adjust(moves={later(desk).pk: D(70)}, actor=org.cora, at=JANUARY, reason="Needed again")
    ledger.mirror(source=bill.source, **void)
    assert (desk.stages, stages(later(desk))) == ((0, 0, 0), (0, 100, 0))


def test_c22_it_is_undone_as_one_batch_by_the_exact_mirror(desk: Desk, org: Organisation) -> None:
    first, second = desk.order("10", "10"), desk.order("5", "20")
    desk.bill(first, quantity="7", liquidate="70", actual="70")
    before = (desk.stages, desk.now.amount)
    year_end = run(org)
    with pytest.raises(NotAllowed):
        year_ends.reverse(year_end=year_end, actor=org.dora, at=JANUARY, reason="Too early")
    year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="Too early")
    assert ((desk.stages, desk.now.amount), stages(later(desk))) == (before, (0, 0, 0))
    assert later(desk).amount == 0
    mirrors = LedgerEntry.objects.filter(event="year_end.reversed")
    assert mirrors.count() == 4
    assert not mirrors.filter(reverses=None).exists()
    homes = Commitment.objects.filter(distribution_id__in=[first.distribution, second.distribution])
    assert set(homes.values_list("cell", flat=True)) == {desk.cell.pk}
    with pytest.raises(IllegalTransition):
        year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="Again")
    again = run(org)
    assert (again.status, stages(later(desk))) == ("run", (0, 130, 0))


def test_c22_what_was_built_on_cannot_be_undone(desk: Desk, org: Organisation) -> None:
    order = desk.order("10", "10")
    year_end = run(org)
    facts = {"on": JANUARY.date(), "actor": None, "at": JANUARY, "reason": "Nothing more comes"}
    ledger.release(source=order.source, **facts)
    entries = LedgerEntry.objects.count()
    with pytest.raises(Conflict, match="cannot be undone"):
        year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="Too early")
    year_end.refresh_from_db()
    assert (year_end.status, LedgerEntry.objects.count()) == ("run", entries)


def spread(desk: Desk) -> Paper:
    """1200 over 2026 and 2027, a month 100 from July on: 600 each."""
    paper = Paper(desk.cell)
    share = paper.share(D("1200"), period=(date(2026, 7, 1), date(2027, 6, 30)))
    ledger.encumber(source=paper.source, shares=[share], on=TODAY, actor=None, at=NOW)
    return paper


def test_c22_an_order_that_crosses_the_year_is_split_by_its_schedule(
    desk: Desk, org: Organisation
) -> None:
    order = spread(desk)
    give_2027(desk, 600)
    desk.bill(order, liquidate="500", actual="500")
    year_end = run(org)
    assert (desk.stages, stages(later(desk))) == ((0, 0, 500), (0, 700, 0))
    line = year_end.lines.get()
    assert (line.amount, line.activated, line.budget) == (100, 600, 100)
    year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="Too early")
    assert (desk.stages, stages(later(desk))) == ((0, 100, 500), (0, 0, 0))
    assert stages(later(desk)) == (0, 0, 0)
    assert [row.fiscal_year for row in ledger_forward(order)] == [2027]


@pytest.mark.parametrize(
    ("billed", "went", "waits"),
    [("0", (600, 1200), [2028]), ("600", (0, 1200), [2028]), ("1800", None, [2028])],
)
def test_c22_only_the_next_year_becomes_commitment(
    desk: Desk, org: Organisation, billed: str, went: tuple[int, int] | None, waits: list[int]
) -> None:
    paper = Paper(desk.cell)
    share = paper.share(D("2400"), period=(date(2026, 7, 1), date(2028, 6, 30)))
    ledger.encumber(source=paper.source, shares=[share], on=TODAY, actor=None, at=NOW)
    if D(billed):
        desk.bill(paper, liquidate=billed, actual=billed)
    give_2027(desk, 1200)
    shown = year_ends.preview(entity=org.entity, fiscal_year=2026, policy=WITH)
    assert [(each.amount, each.activated) for each in shown] == ([went] if went else [])
    lines = run(org, WITH).lines.values_list("amount", "activated")
    assert list(lines) == ([went] if went else [])
    assert [row.fiscal_year for row in ledger_forward(paper)] == waits


def test_m16_what_a_closed_year_still_holds_is_not_billed_past_it(
    desk: Desk, org: Organisation
) -> None:
    order = desk.order("10", "10")
    FiscalYear.objects.filter(year=2026).update(is_open=False)
    paper = Paper(desk.cell, "paper invoice")
    settlement = ledger.Settlement(paper.line, 1, order.distribution, D(1), D(10), D(0), D(10))
    with pytest.raises(FiscalYearClosed, match="still stands in fiscal year 2026"):
        ledger.liquidate(
            source=paper.source, settlements=[settlement], on=JANUARY.date(), actor=None, at=JANUARY
        )
    assert desk.stages == (0, 100, 0)


def ledger_forward(order: Paper) -> list[Any]:
    commitment = Commitment.objects.get(distribution_id=order.distribution)
    return list(commitment.forward.filter(state="forward"))


def test_c29_the_first_day_activates_what_waited_once_nothing_is_left_behind(
    desk: Desk, org: Organisation
) -> None:
    billed, open_ = spread(desk), spread(desk)
    give_2027(desk, 600)
    desk.bill(billed, liquidate="600", actual="600")
    for _ in range(2):
        activate_forward(at=JANUARY)
    held = Commitment.objects.get(distribution_id=open_.distribution)  # it waits for the year end
    asked = {"source": open_.source, "commitment_ids": [held.pk], "on": JANUARY.date()}
    assert rolling.activate(**asked, actor=None, at=JANUARY) == 0
    assert (desk.stages, stages(later(desk))) == ((0, 600, 600), (0, 600, 0))
    assert (ledger_forward(billed), len(ledger_forward(open_))) == ([], 1)


def test_c29_what_the_new_budget_refuses_keeps_waiting(desk: Desk, org: Organisation) -> None:
    order = spread(desk)
    give_2027(desk, 599)
    desk.bill(order, liquidate="600", actual="600")
    activate_forward(at=JANUARY)
    assert (stages(later(desk)), len(ledger_forward(order))) == ((0, 0, 0), 1)


def test_m16_a_year_whose_end_is_incomplete_cannot_be_closed(desk: Desk, org: Organisation) -> None:
    desk.order("10", "10")
    year_end = run(org, WITHOUT)
    with pytest.raises(IllegalTransition):
        year_ends.close(year_end=year_end, actor=org.cora, at=JANUARY)
    assert FiscalYear.objects.get(entity=org.entity, year=2026).is_open


def test_m16_a_year_stays_open_while_something_is_open_in_it(desk: Desk, org: Organisation) -> None:
    year_end = run(org)
    desk.order("10", "10")
    with pytest.raises(Conflict, match="1 documents still hold something of 2026"):
        year_ends.close(year_end=year_end, actor=org.cora, at=JANUARY)
    year_end.refresh_from_db()
    assert year_end.status == "run"
    assert FiscalYear.objects.get(entity=org.entity, year=2026).is_open


def test_m16_a_closed_year_takes_no_entries(desk: Desk, org: Organisation) -> None:
    order = desk.order("10", "10")
    bill = desk.bill(order, quantity="7", liquidate="70", actual="70")
    year_end = run(org)
    with pytest.raises(NotAllowed):
        year_ends.close(year_end=year_end, actor=org.olga, at=JANUARY)
    year_ends.close(year_end=year_end, actor=org.cora, at=JANUARY)
    before = LedgerEntry.objects.count()
    for late in (
        lambda: desk.order("1", "1"),
        lambda: ledger.mirror(
            source=bill.source, on=JANUARY.date(), actor=None, at=JANUARY, reason="Twice"
        ),
    ):
        with pytest.raises(FiscalYearClosed):
            late()
    with pytest.raises(IllegalTransition):
        year_ends.reverse(year_end=year_end, actor=org.cora, at=JANUARY, reason="No")
    assert (LedgerEntry.objects.count(), desk.stages) == (before, (0, 0, 70))


@pytest.mark.parametrize("day", [date(2026, 12, 31), date(2027, 1, 5)])
def test_m16_the_database_refuses_what_goes_around_the_ledger(
    day: date, desk: Desk, org: Organisation
) -> None:
    desk.order("10", "10")
    year_ends.close(year_end=run(org), actor=org.cora, at=JANUARY)
    entry = LedgerEntry.objects.first()
    assert entry is not None
    entry.pk, entry.event_key, entry.posting_date = None, "by hand", day
    with pytest.raises(IntegrityError, match="fiscal year is closed"), transaction.atomic():
        entry.save(force_insert=True)


def test_m16_what_is_done_is_credited_in_the_new_year(desk: Desk, org: Organisation) -> None:
    order = desk.order("10", "10")
    desk.bill(order, quantity="10", liquidate="100", actual="100", final=True)
    year_ends.close(year_end=run(org), actor=org.cora, at=JANUARY)
    give_2027(desk, 100)
    paper = Paper(desk.cell, "paper credit note")
    settlement = ledger.Settlement(paper.line, 1, order.distribution, D(-1), D(0), D(10), D(-10))
    ledger.liquidate(
        source=paper.source, settlements=[settlement], on=JANUARY.date(), actor=None, at=JANUARY
    )
    assert (desk.stages, stages(later(desk))) == ((0, 0, 100), (0, 10, -10))


def test_m16_a_closed_year_is_opened_again_with_a_reason(desk: Desk, org: Organisation) -> None:
    year_end = run(org)
    year_ends.close(year_end=year_end, actor=org.cora, at=JANUARY)
    with pytest.raises(DomainError):
        year_ends.reopen(year_end=year_end, actor=org.cora, at=JANUARY, reason=" ")
    year_ends.reopen(year_end=year_end, actor=org.cora, at=JANUARY, reason="A late invoice")
    assert FiscalYear.objects.get(entity=org.entity, year=2026).is_open
    told = TrailEvent.objects.filter(document_id=year_end.pk).order_by("sequence")
    assert list(told.values_list("type", flat=True)) == [
        "year_end.requested",
        "year_end.run",
        "year_end.closed",
        "year_end.reopened",
    ]
