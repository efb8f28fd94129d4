"""What document pages show of approval: how the round goes, and who would be asked."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import template

from approvals import queries
from approvals.models import StepQuestion
from approvals.services import StepPreview

register = template.Library()


@register.inclusion_tag("approvals/questions.html")
def open_questions(subject_id: UUID, user: Any) -> dict[str, Any]:
    """What an approver of this document wants to know from the person who looks at it."""
    asked = StepQuestion.objects.filter(
        step__request__subject_id=subject_id, asked_of=user, answered_at=None
    )
    return {"questions": asked.select_related("asked_by").order_by("asked_at")}


@register.filter
def finding_tone(level: str) -> str:
    """The tone in which something found about a policy is shown."""
    return {"error": "bad", "warning": "wait"}.get(level, "info")


@register.inclusion_tag("approvals/chain.html")
def approval_chain(subject_id: UUID) -> dict[str, Any]:
    """The newest round of a document: holder, why, decision, time, channel of each step."""
    rounds = queries.rounds_of(subject_id).select_related("policy")
    newest = rounds.first()
    return {
        "round": newest,
        "steps": queries.chain_of(subject_id) if newest else [],
        "earlier": max(rounds.count() - 1, 0) if newest else 0,
    }


@register.inclusion_tag("approvals/preview.html")
def approval_preview(steps: Iterable[StepPreview]) -> dict[str, Any]:
    """Who would be asked, from `approvals.services.preview`; no steps: approved by policy."""
    groups: dict[int, dict[str, Any]] = {}
    for step in steps:
        group = groups.setdefault(step.group, {"mode": step.mode, "steps": []})
        group["steps"].append(step)
    return {"groups": list(groups.values())}
