"""A step that changes hands by choice."""

from collections.abc import Callable
from typing import Any

import pytest

from approvals import services
from approvals.services import LimitTooLow, SelfApproval
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import names, round_of, step_of
from tests.approvals.test_decide import Submit, state
from tests.factories import NOW, Organisation


def forward(requisition: Requisition, actor: Any, to: Any, comment: str = "") -> Any:
    return services.forward(
        step=step_of(requisition, actor), to=to, actor=actor, at=NOW, comment=comment
    )


def refused(requisition: Requisition, error: type[DomainError], call: Callable[[], Any]) -> None:
    before = state(requisition)
    with pytest.raises(error):
        call()
    assert state(requisition) == before


def test_it_never_goes_to_the_requester(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900", requester=org.axel)
    assert names(requisition, "active") == ["dora"]
    refused(requisition, SelfApproval, lambda: forward(requisition, org.dora, org.axel))


def test_only_its_person_forwards_it(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    mine = step_of(requisition, org.axel)
    for person in (org.dora, org.cora, org.bea, org.nils):
        refused(
            requisition,
            NotAllowed,
            lambda person=person: services.forward(step=mine, to=org.sven, actor=person, at=NOW),
        )
    refused(
        requisition,
        SelfApproval,
        lambda: services.forward(step=mine, to=org.sven, actor=org.rita, at=NOW),
    )


def test_it_goes_to_approvers_of_the_entity_only(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    for person in (org.bea, org.rob, org.olga, org.nils):
        refused(requisition, Invalid, lambda person=person: forward(requisition, org.axel, person))
    org.sven.is_active = False
    org.sven.save()
    refused(requisition, Invalid, lambda: forward(requisition, org.axel, org.sven))


def test_it_does_not_go_to_somebody_who_is_asked_anyway(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("20000")
    refused(requisition, Conflict, lambda: forward(requisition, org.axel, org.dora))
    refused(requisition, Conflict, lambda: forward(requisition, org.axel, org.axel))


def test_it_does_not_go_to_somebody_whose_limit_is_too_low(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("20000")
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.axel, at=NOW)
    refused(requisition, LimitTooLow, lambda: forward(requisition, org.dora, org.sven))


def test_a_decided_step_is_not_forwarded(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.axel, at=NOW)
    refused(requisition, IllegalTransition, lambda: forward(requisition, org.axel, org.cora))


def test_the_new_person_decides_and_the_old_one_does_not(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("4820")
    old = step_of(requisition, org.axel)
    new = forward(requisition, org.axel, org.cora, comment="You know them better")
    assert (new.assignee, new.status, new.replaces_id) == (org.cora, "active", old.pk)
    assert new.required_limit == old.required_limit
    assert new.why == "Forwarded by Axel Brandt"
    refused(
        requisition,
        IllegalTransition,
        lambda: services.decide(step=old, decision="approve", actor=org.axel, at=NOW),
    )
    services.decide(step=new, decision="approve", actor=org.cora, at=NOW)
    assert names(requisition, "approved")[0] == "cora"
    event = TrailEvent.objects.get(type="approval.forwarded")
    assert (event.actor, event.reason) == (org.axel, "You know them better")
    assert TrailEvent.objects.filter(type="approval.requested", document_id=new.pk).count() == 1


def test_a_forwarded_choice_is_still_a_choice(org: Organisation, submitted: Submit) -> None:
    either = factories.step(("role", "budget_owner"), mode="any")
    factories.policy(org.entity, "Test", [("all", {}, [either])], priority=1)
    requisition = submitted()
    forward(requisition, org.sven, org.axel)
    services.decide(step=step_of(requisition, org.dora), decision="approve", actor=org.dora, at=NOW)
    assert round_of(requisition).status == "approved"
    assert names(requisition, "active") == []
