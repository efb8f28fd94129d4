"""Reads whose SQL is composed once and only bound anew.

Django composes a queryset's SQL each time it runs; for the wide rows that every step of a purchase
reads, that costs more than running it. A composed read keeps what Django's own compiler made of a
queryset, and puts other values where its own stood. ADR 22 says when to use one.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connections, models
from django.db.models.query import QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row")

# Values that no row has, to be found again among the parameters of what was composed.
_MARKS: dict[type, Callable[[int], Any]] = {
    UUID: lambda place: UUID(int=(0xC0DE << 112) + place),
    date: lambda place: date.fromordinal(1 + place),
    datetime: lambda place: datetime(1, 1, 2, tzinfo=UTC) + timedelta(hours=place),
    int: lambda place: 31_000 + place,
    Decimal: lambda place: 31_000 + place + Decimal("0.5"),  # of a `Value`, as the column keeps it
    str: lambda place: f"\x01{place}",
}
_LONGEST = 128
# How a value is handed to the database; numbers and words go as they are.
_FIELDS: dict[type, Any] = {
    UUID: models.UUIDField(),
    date: models.DateField(),
    datetime: models.DateTimeField(),
}


class Composed(Generic[Row]):
    """A read of constant shape; called with its values it gives the rows as a list.

    `build` makes the queryset from ids, moments, numbers and words, or lists of them; it is asked
    once for each combination of types and sizes. It only compares with them, and asks of lists only
    what is among them: LookupError when one does not reach the database as it was given. None
    belongs to the shape; in a list it equals nothing.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        self._build = build
        self._made: dict[tuple[Any, ...], _Template] = {}

    def __call__(self, *values: Any) -> list[Row]:
        """The rows for these values. Statements: as composed."""
        return self._rows(self._bound(values))

    def one(self, *values: Any) -> Row:
        """The one row for these values. Raises the model's DoesNotExist where there is none."""
        found = self._bound(values)
        for row in self._rows(found):
            return row
        raise found.model.DoesNotExist

    def _rows(self, found: QuerySet[Any, Row]) -> list[Row]:
        rows = list(found)
        for each in found.__dict__.get("_many", ()) if rows else ():
            each.hang_on(rows)
        return rows

    def _bound(self, values: Sequence[Any]) -> QuerySet[Any, Row]:
        given = [_plain(each) for each in values]
        if [] in given or any(isinstance(each, list) and len(each) > _LONGEST for each in given):
            return self._build(*given)  # nothing to ask, or of a length that hardly comes again
        given = [_filled(each) if isinstance(each, list) else each for each in given]
        shape = tuple(map(_shape, given))
        made = self._made.get(shape)
        if made is None:
            made = self._made[shape] = _Template(self._build(*_marked(shape)), shape)
        return made.bound(list(_flat(given)))


def _plain(value: Any) -> Any:
    """A value, or a collection of them as a list: sets keep no order between two passes."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Collection) and not isinstance(value, str):
        return [each for each in value if each is not None]
    return value


def _filled(values: list[Any]) -> list[Any]:
    """The last repeated up to a power of two, so that few lengths are composed and planned."""
    missing = (1 << (len(values) - 1).bit_length()) - len(values)
    return values + values[-1:] * missing


def _shape(value: Any) -> Any:
    """What the composed SQL depends on: the type, and of a list the type and the length."""
    return (type(value[0]), len(value)) if isinstance(value, list) else type(value)


def _marked(shape: Sequence[Any]) -> Iterator[Any]:
    place = 0
    for each in shape:
        kind, size = each if isinstance(each, tuple) else (each, 1)
        if kind is type(None):
            yield None
            continue
        marks = [_MARKS[kind](place + further) for further in range(size)]
        place += size
        yield marks if isinstance(each, tuple) else marks[0]


def _flat(given: Sequence[Any]) -> Iterator[Any]:
    for value in given:
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


class _Template:
    """A queryset with its composed SQL, and which parameter takes which value."""

    def __init__(self, queryset: QuerySet[Any, Any], shape: Sequence[Any]) -> None:
        self.queryset = queryset
        queryset.__dict__["_many"] = _taken_over(queryset)
        connection = connections[queryset.db]
        self.compiler: SQLCompiler = queryset.query.get_compiler(connection=connection)
        self.sql, self.parameters = self.compiler.as_sql()
        self.converters = self.compiler.get_converters([each for each, *_ in self.compiler.select])
        marks = list(_flat([_plain(each) for each in _marked(shape)]))
        places = {_prepared(mark, connection): place for place, mark in enumerate(marks)}
        self.takes = [
            (position, places[value])
            for position, value in enumerate(self.parameters)
            if isinstance(value, Hashable) and value in places
        ]
        if {place for _, place in self.takes} != set(range(len(marks))):
            raise LookupError(f"A value is not compared with as it was given: {self.sql}")

    def bound(self, values: Sequence[Any]) -> QuerySet[Any, Any]:
        """The queryset for these values, to be iterated and nothing else."""
        connection = connections[self.queryset.db]
        parameters = list(self.parameters)
        prepared = [_prepared(value, connection) for value in values]
        for position, place in self.takes:
            parameters[position] = prepared[place]
        made: QuerySet[Any, Any] = object.__new__(type(self.queryset))
        made.__dict__.update(self.queryset.__dict__)
        made._query = _Bound(self, connection, (self.sql, tuple(parameters)))
        return made


def _taken_over(queryset: Any) -> list["_Many"]:
    """The prefetches of a queryset that are composed, too; the others stay Django's."""
    by_step: dict[str, list[Any]] = defaultdict(list)
    for lookup in queryset._prefetch_related_lookups:
        asked = lookup if isinstance(lookup, models.Prefetch) else models.Prefetch(lookup)
        by_step[asked.prefetch_through.partition("__")[0]].append(asked)
    relations = {each.get_accessor_name(): each for each in queryset.model._meta.related_objects}
    found, others = [], []
    for step, lookups in by_step.items():
        relation: Any = relations.get(step)
        by_key = isinstance(relation, models.ManyToOneRel) and relation.one_to_many
        if by_key and relation.field.target_field.primary_key and _is_plain(step, lookups, by_step):
            found.append(_Many(relation.field, step, lookups))
        else:
            others += lookups
    queryset._prefetch_related_lookups = tuple(others)
    return found


