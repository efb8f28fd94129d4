"""What others need to know of a budget change: approvals its facts, people its words."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from budgeting.inputs import MoveInput
from budgeting.models import BudgetChange, BudgetChangeLine
from budgets.models import BudgetCell
from core import events
from core.money import ZERO, round_amount

_CODING = (
    "cell__entity",
    "cell__fiscal_year",
    "cell__cost_center",
    "cell__gl_account",
    "cell__project",
    "adjustment",
)


def lines_of(change: BudgetChange) -> list[BudgetChangeLine]:
    """Its lines in order, with everything that says which budget they are about. Statements: 1."""
    return list(change.lines.select_related(*_CODING))


def title(change: BudgetChange, moves: Sequence[MoveInput]) -> str:
    """What it does in one sentence, for lists and mails."""
    currency = change.entity.currency
    if change.kind == BudgetChange.Kind.TRANSFER:
        said = f"Transfer of {round_amount(change.total, currency):,} {currency}"
        if len(moves) != 2:
            return f"{said} among {len(moves)} budgets"
        giving, getting = sorted(moves, key=lambda each: each.amount)
        return f"{said} from {_coding(giving.cell)} to {_coding(getting.cell)}"[:200]
    change_ = round_amount(sum((each.amount for each in moves), ZERO), currency)
    about = _coding(moves[0].cell) if len(moves) == 1 else f"{len(moves)} budgets"
    return f"Revision of {about} by {change_:+,} {currency}"[:200]


def content(change: BudgetChange) -> dict[str, Any]:
    """Everything that is agreed to, as JSON data."""
    return {
        "kind": change.kind,
        "reason": change.reason,
        "lines": [
            {"budget": str(line.cell_id), "name": str(line.cell), "amount": str(plain(line))}
            for line in lines_of(change)
        ],
    }


def plain(line: BudgetChangeLine) -> Decimal:
    return round_amount(Decimal(line.amount), line.cell.entity.currency)


def digest(change: BudgetChange) -> str:
    """SHA-256 over everything that is agreed to."""
    return hashlib.sha256(json.dumps(content(change), sort_keys=True).encode()).hexdigest()


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Field by field what differs between two contents, as the trail keeps it."""
    return events.differences(_flat(before), _flat(after))


def approval_facts(change: BudgetChange, lines: Iterable[BudgetChangeLine]) -> dict[str, Any]:
    """The facts that policy rules ask about. Amounts are base currency.

    Owners of every budget it touches count, of those that get as of those that give.
    """
    cells = [line.cell for line in lines]
    owned: dict[str, set[str]] = {}
    for cell in cells:
        # "" stands for a cost centre without an owner: somebody must decide for it, too
        owned.setdefault(str(cell.cost_center.owner_id or ""), set()).add(cell.cost_center.code)
    return {
        "amount": str(change.total),
        "currency": change.entity.currency,
        "cost_centers": sorted({cell.cost_center.code for cell in cells}),
        "gl_accounts": sorted({cell.gl_account.code for cell in cells}),
        "gl_classes": sorted({str(cell.gl_account.kind) for cell in cells}),
        "budget_owners": sorted(owned),
        "centers_by_owner": {owner: sorted(codes) for owner, codes in owned.items()},
    }


def _flat(said: dict[str, Any]) -> dict[str, str]:
    amounts = {each["name"]: each["amount"] for each in said["lines"]}
    return {"kind": said["kind"], "reason": said["reason"], **dict(sorted(amounts.items()))}


def _coding(cell: BudgetCell) -> str:
    return str(cell)
