"""Files of budgets and journals: looked at first, then in as a whole or not at all."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from budgeting.models import FileImport, Journal
from budgeting.services import imports
from budgeting.services.imports import RowsRefused
from budgets.models import BudgetAdjustment, BudgetCell, FiscalYear, LedgerEntry
from core.errors import Conflict, Invalid, NotAllowed
from core.models import TrailEvent
from tests.budgeting.files import csv_of, xlsx_of
from tests.budgeting.scene import TIGHT, A, books
from tests.budgets.postings import Desk
from tests.factories import NOW, PEOPLE

pytestmark = pytest.mark.django_db
BUDGETS = ["fiscal_year", "period", "cost_center", "gl_account", "project", "amount", "control"]
JOURNALS = [
    *("external_id", "posting_date", "description", "cost_center", "gl_account", "amount"),
    "currency",
]
NEW = [2026, "", "CC600", "6310", "", "1.200,50", "warn"]
MORE = [2026, "", "CC400", "6600", "", "700", ""]
MONTH = [2026, 3, "CC100", "6300", "ATLAS", "99", "stop"]
PAY = ["PAY-1", "2026-02-27", "Payroll", "CC100", "6300", "120", ""]
PAY_2 = ["PAY-1", "27.02.2026", "Payroll", "CC400", "6600", "-7.50", "EUR"]
RENT = ["RENT-1", "2026-02-01", "Rent", "CC400", "6600", "33", "USD"]


def brought(org, *rows, head=BUDGETS, kind="budgets", actor=None, write=csv_of, name="b.csv"):
    data = write(head, *rows)
    return imports.bring(
        entity=org.entity, kind=kind, data=data, name=name, actor=actor or org.cora, at=NOW
    )


def journals(org, *rows, **given):
    return brought(org, *rows, head=JOURNALS, kind="journals", **given)


def apply(file_import, org, **given):
    actor = given.pop("actor", org.cora)
    return imports.apply(file_import=file_import, actor=actor, at=NOW, **given)


def counts(report):
    return {
        name: report[name] for name in ("rows", "created", "updated", "unchanged", "skipped", "bad")
    }


def bad(report):
    return [
        (each["row"], error["pointer"], error["code"])
        for each in report["bad_rows"]
        for error in each["errors"]
    ]


@pytest.mark.parametrize("persona", [*(name for name in PEOPLE if name != "cora"), "nils"])
def test_only_controllers_bring_files(org, persona):
    with pytest.raises(NotAllowed):
        brought(org, NEW, actor=org.people[persona])
    assert not FileImport.objects.exists()


def test_a_dry_run_says_everything_and_changes_nothing(org):
    before = books(org)
    report = brought(org, NEW, MORE, MONTH).report
    assert counts(report) == {
        "rows": 3, "created": 2, "updated": 1, "unchanged": 0, "skipped": 0, "bad": 0
    }  # fmt: skip
    assert not report["is_applied"]
    assert report["taken"][1] == {
        "row": 3,
        "what": "updated",
        "about": "CC400 · 6600 · 2026",
        "old": "500.00 EUR, stop",
        "new": "700.00 EUR, stop",
    }
    assert books(org) == before
    assert not TrailEvent.objects.exists()


@pytest.mark.parametrize("write", [csv_of, xlsx_of])
def test_applied_every_budget_is_set_with_its_trail(org, write):
    rows = [NEW, MORE, MONTH]
    done = apply(brought(org, *rows, write=write, name="plan.xlsx"), org, reason="Plan 2026")
    assert done.report["is_applied"]
    assert done.applied_at == NOW
    assert org.cell(*TIGHT).amount == 700
    made = BudgetCell.objects.get(cost_center=org.cost_centers["CC600"])
    assert (made.amount, made.control) == (Decimal("1200.50"), "warn")
    month = BudgetCell.objects.get(period=3)
    assert (month.amount, month.project, month.control) == (99, org.projects["ATLAS"], "stop")
    told = TrailEvent.objects.filter(type="budget.set")
    assert {(each.actor, each.reason) for each in told} == {(org.cora, "Plan 2026")}
    assert len(told) == 3


def test_the_same_file_again_adds_nothing(org):
    apply(brought(org, NEW, MORE, MONTH), org)
    before = books(org)
    again = apply(brought(org, NEW, MORE, MONTH), org)
    assert counts(again.report)["unchanged"] == 3
    assert books(org) == before


@pytest.mark.parametrize(
    "row, pointer, code",
    [
        (["", "", "CC100", "6300", "", "1", ""], "/fiscal_year", "required"),
        ([2031, "", "CC100", "6300", "", "1", ""], "/fiscal_year", "missing"),
        ([2026, 13, "CC100", "6300", "", "1", ""], "/period", "invalid"),
        ([2026, "x", "CC100", "6300", "", "1", ""], "/period", "invalid"),
        ([2026, "", "CC999", "6300", "", "1", ""], "/cost_center", "unknown"),
        ([2026, "", "", "6300", "", "1", ""], "/cost_center", "required"),
        ([2026, "", "CC100", "9999", "", "1", ""], "/gl_account", "unknown"),
        ([2026, "", "CC100", "6300", "MOON", "1", ""], "/project", "unknown"),
        ([2026, "", "CC100", "6300", "", "", ""], "/amount", "required"),
        ([2026, "", "CC100", "6300", "", "-1", ""], "/amount", "min_value"),
        ([2026, "", "CC100", "6300", "", "=1+1", ""], "/amount", "formula"),
        ([2026, "", "CC100", "6300", "", "1,234", ""], "/amount", "ambiguous"),
        ([2026, "", "CC100", "6300", "", "1", "maybe"], "/control", "invalid"),
        ([2026, "", "CC400", "6600", "", "449.99", ""], "/amount", "min_value"),
    ],
)
def test_a_bad_row_is_named_by_number_and_column(org, row, pointer, code):
    Desk(org, org.cells[TIGHT]).order("1", "450")
    report = brought(org, NEW, row).report
    assert bad(report) == [(3, pointer, code)]


def test_codes_of_another_entity_are_unknown(org):
    org.uk_cost_center.code = "UKONLY"
    org.uk_cost_center.save()
    report = brought(org, [2026, "", "UKONLY", "6600", "", "1", ""]).report
    assert bad(report) == [(2, "/cost_center", "unknown")]


def test_a_budget_that_is_set_twice_is_refused(org):
    assert bad(brought(org, MORE, NEW, MORE).report) == [(4, "/amount", "twice")]


def test_with_a_bad_row_nothing_goes_in_unless_the_rest_is_asked_for(org):
    file_import = brought(org, NEW, [2026, "", "CC999", "6300", "", "x", ""], MORE)
    before = books(org)
    with pytest.raises(RowsRefused) as refused:
        apply(file_import, org)
    assert [each.pointer for each in refused.value.errors] == [
        "/rows/3/cost_center",
        "/rows/3/amount",
    ]
    assert books(org) == before
    done = apply(file_import, org, partial=True)
    assert counts(done.report) | {"bad": 1, "created": 1, "updated": 1} == counts(done.report)
    assert org.cell(*TIGHT).amount == 700


def test_what_was_in_order_is_judged_anew_when_it_goes_in(org):
    file_import = brought(org, [2026, "", "CC400", "6600", "", "450", ""])
    Desk(org, org.cells[TIGHT]).order("1", "460")
    with pytest.raises(RowsRefused):
        apply(file_import, org)
    assert org.cell(*TIGHT).amount == 500


def test_it_goes_in_once_and_by_who_brought_it(org):
    file_import = brought(org, NEW)
    org.olga.role_assignments.create(entity=org.entity, role="controller")
    with pytest.raises(NotAllowed):
        apply(file_import, org, actor=org.olga)
    assert list(FileImport.objects.visible_to(org.cora)) == [file_import]
    assert not FileImport.objects.visible_to(org.olga)
    lost = org.cora.role_assignments.get(role="controller")
    lost.delete()
    with pytest.raises(NotAllowed):
        apply(file_import, org, actor=User.objects.get(pk=org.cora.pk))
    lost.save()
    apply(file_import, org)
    with pytest.raises(Conflict):
        apply(file_import, org)
    assert BudgetAdjustment.objects.filter(amount=Decimal("1200.50")).count() == 1


@pytest.mark.parametrize("name", ["", "a\x00.csv", "x" * 201])
def test_a_file_has_a_name(org, name):
    with pytest.raises(Invalid):
        brought(org, NEW, name=name)


def test_journals_of_a_file_are_posted_whole_and_once(org, books_hold):
    file_import = journals(org, PAY, RENT, PAY_2)
    assert counts(file_import.report)["created"] == 3
    assert not Journal.objects.exists()
    apply(file_import, org)
    pay, rent = Journal.objects.order_by("number")
    assert (pay.external_id, pay.total, pay.posting_date) == (
        "PAY-1",
        Decimal("112.50"),
        date(2026, 2, 27),
    )
    assert (rent.external_id, rent.currency, rent.total) == ("RENT-1", "USD", 33)
    assert org.cell(*A).spent == 120
    assert org.cell(*TIGHT).spent == Decimal("-7.50") + Decimal("29.70")
    entries = LedgerEntry.objects.count()
    again = apply(journals(org, PAY, RENT, PAY_2), org)
    assert counts(again.report)["unchanged"] == 3
    assert LedgerEntry.objects.count() == entries


def test_a_journal_with_a_bad_row_stays_out_with_all_its_rows(org):
    broken = [*PAY_2[:3], "CC999", *PAY_2[4:]]
    file_import = journals(org, PAY, broken, RENT)
    assert bad(file_import.report) == [(3, "/cost_center", "unknown")]
    assert counts(file_import.report)["skipped"] == 1
    apply(file_import, org, partial=True)
    assert [each.external_id for each in Journal.objects.all()] == ["RENT-1"]


@pytest.mark.parametrize(
    "place, said, pointer, code",
    [
        (1, "2026-02-26", "/posting_date", "differs"),
        (2, "Bonus", "/description", "differs"),
        (6, "USD", "/currency", "differs"),
        (6, "XYZ", "/currency", "unknown"),
        (5, "0", "/amount", "invalid"),
        (5, "1.2345", "/amount", "max_decimal_places"),
        (1, "02/03/2026", "/posting_date", "invalid"),
        (0, "", "/external_id", "required"),
    ],
)
def test_rows_of_one_journal_agree_on_what_it_is(org, place, said, pointer, code):
    row = list(PAY_2)
    row[place] = said
    assert (3, pointer, code) in bad(journals(org, PAY, row).report)


def test_a_journal_that_came_otherwise_before_is_named(org):
    apply(journals(org, PAY), org)
    report = journals(org, [*PAY[:5], "121", ""], RENT).report
    assert bad(report) == [(2, "/external_id", "journal-differs")]
    assert counts(report)["created"] == 1


def test_days_that_cannot_be_posted_to_are_named(org):
    FiscalYear.objects.filter(entity=org.entity, year=2026).update(is_open=False)
    tomorrow = (NOW + timedelta(days=1)).date().isoformat()
    report = journals(org, PAY, [RENT[0], tomorrow, *RENT[2:]]).report
    assert bad(report) == [
        (2, "/external_id", "fiscal-year-closed"),
        (3, "/posting_date", "max_value"),
    ]


def test_quarters_and_what_is_left_of_earlier_ones(org):
    head = [*BUDGETS, "months", "is_cumulative"]
    quarter = [2026, 4, "CC100", "6300", "", "300", "", 3, "yes"]
    odd = [2026, 5, "CC100", "6310", "", "300", "", 3, "perhaps"]
    none = [2026, 5, "CC100", "6310", "", "300", "", 3, ""]
    file_import = brought(org, quarter, odd, none, head=head)
    assert bad(file_import.report) == [
        (3, "/is_cumulative", "invalid"),
        (4, "/period", "invalid"),
    ]
    apply(file_import, org, partial=True)
    cell = BudgetCell.objects.get(period=4)
    assert (cell.months, cell.is_cumulative, cell.amount) == (3, True, 300)
    again = brought(org, quarter[:8], head=head[:8]).report
    assert counts(again)["unchanged"] == 1


def test_rows_that_are_there_already_cost_no_query_each(org, django_assert_max_num_queries):
    rows = [[2026, number % 12 + 1, "CC600", "6310", "", number, ""] for number in range(12)]
    apply(brought(org, *rows), org)
    with django_assert_max_num_queries(20):
        report = brought(org, *rows).report
    assert counts(report)["unchanged"] == 12
