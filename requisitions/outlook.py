"""What would happen to a request that is still being typed: budgets and approvers. Reads only."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import approvals.services
from accounts.models import Entity, User
from approvals.subjects import Flag
from budgets import ledger
from budgets.ledger import FundsCheck
from budgets.rates import rate_on
from core.errors import DomainError
from requisitions import emergencies, facts, submission, validation
from requisitions.asked import typed
from requisitions.inputs import RequisitionInput
from requisitions.models import Requisition
from requisitions.recent import flags, recent

_NOT_RESERVED = (
    Requisition.Status.DRAFT,
    Requisition.Status.RETURNED,
    Requisition.Status.WITHDRAWN,
    Requisition.Status.SUBMITTED,
)


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What each budget says to a document, and whom it would go to."""

    checks: list[FundsCheck]
    steps: list[Any]
    approvers_problem: str = ""

    @property
    def is_refused(self) -> bool:
        return any(check.verdict == "refuse" for check in self.checks)

    @property
    def is_warned(self) -> bool:
        return any(check.verdict == "warn" for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Outlook(Prospect):
    """The answer to "what if I submit this request"."""

    total: Decimal
    base_total: Decimal
    references: list[str] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    emergency_closed: str = ""


def outlook(*, requester: User, data: RequisitionInput, at: datetime) -> Outlook:
    """Judge an input without keeping it. Raises Invalid while it is not complete, RateMissing."""
    entity = requester.entity
    on = entity.day_of(at)
    judged = validation.judge(entity=entity, data=data, today=on)
    rate = rate_on(currency=data.currency, base=entity.currency, day=on)
    demands = facts.judged_demands(judged, entity=entity, currency=data.currency, rate=rate, on=on)
    checks = ledger.check_funds(entity=entity, on=on, demands=demands)
    asked = typed(data, judged, requester=requester, rate=rate)
    around = recent(asked, at=at)
    known = facts.approval_facts(asked, recent=around, checks=checks, on=on)
    steps, problem = approvals.services.expected(
        entity=entity, applies_to=Requisition.document_type, requester=requester, facts=known
    )
    return Outlook(
        total=judged.total,
        base_total=asked.amount,
        checks=checks,
        steps=steps,
        approvers_problem=problem,
        references=_references(entity, known),
        flags=flags(asked, around, seen_by=requester),
        emergency_closed=emergencies.closed(asked, at=at) if data.emergency else "",
    )


def _references(entity: Entity, known: dict[str, Any]) -> list[str]:
    """What policy asks for; a policy that cannot be read says so where the approvers stand."""
    try:
        return submission.required_references(entity, known)
    except DomainError:
        return []


def standing(requisition: Requisition, at: datetime) -> list[FundsCheck]:
    """What each budget says today about a request that reserves nothing yet; else nothing."""
    if requisition.status not in _NOT_RESERVED:
        return []
    entity = requisition.entity
    on = entity.day_of(at)
    demands = facts.demands(requisition, requisition.lines.all(), on=on)
    return ledger.check_funds(entity=entity, on=on, demands=demands)
