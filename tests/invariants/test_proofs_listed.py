"""docs/proofs.md names what proves each rule; every check, constraint and test in it exists."""

import re
from pathlib import Path

import pytest

from budgets import invariants
from core import constraints

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")
ROWS = {
    found[1]: line
    for line in TEXT.splitlines()
    if (found := re.match(r"\| ([MT]\d+) ", line)) is not None
}


def test_every_row_is_there():
    assert list(ROWS) == [*(f"M{n}" for n in range(1, 19)), *(f"T{n}" for n in range(1, 9))]


@pytest.mark.parametrize("row", list(ROWS))
def test_a_row_is_proven_by_checks_that_exist_or_by_tests(row):
    checks = {name.strip() for name in ROWS[row].split("|")[2].split("·")} - {""}
    assert checks <= set(invariants.registered())
    assert checks or "tests/" in ROWS[row], f"nothing proves {row}"


def test_every_test_named_exists():
    named = set(re.findall(r"`(tests/[\w/.]+)`", TEXT))
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_constraint_named_exists():
    cells = [ROWS[f"M{n}"].split("|")[3] for n in range(1, 19)]
    named = set(re.findall(r"`(\w+)`", " ".join(cells)))
    assert named <= set(constraints.declared())


@pytest.mark.parametrize("row", [f"M{n}" for n in range(1, 18)])
def test_a_row_that_data_can_show_has_a_check_that_says_it_proves_it(row):
    assert [name for name, rules in invariants.registered().items() if row in rules]
