"""Policies that ask for references, and requests of others than Rita."""

from datetime import datetime
from typing import Any

import requisitions.services
from accounts.models import User
from approvals.models import ApprovalPolicy, ApprovalRequest, PolicyRequirement
from requisitions.inputs import LineInput
from requisitions.models import Requisition
from tests.factories import NOW, Organisation, requisition_input


def demand(policy: ApprovalPolicy, reference: str, fact: str, operator: str, value: Any) -> None:
    """From now on the policy asks for this reference where one condition holds."""
    PolicyRequirement.objects.create(
        policy=policy,
        position=policy.requirements.count() + 1,
        reference=reference,
        conditions={"all": [{"fact": fact, "operator": operator, "value": value}]},
    )


def asked_by(
    org: Organisation, person: User, *lines: LineInput, at: datetime = NOW, **fields: Any
) -> Requisition:
    """A request that this person has sent."""
    data = requisition_input(org, *lines, **fields)
    made = requisitions.services.create(requester=person, data=data, at=at)
    return requisitions.services.submit(requisition=made, actor=person, at=at)


def facts_of(requisition: Requisition) -> dict[str, Any]:
    """The facts of its newest round."""
    return ApprovalRequest.objects.filter(subject_id=requisition.pk).latest("id").facts


def chain_of(requisition: Requisition) -> list[str]:
    """The first names of whoever its newest round asks, in order."""
    round_ = ApprovalRequest.objects.filter(subject_id=requisition.pk).latest("id")
    steps = round_.steps.select_related("assignee").order_by("stage", "group", "id")
    return [step.assignee.name.split()[0].lower() for step in steps]
