"""Two sums that were made independently, compared: in the database, or as two ordered streams."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql import Query

from core.money import ZERO
from core.snapshot import in_key_order

Row = tuple[Any, tuple[Decimal, ...]]
Difference = tuple[Any, tuple[Decimal, ...], tuple[Decimal, ...]]


def disagreements(
    stored: QuerySet[Any],
    counted: QuerySet[Any],
    *,
    keys: int = 1,
    most: int | None = None,
    known_only: bool = False,
    few: bool = False,
) -> Iterator[Difference]:
    """Key, stored and counted figures wherever two queries do not add up to the same by key.

    Both are `values_list` of as many keys, then figures; rows of one key are added up, a key that
    one side lacks counts as zeros there. `known_only`: a key that `stored` lacks is nobody's
    business. `few`: many rows share a key. In key order, at most so many. Statements: 1, and only
    what differs is fetched.
    """
    connection = connections[stored.db]
    compiler = _unordered(stored).get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    others, more = _unordered(counted).get_compiler(connection=connection).as_sql()
    columns = [column for column, *_ in compiler.select]
    width = len(columns) - keys
    statement = _statement(sql, others, keys=keys, width=width, known_only=known_only, few=few)
    limit = "" if most is None else f" LIMIT {most}"
    with nullcontext() if few else in_key_order(), connection.cursor() as cursor:
        cursor.execute(f"{statement}{limit}", (*parameters, *more))
        found = cursor.fetchall()
    converters = compiler.get_converters([*columns, *columns[keys:]])
    for row in compiler.apply_converters(found, converters):
        values = tuple(row[keys:])
        yield (row[0] if keys == 1 else tuple(row[:keys])), values[:width], values[width:]


def _unordered(rows: QuerySet[Any]) -> Query:
    """Sums need no order, and SQLite takes none inside a UNION."""
    query = rows.order_by().query
    for part in query.combined_queries:
        part.clear_ordering(force=True)
    return query


def _statement(
    stored: str, counted: str, *, keys: int, width: int, known_only: bool, few: bool
) -> str:
    """Both queries one under the other, added up by key; only unequal sums are kept."""
    apart = "MATERIALIZED " if few else ""  # or an index would bring its rows in order, one by one
    key = ", ".join(f"k{place}" for place in range(keys))
    says, told = ([f"{side}{place}" for place in range(width)] for side in ("s", "c"))
    sums = [f"COALESCE(SUM({name}), 0)" for name in (*says, *told)]
    unequal = " OR ".join(f"{one} <> {two}" for one, two in zip(sums, sums[width:], strict=False))
    known = " AND SUM(known) > 0" if known_only else ""
    return (
        f"WITH stored({key}, {', '.join(says)}) AS ({stored}), "  # noqa: S608
        f"counted({key}, {', '.join(told)}) AS {apart}({counted}) "
        f"SELECT {key}, {', '.join(sums)} FROM ("
        f"SELECT {key}, {', '.join(says)}, {', '.join(f'NULL AS {name}' for name in told)}, "
        f"1 AS known FROM stored UNION ALL "
        f"SELECT {key}, {', '.join(['NULL'] * width)}, {', '.join(told)}, 0 FROM counted) AS rows "
        f"GROUP BY {key} HAVING ({unequal}){known} ORDER BY {key}"
    )


def differences(stored: Iterable[Row], counted: Iterable[Row]) -> Iterator[Difference]:
    """The same of two streams ordered by key, for what no database can add up.

    Memory: one row of each side.
    """
    left, right = iter(stored), iter(counted)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            key, says, sums = a[0], a[1], (ZERO,) * len(a[1])
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            key, says, sums = b[0], (ZERO,) * len(b[1]), b[1]
            b = next(right, None)
        else:
            key, says, sums = a[0], a[1], b[1]
            a, b = next(left, None), next(right, None)
        if says != sums:
            yield key, says, sums


def rows(found: Any, keys: int = 1) -> Iterator[Row]:
    """Key and figures of `values_list` rows; sums over nothing are zero."""
    for row in found.iterator(chunk_size=5000):
        key = row[0] if keys == 1 else row[:keys]
        yield key, tuple(value if value is not None else ZERO for value in row[keys:])
