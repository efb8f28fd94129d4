"""Received, not invoiced: stored sums beside the ledger, which receipts do not touch (C6)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from budgets.models import AccruedSum
from core.transactions import atomic

_TABLE = AccruedSum._meta.db_table
_followers: list[Callable[[UUID], AbstractContextManager[None]]] = []


@atomic
def accrue(moves: Mapping[tuple[int, date], Decimal]) -> None:
    """Move what budgets accrue by signed base amounts, each on the day from which it counts.

    The sum of a day and the sum of all days move together. Rows are locked by cell, then day: the
    last locks of a transaction but the trail's. Statements: 1, or none without a move. Not
    repeatable: callers hold the lock of the document that moved.
    """
    sums: dict[tuple[int, date | None], Decimal] = defaultdict(Decimal)
    for (cell, day), amount in moves.items():
        if amount:
            sums[cell, None] += amount
            sums[cell, day] += amount
    # A budget's sum of all days comes first even where nothing is left to add to it: whoever holds
    # it holds all its days, so no two transactions meet on days in different order.
    rows = sorted(sums, key=lambda key: (key[0], key[1] or date.min))
    if rows:
        _add([(cell, day, sums[cell, day]) for cell, day in rows])


def follow_by(following: Callable[[UUID], AbstractContextManager[None]]) -> None:
    """`following(document_id)` stands around what lets commitments of a document stand elsewhere.

    Filled in `apps.py` of those who know what came; no import points up.
    """
    if following not in _followers:
        _followers.append(following)


@contextmanager
def along(documents: Iterable[UUID]) -> Iterator[None]:
    """Let what documents accrue go to the cells in which the block lets their commitments stand.

    Documents are locked, in key order, before it. Statements: none without a document.
    """
    with ExitStack() as stack:
        for document in sorted(set(documents)):
            for following in _followers:
                stack.enter_context(following(document))
        yield


def _add(rows: list[tuple[int, date | None, Decimal]]) -> None:
    """Add to rows, making those that are not there yet, in this order.

    By hand, because Django's upsert can set a column but not add to it.
    """
    fields: list[Any] = [AccruedSum._meta.get_field(name) for name in ("cell", "day", "amount")]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{_TABLE}" ("cell_id", "day", "amount") '  # noqa: S608
            f"VALUES {', '.join(['(%s, %s, %s)'] * len(rows))} "
            f'ON CONFLICT ("cell_id", COALESCE("day", \'{date.min}\')) DO UPDATE '
            f'SET "amount" = "{_TABLE}"."amount" + EXCLUDED."amount"',
            [
                field.get_db_prep_value(value, connection)
                for row in rows
                for field, value in zip(fields, row, strict=True)
            ],
        )
