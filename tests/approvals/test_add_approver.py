"""Another pair of eyes, asked for by whoever decides."""

from typing import Any

import pytest

from approvals import services
from approvals.services import SelfApproval
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import names, round_of, step_of
from tests.approvals.test_decide import Submit, decide, refused
from tests.approvals.test_delegation import granted
from tests.factories import NOW, Organisation, step


def add(requisition: Any, of: Any, person: Any, actor: Any = None, **more: Any) -> Any:
    return services.add_approver(
        step=step_of(requisition, of), person=person, actor=actor or of, at=NOW, **more
    )


def test_it_is_never_the_requester_nor_their_delegate(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900", requester=org.axel)
    granted(org.axel, org.sven)
    for person in (org.axel, org.sven):
        refused(requisition, SelfApproval, lambda person=person: add(requisition, org.dora, person))


def test_only_whom_it_waits_for_asks(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    for actor in (org.dora, org.cora, org.ada, org.nils):
        refused(
            requisition,
            NotAllowed,
            lambda actor=actor: add(requisition, org.axel, org.sven, actor=actor),
        )
    refused(
        requisition,
        SelfApproval,
        lambda: add(requisition, org.axel, org.sven, actor=org.rita),
    )


def test_only_approvers_of_the_entity_are_asked(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    for person in (org.bea, org.rob, org.ada, org.olga, org.nils):
        error = refused(
            requisition, Invalid, lambda person=person: add(requisition, org.axel, person)
        )
        assert [each.pointer for each in error.errors] == ["/person"]


def test_nobody_is_asked_twice(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    for person in (org.axel, org.dora):
        refused(requisition, Conflict, lambda person=person: add(requisition, org.axel, person))
    add(requisition, org.axel, org.sven)
    refused(requisition, Conflict, lambda: add(requisition, org.axel, org.sven))


def test_only_while_the_step_is_open(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    refused(requisition, IllegalTransition, lambda: add(requisition, org.dora, org.sven))
    decide(requisition, org.axel)
    refused(requisition, IllegalTransition, lambda: add(requisition, org.axel, org.sven))


def test_both_must_agree_before_the_next_stage(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    added = add(requisition, org.axel, org.sven, comment="You know the vendor")
    assert (added.stage, added.mode, added.why) == (1, "all", "Added by Axel Brandt")
    assert added.required_limit is None
    assert sorted(names(requisition, "active")) == ["axel", "sven"]
    event = TrailEvent.objects.get(type="approval.approver_added")
    assert (event.actor, event.reason) == (org.axel, "You know the vendor")
    assert TrailEvent.objects.filter(type="approval.requested", document_id=added.pk).exists()
    decide(requisition, org.axel)
    assert names(requisition, "waiting") == ["dora"]
    decide(requisition, org.sven)
    assert names(requisition, "active") == ["dora"]


def test_a_choice_does_not_do_away_with_the_added_one(org: Organisation, submitted: Submit) -> None:
    choice = step(("role", "budget_owner"), mode="any")
    factories.policy(org.entity, "Test", [("all", {}, [choice])], priority=1)
    requisition = submitted("900")
    add(requisition, org.dora, org.cora)
    decide(requisition, org.sven)
    assert names(requisition, "skipped") == ["dora"]
    assert round_of(requisition).status == "pending"
    decide(requisition, org.cora)
    assert round_of(requisition).status == "approved"


def test_a_delegate_may_ask_too(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven)
    add(requisition, org.axel, org.cora, actor=org.sven)
    event = TrailEvent.objects.get(type="approval.approver_added")
    assert (event.actor, event.on_behalf_of) == (org.sven, org.axel)


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_the_added_one_ends_it_with_a_no(
    org: Organisation, submitted: Submit, decision: str
) -> None:
    requisition = submitted("900")
    add(requisition, org.axel, org.sven)
    decide(requisition, org.sven, decision, comment="Not from them")
    assert names(requisition, "skipped") == ["axel"]
    assert round_of(requisition).status == {"reject": "rejected", "return": "returned"}[decision]
