"""Rows of a CSV or XLSX file under a known header, as bounded and as plain as they can be.

CSV: UTF-8, or UTF-16 with its mark; comma, semicolon or tab. XLSX: the first sheet; its parts are
counted and measured before anything is unpacked, and none may declare a document type.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import openpyxl

from core.errors import Invalid, TooLarge, WrongType

MAX_BYTES = 5 * 1024 * 1024
MAX_UNPACKED = 60 * 1024 * 1024
MOST_ROWS = 5_000
MOST_COLUMNS = 40
MOST_PARTS = 500
MOST_CHARACTERS = 5_000
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# What the reader of workbooks raises where one is not as it should be, and what unpacking does.
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AssertionError)
_DAMAGED = (zipfile.BadZipFile, zlib.error, SyntaxError, OSError, EOFError, RuntimeError)
_FORMULA = re.compile("[=＝@\t\r]|[+＋-](?![0-9 .,])")


@dataclass(frozen=True, slots=True)
class Formula:
    """What a cell holds that would be computed; never read as a value."""

    words: str


Value = str | Decimal | date | Formula


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `number` counts as a spreadsheet does: the header is row 1."""

    number: int
    values: dict[str, Value]

    def __getitem__(self, column: str) -> Value:
        return self.values.get(column, "")


def rows(data: bytes, *, required: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    """The rows that hold anything, by column name.

    Raises TooLarge, WrongType for another kind of file, Invalid for a header that lacks a column,
    repeats one or has an unknown one, and for what is not readable as such a file.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The file is larger than {MAX_BYTES // 1024**2} MiB.")
    if not data.strip():
        raise Invalid("The file is empty.")
    lines = _of_workbook(data) if data.startswith(b"PK\x03\x04") else _of_text(data)
    _, header = next(lines, (0, []))
    names = _names(header, required, optional)
    for number, values in lines:
        if number > MOST_ROWS + 1:
            raise TooLarge(f"A file may have {MOST_ROWS:,} rows below its header.")
        if any(value != "" for value in values):
            yield Row(number, _under(names, values, number))


def _under(names: list[str], values: list[Value], number: int) -> dict[str, Value]:
    if any(value != "" for value in values[len(names) :]):
        raise Invalid(f"Row {number} has more cells than the header has columns.")
    return {name: value for name, value in zip(names, values, strict=False) if name}


def _names(header: Sequence[Value], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    names = [_name(each) for each in header]
    while names and not names[-1]:
        names.pop()
    known = {*required, *optional}
    if missing := [name for name in required if name not in names]:
        raise Invalid(f"The first row must name the columns. It lacks: {', '.join(missing)}.")
    if unknown := sorted({name[:40] for name in names if name not in known}):
        raise Invalid(f"Unknown columns: {', '.join(map(repr, unknown))}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"These columns are there twice: {', '.join(twice)}.")
    return names


def _name(cell: Value) -> str:
    words = cell if isinstance(cell, str) else ""
    return re.sub(r"[\s-]+", "_", words.strip().lower()).replace("centre", "center")


def _of_text(data: bytes) -> Iterator[tuple[int, list[Value]]]:
    content = _decoded(data)
    first = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, 1):
            if len(cells) > MOST_COLUMNS:
                raise Invalid(f"Row {number} has more than {MOST_COLUMNS} columns.")
            yield number, [_plain(cell) for cell in cells]
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} is not CSV: {error}.") from error


def _decoded(data: bytes) -> str:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        content = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The file is not UTF-8 text. Save it as “CSV UTF-8”, or as XLSX.") from error
    if "\x00" in content:
        raise WrongType("This is neither a CSV nor an XLSX file.")
    return content


def _plain(cell: str) -> Value:
    """A cell as it was meant: a leading ' that guards a formula on export is taken off."""
    words = cell.strip(" \n\u00a0\ufeff")
    if len(words) > MOST_CHARACTERS:
        raise Invalid(f"A cell holds more than {MOST_CHARACTERS:,} characters.")
    if words.startswith("'") and words[1:2] and words[1] in "=+-@\t\r＝＋":
        return words[1:]
    return Formula(words[:40]) if _FORMULA.match(words) else words


def _of_workbook(data: bytes) -> Iterator[tuple[int, list[Value]]]:
    _inspect(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise Invalid("The workbook has no sheet that can be seen.")
        sheet.reset_dimensions()  # what a file says of its own size is not believed
        found = sheet.iter_rows(max_col=MOST_COLUMNS)
        for number, cells in enumerate(found, 1):
            yield number, [_cell(each) for each in cells]
    except _UNREADABLE as error:
        raise Invalid("The workbook cannot be read; save it anew as XLSX.") from error
    except _DAMAGED as error:
        raise Invalid("The workbook is damaged; save it anew as XLSX.") from error


def _inspect(data: bytes) -> None:
    """Refuse archives that are too much or something else, before a part of them is trusted."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
        names = {part.filename for part in parts}
        if "xl/workbook.xml" not in names:
            raise WrongType("This is neither a CSV nor an XLSX file.")
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise WrongType("A workbook with macros is not accepted; save it as plain XLSX.")
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise TooLarge("The workbook is too large when unpacked.")
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                _inspect_part(archive.read(part))
    except _DAMAGED as error:
        raise Invalid("The workbook is damaged or encrypted; save it anew as XLSX.") from error


def _inspect_part(xml: bytes) -> None:
    start = xml.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"<") or b"\x00" in start[:64] or _DECLARES.search(xml):
        raise Invalid("The workbook holds parts that are not plain XML; save it anew as XLSX.")


def _cell(cell: Any) -> Value:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return Formula(str(getattr(value, "text", value))[:40])
    if cell.data_type == "e":
        return Formula(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isfinite(value):
        return Formula(str(value))
    if isinstance(value, int | float):
        return Decimal(f"{value:.15g}") + 0  # what a spreadsheet shows of a binary fraction
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _plain(str(value))
