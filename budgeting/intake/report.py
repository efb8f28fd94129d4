"""What becomes of the rows of a file, row by row."""

from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import DomainError, FieldError

CREATED, UPDATED, UNCHANGED, SKIPPED = "created", "updated", "unchanged", "skipped"
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not go in. `row` counts as a spreadsheet does: the header is row 1."""

    row: int
    errors: list[FieldError]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a good row does, in words: `about` is a budget or a journal."""

    row: int
    what: str
    about: str
    old: str = ""
    new: str = ""


@dataclass(slots=True)
class Report:
    """All rows of a file. `is_applied`: they are in; otherwise it says what would happen."""

    rows: int = 0
    is_applied: bool = False
    taken: list[Taken] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)

    def count(self, what: str) -> int:
        return sum(each.what == what for each in self.taken)

    @property
    def stored(self) -> dict[str, Any]:
        """As JSON data; of very many rows only the first are listed, all are counted."""
        return {
            "rows": self.rows,
            "is_applied": self.is_applied,
            **{what: self.count(what) for what in (CREATED, UPDATED, UNCHANGED, SKIPPED)},
            "bad": len(self.bad_rows),
            "taken": [asdict(each) for each in self.taken[:MOST_SHOWN]],
            "bad_rows": [asdict(each) for each in self.bad_rows[:MOST_SHOWN]],
        }


def of_refusal(refusal: DomainError, column: str) -> list[FieldError]:
    """What a service refused, at the columns of a row: `/lines/0/amount` becomes `/amount`."""
    if not refusal.errors:
        return [FieldError(f"/{column}", refusal.slug, refusal.detail)]
    return [
        FieldError("/" + each.pointer.rpartition("/")[2], each.code, each.detail)
        for each in refusal.errors
    ]
