"""What the worker does for year ends. Each handler may be delivered more than once."""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import Entity
from budgeting.models import BudgetChangeLine, YearEnd, YearEndLine
from budgeting.services import year_ends
from budgets import alerts, queries
from budgets.ledger import Source, rolling
from budgets.models import Commitment
from budgets.trail import told_of_commitments
from core import outbox
from core.errors import DomainError
from core.periodic import job
from core.transactions import atomic

logger = logging.getLogger(__name__)

# What moves the amounts or balances of many budgets at once.
MOVES_BUDGETS = (
    "budget_change.approved",
    "year_end.run",
    "year_end.stopped",
    "year_end.reversed",
)


@outbox.handler("budgeting.run_year_end")
def run_year_end(*, event_id: str, document_id: str) -> None:
    """Take over what is open; what a worker left behind when it died is taken up here."""
    year_ends.run(year_end=YearEnd.objects.get(pk=document_id), at=timezone.now())


@outbox.handler("budgeting.check_alerts")
def check_alerts(*, event_id: str, document_id: str) -> None:
    """Look at the budgets that a change or a year end moved, as after any posting."""
    changed = BudgetChangeLine.objects.filter(change=document_id).values_list("cell", flat=True)
    moved = YearEndLine.objects.filter(year_end=document_id).values_list("from_cell", "to_cell")
    cells = {*changed, *(cell for pair in moved for cell in pair if cell is not None)}
    alerts.check(cells=sorted(cells), at=timezone.now())


@job("budgeting.activate_forward", every=timedelta(days=1))
def activate_forward(*, at: datetime) -> None:
    """What waited for a fiscal year becomes commitment once that year has begun (C29).

    What the year's budget refuses keeps waiting, and is tried again the next day.
    """
    for entity in Entity.objects.order_by("pk"):
        on = entity.day_of(at)
        for ids in _due(entity, entity.fiscal_year_of(on)).values():
            first = Commitment.objects.get(pk=ids[0])
            source = Source(
                entity=entity,
                document_type=first.document_type,
                document_id=first.document_id,
                number=first.document_number,
                currency=first.currency,
                rate=first.rate,
            )
            try:
                with atomic():
                    rolling.activate(source=source, commitment_ids=ids, on=on, actor=None, at=at)
                    told_of_commitments("came_due", source, actor=None, at=at)
            except DomainError as refusal:
                logger.warning("%s waits for its budget: %s", source.number, refusal.detail)


def _due(entity: Entity, year: int) -> dict[UUID, list[int]]:
    rows = queries.forward(entity=entity).filter(fiscal_year__lte=year)
    found: dict[UUID, list[int]] = defaultdict(list)
    for document_id, pk in rows.values_list("commitment__document_id", "commitment_id"):
        found[document_id].append(pk)
    return found
