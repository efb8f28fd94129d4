"""Somebody left: nothing waits for them any more, and nothing passes because of that."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

import accounts.services
from accounts.models import ApiToken, Entity, User
from approvals import links, services
from approvals.models import ActionToken, ApprovalStep, Delegation, Ratification, StepQuestion
from approvals.services import LimitTooLow
from core import events, outbox, periodic, transactions
from core.errors import IllegalTransition, NotAllowed
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import names, round_of, step_of
from tests.approvals.test_decide import Submit, decide, refused, state
from tests.approvals.test_delegation import granted
from tests.factories import NOW, Organisation, step


def _policy(org: Organisation, *steps: dict[str, Any]) -> None:
    factories.policy(org.entity, "Test", [("all", {}, list(steps))], priority=1)


def left(person: User) -> User:
    """Gone in the database, nobody told."""
    User.objects.filter(pk=person.pk).update(is_active=False)
    person.refresh_from_db()
    return person


def reroute(person: User) -> dict[str, int]:
    return services.reroute_leaver(person=left(person), at=NOW)


def test_who_is_here_keeps_everything(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    granted(org.axel, org.sven)
    before = state(requisition)
    assert not any(services.reroute_leaver(person=org.axel, at=NOW).values())
    assert state(requisition) == before
    assert Delegation.objects.get().status == "standing"


def test_an_open_step_goes_to_the_fallback_approver(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    assert reroute(org.axel) == {"delegations": 0, "rerouted": 1, "stuck": 0}
    assert names(requisition, "skipped") == ["axel"]
    assert names(requisition, "active") == ["cora"]
    heir = step_of(requisition, org.cora)
    assert (heir.why, heir.replaces_id) == ("Axel Brandt left", step_of(requisition, org.axel).pk)
    assert heir.due_at is not None
    assert round_of(requisition).status == "pending"
    event = TrailEvent.objects.get(type="approval.rerouted")
    assert (event.actor, event.reason) == (None, "Whoever was asked left")
    assert event.data["to"] == str(org.cora.pk)
    assert TrailEvent.objects.filter(type="approval.requested", document_id=heir.pk).exists()


def test_a_waiting_step_goes_there_too_and_keeps_waiting(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("20000")
    assert names(requisition, "waiting") == ["dora"]
    reroute(org.dora)
    assert names(requisition, "active") == ["axel"]
    assert names(requisition, "waiting") == ["cora"]
    heir = step_of(requisition, org.cora)
    assert heir.required_limit == 20_000
    decide(requisition, org.axel)
    assert names(requisition, "active") == ["cora"]


def test_it_happens_once(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    reroute(org.axel)
    before = state(requisition)
    assert reroute(org.axel) == {"delegations": 0, "rerouted": 0, "stuck": 0}
    assert state(requisition) == before


def test_it_never_goes_to_the_requester_nor_to_their_delegate(
    org: Organisation, submitted: Submit
) -> None:
    Entity.objects.filter(pk=org.entity.pk).update(fallback_approver=org.axel)
    requisition = submitted("900", requester=org.axel)
    granted(org.axel, org.sven)
    Entity.objects.filter(pk=org.entity.pk).update(fallback_approver=org.sven)
    sven = User.objects.get(pk=org.sven.pk)
    sven.manager = org.cora
    sven.save()
    reroute(org.dora)
    assert names(requisition, "active") == ["cora"]


def test_it_goes_upwards_where_the_fallback_may_not(org: Organisation, submitted: Submit) -> None:
    User.objects.filter(pk=org.cora.pk).update(approval_limit=Decimal(100))
    requisition = submitted("4820")
    assert step_of(requisition, org.axel).required_limit == 4820
    _forget_later_steps(requisition)
    reroute(org.axel)
    assert names(requisition, "active") == ["dora"]


def _forget_later_steps(requisition: Any) -> None:
    """Only the first stage is left, as under a policy that asks the manager chain alone."""
    ApprovalStep.objects.filter(request=round_of(requisition), status="waiting").delete()


def test_whoever_must_agree_anyway_answers_for_it_with_the_higher_limit(
    org: Organisation, submitted: Submit
) -> None:
    """Everybody above has a seat: one say counts for both, and not a say less is asked."""
    _policy(org, step("manager_chain"), step(("person", org.cora.email)))
    requisition = submitted("20000")
    assert names(requisition) == ["axel", "dora", "cora"]
    reroute(org.dora)
    assert names(requisition, "skipped") == ["dora"]
    decide(requisition, org.axel)
    assert round_of(requisition).status == "pending"
    assert step_of(requisition, org.cora).required_limit == 20_000
    User.objects.filter(pk=org.cora.pk).update(approval_limit=Decimal(19_999))
    refused(requisition, LimitTooLow, lambda: decide(requisition, org.cora))


def test_nobody_signs_twice_because_somebody_left(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("4820")
    granted(org.axel, org.cora)
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.cora, at=NOW)
    assert reroute(org.dora)["stuck"] == 1
    assert names(requisition, "active") == ["dora"]


def test_who_need_not_agree_does_not_answer_for_who_left(
    org: Organisation, submitted: Submit
) -> None:
    """Cora or Sven: had Cora Dora's say as well, Sven's yes would do away with it."""
    either = step(("person", org.cora.email), ("person", org.sven.email), mode="any")
    _policy(org, step(("person", org.dora.email)), either)
    requisition = submitted("900")
    assert reroute(org.dora)["stuck"] == 1
    assert names(requisition, "active") == ["dora"]


def test_where_nobody_is_left_it_stays_and_that_is_told_once(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    for each in (org.cora, org.dora):
        left(each)
    assert reroute(org.axel) == {"delegations": 0, "rerouted": 0, "stuck": 1}
    assert reroute(org.axel)["stuck"] == 1
    assert names(requisition, "active") == ["axel"]
    assert TrailEvent.objects.filter(type="approval.stuck").count() == 1
    assert round_of(requisition).status == "pending"


def test_a_choice_without_its_other_person_still_needs_a_yes(
    org: Organisation, submitted: Submit
) -> None:
    _policy(org, step(("role", "budget_owner"), mode="any"))
    requisition = submitted("900")
    reroute(org.dora)
    reroute(org.sven)
    assert round_of(requisition).status == "pending"
    assert "cora" in names(requisition, "active")


def test_delegations_from_and_to_them_are_void(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    given = [granted(org.axel, org.sven), granted(org.sven, org.axel), granted(org.dora, org.sven)]
    later = granted(
        org.axel, org.fay, valid_from=NOW + timedelta(days=3), valid_to=NOW + timedelta(days=4)
    )
    assert reroute(org.axel)["delegations"] == 3
    for each in (*given, later):
        each.refresh_from_db()
    assert [each.status for each in given] == ["revoked", "revoked", "standing"]
    assert later.status == "revoked"
    told = TrailEvent.objects.filter(type="delegation.revoked", actor=None)
    assert {each.reason for each in told} == {"Who gave it left"}
    refused(
        requisition,
        IllegalTransition,
        lambda: services.decide(
            step=step_of(requisition, org.axel), decision="approve", actor=org.sven, at=NOW
        ),
    )


def test_a_delegate_does_nothing_for_who_left_before_anything_ran(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven)
    left(org.axel)
    assert not ApprovalStep.objects.awaiting(org.sven, NOW).exists()
    refused(
        requisition,
        Exception,
        lambda: services.decide(
            step=step_of(requisition, org.axel), decision="approve", actor=org.sven, at=NOW
        ),
    )


def test_their_links_are_dead_for_good(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    token = links.find(links.issue(step=step_of(requisition, org.axel), at=NOW))
    reroute(org.axel)
    assert ActionToken.objects.get(pk=token.pk).void_reason == "deactivated"


def test_a_question_to_them_ends_and_the_clock_goes_on(
    org: Organisation, submitted: Submit
) -> None:
    """Unanswered it would keep its step from ever being reminded or escalated."""
    requisition = submitted("900")
    mine = step_of(requisition, org.axel)
    services.ask(step=mine, of=org.rita, question="Why?", actor=org.axel, at=NOW)
    later = NOW + timedelta(hours=2)
    left(org.rita)
    assert services.reroute_leavers(at=later) == 1
    mine.refresh_from_db()
    assert (mine.status, mine.paused_at) == ("active", None)
    assert mine.next_nudge_at is not None
    question = StepQuestion.objects.get()
    assert (question.answer, question.answered_at) == ("", later)
    assert TrailEvent.objects.get(type="approval.question_ended").reason == "Whoever was asked left"
    assert services.reroute_leavers(at=later) == 0


def test_an_emergency_they_had_to_look_at_falls_to_another(
    org: Organisation, submitted: Submit
) -> None:
    """Or its requester would lose the path for good."""
    requisition = submitted("900")
    decide(requisition, org.axel)
    task = Ratification.objects.create(
        entity=org.entity,
        request=round_of(requisition),
        requester=org.rita,
        assignee=org.dora,
        incident="INC-1",
        due_at=NOW,
        created_at=NOW,
    )
    assert reroute(org.dora)["rerouted"] == 1
    task.refresh_from_db()
    assert (task.assignee, task.status) == (org.cora, "due")
    assert (
        TrailEvent.objects.get(type="ratification.rerouted").reason == "Whoever was to ratify left"
    )
    left(org.cora)
    assert reroute(org.cora)["stuck"] == 1
    task.refresh_from_db()
    assert task.assignee == org.cora


# --- a role taken away --------------------------------------------------------------------------


def test_who_lost_the_role_signs_for_it_no_more(
    org: Organisation, submitted: Submit, present: Any
) -> None:
    """Neither they nor who decides for them, by mail as little as in the inbox."""
    _policy(org, step(("role", "budget_owner")))
    requisition, later = submitted("900"), NOW + timedelta(minutes=1)
    granted(org.dora, org.axel)
    mine = step_of(requisition, org.dora)
    token = links.find(links.issue(step=mine, at=NOW))
    accounts.services.set_roles(
        person=org.dora, roles=["approver"], actor=org.cora, proposed_by=org.ada, at=NOW
    )
    dora, axel = User.objects.get(pk=org.dora.pk), User.objects.get(pk=org.axel.pk)
    said: dict[str, Any] = {"step": mine, "decision": "approve", "at": later}
    for act in (
        lambda: services.decide(**said, actor=dora),
        lambda: services.decide(**said, actor=axel),
        lambda: services.forward(step=mine, to=org.cora, actor=dora, at=later),
        lambda: services.add_approver(step=mine, person=org.cora, actor=dora, at=later),
        lambda: links.decide_by_link(token=token, decision="approve", signed_in=dora, at=later),
    ):
        assert "not Budget owner any more" in refused(requisition, NotAllowed, act).detail
    outbox.drain()
    assert names(requisition, "skipped") == ["dora"]
    assert names(requisition, "active") == ["sven", "cora"]
    heir = step_of(requisition, org.cora)
    assert (heir.why, heir.asked_as) == ("Dora Lindqvist is not Budget owner any more", "")
    death = links.judge(links.kept(token.pk), at=later)
    assert death is not None and death.cause == "forwarded"
    decide(requisition, org.sven)
    decide(requisition, org.cora)
    assert round_of(requisition).status == "approved"


def test_what_waits_for_another_reason_stays(
    org: Organisation, submitted: Submit, present: Any
) -> None:
    requisition = submitted("20000")
    accounts.services.set_roles(
        person=org.dora, roles=["approver"], actor=org.cora, proposed_by=org.ada, at=NOW
    )
    outbox.drain()
    assert names(requisition, "skipped") == []


# --- told, or found -----------------------------------------------------------------------------


def deactivate(org: Organisation, person: User) -> None:
    """An administrator closes the account; the trail's subscribers hear of it."""
    accounts.services.deactivate(person=person, actor=org.ada, at=NOW)


