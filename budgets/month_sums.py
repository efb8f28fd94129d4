"""The sums of each budget and month, kept by the database itself as entries come in.

By a trigger, so that a posting costs no statement more, and no way of writing entries can forget
it. A posting holds the locks of its cells by then, and rows are taken by cell, then month: no two
transactions meet on them in different order. Installed after every migrate, like those of
`core.append_only`.
"""

from typing import Any

from django.db import connections

from budgets.models import LedgerEntry, MonthSum, Stage

_COLUMNS = {Stage.PRE: "pre_encumbered", Stage.ENC: "encumbered", Stage.ACT: "spent"}
_INTO = '"cell_id", "month", ' + ", ".join(f'"{name}"' for name in _COLUMNS.values())


def install_trigger(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: create the trigger once both tables are there."""
    connection = connections[using]
    if LedgerEntry._meta.app_config is not sender:
        return
    tables = (LedgerEntry._meta.db_table, MonthSum._meta.db_table)
    if not set(tables) <= set(connection.introspection.table_names()):
        return
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor, *tables):
            cursor.execute(statement)


def added(vendor: str, entries: str, sums: str) -> str:
    """SQL that adds the rows of `entries` to the table of sums. PostgreSQL and SQLite."""
    month = "date(posting_date, 'start of month')"
    if vendor == "postgresql":
        month = "date_trunc('month', posting_date::timestamp)::date"
    values = ", ".join(
        f"COALESCE(SUM(CASE WHEN stage = '{stage}' THEN amount END), 0)" for stage in _COLUMNS
    )
    return (
        f'INSERT INTO "{sums}" ({_INTO}) '  # noqa: S608
        f"SELECT cell_id, {month}, {values} FROM {entries} "
        f"WHERE true GROUP BY 1, 2 ORDER BY 1, 2 {_or_add(sums)}"
    )


def _or_add(sums: str) -> str:
    moves = ", ".join(
        f'"{name}" = "{sums}"."{name}" + excluded."{name}"' for name in _COLUMNS.values()
    )
    return f'ON CONFLICT ("cell_id", "month") DO UPDATE SET {moves}'


def _statements(vendor: str, entries: str, sums: str) -> list[str]:
    if vendor == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION add_month_sums() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {added(vendor, 'added', sums)}; RETURN NULL; END $$",
            f"DROP TRIGGER IF EXISTS {entries}_months ON {entries}",
            f"CREATE TRIGGER {entries}_months AFTER INSERT ON {entries} REFERENCING NEW TABLE AS "
            "added FOR EACH STATEMENT EXECUTE FUNCTION add_month_sums()",
        ]
    values = ", ".join(
        f"CASE NEW.stage WHEN '{stage}' THEN NEW.amount ELSE 0 END" for stage in _COLUMNS
    )
    row = f"NEW.cell_id, date(NEW.posting_date, 'start of month'), {values}"
    adding = f'INSERT INTO "{sums}" ({_INTO}) VALUES ({row}) {_or_add(sums)}'  # noqa: S608
    return [
        f"CREATE TRIGGER IF NOT EXISTS {entries}_months AFTER INSERT ON {entries} "
        f"BEGIN {adding}; END"
    ]
