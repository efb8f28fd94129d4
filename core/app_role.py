"""The database role that web and workers run as: it may add to the ledger and trail, never alter.

Migrations run as the owner of the tables, with APP_DATABASE_ROLE naming the role that everything
else signs in as. Triggers refuse changes to protected tables in any case; for this role the
database refuses before a trigger is asked, and it cannot drop one. PostgreSQL only.
"""

from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import sql

from core import append_only


def prepare(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: create the role where a password is given, and set its rights."""
    role = settings.APP_DATABASE_ROLE
    connection = connections[using]
    if not role or connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if settings.APP_DATABASE_PASSWORD:
            _create(cursor, role, settings.APP_DATABASE_PASSWORD)
        for statement in _rights(role):
            cursor.execute(statement)


def _create(cursor: Any, role: str, password: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    # one that can sign in and nothing else: no owner, no superuser, no new roles or databases
    statement = sql.SQL(f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {{}}")
    cursor.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def _rights(role: str) -> list[sql.Composed]:
    name = sql.Identifier(role)
    grants = [
        "GRANT USAGE ON SCHEMA public TO {}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
    ]
    only_grow = sql.SQL(", ").join(sql.Identifier(table) for table in append_only.tables())
    return [
        *(sql.SQL(grant).format(name) for grant in grants),
        sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(only_grow, name),
    ]


def too_much() -> list[str]:
    """The protected tables that the portal's own role may alter. Statements: 1, or none."""
    role = settings.APP_DATABASE_ROLE
    connection = connections["default"]
    if not role or connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(CAST(%s AS text[])) AS name "
            "WHERE has_table_privilege(%s, name, 'UPDATE') "
            "OR has_table_privilege(%s, name, 'DELETE') "
            "OR has_table_privilege(%s, name, 'TRUNCATE')",
            [append_only.tables(), role, role, role],
        )
        return [name for (name,) in cursor.fetchall()]
