"""How a requisition is shown: where it stands, with whom, what deserves a look, and in words."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import approvals.queries
from accounts.models import Entity, User
from approvals.models import PolicyRequirement
from approvals.services import StepPreview
from approvals.subjects import Flag
from requisitions import recent
from requisitions.asked import Asked, stored
from requisitions.emergencies import for_incident
from requisitions.models import Requisition
from requisitions.queries import Holder
from vendors import countries

Reference = PolicyRequirement.Reference

_STATUS = Requisition.Status
_REACHED = {
    _STATUS.DRAFT: 0,
    _STATUS.RETURNED: 0,
    _STATUS.WITHDRAWN: 0,
    _STATUS.SUBMITTED: 1,
    _STATUS.REJECTED: 1,
    _STATUS.APPROVED: 2,
    _STATUS.PARTIALLY_ORDERED: 2,
    _STATUS.ORDERED: 3,
    _STATUS.CLOSED: 3,
}
_STOPPED = (_STATUS.REJECTED, _STATUS.CANCELLED)


def life(requisition: Requisition, holder: Holder) -> list[dict[str, Any]]:
    """Written → approved → ordered, and where it stopped if it did."""
    status = requisition.status
    reached = _REACHED.get(status, 2 if requisition.approved_at else 0)
    steps: list[dict[str, Any]] = [
        {"label": "Requested", "at": requisition.submitted_at},
        {"label": "Approved", "at": requisition.approved_at},
        {"label": "Ordered"},
    ]
    for position, step in enumerate(steps):
        step["state"] = "done" if position < reached else "next"
    if reached < len(steps):
        now = steps[reached]
        now["state"] = "failed" if status in _STOPPED else "now"
        now["note"] = _note(requisition, holder)
    return steps


def _note(requisition: Requisition, holder: Holder) -> str:
    status = requisition.status
    if status in (*_STOPPED, _STATUS.RETURNED, _STATUS.WITHDRAWN):
        return str(requisition.get_status_display()).lower()
    if status == _STATUS.PARTIALLY_ORDERED:
        return "in part"
    return f"with {holder.name}" if holder.name else ""


def beside(requisition: Requisition, user: User, *, at: datetime) -> dict[str, Any]:
    """What the page shows beside the document itself. Statements: 7 at most."""
    asked = stored(requisition, list(requisition.lines.all()))
    steps = approvals.queries.steps_of(requisition.pk) if requisition.submitted_at else []
    return {
        "flags": flags(requisition, asked, at=requisition.submitted_at or at, seen_by=user),
        "references": references(requisition),
        "risks": risks(requisition),
        "kept": ", ".join(str(step.decided_by) for step in steps if step.kept_from_id),
    }


def flags(
    requisition: Requisition, asked: Asked, *, at: datetime | None, seen_by: User | None = None
) -> list[Flag]:
    """What deserves a look before deciding, seen from the moment when it was sent.

    `seen_by` gets links only to requests that they may see.
    """
    found = []
    if requisition.emergency:
        incident = requisition.references.get(Reference.INCIDENT, "no incident named")
        words = f"Emergency, {incident}: {requisition.emergency_reason}"
        found.append(Flag(words, kind="emergency"))
        found += _same_incident(requisition, asked, at=at)
    if requisition.budget_reason:
        words = f"Over a budget that warns: {requisition.budget_reason}"
        found.append(Flag(words, kind="budget"))
    if at is not None:
        around = recent.recent(asked, at=at, pk=requisition.pk)
        found += recent.flags(asked, around, seen_by=seen_by)
    return found


def _same_incident(requisition: Requisition, asked: Asked, *, at: datetime | None) -> list[Flag]:
    """What else was asked for its incident, which the cap counts together. Statements: 1."""
    entity, incident = requisition.entity, requisition.references.get(Reference.INCIDENT, "")
    earlier = for_incident(entity, incident, at=at, but=requisition.pk) if at else []
    if not earlier:
        return []
    together = asked.amount + sum((each.amount for each in earlier), Decimal(0))
    words = (
        f"For {incident} {recent.money(together, entity.currency)} were asked for in all, of at "
        f"most {recent.money(entity.emergency_cap, entity.currency)}."
    )
    more = [
        Flag(f"{each.title} · {recent.money(each.amount, entity.currency)}") for each in earlier
    ]
    return [Flag(words, more=more, kind="emergency")]


def references(requisition: Requisition) -> list[tuple[str, str]]:
    """What kind of reference, and which."""
    return [(str(Reference(kind).label), said) for kind, said in requisition.references.items()]


def risks(requisition: Requisition) -> list[str]:
    """What was said about data and access, in words."""
    country = countries.NAMES.get(requisition.data_residency, requisition.data_residency)
    said = {
        "Personal data": requisition.personal_data,
        "Regulated system": requisition.regulated,
        "Access for somebody outside": requisition.third_party_access,
        f"Data kept in {country}": bool(country),
    }
    return [words for words, holds in said.items() if holds]


def emergencies(entity: Entity) -> str:
    """What an emergency is here; empty where there is no such path."""
    if not entity.emergency_cap:
        return ""
    most = recent.money(entity.emergency_cap, entity.currency)
    decides = entity.on_call_approver or "the approver on call"
    return (
        f"Up to {most} for one incident that cannot wait: {decides} decides alone, and your "
        "manager looks at it within one working day."
    )


def route(steps: Iterable[StepPreview]) -> str:
    """“This goes to Axel Brandt, then Dora Lindqvist – usually 6 h”; empty where nobody is asked.

    Hours are working hours as measured lately: of a stage those of its slowest group, of a group
    where one suffices those of its quickest. Nothing is said while one of them was never measured.
    """
    stages = [list(each) for _, each in groupby(steps, key=lambda step: step.stage)]
    if not stages:
        return ""
    said = "This goes to " + ", then ".join(_said(stage) for stage in stages)
    hours = [_hours(stage) for stage in stages]
    if None in hours:
        return f"{said}."
    return f"{said} – usually {_in_words(sum(filter(None, hours), Decimal(0)))}."


def _groups(stage: list[StepPreview]) -> list[list[StepPreview]]:
    return [list(each) for _, each in groupby(stage, key=lambda step: step.group)]


def _said(stage: list[StepPreview]) -> str:
    return " and ".join(
        (" and " if group[0].mode == "all" else " or ").join(str(step.person) for step in group)
        for group in _groups(stage)
    )


def _hours(stage: list[StepPreview]) -> Decimal | None:
    """None when a group has nobody who was measured."""
    slowest = Decimal(0)
    for group in _groups(stage):
        known = [step.usual_hours for step in group if step.usual_hours is not None]
        if not known or (group[0].mode == "all" and len(known) < len(group)):
            return None
        slowest = max(slowest, max(known) if group[0].mode == "all" else min(known))
    return slowest


def _in_words(hours: Decimal) -> str:
    if hours < 1:
        return "less than an hour"
    return f"{hours:.0f} h"
