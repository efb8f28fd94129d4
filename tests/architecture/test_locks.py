"""How rows are locked: never so that a row which merely refers to them has to wait."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    *("core", "accounts", "approvals", "budgets", "vendors", "budgeting", "chargeback"),
    *(
        "requisitions",
        "purchase_orders",
        "invoicing",
        "reports",
        "notifications",
        "administration",
        "po_portal",
    ),
)


def locking_calls() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "select_for_update"
    ]


def test_a_lock_lets_others_refer_to_the_row() -> None:
    """FOR UPDATE keeps a foreign key waiting, which PostgreSQL checks at commit: behind the
    trail's head, the last lock. Whoever waits there and holds the row waits for it in a circle.
    """
    calls = locking_calls()
    assert len(calls) > 20
    strict = [
        place
        for place, call in calls
        if not any(
            word.arg == "no_key" and getattr(word.value, "value", False) for word in call.keywords
        )
    ]
    assert not strict