def test_closing_an_account_hands_its_steps_on(
    org: Organisation, submitted: Submit, present: Any
) -> None:
    requisition = submitted("900")
    deactivate(org, org.axel)
    assert TrailEvent.objects.filter(type="person.deactivated").exists()
    outbox.drain()
    assert names(requisition, "active") == ["cora"]


def test_the_same_message_twice_does_nothing_more(
    org: Organisation, submitted: Submit, present: Any
) -> None:
    requisition = submitted("900")
    left(org.axel)
    for _ in range(2):
        with transactions.atomic():
            events.publish("person.deactivated", org.axel, actor=org.ada, at=NOW)
        outbox.drain()
    assert names(requisition) == ["axel", "cora"]


def test_what_was_missed_is_found_within_a_minute(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    left(org.axel)
    periodic.tick(now=NOW)
    assert names(requisition, "active") == ["cora"]
    again = submitted("900")
    assert names(again, "active") == ["cora"]
    ApprovalStep.objects.filter(request=round_of(again)).update(assignee=org.axel)
    periodic.tick(now=NOW + timedelta(seconds=59))
    assert names(again, "active") == ["axel"]
    periodic.tick(now=NOW + timedelta(seconds=60))
    assert names(again, "active") == ["cora"]


def test_finding_nobody_costs_one_query(org: Organisation, submitted: Submit) -> None:
    submitted("20000")
    granted(org.axel, org.sven)
    left(org.bea)
    with CaptureQueriesContext(connection) as seen:
        assert services.reroute_leavers(at=NOW) == 0
    assert len(seen) == 1


def test_a_delegation_of_who_left_is_found_without_a_step(org: Organisation) -> None:
    given = granted(org.axel, org.sven)
    left(org.sven)
    assert services.reroute_leavers(at=NOW) == 1
    given.refresh_from_db()
    assert given.status == "revoked"
    assert services.reroute_leavers(at=NOW) == 0


# --- shut out at the next request ---------------------------------------------------------------


def test_a_session_ends_at_the_next_request(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    client = Client()
    client.force_login(org.axel)
    assert client.get("/approvals/").status_code == 200
    left(org.axel)
    before = state(requisition)
    answer = client.get("/approvals/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    decided = client.post(
        f"/approvals/{step_of(requisition, org.axel).pk}/decide/",
        {"decision": "approve", "digest": round_of(requisition).digest},
    )
    assert decided["Location"].startswith("/accounts/login/")
    assert state(requisition) == before


@pytest.mark.parametrize("told", [True, False])
def test_a_token_is_refused_at_the_next_request(
    org: Organisation, submitted: Submit, told: bool
) -> None:
    """Also where the account was closed behind the portal's back and the token still exists."""
    requisition = submitted("900")
    _, token = ApiToken.objects.create(
        user=org.axel, scopes=["read", "approvals:decide"], expiry=timedelta(hours=1)
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    address = f"/api/v1/approvals/{step_of(requisition, org.axel).pk}/"
    assert client.get(address).status_code == 200
    if told:
        deactivate(org, org.axel)
        assert not ApiToken.objects.filter(user=org.axel).exists()
    else:
        left(org.axel)
    before = state(requisition)
    assert client.get(address).status_code == 401
    assert client.post(f"{address}approve/", {}, format="json").status_code == 401
    assert state(requisition) == before
