"""Tables that only grow: the database itself refuses UPDATE and DELETE on them.

Triggers are (re)installed after every migrate, because SQLite drops them when it rebuilds a table.
"""

from typing import Any

from django.db import connection, connections, models

_tables: list[type[models.Model]] = []


def protect(model: type[models.Model]) -> None:
    """Refuse updates and deletes on this model's table from the next migrate on."""
    if model not in _tables:
        _tables.append(model)


def tables() -> list[str]:
    """The protected tables by name."""
    return [model._meta.db_table for model in _tables]


def install_triggers(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: create the triggers of the protected tables of this app."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for model in _tables:
            table = model._meta.db_table
            if model._meta.app_config is sender and table in present:
                for statement in _statements(connection.vendor, table):
                    cursor.execute(statement)


def _statements(vendor: str, table: str) -> list[str]:
    if vendor == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"DROP TRIGGER IF EXISTS {table}_rows ON {table}",
            f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            f"DROP TRIGGER IF EXISTS {table}_truncate ON {table}",
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def unprotected() -> list[str]:
    """The tables on which a trigger is gone or switched off. Statements: 1."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
            )
            names = ("{}_rows", "{}_truncate")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            names = ("{}_update", "{}_delete")
        present = {name for (name,) in cursor.fetchall()}
    return [table for table in tables() if not all(name.format(table) in present for name in names)]
