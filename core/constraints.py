"""Whether the database still has every constraint that the models declare."""

from django.apps import apps
from django.db import connection


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
