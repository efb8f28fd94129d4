"""A purchase of Rita's on its way through approval, as its own services make it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import requisitions.services
from approvals.models import ApprovalRequest, ApprovalStep
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition
from tests.factories import NOW, Organisation


def input_of(org: Organisation, price: Decimal | str, **changes: Any) -> RequisitionInput:
    """One free-text line of that price on CC100 / 6600, whose budget stops at 100 000."""
    coding = DistributionInput(
        org.cost_centers["CC100"], org.gl_accounts["6600"], None, Decimal(100)
    )
    line = LineInput(
        description="Contoso laptops",
        quantity=Decimal(1),
        unit="C62",
        unit_price=Decimal(price),
        tax_code="DE19",
        distributions=[coding],
    )
    given = {
        "title": "Contoso laptops",
        "currency": "EUR",
        "vendor": org.vendor,
        "service_type": "hardware",
        "lines": [line],
    }
    return RequisitionInput(**{**given, **changes})


@pytest.fixture
def submitted(org: Organisation) -> Callable[..., Requisition]:
    """`submitted(price)`: Rita's requisition of that amount, in approval."""

    def make(price: Decimal | str = "4820", requester: Any = None, **changes: Any) -> Requisition:
        requester = requester or org.rita
        draft = requisitions.services.create(
            requester=requester, data=input_of(org, price, **changes), at=NOW
        )
        return requisitions.services.submit(requisition=draft, actor=requester, at=NOW)

    return make


def round_of(requisition: Requisition) -> ApprovalRequest:
    return ApprovalRequest.objects.filter(subject_id=requisition.pk).latest("id")


def steps_of(requisition: Requisition) -> list[ApprovalStep]:
    return list(
        ApprovalStep.objects.filter(request=round_of(requisition))
        .select_related("assignee", "request")
        .order_by("group", "id")
    )


def step_of(requisition: Requisition, person: Any) -> ApprovalStep:
    return next(s for s in steps_of(requisition) if s.assignee_id == person.pk)


def names(requisition: Requisition, status: str | None = None) -> list[str]:
    """First names in the order of the chain, of the steps in that state."""
    return [
        step.assignee.name.split()[0].lower()
        for step in steps_of(requisition)
        if status is None or step.status == status
    ]
