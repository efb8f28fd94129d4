"""Writing some columns of many rows that exist and are locked."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def store(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of rows whose locks the caller holds. Statements: 1, or none without rows.

    By hand, because `bulk_update` spells a CASE per field and row, and composing that costs many
    times what the database needs to run it. Like it, this leaves no history row: for lines and
    balances, never for documents.
    """
    if not rows:
        return
    meta = rows[0]._meta
    written: list[Any] = [meta.get_field(name) for name in fields]
    pk: Any = meta.pk
    plain = ", ".join(["%s"] * (len(written) + 1))
    values = ", ".join([f"({_typed(pk, *written)})", *[f"({plain})"] * (len(rows) - 1)])
    names = ["id", *(each.column for each in written)]
    columns = ", ".join(f'"{name}"' for name in names)
    moves = ", ".join(f'"{name}" = "new"."{name}"' for name in names[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            f'WITH "new" ({columns}) AS (VALUES {values}) '  # noqa: S608
            f'UPDATE "{meta.db_table}" SET {moves} FROM "new" '
            f'WHERE "{meta.db_table}"."{pk.column}" = "new"."id"',
            [
                each.get_db_prep_value(getattr(row, each.attname), connection)
                for row in rows
                for each in (pk, *written)
            ],
        )


def _typed(*fields: Any) -> str:
    """Placeholders of the first row, which tells PostgreSQL the types of all.

    Without lengths and scales, to which a cast would cut silently.
    """
    if connection.vendor != "postgresql":
        return ", ".join(["%s"] * len(fields))
    types = (each.cast_db_type(connection).partition("(")[0] for each in fields)
    return ", ".join(f"CAST(%s AS {each})" for each in types)
