"""What a tolerance would let through, before it is agreed: waiting invoices judged on paper.

Each is judged by what its newest run stored, with other tolerances in it. Nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Prefetch, Subquery

from accounts.models import Entity
from core.money import minor_unit
from invoicing import matching, tolerances
from invoicing.matching.types import WAITING
from invoicing.models import Invoice, MatchException, MatchRun, Tolerance
from invoicing.services.raising import not_yet_accepted
from invoicing.services.tolerances import ToleranceInput, held

MOST = 200  # invoices looked at, the oldest first
_STOPPED = (Invoice.Status.CAPTURED, Invoice.Status.IN_EXCEPTION)
_NOT_OF_THE_MATCH = ("budget", "exchange_rate")  # stops that no tolerance lifts


@dataclass(frozen=True)
class Preview:
    """Invoices that would match, of so many that were looked at; `more` wait beyond those."""

    passing: list[Invoice]
    looked_at: int
    more: bool


def would_match(entity: Entity, wanted: ToleranceInput) -> Preview:
    """Which waiting invoices of its scope would match, were it in force. Statements: 7."""
    found = _waiting(entity, wanted)
    rows = _proposed(entity, wanted)
    kinds = _categories(found[:MOST])
    runs = MatchRun.objects.in_bulk({each.newest_run for each in found[:MOST]})
    passing = [
        invoice
        for invoice in found[:MOST]
        if _passes(invoice, runs[invoice.newest_run], rows, kinds[invoice.pk])
    ]
    return Preview(passing, min(len(found), MOST), len(found) > MOST)


def _judged_with(
    inputs: Mapping[str, Any],
    rows: Iterable[Tolerance],
    *,
    categories: Mapping[str, str],
    vendor_id: UUID | None,
) -> matching.MatchOutcome:
    """A stored input judged with these tolerances in place of its own. Pure."""
    given = matching.restored(inputs)
    rules = tolerances.resolved(rows, categories, vendor_id)
    allowance = tolerances.rounding(rules, default=minor_unit(given.invoice.currency))
    return matching.match(replace(given, tolerances=rules, rounding_allowance=allowance))


def _waiting(entity: Entity, wanted: ToleranceInput) -> list[Any]:
    """One more than are looked at, so that the rest is known to be there."""
    newest = MatchRun.objects.filter(invoice=OuterRef("pk")).order_by("-pk")
    before = MatchException.objects.select_related("line").order_by("pk")
    rows = Invoice.objects.filter(entity=entity, status__in=_STOPPED, order__isnull=False)
    if wanted.vendor is not None:
        rows = rows.filter(vendor=wanted.vendor)
    rows = rows.annotate(newest_run=Subquery(newest.values("pk")[:1]))
    rows = rows.filter(newest_run__isnull=False).select_related("vendor", "entity")
    held_back = Prefetch("exceptions", queryset=before, to_attr="stops")
    return list(rows.prefetch_related(held_back).order_by("pk")[: MOST + 1])


def _proposed(entity: Entity, wanted: ToleranceInput) -> list[Tolerance]:
    """What would hold on the day: the rows that hold, that of the scope replaced."""
    day: date = wanted.valid_from
    old = held(entity, wanted)
    rows = Tolerance.objects.holding(day).filter(entity=entity).select_related("vendor")
    kept = [each for each in rows.order_by("pk") if old is None or each.pk != old.pk]
    return kept if wanted.ends else [*kept, wanted.row(entity)]


def _categories(invoices: list[Any]) -> dict[UUID, dict[str, str]]:
    """The category of each line of the orders of these invoices, by invoice and line."""
    lines = (
        Invoice.objects.filter(pk__in=[each.pk for each in invoices])
        .order_by()
        .values_list("pk", "order__lines__pk", "order__lines__catalog_item__service_type")
    )
    found: dict[UUID, dict[str, str]] = defaultdict(dict)
    for invoice, line, category in lines:
        found[invoice][str(line)] = category or ""
    return found


def _passes(
    invoice: Any, run: MatchRun, rows: list[Tolerance], categories: Mapping[str, str]
) -> bool:
    unresolved = (MatchException.Status.OPEN, MatchException.Status.ASSIGNED)
    if any(
        each.check_name in _NOT_OF_THE_MATCH and each.status in unresolved for each in invoice.stops
    ):
        return False
    verdict = _judged_with(run.inputs, rows, categories=categories, vendor_id=invoice.vendor_id)
    return verdict.outcome != WAITING and not not_yet_accepted(invoice.stops, verdict)
