"""What a document did to the budget, for the pages of the apps above."""

from typing import Any
from uuid import UUID

from django import template

from budgets.models import LedgerEntry

register = template.Library()


@register.inclusion_tag("budgets/_effect.html")
def budget_effect(document_id: UUID, currency: str) -> dict[str, Any]:
    """The ledger entries of one document, oldest first; amounts in base `currency`."""
    entries = (
        LedgerEntry.objects.filter(document_id=document_id)
        .select_related(
            "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year"
        )
        .order_by("id")
    )
    return {"entries": entries, "currency": currency}
