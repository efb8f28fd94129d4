"""Changing what budgets may hold: under their locks, one append-only adjustment for each."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from django.db.models import Q

from budgets.models import BudgetAdjustment, BudgetCell
from core import rows
from core.money import ZERO


def locked(which: Q) -> list[BudgetCell]:
    """The cells that fit as they are now, locked in primary-key order. Statements: 1.

    They know what they are named after.
    """
    found = BudgetCell.objects.select_for_update(of=("self",), no_key=True).filter(which)
    related = ("entity", "fiscal_year", "cost_center", "gl_account", "project")
    return list(found.select_related(*related).order_by("pk"))


def counts_from(cell: BudgetCell, at: datetime) -> date:
    """The day from which on a change counts that comes from no posting: the day it was written
    down, at the latest the last of its fiscal year. The cell knows its entity and year."""
    return min(cell.entity.day_of(at), cell.fiscal_year.ends_on)


def store(
    moved: Mapping[BudgetCell, Decimal],
    *,
    on: date | None = None,
    actor: Any,
    at: datetime,
    reason: str,
    of: Literal["amount", "overdraft"] = "amount",
) -> list[BudgetAdjustment]:
    """Keep by how much locked cells were changed, base currency. Statements: 2, or none.

    `on` is the day of the posting that it goes with; without one see `counts_from`. Who may, and
    that the sums are fit, is the caller's business.
    """
    cells = sorted(moved, key=lambda cell: cell.pk)
    rows.store(cells, [of])
    return BudgetAdjustment.objects.bulk_create(
        BudgetAdjustment(
            cell=cell,
            control=cell.control,
            reason=reason,
            actor=actor,
            effective_on=on or counts_from(cell, at),
            recorded_at=at,
            **{"amount": ZERO, of: moved[cell]},
        )
        for cell in cells
    )
