"""Bringing a file: a dry run first, then all of it, or its good rows where that is asked for."""

from datetime import datetime
from typing import Any

from accounts.models import Entity, Role, User
from budgeting.intake import budgets, journals
from budgeting.intake.report import Report
from budgeting.models import FileImport
from core import files, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.transactions import atomic

MOST_REASON = 2000
_READERS = {
    FileImport.Kind.BUDGETS: budgets.take_in,
    FileImport.Kind.JOURNALS: journals.take_in,
}
_ZIP = b"PK\x03\x04"


class RowsRefused(Invalid):
    slug = "rows-refused"
    title = "Some rows cannot go in, so nothing did."


class _Undone(Exception):
    """Leaves a dry run with everything as it was."""


@atomic
def bring(
    *, entity: Entity, kind: str, data: bytes, name: str, actor: User, at: datetime
) -> FileImport:
    """Keep a file and say row by row what it would do; nothing goes in.

    Raises NotAllowed for all but controllers; TooLarge, WrongType, Invalid for what is no such
    file.
    """
    if not (actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.CONTROLLER)):
        raise NotAllowed("Only controllers take in files of budgets and journals.")
    if errors := text.check(name, "/file", most=200, required=True, name=True):
        raise Invalid(errors=errors)
    made = _run(entity, kind, data, actor, at, _reason(name), keep=lambda _: False)
    mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FileImport.objects.create(
        entity=entity,
        kind=kind,
        file=files.store(data, content_type=mime if data.startswith(_ZIP) else "text/csv", at=at),
        name=name,
        uploaded_by=actor,
        uploaded_at=at,
        report=made.stored,
    )


@atomic
def apply(
    *,
    file_import: FileImport,
    actor: User,
    at: datetime,
    partial: bool = False,
    reason: str = "",
) -> FileImport:
    """Take in what was looked at before: the whole file, or with `partial` its good rows.

    The rows are judged anew, as things stand now. Raises NotAllowed for anybody but who brought
    it, Conflict when it went in already, RowsRefused with every bad row unless `partial`, Invalid.
    """
    rows = FileImport.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("entity", "file").get(pk=file_import.pk)
    if found.uploaded_by_id != actor.pk or not actor.has_role(Role.CONTROLLER):
        raise NotAllowed("Only the controller who brought a file takes it in.")
    if found.applied_at is not None:
        raise Conflict(f"{found.name} went in already.")
    if errors := text.check(reason, "/reason", most=MOST_REASON, multiline=True):
        raise Invalid(errors=errors)
    made = _run(
        found.entity,
        found.kind,
        files.read(found.file),
        actor,
        at,
        reason.strip() or _reason(found.name),
        keep=lambda made: partial or not made.bad_rows,
    )
    if not made.is_applied:
        raise RowsRefused(
            f"{len(made.bad_rows)} of {made.rows} rows cannot go in.", errors=_pointed(made)
        )
    found.report, found.applied_at = made.stored, at
    found.save(update_fields=["report", "applied_at"])
    return found


def _run(
    entity: Entity, kind: str, data: bytes, actor: User, at: datetime, reason: str, *, keep: Any
) -> Report:
    """Take the rows in, and back out again unless they are to be kept: a dry run is the run."""
    made = Report()
    try:
        with atomic():
            made = _READERS[FileImport.Kind(kind)](
                entity=entity, data=data, actor=actor, at=at, reason=reason
            )
            made.is_applied = keep(made)
            if not made.is_applied:
                raise _Undone
    except _Undone:
        pass
    return made


def _reason(name: str) -> str:
    return f"Import of {name}"


def _pointed(made: Report) -> list[FieldError]:
    return [
        FieldError(f"/rows/{bad.row}{each.pointer}", each.code, each.detail)
        for bad in made.bad_rows[:200]
        for each in bad.errors
    ]
