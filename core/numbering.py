"""Numbers of issued documents: gapless per stream, kind and fiscal year, never used twice."""

from django.db import connection

from core.models import NumberSequence

_TABLE = NumberSequence._meta.db_table
# One statement takes the row's lock, counts and tells; Django's upsert can set but not add.
_NEXT = (
    f'INSERT INTO "{_TABLE}" ("stream", "kind", "fiscal_year", "last") '  # noqa: S608
    'VALUES (%s, %s, %s, 1) ON CONFLICT ("stream", "kind", "fiscal_year") '
    f'DO UPDATE SET "last" = "{_TABLE}"."last" + 1 RETURNING "last"'
)


def take(*, stream: str, kind: str, fiscal_year: int) -> str:
    """The next number, such as `PO-2026-000123`. Statements: 1.

    Call it inside the transaction that issues the document and after every other lock: the
    sequence's row stays locked until commit, so a rollback gives the number back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [stream, kind, fiscal_year])
        (last,) = cursor.fetchone()
    return f"{kind}-{fiscal_year}-{last:06d}"
