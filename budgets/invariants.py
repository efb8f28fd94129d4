"""What must always hold in the books, each as a small named function; `verify_books` runs them all.

A check compares two sums that were made independently and names the rows where they differ. The
ledger's own are in `budgets.proofs`; apps above add what ties their documents to the ledger:
`invariants.register("Orders", function, proves=("M3",))`. docs/proofs.md says what proves what.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import F, QuerySet

from budgets.models import BudgetCell
from budgets.tying import Row, differences, disagreements, rows

__all__ = [
    "MOST_FAULTS",
    "Check",
    "Proof",
    "Row",
    "cell_name",
    "check",
    "differences",
    "disagreements",
    "figures",
    "first",
    "first_rows",
    "prove",
    "register",
    "registered",
    "rows",
]

MOST_FAULTS = 20  # of one check; the first one is what matters


@dataclass(frozen=True)
class Proof:
    """What a check compared, in words with figures, and the rows at which it failed."""

    compared: str
    faults: list[str] = field(default_factory=list)


Check = Callable[[], Proof]
_checks: dict[str, Check] = {}
_proves: dict[str, tuple[str, ...]] = {}


def register(name: str, check: Check, *, proves: tuple[str, ...] = ()) -> None:
    """Add a check under its name, with the rules that it proves from the data.

    Called from `AppConfig.ready()`; they run in that order.
    """
    _checks[name], _proves[name] = check, proves


def registered() -> dict[str, tuple[str, ...]]:
    """The names of all checks with the rules that each proves."""
    return dict(_proves)


def prove() -> Iterator[tuple[str, Proof]]:
    """Run every check, the ledger's own first. Call it inside `core.snapshot.snapshot`."""
    for name, check in _checks.items():
        yield name, check()


def check(name: str) -> Proof:
    """Run one check by its name."""
    return _checks[name]()


def first(faults: Iterable[str]) -> list[str]:
    """As many faults as are worth printing."""
    return list(islice(faults, MOST_FAULTS))


def first_rows(rows: QuerySet[Any]) -> list[Any]:
    """The first of the rows at which a check fails, by their numbers. Statements: 1.

    Put in order by what no index holds: PostgreSQL would else walk the whole index, row by row, in
    the hope of finding enough of them soon, where there are none.
    """
    return list(rows.order_by(F("pk") + 0)[:MOST_FAULTS])


def cell_name(pk: int) -> str:
    """A budget cell in the words of its coding and year."""
    found = BudgetCell.objects.select_related(
        "cost_center", "gl_account", "project", "fiscal_year"
    ).filter(pk=pk)
    return str(found.first() or "gone")


def figures(values: Iterable[Decimal]) -> str:
    return " / ".join(f"{value:,.2f}" for value in values)