def _is_plain(step: str, lookups: list[Any], steps: Collection[str]) -> bool:
    """Whether these lookups, which begin with the same step, are ways on from one set of rows."""
    ends = [each for each in lookups if each.prefetch_through == step]
    renamed = any(each.to_attr for each in ends) and len(lookups) > 1
    limited = any(each.queryset is not None and each.queryset.query.is_sliced for each in lookups)
    return len(ends) <= 1 and not (renamed or limited or {each.to_attr for each in ends} & {*steps})


class _Many:
    """Rows that name those of a read by a foreign key, hung on them as a prefetch hangs them."""

    def __init__(self, field: Any, name: str, lookups: list[models.Prefetch]) -> None:
        """`lookups` begin with `name`, the accessor; longer ones go on from its rows."""
        self.field, self.name, self._to = field, name, None
        rows: Any = field.model._default_manager.all()
        further = []
        for each in lookups:
            rest = each.prefetch_through.partition("__")[2]
            if rest:
                further.append(models.Prefetch(rest, each.queryset, each.to_attr))
                continue
            self._to, rows = each.to_attr, rows if each.queryset is None else each.queryset
        rows = rows.prefetch_related(*further)
        self.rows = rows
        self._read = Composed[Any](lambda owners: rows.filter(**{f"{field.name}__in": owners}))

    def hang_on(self, owners: list[Any]) -> None:
        """Read what belongs to these rows. Statements: 1."""
        by_key = {owner.pk: owner for owner in owners}
        found: dict[Any, list[Any]] = {key: [] for key in by_key}
        for row in self._read(list(by_key)):
            key = getattr(row, self.field.attname)
            found[key].append(row)
            if not self.field.is_cached(row):
                self.field.set_cached_value(row, by_key[key])
        for owner in owners:
            if self._to:
                setattr(owner, self._to, found[owner.pk])
            else:
                held = owner.__dict__.setdefault("_prefetched_objects_cache", {})
                held[self.name] = self._of(owner, found[owner.pk])

    def _of(self, owner: Any, found: list[Any]) -> QuerySet[Any, Any]:
        """What Django keeps for an owner, but for the query, which is hardly ever asked for."""
        made: QuerySet[Any, Any] = object.__new__(type(self.rows))
        made.__dict__.update(self.rows.__dict__)
        made._query = _Further(self, owner)
        made._hints, made._known_related_objects = {"instance": owner}, {}
        made._known_related_objects[self.field] = {owner.pk: owner}
        made._result_cache, made._prefetch_done = found, True
        return made


class _Further:
    """Stands for the query of what hangs on a row until that is refined."""

    def __init__(self, many: _Many, owner: Any) -> None:
        self._many, self._owner = many, owner

    def __getattr__(self, name: str) -> Any:
        manager = getattr(self._owner, self._many.name)
        return getattr(manager._apply_rel_filters(self._many.rows._chain()).query, name)


def _prepared(value: Any, connection: Any) -> Any:
    field = _FIELDS.get(type(value))
    return value if field is None else field.get_db_prep_value(value, connection, prepared=True)


class _Bound:
    """Stands for a template's query while its rows are read."""

    def __init__(self, template: _Template, connection: Any, composed: tuple[str, tuple[Any, ...]]):
        self._template = template
        self._connection = connection
        self._composed = composed

    def get_compiler(self, *_: Any, **__: Any) -> SQLCompiler:
        """The template's compiler on this thread's connection, its SQL at hand."""
        query = self._template.queryset.query
        if query.select_for_update and self._connection.get_autocommit():
            raise TransactionManagementError("Rows are locked within a transaction only.")
        compiler = copy.copy(self._template.compiler)
        compiler.connection = self._connection
        compiler.as_sql = lambda *_, **__: self._composed
        compiler.get_converters = lambda _: self._template.converters
        return compiler

    def __getattr__(self, name: str) -> Any:
        if name in ("chain", "clone"):
            raise TypeError("A composed read cannot be refined.")
        return getattr(self._template.queryset.query, name)
