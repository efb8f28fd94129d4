"""What the database itself refuses of an entry, whoever writes it, by a trigger.

A closed fiscal year takes none (rule M16): a year may be closed while somebody still posts to it.
No entry is of another entity than its budget, or takes back one of another entity or currency
(M17); as foreign keys, that would need an index more on the largest tables. Installed after every
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

_ASTRAY = (
    'NOT EXISTS (SELECT 1 FROM "{cells}" c WHERE c.id = NEW.cell_id AND '
    "c.entity_id = NEW.entity_id) OR NEW.reverses_id IS NOT NULL AND "
    'NOT EXISTS (SELECT 1 FROM "{entries}" e WHERE e.id = NEW.reverses_id AND '
    "e.entity_id = NEW.entity_id AND e.currency = NEW.currency)"
)


def install_trigger(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: create the trigger once the tables are there."""
    table = LedgerEntry._meta.db_table
    connection = connections[using]
    if LedgerEntry._meta.app_config is not sender:
        return
    if table not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor, table):
            cursor.execute(statement)


def _statements(vendor: str, table: str) -> list[str]:
    names = {
        "years": FiscalYear._meta.db_table,
        "cells": BudgetCell._meta.db_table,
        "entries": table,
    }
    walls = {
        "year": (_CLOSED.format(**names), f"{table}: the fiscal year is closed"),
        "entity": (_ASTRAY.format(**names), f"{table}: of another entity or currency"),
    }
    if vendor == "postgresql":
        refusals = " ".join(
            f"IF {refused} THEN RAISE EXCEPTION '{words}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF;"
            for refused, words in walls.values()
        )
        return [
            "CREATE OR REPLACE FUNCTION refuse_closed_year() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {refusals} RETURN NEW; END $$",
            f"DROP TRIGGER IF EXISTS {table}_year ON {table}",
            f"CREATE TRIGGER {table}_year BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_closed_year()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_{name} BEFORE INSERT ON {table} WHEN {refused} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for name, (refused, words) in walls.items()
    ]
