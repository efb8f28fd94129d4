"""No change without its event: the database refuses a commit that the trail does not tell (T1).

A model names the fields, or its whole rows, of which each change must be told; triggers hold every
road to it, the ORM's, the admin's and plain SQL alike. When a transaction ends in which such a row
changed and no event was written about its document, the database undoes it.

PostgreSQL keeps what was told in a setting of the transaction, and asks at commit by constraint
triggers. SQLite notes what is untold as rows that break a deferred foreign key until an event takes
them away. Who owns the database and must mend a row by hand says `SET LOCAL portal.told = '*'`
(SQLite: empties `core_untold`); the portal never does.

Triggers are dropped before a migration, which may alter their columns, and made again after it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, connections, models

from core.models import TrailEvent

UNTOLD = "core_untold"  # SQLite only: what this transaction changed and did not tell yet
INSERT, UPDATE, DELETE = "INSERT", "UPDATE", "DELETE"
Model = TypeVar("Model", bound=type[models.Model])


@dataclass(frozen=True)
class _Guard:
    model: type[models.Model]
    fields: tuple[str, ...]
    by: tuple[str, ...]
    verbs: tuple[str, ...]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def name(self, verb: str) -> str:
        return f"{self.table}_told_{verb.lower()}"

    def changed(self, differs: str, there: set[str]) -> str:
        """SQL: whether an update changes a field of ours, of the columns that are there."""
        meta = self.model._meta
        fields = [meta.get_field(name) for name in self.fields] or [
            field for field in meta.concrete_fields if not field.primary_key
        ]
        columns = [each.column for each in fields if each.column in there]
        return " OR ".join(f'OLD."{each}" {differs} NEW."{each}"' for each in columns)

    def documents(self, verb: str, of_number: str) -> list[str]:
        """SQL: the ids that an event may name. A plain number is told as the id of that value."""
        row = "OLD" if verb == DELETE else "NEW"
        return [of_number.format(f'{row}."{column}"') if is_number else f'{row}."{column}"'
                for column, is_number in map(self._key, self.by)]  # fmt: skip

    def _key(self, name: str) -> tuple[str, bool]:
        meta = self.model._meta
        field = key = meta.pk if name == "pk" else meta.get_field(name)
        while key.remote_field is not None:
            key = key.target_field
        return field.column, not isinstance(key, models.UUIDField)


_guards: list[_Guard] = []


def changes(*fields: str, by: Iterable[str] = ("pk",)) -> Callable[[Model], Model]:
    """A model of which each change of these fields (none: of any) must be told.

    `by` names the documents whose event tells it, of which one suffices; no `by`: any event.
    """
    return _guarded(fields, by, (UPDATE,))


def rows(*, by: Iterable[str] = ("pk",)) -> Callable[[Model], Model]:
    """A model of which each new row, each change and each deletion must be told."""
    return _guarded((), by, (INSERT, UPDATE, DELETE))


def _guarded(
    fields: tuple[str, ...], by: Iterable[str], verbs: tuple[str, ...]
) -> Callable[[Model], Model]:
    def guard(model: Model) -> Model:
        _guards.append(_Guard(model, fields, tuple(by), verbs))
        return model

    return guard


# ---- Triggers


def drop_triggers(sender: Any, using: str, **kwargs: Any) -> None:
    """`pre_migrate` receiver: let a migration alter the guarded tables of this app."""
    for guard in _present(sender, using):
        _run(using, dropping(connections[using].vendor, guard.table))


def install_triggers(sender: Any, using: str, **kwargs: Any) -> None:
    """`post_migrate` receiver: guard the tables of this app, and have events tell.

    Half way through its migrations, or back, a table has other columns than its model.
    """
    vendor = connections[using].vendor
    if TrailEvent._meta.app_config is sender:
        _run(using, _TELLING[vendor])
    for guard in _present(sender, using):
        there = _columns(using, guard.table)
        _run(using, [*dropping(vendor, guard.table), *_guarding(vendor, guard, there)])


def dropping(vendor: str, table: str) -> list[str]:
    """SQL that lets changes of a table go untold until the next migrate."""
    place = f" ON {table}" if vendor == "postgresql" else ""
    return [
        f"DROP TRIGGER IF EXISTS {table}_told_{verb.lower()}{place}"
        for verb in (INSERT, UPDATE, DELETE)
    ]


def tables() -> list[str]:
    """The guarded tables by name."""
    return [guard.table for guard in _guards]


def _present(sender: Any, using: str) -> list[_Guard]:
    there = set(connections[using].introspection.table_names())
    return [
        guard
        for guard in _guards
        if guard.model._meta.app_config is sender and guard.table in there
    ]


def _columns(using: str, table: str) -> set[str]:
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608
        return {column[0] for column in cursor.description}


def _run(using: str, statements: list[str]) -> None:
    with connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _guarding(vendor: str, guard: _Guard, there: set[str]) -> list[str]:
    make = _postgresql if vendor == "postgresql" else _sqlite
    return [statement for verb in guard.verbs for statement in make(guard, verb, there)]


def _postgresql(guard: _Guard, verb: str, there: set[str]) -> list[str]:
    number = "CAST(lpad(to_hex({}), 32, '0') AS uuid)"
    told = " OR ".join(
        f"position(CAST({each} AS text) IN told) > 0" for each in guard.documents(verb, number)
    )
    told = told or "told <> ''"  # by any event
    name, table = guard.name(verb), guard.table
    when = f"WHEN ({guard.changed('IS DISTINCT FROM', there)}) " if verb == UPDATE else ""
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE told text := coalesce(current_setting('portal.told', true), ''); BEGIN "
        f"IF ({told} OR position('*' IN told) > 0) IS NOT TRUE THEN "
        f"RAISE EXCEPTION 'a change of {table} is told by no event of the trail' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
        f"CREATE CONSTRAINT TRIGGER {name} AFTER {verb} ON {table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when}EXECUTE FUNCTION {name}()",
    ]


def _sqlite(guard: _Guard, verb: str, there: set[str]) -> list[str]:
    documents = guard.documents(verb, "printf('%032x', {})")
    one, other = [*documents, "NULL", "NULL"][:2]
    when = f"WHEN {guard.changed('IS NOT', there)} " if verb == UPDATE else ""
    return [
        f"CREATE TRIGGER {guard.name(verb)} AFTER {verb} ON {guard.table} "  # noqa: S608
        f"{when}BEGIN INSERT INTO {UNTOLD} (changed, one, other) "
        f"VALUES ('{guard.table}', {one}, {other}); END"
    ]


_EVENTS = TrailEvent._meta.db_table
_TELLING = {
    "postgresql": [
        "CREATE OR REPLACE FUNCTION trail_tells() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM set_config('portal.told', concat(current_setting('portal.told', true), ' ', "
        "(SELECT string_agg(CAST(document_id AS text), ' ') FROM told)), true); "
        "RETURN NULL; END $$",
        f"DROP TRIGGER IF EXISTS {_EVENTS}_tells ON {_EVENTS}",
        f"CREATE TRIGGER {_EVENTS}_tells AFTER INSERT ON {_EVENTS} REFERENCING NEW TABLE AS told "
        "FOR EACH STATEMENT EXECUTE FUNCTION trail_tells()",
    ],
    "sqlite": [
        f"CREATE TABLE IF NOT EXISTS {UNTOLD} (id integer PRIMARY KEY, changed text NOT NULL, "
        "one char(32), other char(32), told_by char(32) NOT NULL DEFAULT 'nothing' "
        f"REFERENCES {_EVENTS} (id) DEFERRABLE INITIALLY DEFERRED)",
        f"DROP TRIGGER IF EXISTS {_EVENTS}_tells",
        f"CREATE TRIGGER {_EVENTS}_tells AFTER INSERT ON {_EVENTS} "  # noqa: S608
        f"BEGIN DELETE FROM {UNTOLD} WHERE NEW.document_id IN (one, other) OR one IS NULL; END",
    ],
}


# ---- Proof


def unguarded() -> list[str]:
    """The tables on which a trigger is gone or switched off, and what went by it. Statements: 1,
    on SQLite 2."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        present = {name for (name,) in cursor.fetchall()}
        missing = [
            f"table {guard.table}: untold changes are not refused"
            for guard in _guards
            if not all(guard.name(verb) in present for verb in guard.verbs)
        ]
        if f"{_EVENTS}_tells" not in present:
            missing.append(f"table {_EVENTS}: its events tell nothing")
        if connection.vendor == "sqlite":
            cursor.execute(f"SELECT DISTINCT changed FROM {UNTOLD}")  # noqa: S608
            missing += [f"table {table}: a change was not told" for (table,) in cursor.fetchall()]
    return missing
