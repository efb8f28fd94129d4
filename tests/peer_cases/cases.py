"""Purchase-to-pay cases of other systems: which of them this product plays."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.shared_data import SHARED

# What the cases are asked for: the spine of a purchase, and the books of budgets.
TAGS = frozenset(
    {
        "partial-receipt",
        "three-way",
        "two-way",
        "over-receipt",
        "release-close",
        "release-cancel",
        "budget-stop",
        "commitment",
        # of the books of budgets
        "committed-vs-actual",
        "accrual",
        "allocation",
        "budget-warn",
        "budget-annual",
        "budget-monthly",
        "budget-transfer",
        "multi-currency",
        "amendment",
        "blanket",
    }
)


@dataclass(frozen=True)
class Case:
    """One case: figures are decimal strings, compare them as decimals."""

    id: str
    title: str
    tags: frozenset[str]
    given: dict[str, Any]
    expect: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What happens, in time; counted from 1 in `expected_after`."""
        return self.given.get("steps", [])

    @property
    def alternatives(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Independent small cases, each with what is expected of it."""
        return list(zip(self.given.get("cases", []), self.expect.get("cases", []), strict=True))

    def expected_after(self, step: int) -> dict[str, Any]:
        """Figures that must hold after the step of this number; those not named are free."""
        return self.expect.get("steps", {}).get(str(step), {})

    @property
    def finally_expected(self) -> dict[str, Any]:
        """Figures that must hold at the end."""
        return self.expect.get("final", {})


def selected() -> list[Case]:
    """The `must` cases with one of TAGS, in the order of the file; none where it is absent."""
    path = SHARED / "peer-cases" / "cases.json"
    if not path.is_file():
        return []
    rows = json.loads(path.read_text("utf-8"))["cases"]
    return [
        Case(row["id"], row["title"], frozenset(row["tags"]), row["given"], row["expect"])
        for row in rows
        if row["strength"] == "must" and TAGS & set(row["tags"])
    ]


def figure(value: Any) -> Decimal:
    """A figure of a case."""
    return Decimal(str(value))
