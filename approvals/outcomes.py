"""What the end of a round does to its document: the same steps for every document type."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core import events
from core.documents import Document
from core.transactions import atomic
from core.transitions import perform

Consequence = Callable[..., None]


class Outcomes:
    """The functions that `subjects.register` wants of a document with the transitions approve,
    reject and send_back.

    `row` gives the document, locked. `consequences` are called by outcome (approved, rejected,
    returned) with document, actor, at and comment, after the document is stored and before what
    happened is told. Outcomes raise IllegalTransition, NotAllowed and what consequences raise.
    """

    def __init__(
        self, row: Callable[[UUID], Any], consequences: Mapping[str, Consequence] | None = None
    ) -> None:
        self._row = row
        self._consequences = dict(consequences or {})

    def approved(self, *, subject_id: UUID, actor: Any, at: datetime, comment: str = "") -> None:
        """The round ended well."""
        self._end(subject_id, "approve", "approved", actor=actor, at=at, comment=comment)

    def rejected(self, *, subject_id: UUID, actor: Any, at: datetime, comment: str = "") -> None:
        """The round ended with a no."""
        self._end(subject_id, "reject", "rejected", actor=actor, at=at, comment=comment)

    def returned(self, *, subject_id: UUID, actor: Any, at: datetime, comment: str = "") -> None:
        """An approver wants changes; whoever wrote it has it again."""
        self._end(subject_id, "send_back", "returned", actor=actor, at=at, comment=comment)

    @atomic
    def _end(
        self, subject_id: UUID, verb: str, outcome: str, *, actor: Any, at: datetime, comment: str
    ) -> None:
        document: Document = self._row(subject_id)
        perform(getattr(document, verb), actor=actor, at=at)
        document.save()
        if outcome in self._consequences:
            self._consequences[outcome](document, actor=actor, at=at, comment=comment)
        name = f"{document.document_type}.{outcome}"
        events.publish(name, document, actor=actor, at=at, reason=comment)
