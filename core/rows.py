"""Writing rows by statements that are composed once.

Django composes an INSERT or UPDATE field by field each time, and `bulk_update` spells a CASE for
each row; for what every step of a purchase writes, that costs many times what the database needs.
`insert` and `store` send no signal and leave no history row: for lines, entries, events and
balances. Documents save through `ComposedSave`, with all that a save brings.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

Row = TypeVar("Row", bound=models.Model)

# What PostgreSQL's driver takes for a field as it is; of another type, the field says what to send.
_TAKEN: dict[str, type] = {
    "BooleanField": bool,
    "CharField": str,
    "DateField": date,
    "DateTimeField": datetime,
    "TextField": str,
    "UUIDField": UUID,
    **dict.fromkeys(("BigIntegerField", "IntegerField", "SmallIntegerField"), int),
    **dict.fromkeys(("PositiveIntegerField", "PositiveSmallIntegerField", "BigAutoField"), int),
}


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Store new rows of one model, as `bulk_create` does.

    A key that the database gives is set on its row, but where conflicts are ignored: then a row
    whose unique key is there already is left out. Statements: 1, or none without rows; more where
    the database takes fewer values at once.
    """
    for made, batch in _batches(rows):
        ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else made.returning
        keys = made.insert(batch, ending)
        for row, (key,) in zip(batch, keys, strict=False):
            row.pk = key
        _stored(batch)


def insert_new(rows: Sequence[Row], *, unique: Sequence[str]) -> list[Row]:
    """Store those rows of one model that its `unique` fields do not find; returns these, with keys.

    What somebody else is just inserting is waited for. In the order of `rows`, so that two who
    insert the same do not wait for each other. Statements: as `insert`.
    """
    found: list[Row] = []
    for made, batch in _batches(rows):
        named = _columns(type(batch[0]), tuple(unique))
        key = made.returning or f" RETURNING {made.key}"
        ending = f" ON CONFLICT ({named}) DO NOTHING{key}, {named}"
        keys = {tuple(values): pk for pk, *values in made.insert(batch, ending)}
        new = []
        for row in batch:
            pk = keys.pop(tuple(named.of(row)), None)
            if pk is not None:
                row.pk = pk
                new.append(row)
        _stored(new)
        found += new
    return found


def store(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of rows whose locks the caller holds. Statements: 1, or none without rows.

    Leaves no history row: for lines and balances, never for documents.
    """
    if not rows:
        return
    made = _storing(type(rows[0]), tuple(fields))
    values = ", ".join([made.typed, *[made.columns.placeholders] * (len(rows) - 1)])
    with connection.cursor() as cursor:
        cursor.execute(
            made.statement.format(values=values),
            made.columns.of_all(rows),
        )


def _batches(rows: Sequence[Row]) -> Iterator[tuple["_Inserting", Sequence[Row]]]:
    if not rows:
        return
    made = _inserting(type(rows[0]), keyless=rows[0].pk is None)
    size = max(connection.ops.bulk_batch_size(made.columns.fields, rows), 1)
    for start in range(0, len(rows), size):
        yield made, rows[start : start + size]


def _stored(rows: Sequence[models.Model]) -> None:
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


class ComposedSave(models.Model):
    """Lets `save()` write by composed statements; what else a save does stays Django's."""

    class Meta:
        abstract = True

    def _do_insert(self, *_: Any, **__: Any) -> list[Any]:
        insert([self])
        return []

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any, **kwargs: Any
    ) -> bool:
        made = _updating(type(self), tuple(field for field, _, _ in values))
        with connection.cursor() as cursor:
            cursor.execute(made.statement, made.columns.of(self))
            return bool(cursor.rowcount)


class _Columns:
    """Some columns of a model, and how their values reach the database."""

    def __init__(self, fields: Iterable[Any]) -> None:
        self.fields = list(fields)
        self.names = [each.column for each in self.fields]
        self.placeholders = f"({', '.join(['%s'] * len(self.fields))})"
        self._values = [(each.attname, _taken(each), each.get_db_prep_save) for each in self.fields]

    def of(self, row: models.Model) -> list[Any]:
        return self.of_all([row])

    def of_all(self, rows: Sequence[models.Model]) -> list[Any]:
        """The values of rows, one after another."""
        found, database = [], connections[DEFAULT_DB_ALIAS]
        for row in rows:
            for name, taken, prepared in self._values:
                value = getattr(row, name)
                as_it_is = value is None or type(value) is taken
                found.append(value if as_it_is else prepared(value, database))
        return found

    def __str__(self) -> str:
        return ", ".join(f'"{name}"' for name in self.names)


def _taken(field: Any) -> type | None:
    """The type of value that needs no preparing. Raises TypeError for a value made up on saving."""
    made_up = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    if made_up or isinstance(field, models.FileField):
        raise TypeError(f"{field} is made up while it is saved")
    while field.remote_field:
        field = field.target_field
    return _TAKEN.get(field.get_internal_type()) if connection.vendor == "postgresql" else None


class _Inserting:
    def __init__(self, model: type[models.Model], keyless: bool) -> None:
        meta: Any = model._meta
        self.columns = _Columns(
            each for each in meta.local_concrete_fields if not (keyless and each.primary_key)
        )
        self.key = f'"{meta.pk.column}"'
        self.statement = f'INSERT INTO "{meta.db_table}" ({self.columns}) VALUES '  # noqa: S608
        self.returning = f" RETURNING {self.key}" if keyless else ""

    def insert(self, rows: Sequence[models.Model], ending: str) -> list[tuple[Any, ...]]:
        values = ", ".join([self.columns.placeholders] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(f"{self.statement}{values}{ending}", self.columns.of_all(rows))
            return cursor.fetchall() if " RETURNING " in ending else []


class _Storing:
    def __init__(self, model: type[models.Model], fields: tuple[str, ...]) -> None:
        meta: Any = model._meta
        self.columns = _Columns([meta.pk, *map(meta.get_field, fields)])
        key, *names = self.columns.names
        moves = ", ".join(f'"{name}" = "new"."{name}"' for name in names)
        self.typed = _typed(self.columns.fields)
        self.statement = (
            f'WITH "new" ({self.columns}) AS (VALUES {{values}}) '  # noqa: S608
            f'UPDATE "{meta.db_table}" SET {moves} FROM "new" '
            f'WHERE "{meta.db_table}"."{key}" = "new"."{key}"'
        )


class _Updating:
    def __init__(self, model: type[models.Model], fields: tuple[Any, ...]) -> None:
        meta: Any = model._meta
        self.columns = _Columns([*fields, meta.pk])
        *names, key = self.columns.names
        moves = ", ".join(f'"{name}" = %s' for name in names)
        self.statement = f'UPDATE "{meta.db_table}" SET {moves} WHERE "{key}" = %s'  # noqa: S608


@cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> _Columns:
    return _Columns(model._meta.get_field(name) for name in names)


_inserting, _storing, _updating = cache(_Inserting), cache(_Storing), cache(_Updating)


def _typed(fields: Iterable[Any]) -> str:
    """Placeholders of the first row, which tells PostgreSQL the types of all.

    Without lengths and scales, to which a cast would cut silently.
    """
    if connection.vendor != "postgresql":
        return f"({', '.join('%s' for _ in fields)})"
    types = (each.cast_db_type(connection).partition("(")[0] for each in fields)
    return f"({', '.join(f'CAST(%s AS {each})' for each in types)})"
