"""What a cell says: text, a whole number, an amount as people spell it, a day. Never a guess."""

import re
from datetime import date
from decimal import Decimal

from budgeting.intake.sheets import Formula, Value
from core import text
from core.decimals import NotADecimal, parse, places
from core.money import minor_units

_GROUPING = " \u00a0\u2009\u202f'’"
_DOTTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST = Decimal(10) ** 12


class NotAValue(ValueError):
    """The cell does not say such a value; `code` for programs, the words for people."""

    def __init__(self, code: str, words: str) -> None:
        self.code, self.words = code, words
        super().__init__(words)


def words(value: Value, *, most: int, required: bool = False) -> str:
    """Plain text of one line. A number of a spreadsheet is its digits: 6300."""
    said = _text(value)
    if errors := text.check(said, "", most=most, required=required):
        raise NotAValue(errors[0].code, errors[0].detail)
    return said


def whole(value: Value) -> int | None:
    """A whole number; None for an empty cell."""
    said = _text(value)
    if not said:
        return None
    if not said.isascii() or not said.isdigit() or len(said) > 9:
        raise NotAValue("invalid", f"Not a whole number: {said[:40]!r}.")
    return int(said)


def amount(value: Value, *, currency: str) -> Decimal:
    """An amount in whole minor units of a currency.

    1234.50 as well as 1,234.50, 1.234,50, 1 234,50 and 1'234.50. What can be read in two ways
    (1,234) is refused, and so is what its currency cannot have.
    """
    found = value if isinstance(value, Decimal) else _figure(_text(value))
    if places(found) > minor_units(currency):
        raise NotAValue("max_decimal_places", f"More decimals than {currency} has: {found}.")
    if abs(found) >= _MOST:
        raise NotAValue("max_digits", "This amount is too large.")
    return found


def day(value: Value) -> date:
    """A day: 2026-02-27, 27.02.2026, or a date of a spreadsheet. 02/03/2026 is refused."""
    if isinstance(value, date):
        return value
    said = _text(value)
    dotted = _DOTTED_DAY.fullmatch(said)
    try:
        if dotted:
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
        if _ISO_DAY.fullmatch(said):
            return date.fromisoformat(said)
    except ValueError:
        pass
    if not said:
        raise NotAValue("required", "This is needed.")
    raise NotAValue("invalid", f"Write the day as 2026-02-27, not {said[:40]!r}.")


def _text(value: Value) -> str:
    if isinstance(value, Formula):
        raise NotAValue("formula", f"A formula is not a value: {value.words!r}.")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    return value.strip()


def _figure(said: str) -> Decimal:
    if not said:
        raise NotAValue("required", "This is needed.")
    sign, digits = _signed(said)
    marks = {mark: digits.count(mark) for mark in ",." if mark in digits}
    if any(each in _GROUPING for each in digits):
        digits = _ungrouped(digits, _GROUPING, upto=min(map(digits.find, marks), default=None))
    if len(marks) == 2:
        point = max(marks, key=digits.rfind)
        group = "," if point == "." else "."
        digits = _ungrouped(digits, group, upto=digits.rfind(point)).replace(point, ".")
    elif marks:
        (mark, count), *_ = marks.items()
        if count > 1:
            digits = _ungrouped(digits, mark, upto=None)
        elif re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits):
            raise NotAValue("ambiguous", f"{said!r} can be read in two ways; leave the mark out.")
        else:
            digits = digits.replace(mark, ".")
    try:
        return parse(sign + digits)
    except NotADecimal:
        raise NotAValue("invalid", f"Not an amount: {said[:40]!r}.") from None


def _signed(said: str) -> tuple[str, str]:
    if said[0] in "+-−":
        return ("" if said[0] == "+" else "-"), said[1:].strip()
    return "", said


def _ungrouped(digits: str, marks: str, *, upto: int | None) -> str:
    """Take grouping marks off the whole part, where they stand in threes."""
    end = len(digits) if upto is None else upto
    wholes, rest = digits[:end], digits[end:]
    groups = re.split(f"[{re.escape(marks)}]", wholes)
    threes = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3
    if not threes or not all(group.isdigit() for group in groups):
        raise NotAValue("invalid", f"Not an amount: {digits[:40]!r}.")
    return "".join(groups) + rest
