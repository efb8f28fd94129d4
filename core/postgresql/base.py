"""Django's PostgreSQL backend; what units of work ask often is planned once a connection.

A step of a purchase sends some twenty statements that find rows by their keys. Parsing and planning
them takes PostgreSQL longer than running them, so within `core.transactions.atomic` values are
bound by the server, and a statement that comes again is prepared. What pages and reports ask keeps
its values in the text: there the best plan depends on them, and lists may be of any length.
ADR 32 has the figures.
"""

from typing import Any

from django.db.backends.postgresql import base, operations

from core import transactions

MOST_PREPARED = 300  # of a connection; a life of a purchase has some 150
MOST_VALUES = 2**16 - 1  # of one statement, in PostgreSQL's protocol


class DatabaseOperations(operations.DatabaseOperations):
    def bulk_batch_size(self, fields: Any, objs: Any) -> int:
        """Rows of one INSERT: as many as can be bound."""
        return MOST_VALUES // max(len(fields), 1)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.prepared_max = MOST_PREPARED
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        bound = transactions.is_running()
        self.connection.cursor_factory = base.ServerBindingCursor if bound else base.Cursor
        return super().create_cursor(name)
