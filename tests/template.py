"""What a builder writes, kept once and written again for each test: rows by table, objects pickled.

Most tests begin with the same organisation. To build it through the models takes some 130
statements and 25 ms; to write the same rows again takes 2.
"""

import pickle
import re
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

Built = TypeVar("Built")
INSERTED = re.compile(r'INSERT INTO "(\w+)"')


class Template(Generic[Built]):
    """Builds once and takes it back; `written()` then gives the same rows and fresh objects.

    The tables that the builder fills must be empty before.
    """

    def __init__(self, build: Callable[[], Built]) -> None:
        with transaction.atomic():
            with CaptureQueriesContext(connection) as sent:
                built = build()
            tables = dict.fromkeys(t for each in sent for t in INSERTED.findall(each["sql"]))
            self.inserts = [_insert(table) for table in tables]
            transaction.set_rollback(True)
        if connection.vendor == "postgresql":
            self.inserts = [";".join(self.inserts)]  # sent in one go; SQLite takes one by one
        self.pickled = pickle.dumps(built)

    def written(self) -> Built:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in self.inserts:
                cursor.execute(statement)
        built: Built = pickle.loads(self.pickled)
        return built


def _insert(table: str) -> str:
    """One statement for all rows that the table holds now; the database quotes its own values."""
    quoted = "quote_nullable({}::text)" if connection.vendor == "postgresql" else "quote({})"
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" LIMIT 0')
        columns = [f'"{column[0]}"' for column in cursor.description]
        cursor.execute(f'SELECT {", ".join(map(quoted.format, columns))} FROM "{table}"')
        rows = ", ".join(f"({', '.join(row)})" for row in cursor.fetchall())
    return f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES {rows}'
