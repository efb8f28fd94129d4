"""Tables as files: CSV for machines, XLSX for people. Text that a spreadsheet would take for a
formula is written with an apostrophe before it, figures stay figures."""

import csv as csv_module
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import xlsxwriter

from core.money import minor_units

# A cell that begins with one of these is a formula to some spreadsheet; full-width ones included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Table:
    """A table ready to be written: column names as the API has them, rows, and footer rows."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    footer: Sequence[Sequence[Any]] = ()
    currency: str = "EUR"


def csv(table: Table) -> bytes:
    """UTF-8, comma, CRLF, header row; figures plain with a point."""
    out = io.StringIO()
    writer = csv_module.writer(out)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_text(value, table.currency) for value in row])
    for row in table.footer:
        writer.writerow([_text(value, table.currency) for value in row])
    return out.getvalue().encode()


def xlsx(table: Table) -> bytes:
    """A workbook of one sheet; rows are written as they come and never held together."""
    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(table.title[:31])
        bold = book.add_format({"bold": True})
        decimals = minor_units(table.currency)
        pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
        formats = {
            "money": book.add_format({"num_format": pattern}),
            "sum": book.add_format({"num_format": pattern, "bold": True}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(table.columns) - 1, 16)
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, bold)
        body = ((row, formats["money"]) for row in table.rows)
        end = ((row, formats["sum"]) for row in table.footer)
        for place, (row, money) in enumerate(chain(body, end), 1):
            _write(sheet, place, row, formats, money=money)
    return out.getvalue()


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula; text that could be one gets an apostrophe."""
    bare = text.lstrip(" \u00a0\ufeff")
    return f"'{text}" if bare.startswith(_FORMULA) else text


def _write(sheet: Any, place: int, row: Sequence[Any], formats: dict, *, money: Any) -> None:
    for column, value in enumerate(row):
        if isinstance(value, Decimal):
            sheet.write_number(place, column, float(value), money)
        elif isinstance(value, int):
            sheet.write_number(place, column, value)
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 a cell's day
            sheet.write_datetime(place, column, moment, formats["day"])
        elif value is not None and value != "":
            sheet.write_string(place, column, neutral(str(value)))


def _text(value: Any, currency: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return _figure(value, currency)
    if isinstance(value, int | date):
        return str(value)
    return neutral(str(value))


def _figure(value: Decimal, currency: str) -> str:
    """At least the currency's decimals, more only where the figure has them."""
    least = minor_units(currency)
    shown = value.normalize()
    decimals = max(least, -int(shown.as_tuple().exponent))
    return f"{value:.{decimals}f}"
