"""Statements and what stands behind them, as a person may see it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, QuerySet, Sum

from budgets.models import LedgerEntry, Stage
from chargeback.models import (
    Allocation,
    AllocationRule,
    RuleRevision,
    SharedSpend,
    Statement,
    StatementLine,
)
from core.money import ZERO


@dataclass(frozen=True)
class Behind:
    """A document of the spend that was shared, with what it cost; base currency."""

    document_type: str
    document_id: UUID
    number: str
    amount: Decimal


@dataclass(frozen=True)
class LineView:
    """A line with the entries that moved it and the documents that were shared."""

    line: StatementLine
    entries: list[LedgerEntry] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)


@dataclass(frozen=True)
class StatementView:
    """A statement as one person may see it; `charged` is what the ledger moved."""

    statement: Statement
    lines: list[LineView]
    total: Decimal
    charged: Decimal

    @property
    def disputed(self) -> bool:
        """Whether a line of it waits for an answer."""
        return any(each.line.status == StatementLine.Status.DISPUTED for each in self.lines)


def statements(user: Any) -> QuerySet[Statement]:
    """Those a person may see, each with the lines that this person may see as `seen`."""
    lines = (
        StatementLine.objects.visible_to(user)
        .select_related(
            "cost_center",
            "allocation__rule",
            "allocation__revision__service_owner",
            "disputed_by",
            "resolved_by",
            "mirrors",
            "replaces",
        )
        .order_by("allocation_id", "line_number")
    )
    return (
        Statement.objects.visible_to(user)
        .select_related("entity", "cost_center__owner")
        .prefetch_related(Prefetch("lines", queryset=lines, to_attr="seen"))
    )


def view(statement: Statement, *, deep: bool = True) -> StatementView:
    """A statement of `statements` with its sums; `deep` adds entries and documents."""
    return views([statement], deep=deep)[0]


def views(found: Iterable[Statement], *, deep: bool = True) -> list[StatementView]:
    """The same of several. Statements: 2 when deep, none else."""
    found = list(found)
    seen = [line for each in found for line in lines_of(each)]
    entries = entries_of(seen) if deep else {}
    behind = documents_behind({line.allocation_id for line in seen}) if deep else {}
    return [
        StatementView(
            each,
            [
                LineView(line, entries.get(line.pk, []), behind.get(line.allocation_id, []))
                for line in lines_of(each)
            ],
            sum((line.amount for line in lines_of(each)), ZERO),
            sum((line.moved for line in lines_of(each)), ZERO),
        )
        for each in found
    ]


def lines_of(statement: Statement) -> list[StatementLine]:
    return vars(statement)["seen"]


def entries_of(lines: Iterable[StatementLine]) -> dict[UUID, list[LedgerEntry]]:
    """The ledger entries of lines, by line. Statements: 1."""
    wanted = {line.pk: line.allocation_id for line in lines}
    found: dict[UUID, list[LedgerEntry]] = defaultdict(list)
    if not wanted:
        return found
    entries = LedgerEntry.objects.filter(
        document_id__in=set(wanted.values()), line_id__in=list(wanted)
    ).select_related("cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year")
    for entry in entries.order_by("id"):
        found[entry.line_id].append(entry)
    return found


def documents_behind(allocations: Iterable[UUID]) -> dict[UUID, list[Behind]]:
    """What each allocation shared, by document, the dearest first. Statements: 1.

    As it was known when the allocation was posted: a later document of that month is not among
    them.
    """
    spends = SharedSpend.objects.filter(
        allocation__in=list(allocations),
        cell__entries__stage=Stage.ACT,
        cell__entries__posting_date__gte=F("allocation__month"),
        cell__entries__posting_date__lte=F("allocation__posting_date"),
        cell__entries__recorded_at__lte=F("allocation__posted_at"),
    )
    names = ("document_type", "document_id", "document_number")
    rows = (
        spends.order_by()
        .values_list("allocation_id", *(f"cell__entries__{name}" for name in names))
        .annotate(total=Sum("cell__entries__amount"))
    )
    found: dict[UUID, list[Behind]] = defaultdict(list)
    for allocation_id, kind, document_id, number, total in rows:
        if total and document_id != allocation_id:
            found[allocation_id].append(Behind(kind, document_id, number, total))
    for each in found.values():
        each.sort(key=lambda row: (-abs(row.amount), row.number, str(row.document_id)))
    return found


def disputes_for(user: Any) -> QuerySet[StatementLine]:
    """Disputed lines that wait for this person as the owner of their service."""
    return StatementLine.objects.filter(
        status=StatementLine.Status.DISPUTED,
        entity_id=user.entity_id,
        allocation__revision__service_owner=user,
    )


def waiting_count(user: Any) -> int:
    return disputes_for(user).count()


def rules(user: Any) -> QuerySet[AllocationRule]:
    """Those a person may see, each with its revisions, newest first, as `newest`."""
    revisions = (
        RuleRevision.objects.select_related(
            "cost_center", "gl_account", "project", "service_owner", "made_by"
        )
        .prefetch_related("shares__cost_center")
        .order_by("-revision")
    )
    return (
        AllocationRule.objects.visible_to(user)
        .select_related("entity")
        .prefetch_related(Prefetch("revisions", queryset=revisions, to_attr="newest"))
        .order_by("name")
    )


def allocations(user: Any) -> QuerySet[Allocation]:
    """Those a person may see, with what their pages show."""
    return Allocation.objects.visible_to(user).select_related(
        "entity", "rule", "revision__service_owner", "requested_by"
    )
