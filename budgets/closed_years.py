"""A closed fiscal year takes no entries: the database itself refuses them (rule M16).

By a trigger, because a year may be closed while somebody still posts to it. Installed after every
migrate, like those of `core.append_only`.
"""

from typing import Any

from django.db import connections

from budgets.models import BudgetCell, FiscalYear, LedgerEntry

_CLOSED = (
    'EXISTS (SELECT 1 FROM "{years}" y WHERE NOT y.is_open AND y.entity_id = NEW.entity_id AND '
    "(NEW.posting_date BETWEEN y.starts_on AND y.ends_on OR "
    'y.id = (SELECT c.fiscal_year_id FROM "{cells}" c WHERE c.id = NEW.cell_id)))'
)


def install_trigger(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: create the trigger once the tables are there."""
    table = LedgerEntry._meta.db_table
    connection = connections[using]
    if LedgerEntry._meta.app_config is not sender:
        return
    if table not in connection.introspection.table_names():
        return
    closed = _CLOSED.format(years=FiscalYear._meta.db_table, cells=BudgetCell._meta.db_table)
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor, table, closed):
            cursor.execute(statement)


def _statements(vendor: str, table: str, closed: str) -> list[str]:
    words = f"{table}: the fiscal year is closed"
    if vendor == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION refuse_closed_year() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {closed} THEN RAISE EXCEPTION '{words}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
            f"DROP TRIGGER IF EXISTS {table}_year ON {table}",
            f"CREATE TRIGGER {table}_year BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_closed_year()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_year BEFORE INSERT ON {table} WHEN {closed} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    ]
