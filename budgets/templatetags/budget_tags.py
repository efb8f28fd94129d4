"""What a document did to the budget, for the pages of the apps above."""

from typing import Any
from uuid import UUID

from django import template

from budgets import queries
from budgets.models import LedgerEntry
from core.money import ZERO

register = template.Library()


@register.inclusion_tag("budgets/_effect.html")
def budget_effect(
    document_id: UUID, currency: str, nothing: str = "Nothing is booked yet."
) -> dict[str, Any]:
    """What one document booked, oldest first: a row per event and budget, a column per stage.

    Amounts are in base `currency`; `nothing` stands where nothing was booked. Statements: 1.
    """
    entries = (
        LedgerEntry.objects.filter(document_id=document_id)
        .select_related(
            "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year"
        )
        .order_by("id")
    )
    rows: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        key = (entry.event_key.partition(":")[0], entry.posting_date, entry.reason, entry.cell_id)
        row = rows.setdefault(key, {"entry": entry, "PRE": ZERO, "ENC": ZERO, "ACT": ZERO})
        row[entry.stage] += entry.amount
    return {"rows": list(rows.values()), "currency": currency, "nothing": nothing}


@register.inclusion_tag("budgets/_variances.html")
def variances(document_id: UUID, currency: str) -> dict[str, Any]:
    """Why an invoice costs something else than was ordered: price and exchange rate apart (C12), a
    row for each line where there is a difference. Amounts are in base `currency`. Statements: 2.
    """
    rows = queries.differing(queries.variances(document_id, base_currency=currency))
    total = {name: sum((getattr(row, name) for row in rows), ZERO) for name in queries.FIGURES}
    return {"rows": rows, "total": total, "currency": currency}
