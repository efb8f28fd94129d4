"""Reading files of rows: strict, bounded, and the same whatever program wrote them."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgeting.intake import sheets, values
from budgeting.intake.sheets import Formula
from budgeting.intake.values import NotAValue
from core.errors import DomainError, Invalid, TooLarge, WrongType
from tests.budgeting.files import altered, csv_of, xlsx_of

HEAD = ["code", "amount"]
SHEET = "xl/worksheets/sheet1.xml"
SPACE, NARROW = "\u00a0", "\u202f"


def read(data):
    return list(sheets.rows(data, required=HEAD, optional=["note"]))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_is_read_by_its_delimiter_and_mark(delimiter, encoding):
    data = csv_of(HEAD, ["Ä1", "12.50"], delimiter=delimiter, encoding=encoding)
    (row,) = read(data)
    assert (row.number, row.values) == (2, {"code": "Ä1", "amount": "12.50"})


def test_a_workbook_says_the_same_as_a_csv_with_its_own_types():
    data = xlsx_of([*HEAD, "note"], [6300, 0.1 + 0.2, datetime(2026, 2, 27)], ["A", 12, True])
    first, second = read(data)
    assert first.values == {
        "code": Decimal(6300),
        "amount": Decimal("0.3"),
        "note": date(2026, 2, 27),
    }
    assert second.values == {"code": "A", "amount": Decimal(12), "note": "true"}


def test_headers_are_named_as_people_do():
    data = csv_of(["Cost Centre", "GL-Account", " Amount "], ["a", "b", "1"])
    rows = list(sheets.rows(data, required=["cost_center", "gl_account", "amount"], optional=[]))
    assert rows[0]["gl_account"] == "b"


def test_empty_rows_do_not_count_and_numbers_are_those_of_the_sheet():
    assert [row.number for row in read(csv_of(HEAD, ["", ""], ["a", "1"], []))] == [3]
    assert [row.number for row in read(xlsx_of(HEAD, [], ["a", 1]))] == [3]


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (csv_of(["code"], ["a"]), "lacks: amount"),
        (csv_of(["code", "amount", "colour"], ["a", "1", "red"]), "colour"),
        (csv_of(["code", "amount", "amount"], ["a", "1", "2"]), "twice: amount"),
        (csv_of(HEAD, ["a", "1", "too much"]), "Row 2 has more cells"),
        ("code,amount\nMünchen,1\n".encode("cp1252"), "UTF-8"),
        (b'code,amount\n"open,1\n', "not CSV"),
        (csv_of(HEAD, ["x" * 5001, "1"]), "5,000 characters"),
        (csv_of(HEAD, list(range(41))), "40 columns"),
        (b"PK\x03\x04 no archive", "damaged"),
        (altered(xlsx_of(HEAD), name=SHEET, content=b"<worksheet"), "cannot|damaged"),
        (
            altered(xlsx_of(HEAD), name=SHEET, content=b'<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>'),
            "plain XML",
        ),
        (
            altered(xlsx_of(HEAD), name=SHEET, content="<x/>".encode("utf-16")),
            "plain XML",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(data, words):
    with pytest.raises(Invalid, match=words):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        csv_of(HEAD, *([["a", "1"]] * 5001)),
        xlsx_of(HEAD, *([["a", 1]] * 5001)),
        b"x" * (5 * 1024 * 1024 + 1),
        altered(xlsx_of(HEAD), name="xl/bomb.xml", content=b"<x>" + b" " * (61 * 1024 * 1024)),
    ],
    ids=["csv rows", "xlsx rows", "bytes", "unpacked"],
)
def test_too_much_is_refused_before_it_is_read(data):
    with pytest.raises(TooLarge):
        read(data)


def test_ten_thousand_parts_are_too_many():
    made = io.BytesIO(xlsx_of(HEAD))
    with zipfile.ZipFile(made, "a") as archive:
        for number in range(600):
            archive.writestr(f"xl/part{number}.xml", "<x/>")
    with pytest.raises(TooLarge):
        read(made.getvalue())


def test_macros_and_other_archives_are_no_workbooks():
    with pytest.raises(WrongType, match="macros"):
        read(altered(xlsx_of(HEAD), name="xl/vbaProject.bin", content=b"x"))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(WrongType):
        read(other.getvalue())


def test_a_sheet_that_lies_about_its_size_costs_nothing():
    data = xlsx_of(HEAD, ["a", 1])
    sheet = zipfile.ZipFile(io.BytesIO(data)).read(SHEET)
    lying = sheet.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"')
    assert lying != sheet
    assert len(read(altered(data, name=SHEET, content=lying))) == 1


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+A1", "-A1", "＝1", "=cmd|'/c calc'!A0"])
def test_a_formula_is_never_a_value(cell):
    for data in (csv_of(HEAD, [cell.replace(",", " "), "1"]), xlsx_of(HEAD, [cell, 1])):
        (row,) = read(data)
        assert isinstance(row["code"], Formula), cell
        with pytest.raises(NotAValue, match="formula"):
            values.words(row["code"], most=100)


def test_what_an_export_guarded_is_itself_again():
    (row,) = read(csv_of(HEAD, ["'=1+1", "-5"]))
    assert (row["code"], row["amount"]) == ("=1+1", "-5")


@pytest.mark.parametrize(
    "said, meant",
    [
        ("1234.50", "1234.50"),
        ("1234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        (f"1{SPACE}234,50", "1234.50"),
        (f"1{NARROW}234{NARROW}567", "1234567"),
        ("1'234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("1.234.567,89", "1234567.89"),
        ("0.5", "0.5"),
        ("-12,30", "-12.30"),
        ("−12.30", "-12.30"),
        ("+7", "7"),
        ("12345,6", "12345.6"),
        ("0", "0"),
    ],
)
def test_an_amount_as_people_spell_it(said, meant):
    assert values.amount(said, currency="EUR") == Decimal(meant)


@pytest.mark.parametrize(
    "said, code",
    [
        ("", "required"),
        ("1,234", "ambiguous"),
        ("1.234", "ambiguous"),
        ("12.345,6.7", "invalid"),
        ("1,23,4.5", "invalid"),
        ("1234,567,890", "invalid"),
        ("12e3", "invalid"),
        ("NaN", "invalid"),
        ("٣", "invalid"),
        ("1_000", "invalid"),
        ("--5", "invalid"),
        ("EUR 5", "invalid"),
        ("5-", "invalid"),
        ("-", "invalid"),
        ("0.001", "max_decimal_places"),
        ("1000000000000", "max_digits"),
    ],
)
def test_what_is_no_amount_is_refused(said, code):
    with pytest.raises(NotAValue) as refused:
        values.amount(said, currency="EUR")
    assert refused.value.code == code


def test_decimals_are_those_of_the_currency():
    assert values.amount("0.234", currency="KWD") == Decimal("0.234")
    with pytest.raises(NotAValue):
        values.amount("0.5", currency="JPY")


@pytest.mark.parametrize("said", ["2026-02-27", "27.02.2026", "27.2.2026", date(2026, 2, 27)])
def test_a_day_as_people_write_it(said):
    assert values.day(said) == date(2026, 2, 27)


@pytest.mark.parametrize("said", ["", "02/03/2026", "2026-02-30", "27.02.26", "today", "20260227"])
def test_what_is_no_day_is_refused(said):
    with pytest.raises(NotAValue):
        values.day(said)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(data):
    with suppress(DomainError):
        read(data)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 6000))
def test_a_damaged_workbook_is_read_or_refused(noise, place):
    whole = xlsx_of(HEAD, ["a", 1])
    place %= len(whole)
    with suppress(DomainError):
        read(whole[:place] + noise + whole[place + len(noise) :])


@given(st.text(max_size=20))
def test_whatever_is_said_is_an_amount_or_refused(said):
    with suppress(NotAValue):
        assert values.amount(said, currency="EUR").is_finite()


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    st.sampled_from([",.", ".,", f"{SPACE},", "'.", f"{NARROW},"]),
)
def test_every_spelling_means_the_same(value, marks):
    group, point = marks
    spelled = f"{value:,.2f}".translate({ord(","): group, ord("."): point})
    assert values.amount(spelled, currency="EUR") == value
