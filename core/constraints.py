"""Whether the database still has every constraint that the models and their columns declare."""

from django.apps import apps
from django.db import connection

from core.fields import ExactDecimalField


def declared() -> dict[str, str]:
    """The table of every constraint that a model of ours names."""
    return {
        constraint.name: model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for constraint in model._meta.constraints
    }


def missing() -> list[tuple[str, str]]:
    """Constraint and table of each that is gone, or not in force. Statements: 1."""
    wanted = declared()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE convalidated UNION "
                "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid "
                "WHERE indisvalid AND indisready AND indisunique"
            )
            present = {name for (name,) in cursor.fetchall()}
        else:
            cursor.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            text = "\n".join(sql for (sql,) in cursor.fetchall())
            present = {name for name in wanted if f'"{name}"' in text}
    return sorted((name, table) for name, table in wanted.items() if name not in present)


def open_to_nan() -> list[tuple[str, str]]:
    """Table and column of each exact decimal that would take NaN, which is no number.

    PostgreSQL's range of `numeric(18, 4)` refuses infinity, but not this. Statements: 1, or none.
    """
    if connection.vendor != "postgresql":
        return []
    ours = {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, ExactDecimalField)
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
            "WHERE atttypid = 'numeric'::regtype AND attnum > 0 AND NOT attisdropped "
            "AND relkind = 'r' AND relnamespace = current_schema()::regnamespace "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = attrelid "
            "AND conkey = ARRAY[attnum] AND convalidated "
            "AND position('NaN' IN pg_get_constraintdef(pg_constraint.oid)) > 0)"
        )
        return sorted(ours & set(cursor.fetchall()))


def unproven() -> list[tuple[str, str]]:
    """Table and name of each check that holds for new rows and was not asked of old ones yet.

    Statements: 1, or none: SQLite has none.
    """
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, conname FROM pg_constraint "
            "JOIN pg_class ON pg_class.oid = conrelid WHERE contype = 'c' AND NOT convalidated "
            "AND relnamespace = current_schema()::regnamespace ORDER BY relname, conname"
        )
        return list(cursor.fetchall())
