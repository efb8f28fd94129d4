"""Who would be asked, before anything is submitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Entity, User
from approvals import chain, policy, queries
from approvals.directory import Directory
from approvals.services.rounds import plain
from core.errors import DomainError


@dataclass(frozen=True)
class StepPreview:
    """One person who would be asked. Steps of a stage are open together, stages follow in order.

    `quorum` is how many of the group suffice where its mode says so, else 0. `usual_hours` are the
    working hours this person took lately (median); None where nothing was measured.
    """

    person: User
    why: str
    group: int
    stage: int
    mode: str
    quorum: int
    usual_hours: Decimal | None = None


def preview(
    *,
    entity: Entity,
    applies_to: str,
    requester: User,
    facts: Mapping[str, Any],
    at: datetime | None = None,
) -> list[StepPreview]:
    """Who would be asked, in order; empty when a rule approves at once. Reads only.

    `at` is now where it is not said. Raises PolicyBroken and NoApprover as `request` would.
    """
    known, at = plain(facts), at or timezone.now()
    choice = policy.choose(entity=entity, applies_to=applies_to, facts=known)
    groups = chain.build(
        rule=choice.rule,
        requester=requester,
        facts=known,
        directory=Directory.of(entity, at=at),
        applies_to=applies_to,
    )
    hours = queries.usual_hours(entity, chain.people(groups), at) if groups else {}
    return [
        StepPreview(
            person=seat.person,
            why=seat.why,
            group=number,
            stage=group.stage,
            mode=group.mode,
            quorum=group.quorum,
            usual_hours=hours.get(seat.person.pk),
        )
        for number, group in enumerate(groups, 1)
        for seat in group.seats
    ]


def expected(
    *, entity: Entity, applies_to: str, requester: User, facts: Mapping[str, Any]
) -> tuple[list[StepPreview], str]:
    """As `preview` for people who look before they send: who would be asked, or why nobody can
    be, in words."""
    try:
        found = preview(entity=entity, applies_to=applies_to, requester=requester, facts=facts)
    except DomainError as problem:
        return [], problem.detail
    return found, ""
