"""Writing rows by statements that are composed once.

Django composes an INSERT or UPDATE field by field each time, and `bulk_update` spells a CASE for
each row; for what every step of a purchase writes, that costs many times what the database needs.
`insert` and `store` send no signal and refuse what keeps history: they are for lines, entries,
events and balances. Documents save through `ComposedSave`, with all that a save brings.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar
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
    the database takes fewer values at once. Raises TypeError for a model that keeps history.
    """
    _refuse_history(rows)
    _insert(rows, ignore_conflicts=ignore_conflicts)


def insert_new(rows: Sequence[Row], *, unique: Sequence[str]) -> list[Row]:
    """Store those rows of one model that its `unique` fields do not find; returns these, with keys.

    What somebody else is just inserting is waited for. In the order of `rows`, so that two who
    insert the same do not wait for each other. Statements and errors: as `insert`.
    """
    _refuse_history(rows)
    found: list[Row] = []
    for made, batch in _insertions(rows):
        named = _columns(type(batch[0]), tuple(unique))
        ending = f" ON CONFLICT ({named}) DO NOTHING RETURNING {made.key}, {named}"
        keys = {tuple(values): pk for pk, *values in made.insert(batch, ending)}
        new = []
        for row in batch:
            pk = keys.pop(tuple(named.of([row])), None)
            if pk is not None:
                row.pk = pk
                new.append(row)
        _stored(new)
        found += new
    return found


def store(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write fields of rows whose locks the caller holds. Statements and errors: as `insert`."""
    _refuse_history(rows)
    if not rows:
        return
    made = _storing(type(rows[0]), tuple(fields))
    for batch in made.columns.batches(rows):
        with connection.cursor() as cursor:
            text = made.text.format(values=typed_values(made.columns.fields, rows=len(batch)))
            cursor.execute(text, made.columns.of(batch))


def typed_values(fields: tuple[Any, ...], *, rows: int) -> str:
    """A `VALUES` of so many rows of placeholders, of which the first tells PostgreSQL the types.

    Without lengths and scales, to which a cast would cut silently.
    """
    return f"VALUES {', '.join([_typed(fields), *[_plain(len(fields))] * (rows - 1)])}"


class ComposedSave(models.Model):
    """Lets `save()` write by composed statements; what else a save does stays Django's."""

    class Meta:
        abstract = True

    def _do_insert(self, *_: Any, **__: Any) -> list[Any]:
        _insert([self])
        return []

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any, **kwargs: Any
    ) -> bool:
        made = _updating(type(self), tuple(field for field, _, _ in values))
        with connection.cursor() as cursor:
            cursor.execute(made.text, made.columns.of([self]))
            return bool(cursor.rowcount)


def _refuse_history(rows: Sequence[models.Model]) -> None:
    if rows and hasattr(rows[0]._meta, "simple_history_manager_attribute"):
        raise TypeError(f"{type(rows[0]).__name__} keeps history: save it")


def _insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    for made, batch in _insertions(rows):
        ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else made.returning
        keys = made.insert(batch, ending)
        for row, (key,) in zip(batch, keys, strict=False):
            row.pk = key
        _stored(batch)


def _insertions(rows: Sequence[Row]) -> Iterator[tuple["_Inserting", Sequence[Row]]]:
    """How to insert these rows, as many at once as the database takes."""
    if rows:
        made = _inserting(type(rows[0]), keyless=rows[0].pk is None)
        for batch in made.columns.batches(rows):
            yield made, batch


def _stored(rows: Sequence[models.Model]) -> None:
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


class _Columns:
    """Some columns of a model, and how their values reach the database."""

    def __init__(self, fields: Iterable[Any]) -> None:
        self.fields = tuple(fields)
        self.names = [f'"{each.column}"' for each in self.fields]
        self._values = [(each.attname, _taken(each), each.get_db_prep_save) for each in self.fields]

    def of(self, rows: Sequence[models.Model]) -> list[Any]:
        """The values of rows, one after another."""
        found, database = [], connections[DEFAULT_DB_ALIAS]
        for row in rows:
            for name, taken, prepared in self._values:
                value = getattr(row, name)
                as_it_is = value is None or type(value) is taken
                found.append(value if as_it_is else prepared(value, database))
        return found

    def batches(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Rows, as many at once as the database takes."""
        size = max(connection.ops.bulk_batch_size(self.fields, rows), 1)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def __str__(self) -> str:
        return ", ".join(self.names)


class _Inserting:
    """How rows of a model are inserted, whose keys the database gives if they are `keyless`."""

    def __init__(self, model: type[models.Model], keyless: bool) -> None:
        meta: Any = model._meta
        fields = meta.local_concrete_fields
        self.columns = _Columns(each for each in fields if not (keyless and each.primary_key))
        self.key = f'"{meta.pk.column}"'
        self.returning = f" RETURNING {self.key}" if keyless else ""
        self._text = f'INSERT INTO "{meta.db_table}" ({self.columns}) VALUES '  # noqa: S608

    def insert(self, rows: Sequence[models.Model], ending: str) -> list[tuple[Any, ...]]:
        """What the statement's ending returns."""
        places = ", ".join([_plain(len(self.columns.fields))] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(f"{self._text}{places}{ending}", self.columns.of(rows))
            return cursor.fetchall() if " RETURNING " in ending else []


class _Statement(NamedTuple):
    text: str
    columns: _Columns


@cache
def _storing(model: type[models.Model], names: tuple[str, ...]) -> _Statement:
    meta: Any = model._meta
    columns = _Columns([meta.pk, *map(meta.get_field, names)])
    key, *moved = columns.names
    moves = ", ".join(f'{name} = "new".{name}' for name in moved)
    return _Statement(
        f'WITH "new" ({columns}) AS ({{values}}) '  # noqa: S608
        f'UPDATE "{meta.db_table}" SET {moves} FROM "new" '
        f'WHERE "{meta.db_table}".{key} = "new".{key}',
        columns,
    )


@cache
def _updating(model: type[models.Model], fields: tuple[Any, ...]) -> _Statement:
    meta: Any = model._meta
    columns = _Columns([*fields, meta.pk])
    *moved, key = columns.names
    moves = ", ".join(f"{name} = %s" for name in moved)
    return _Statement(f'UPDATE "{meta.db_table}" SET {moves} WHERE {key} = %s', columns)  # noqa: S608


@cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> _Columns:
    return _Columns(model._meta.get_field(name) for name in names)


_inserting = cache(_Inserting)


def _taken(field: Any) -> type | None:
    """The type of value that needs no preparing. Raises TypeError for a value made up on saving."""
    made_up = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    if made_up or isinstance(field, models.FileField):
        raise TypeError(f"{field} is made up while it is saved")
    while field.remote_field:
        field = field.target_field
    return _TAKEN.get(field.get_internal_type()) if connection.vendor == "postgresql" else None


@cache
def _plain(columns: int) -> str:
    return f"({', '.join(['%s'] * columns)})"


@cache
def _typed(fields: tuple[Any, ...]) -> str:
    if connection.vendor != "postgresql":
        return _plain(len(fields))
    types = (each.cast_db_type(connection).partition("(")[0] for each in fields)
    return f"({', '.join(f'CAST(%s AS {each})' for each in types)})"
