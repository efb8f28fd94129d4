"""What can be approved: a registry that document apps fill in their `AppConfig.ready()`.

Approvals know no document. A document app registers functions that a round calls in its own
transaction when it ends, and one that describes the document to whoever decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from accounts.acts import Performed
from core.composed import Composed
from core.documents import document_model


@dataclass(frozen=True)
class PriceNote:
    """A price to hold a line's against: the agreed one, or the last one paid to this vendor.

    `difference` is by how much the line's price is above it (0.05: five percent more); None where
    unit or currency differ, so that the two cannot be compared.
    """

    label: str
    unit_price: Decimal
    currency: str
    on: date | None = None
    source: str = ""
    difference: Decimal | None = None

    @property
    def less(self) -> Decimal:
        """By which share the line's price is below it."""
        return -(self.difference or Decimal(0))


@dataclass(frozen=True)
class LineView:
    """One line as an approver reads it. Amounts are in the document's currency."""

    line_number: int
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal
    coding: str = ""
    prices: Sequence[PriceNote] = ()


@dataclass(frozen=True)
class Change:
    """What became of one field between two versions of a document, in words for people."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Difference:
    """One field of a change as it was first approved, as it is in force, and as it would be."""

    field: str
    first: str
    old: str
    new: str


@dataclass(frozen=True)
class Flag:
    """Something that deserves a look before deciding: a sentence, and where to look.

    `kind` is duplicate, split, budget, or note. `more` are the documents it speaks of.
    """

    words: str
    url: str = ""
    kind: str = "note"
    more: Sequence["Flag"] = ()

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Description:
    """Everything that is signed. `digest` is computed from the document's present content.

    `budget` holds checks as `budgets.ledger` makes them, `attachments` items with `name`, `url`,
    `size`; `parts` are digests of parts of the content, by name; `references` are pairs of a kind
    and a reference, `risks` the facts that speak of risk; `differences` what a change would change.
    """

    title: str
    number: str
    requester: Any
    vendor_name: str
    currency: str
    total: Decimal
    base_total: Decimal
    url: str
    digest: str
    lines: Sequence[LineView] = ()
    budget: Sequence[Any] = ()
    flags: Sequence[Flag] = ()
    attachments: Sequence[Any] = ()
    vendor_standing: str = ""
    justification: str = ""
    base_currency: str = ""
    need_by: Any = None
    parts: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[tuple[str, str]] = ()
    risks: Sequence[str] = ()
    differences: Sequence[Difference] = ()


Outcome = Callable[..., None]


@dataclass(frozen=True)
class Subject:
    """The functions of one document type; see `register`."""

    document_type: str
    approved: Outcome
    rejected: Outcome
    returned: Outcome
    describe: Callable[[UUID], Description]
    digest: Callable[[UUID], str] | None = field(default=None)
    parts: Callable[[UUID], Mapping[str, str]] | None = field(default=None)
    changes: Callable[[UUID, str], list[Change]] | None = field(default=None)
    performed: Callable[[UUID], Performed] | None = field(default=None)

    def present_digest(self, subject_id: UUID) -> str:
        """The digest of the document as it is now."""
        return self.digest(subject_id) if self.digest else self.describe(subject_id).digest

    def present_parts(self, subject_id: UUID) -> dict[str, str]:
        """Digests of the parts of its content as it is now; empty where it has no parts."""
        return dict(self.parts(subject_id)) if self.parts else {}

    def changes_since(self, subject_id: UUID, digest: str) -> list[Change]:
        """Field by field what differs now from the content of that digest; empty if unknown."""
        return self.changes(subject_id, digest) if self.changes else []

    def performed_on(self, subject_id: UUID) -> Performed:
        """Who did which duty on the purchase of the document so far."""
        return self.performed(subject_id) if self.performed else {}


_subjects: dict[str, Subject] = {}


def register(
    document_type: str,
    *,
    approved: Outcome,
    rejected: Outcome,
    returned: Outcome,
    describe: Callable[[UUID], Description],
    digest: Callable[[UUID], str] | None = None,
    parts: Callable[[UUID], Mapping[str, str]] | None = None,
    changes: Callable[[UUID, str], list[Change]] | None = None,
    performed: Callable[[UUID], Performed] | None = None,
) -> None:
    """Let documents of this type be approved.

    `approved`, `rejected`, `returned` are called with subject_id, actor, at and comment inside the
    deciding transaction, the document's row already locked; an exception undoes the decision.
    `digest` gives only the digest where that is cheaper than the whole description; `parts` the
    digests of its parts by name: lines, amount, vendor, risk, terms, coding:<cost centre>;
    `changes` what is different since the content had a digest that was submitted once; `performed`
    who did which duty on its purchase, so that nobody approves who must be kept apart.
    """
    _subjects[document_type] = Subject(
        document_type, approved, rejected, returned, describe, digest, parts, changes, performed
    )


def of(document_type: str) -> Subject:
    """The registered functions. Raises LookupError for a type that cannot be approved."""
    return _subjects[document_type]


def names() -> list[str]:
    """The document types that can be approved."""
    return sorted(_subjects)


@cache
def _rows_to_lock(document_type: str) -> Composed[UUID]:
    rows = document_model(document_type)._base_manager.select_for_update(no_key=True)
    return Composed(lambda pk: rows.filter(pk=pk).values_list("pk", flat=True))


def lock(document_type: str, subject_id: UUID) -> None:
    """Lock the document's row: always before its round, as its own services do."""
    _rows_to_lock(document_type).one(subject_id)


def lock_free(document_type: str, subject_ids: Sequence[UUID]) -> list[UUID]:
    """Lock those of these documents that nobody else holds; returns their ids. Never waits."""
    return list(
        document_model(document_type)
        ._base_manager.select_for_update(no_key=True, skip_locked=True)
        .filter(pk__in=subject_ids)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
