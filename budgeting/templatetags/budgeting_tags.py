"""What the pages of budgets show of their changes."""

from typing import Any

from django import template

from budgeting import queries
from budgeting.models.changes import PROPOSERS

register = template.Library()


@register.inclusion_tag("budgeting/_waiting.html")
def changes_waiting(cell: Any, user: Any) -> dict[str, Any]:
    """Changes that would move this budget once somebody agrees."""
    return {"changes": queries.changes_of(cell, user)}


@register.filter
def proposes_changes(user: Any) -> bool:
    """Whether this person may propose to move budgets."""
    return bool(user.has_role(*PROPOSERS))
