"""Reports as files: exact, complete, and harmless in a spreadsheet."""

import csv
import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from budgets.models import CostCenter
from reports import exports, queries
from tests.budgets.postings import D, Desk
from tests.factories import Organisation


@pytest.fixture
def report(org: Organisation) -> queries.CommitmentReport:
    desk = Desk(org, org.cells["CC100", "6600", None])
    desk.order("1", "1234.56")
    Desk(org, org.cells["CC300", "6400", None]).order("1", "5000")
    CostCenter.objects.filter(entity=org.entity, code="CC100").update(name="=HYPERLINK(1)")
    return queries.commitments(entity=org.entity, fiscal_year=2026)


def lines(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))


def test_csv_has_the_api_names_the_figures_and_the_tie_out(report):
    rows = lines(exports.csv(exports.commitments(report)))
    assert rows[0] == [
        "fiscal_year",
        "cost_center",
        "cost_center_name",
        "gl_account",
        "gl_account_name",
        "project",
        "project_name",
        "budget",
        "pre_encumbered",
        "encumbered",
        "received_not_invoiced",
        "spent",
        "available",
    ]
    by_code = {(row[1], row[3]): row for row in rows[1:-4]}
    assert by_code["CC100", "6600"][7:] == [
        "100000.00",
        "0.00",
        "1234.56",
        "0.00",
        "0.00",
        "98765.44",
    ]
    assert by_code["CC300", "6400"][-1] == "-4000.00"  # a figure, not a formula
    assert rows[-4][0] == "Total"
    assert rows[-4][9] == "6234.56"
    assert rows[-3] == ["Ties to the ledger", "yes"]
    assert rows[-2] == ["Difference", "0.00"]
    assert rows[-1] == ["As of", "now"]


def test_months_say_nothing_of_what_is_received_and_not_invoiced(org):
    """That is a balance: a column of nothing would say that there is none."""
    months = queries.commitments(entity=org.entity, fiscal_year=2026, group_by=["period"])
    rows = lines(exports.csv(exports.commitments(months)))
    figures = ["budget", "pre_encumbered", "encumbered", "spent", "available"]
    assert rows[0] == ["fiscal_year", "period", *figures]
    assert [len(row) for row in rows[1:-3]] == [7] * len(rows[1:-3])


def test_xlsx_holds_the_same_as_numbers(report):
    book = openpyxl.load_workbook(io.BytesIO(exports.xlsx(exports.commitments(report))))
    sheet = book.active
    rows = list(sheet.iter_rows(values_only=True))
    assert sheet.title == "Commitments"
    assert len(rows) == 1 + len(report.rows) + 4
    found = next(row for row in rows if row[1:4:2] == ("CC100", "6600"))
    assert found[7:] == (100000, 0, 1234.56, 0, 0, 98765.44)
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_a_name_that_is_a_formula_is_written_as_text(report):
    table = exports.commitments(report)
    assert any("'=HYPERLINK(1)" in row for row in lines(exports.csv(table)))
    sheet = openpyxl.load_workbook(io.BytesIO(exports.xlsx(exports.commitments(report)))).active
    names = {row[2] for row in sheet.iter_rows(values_only=True)}
    assert "'=HYPERLINK(1)" in names


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_could_be_a_formula_gets_an_apostrophe(first: str):
    assert exports.neutral(f"{first}cmd|' /C calc'!A0").startswith(f"'{first}")
    assert exports.neutral(f"  {first}1+1").startswith("' ")


@pytest.mark.parametrize("text", ["CC100", "1-2", "a=b", "", "Größe", "'quoted"])
def test_plain_text_stays_as_it_is(text: str):
    assert exports.neutral(text) == text


def test_figures_keep_every_decimal_they_have():
    table = exports.Table("T", ["a", "b", "c", "d"], [[D("1.2345"), D(-7), 3, date(2026, 3, 2)]])
    assert lines(exports.csv(table))[1] == ["1.2345", "-7.00", "3", "2026-03-02"]
    yen = exports.Table("T", ["a"], [[Decimal("1500.0000")]], currency="JPY")
    assert lines(exports.csv(yen))[1] == ["1500"]
