"""The stored balances of cells: they move by one UPDATE, which refuses what does not fit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

from accounts.models import Control
from budgets.models import BudgetCell, Stage
from core import rows
from core.fields import AmountField
from core.money import ZERO

_TABLE = BudgetCell._meta.db_table
_STAGES = {Stage.PRE: "pre_encumbered", Stage.ENC: "encumbered", Stage.ACT: "spent"}
_COLUMNS = ", ".join(f'"{name}"' for name in ("id", *_STAGES.values(), "takes"))
_FIELDS = (BudgetCell._meta.pk, *[AmountField()] * (len(_STAGES) + 1))
_SETS = ", ".join(f'"{name}" = "{_TABLE}"."{name}" + "new"."{name}"' for name in _STAGES.values())
_USED = " + ".join(f'"{_TABLE}"."{name}"' for name in _STAGES.values())
_FITS = f'"{_TABLE}"."amount" >= {_USED} + "new"."takes" - "{_TABLE}"."overdraft"'


def move(deltas: Mapping[int, Mapping[str, Decimal]], *, has_reason: bool) -> set[int]:
    """Move cells by signed base amounts of each stage; returns the cells that refused.

    What gives more than it takes always moves. Else a cell under control *stop* must have it, one
    that warns have it or a reason. Cells are locked in primary-key order, the same for everybody.
    By hand, because Django composes and sends an UPDATE for each cell. Statements: 1 at most.
    """
    moves = {pk: deltas[pk] for pk in sorted(deltas) if any(deltas[pk].values())}
    if not moves:
        return set()
    values = rows.typed_values(_FIELDS, rows=len(moves))
    held, among = _held(len(moves))
    control = ("<>", Control.STOP) if has_reason else ("=", Control.TRACK)
    with connection.cursor() as cursor:
        cursor.execute(
            f'WITH "new" ({_COLUMNS}) AS ({values}){held} '  # noqa: S608
            f'UPDATE "{_TABLE}" SET {_SETS} FROM {among} WHERE "{_TABLE}"."id" = "new"."id" '
            f'AND ("new"."takes" <= 0 OR {_FITS} OR "{_TABLE}"."control" {control[0]} %s) '
            f'RETURNING "{_TABLE}"."id"',
            [*_parameters(moves), *(moves if held else ()), control[1].value],
        )
        return moves.keys() - {pk for (pk,) in cursor.fetchall()}


def _held(cells: int) -> tuple[str, str]:
    """The part that locks several cells in order before one of them moves; SQLite has no need."""
    if cells == 1 or connection.vendor != "postgresql":
        return "", '"new"'
    places = ", ".join(["%s"] * cells)
    locking = f'SELECT "id" FROM "{_TABLE}" WHERE "id" IN ({places}) ORDER BY "id"'  # noqa: S608
    held = f', "held" AS MATERIALIZED ({locking} FOR NO KEY UPDATE)'
    return held, '"new" INNER JOIN "held" ON "held"."id" = "new"."id"'


def _parameters(moves: Mapping[int, Mapping[str, Decimal]]) -> list[Any]:
    made: list[Any] = []
    for pk, stages in moves.items():
        amounts = [stages.get(stage, ZERO) for stage in _STAGES]
        amounts.append(sum(amounts, ZERO))
        values = zip(_FIELDS, (pk, *amounts), strict=True)
        made += (field.get_db_prep_value(value, connection) for field, value in values)
    return made
