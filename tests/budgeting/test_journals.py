"""Outside actuals: posted once and whole, no budget refuses them, undone by their mirror."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from budgeting import invariants
from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.models import Journal
from budgeting.services import journals
from budgeting.services.journals import JournalDiffers
from budgets.models import BudgetAdjustment, FiscalYear, LedgerEntry
from budgets.rates import RateMissing
from budgets.services import FiscalYearClosed, FiscalYearMissing
from core.errors import IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests.budgeting.scene import TIGHT, A, books
from tests.budgets.postings import Desk
from tests.factories import NOW, PEOPLE, TODAY
from tests.racing import race

pytestmark = pytest.mark.django_db
DAY = date(2026, 2, 27)


def line(org, amount, key=A, **given):
    center, account, project = key
    return JournalLineInput(
        cost_center=org.cost_centers[center],
        gl_account=org.gl_accounts[account],
        project=org.projects[project] if project else None,
        amount=Decimal(str(amount)),
        **given,
    )


def told(org, *lines, **given):
    """A payroll of 120.00 unless said otherwise."""
    stated = {
        "external_id": "PAY-2026-02",
        "posting_date": DAY,
        "currency": "EUR",
        "description": "Payroll February",
        "source": "payroll",
        **given,
    }
    return JournalInput(lines=list(lines) or [line(org, 120)], **stated)


def post(org, data=None, *, actor=None, at=NOW):
    return journals.post(entity=org.entity, data=data or told(org), actor=actor or org.cora, at=at)


@pytest.mark.parametrize("persona", [*(name for name in PEOPLE if name != "cora"), "nils"])
def test_only_controllers_take_journals_in(org, persona):
    before = books(org)
    with pytest.raises(NotAllowed):
        post(org, actor=org.people[persona])
    assert books(org) == before
    assert not Journal.objects.exists()


@pytest.mark.parametrize(
    "given, pointer",
    [
        ({"external_id": " "}, "/external_id"),
        ({"external_id": "A\u200bB"}, "/external_id"),
        ({"external_id": "x" * 65}, "/external_id"),
        ({"description": ""}, "/description"),
        ({"currency": "EUX"}, "/currency"),
        ({"posting_date": TODAY + timedelta(days=1)}, "/posting_date"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_posted(org, given, pointer):
    before = books(org)
    with pytest.raises(Invalid) as refused:
        post(org, told(org, **given))
    assert [each.pointer for each in refused.value.errors] == [pointer]
    assert books(org) == before


@pytest.mark.parametrize("amount", ["0", "0.001", "1000000000000"])
def test_a_wrong_amount_is_named(org, amount):
    with pytest.raises(Invalid) as refused:
        post(org, told(org, line(org, 1), line(org, amount)))
    assert [each.pointer for each in refused.value.errors] == ["/lines/1/amount"]


def test_codes_of_another_entity_are_unknown(org):
    foreign = JournalLineInput(org.uk_cost_center, org.uk_gl_account, Decimal(1), org.uk_project)
    with pytest.raises(Invalid) as refused:
        post(org, told(org, foreign))
    assert [each.pointer for each in refused.value.errors] == [
        "/lines/0/cost_center",
        "/lines/0/gl_account",
        "/lines/0/project",
    ]


def test_a_day_in_no_open_year_is_refused(org):
    with pytest.raises(FiscalYearMissing):
        post(org, told(org, posting_date=date(2019, 5, 1)))
    FiscalYear.objects.filter(entity=org.entity, year=2026).update(is_open=False)
    with pytest.raises(FiscalYearClosed):
        post(org)
    assert not LedgerEntry.objects.exists()


def test_it_is_spent_on_the_budget_of_its_coding(org, books_hold):
    journal, is_new = post(org, told(org, line(org, 120), line(org, "-20.50"), line(org, 7, TIGHT)))
    assert is_new
    assert (journal.number, journal.status, journal.total) == (
        "JV-2026-000001",
        "posted",
        Decimal("106.50"),
    )
    assert (org.cell(*A).spent, org.cell(*TIGHT).spent) == (Decimal("99.50"), 7)
    entries = LedgerEntry.objects.filter(document_id=journal.pk).order_by("line_number")
    assert [(each.stage, each.amount) for each in entries] == [
        ("ACT", 120),
        ("ACT", Decimal("-20.50")),
        ("ACT", 7),
    ]
    assert {each.posting_date for each in entries} == {DAY}
    assert {(each.document_type, each.document_number) for each in entries} == {
        ("journal", "JV-2026-000001")
    }
    event = TrailEvent.objects.get(type="journal.posted")
    assert (event.actor, event.document_id) == (org.cora, journal.pk)
    assert event.data["content"]["external_id"] == "PAY-2026-02"


def test_the_same_again_posts_nothing(org, books_hold):
    first, _ = post(org)
    before = books(org)
    again, is_new = post(org, at=NOW + timedelta(days=1))
    assert (again, is_new) == (first, False)
    assert books(org) == before
    assert LedgerEntry.objects.count() == TrailEvent.objects.filter(document_id=first.pk).count()


def test_other_content_under_the_same_id_is_refused(org):
    first, _ = post(org)
    before = books(org)
    with pytest.raises(JournalDiffers, match=first.number):
        post(org, told(org, line(org, 121)))
    with pytest.raises(JournalDiffers):
        post(org, told(org, line(org, 120, key=(*A[:2], "ATLAS"))))
    assert books(org) == before
    assert post(org, told(org, external_id="PAY-2", posting_date=TODAY)).is_new  # today has come


def test_another_entity_may_use_the_same_id(org):
    post(org)
    data = JournalInput(
        "PAY-2026-02",
        DAY,
        "GBP",
        "Payroll",
        [JournalLineInput(org.uk_cost_center, org.uk_gl_account, Decimal(5))],
    )
    made, is_new = journals.post(entity=org.uk, data=data, actor=org.nils, at=NOW)
    assert is_new
    assert made.number == "JV-2026-000001"


def test_another_currency_is_booked_at_the_rate_of_its_day(org, books_hold):
    journal, _ = post(org, told(org, line(org, 100), currency="USD"))
    entry = LedgerEntry.objects.get(document_id=journal.pk)
    assert (entry.amount, entry.document_amount, entry.currency) == (90, 100, "USD")
    assert (entry.rate, journal.rate) == (Decimal("0.90"), Decimal("0.90"))
    with pytest.raises(RateMissing) as refused:
        post(org, told(org, external_id="X-1", currency="SEK"))
    assert [each.pointer for each in refused.value.errors] == ["/currency"]


def test_what_a_stop_lacks_becomes_overdraft_and_is_told(org, books_hold):
    Desk(org, org.cells[TIGHT]).order("1", "450")
    journal, _ = post(org, told(org, line(org, 30, TIGHT), line(org, 50, TIGHT)))
    cell = org.cell(*TIGHT)
    assert (cell.spent, cell.overdraft, cell.amount, cell.available) == (80, 30, 500, -30)
    adjustment = BudgetAdjustment.objects.get(cell=cell, overdraft=30)
    assert (adjustment.amount, adjustment.actor) == (0, org.cora)
    event = TrailEvent.objects.get(type="budget.overdrawn")
    assert (event.document_reference, event.data["amount"]) == (str(cell), "30.00")
    assert event.data["document_id"] == str(journal.pk)


def test_what_fits_or_only_warns_overdraws_nothing(org, books_hold):
    post(org, told(org, line(org, 500, TIGHT), line(org, 9000, ("CC200", "6310", None))))
    assert not BudgetAdjustment.objects.exclude(overdraft=0).exists()
    assert not TrailEvent.objects.filter(type="budget.overdrawn").exists()


def test_where_no_budget_was_set_it_is_all_overdraft(org, books_hold):
    post(org, told(org, line(org, 12, ("CC600", "6310", None))))
    entry = LedgerEntry.objects.get()
    assert (entry.cell.amount, entry.cell.overdraft, entry.cell.spent) == (0, 12, 12)


def test_its_mirror_undoes_it_exactly_once(org, books_hold):
    journal, _ = post(org, told(org, line(org, 120), line(org, "-20.50"), line(org, 9, TIGHT)))
    gone = journals.reverse(journal=journal, actor=org.cora, at=NOW, reason="Wrong month")
    assert (gone.status, gone.reversed_on, gone.reversed_at) == ("reversed", DAY, NOW)
    assert (org.cell(*A).spent, org.cell(*TIGHT).spent) == (0, 0)
    mirrors = LedgerEntry.objects.filter(reverses__isnull=False).order_by("id")
    assert [each.amount for each in mirrors] == [-120, Decimal("20.50"), -9]
    assert TrailEvent.objects.get(type="journal.reversed").reason == "Wrong month"
    with pytest.raises(IllegalTransition):
        journals.reverse(journal=journal, actor=org.cora, at=NOW, reason="Twice")


def test_taking_back_a_credit_is_not_refused_either(org, books_hold):
    journal, _ = post(org, told(org, line(org, -400, TIGHT)))
    Desk(org, org.cells[TIGHT]).order("1", "900")
    journals.reverse(journal=journal, actor=org.cora, at=NOW, reason="No credit after all")
    cell = org.cell(*TIGHT)
    assert (cell.spent, cell.encumbered, cell.overdraft) == (0, 900, 400)


@pytest.mark.parametrize("day", [DAY - timedelta(days=1), TODAY + timedelta(days=1)])
def test_it_is_not_reversed_before_it_was_nor_in_the_future(org, day):
    journal, _ = post(org)
    with pytest.raises(Invalid) as refused:
        journals.reverse(journal=journal, actor=org.cora, at=NOW, reason="Wrong", on=day)
    assert [each.pointer for each in refused.value.errors] == ["/on"]


@pytest.mark.parametrize("persona", ["rita", "fay", "olga", "dora", "nils"])
def test_nobody_else_reverses(org, persona):
    journal, _ = post(org)
    before = books(org)
    with pytest.raises(NotAllowed):
        journals.reverse(journal=journal, actor=org.people[persona], at=NOW, reason="Mine")
    with pytest.raises(Invalid):
        journals.reverse(journal=journal, actor=org.cora, at=NOW, reason=" ")
    assert books(org) == before


def test_a_closed_year_stays_as_it_is(org):
    journal, _ = post(org)
    FiscalYear.objects.filter(entity=org.entity, year=2026).update(is_open=False)
    later = NOW.replace(year=2027)
    with pytest.raises(FiscalYearClosed):
        journals.reverse(
            journal=journal, actor=org.cora, at=later, reason="Late", on=date(2027, 1, 5)
        )


def test_who_sees_it(org):
    post(org, told(org, line(org, 5, ("CC300", "6400", None))))
    seen = {name for name in [*PEOPLE, "nils"] if Journal.objects.visible_to(org.people[name])}
    assert seen == {"cora", "olga", "ada", "bea", "fay", "sven"}


def test_a_line_of_another_amount_is_found_by_the_books(org, tampered):
    journal, _ = post(org)
    tampered("UPDATE budgeting_journalline SET amount = amount * 2")
    assert str(journal.lines.get().pk) in invariants.journals().faults[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_id_sent_at_once_is_posted_once(org):
    data = told(org)
    outcomes = race([lambda: post(org, replace(data)) for _ in range(12)])
    assert sorted(each.is_new for each in outcomes) == [False] * 11 + [True]
    assert org.cell(*A).spent == 120


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_journals_at_once_overdraw_by_exactly_what_lacks(org):
    jobs = [
        lambda number=number: post(
            org, told(org, line(org, 60, TIGHT), line(org, 1), external_id=f"J-{number}")
        )
        for number in range(12)
    ]
    assert all(each.is_new for each in race(jobs))
    cell = org.cell(*TIGHT)
    assert (cell.spent, cell.overdraft) == (720, 220)
    overdrafts = BudgetAdjustment.objects.filter(cell=cell).values_list("overdraft", flat=True)
    assert sum(overdrafts) == 220
