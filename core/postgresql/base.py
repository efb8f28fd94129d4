"""Django's PostgreSQL backend; what units of work ask often is planned once a connection.

A step of a purchase sends some twenty statements that find rows by their keys. Parsing and planning
them takes PostgreSQL longer than running them, so within `core.transactions.atomic` values are
bound by the server, and a statement that comes again is prepared. What pages and reports ask keeps
its values in the text: there the best plan depends on them, and lists may be of any length.
ADR 34 has the figures.
"""

from functools import lru_cache
from typing import Any

from django.db.backends.postgresql import base, operations
from psycopg import ClientCursor, _queries

from core import transactions

MOST_PREPARED = 300  # of a connection; a life of a purchase has some 150
MOST_VALUES = 2**16 - 1  # that PostgreSQL's protocol binds to one statement
MOST_KEPT = 1000  # values of a statement whose text is worth keeping


class _Query(_queries.PostgresQuery):
    """A statement whose text is taken apart once, that of many rows too.

    psycopg keeps short ones only, as rows come in any number; those of a document come in few.
    """

    __slots__ = ()

    def convert(self, query: Any, vars: Any) -> None:
        if vars is None or not isinstance(query, str) or len(vars) > MOST_KEPT:
            super().convert(query, vars)
            return
        taken_apart = _taken_apart(query.encode(self._tx.encoding), self._tx.encoding)
        self.query, self._want_formats, self._order, self._parts = taken_apart
        self.dump(vars)


_taken_apart = lru_cache(maxsize=MOST_PREPARED)(_queries._query2pg_nocache)


class Cursor(base.ServerBindingCursor):
    _query_cls = _Query

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """What has more values than can be bound is sent with its values in the text."""
        if params is not None and len(params) > MOST_VALUES:
            query, params = ClientCursor(self.connection).mogrify(query, params), None
        return super().execute(query, params, **options)


class DatabaseOperations(operations.DatabaseOperations):
    def bulk_batch_size(self, fields: Any, objs: Any) -> int:
        """Rows of one INSERT: as many as can be bound."""
        return MOST_VALUES // max(len(fields), 1)

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """What was sent; psycopg does not keep it of a statement that it just prepared."""
        return super().last_executed_query(cursor, sql, params) or str(sql)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.prepared_max = MOST_PREPARED
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        bound = transactions.is_running()
        self.connection.cursor_factory = Cursor if bound else base.Cursor
        return super().create_cursor(name)
