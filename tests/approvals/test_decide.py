"""Deciding on a step: who may, who may never, and what follows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import requisitions.services
from approvals import links, services
from approvals.models import ActionToken, ApprovalRequest, ApprovalStep
from approvals.services import DocumentChanged, LimitTooLow, SelfApproval
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import OutboxItem, TrailEvent
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import names, round_of, step_of, steps_of
from tests.factories import NOW, Organisation, step
from tests.racing import race

Submit = Callable[..., Requisition]


def decide(requisition: Requisition, person: Any, decision: str = "approve", **more: Any) -> Any:
    return services.decide(
        step=step_of(requisition, person), decision=decision, actor=person, at=NOW, **more
    )


def state(requisition: Requisition) -> list[Any]:
    """Everything that a refused decision must leave as it was, beside the record of the attempt."""
    round_ = round_of(requisition)
    return [
        Requisition.objects.values().get(pk=requisition.pk),
        ApprovalRequest.objects.values().get(pk=round_.pk),
        list(ApprovalStep.objects.filter(request=round_).order_by("id").values()),
        TrailEvent.objects.exclude(type="approval.refused").count(),
        OutboxItem.objects.count(),
    ]


def refused(requisition: Requisition, error: type[DomainError], call: Callable[[], Any]) -> Any:
    before = state(requisition)
    with pytest.raises(error) as caught:
        call()
    assert state(requisition) == before
    return caught.value


def test_nobody_but_the_person_asked_decides(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    mine = step_of(requisition, org.axel)
    for person in org.people.values():
        if person in (org.axel, org.rita):
            continue
        for decision in ("approve", "reject", "return"):
            refused(
                requisition,
                NotAllowed,
                lambda person=person, decision=decision: services.decide(
                    step=mine, decision=decision, actor=person, at=NOW, comment="no"
                ),
            )


def test_the_requester_never_decides_on_the_own_request(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    org.rita.is_superuser = org.rita.is_staff = True
    org.rita.save()
    for decision in ("approve", "reject", "return"):
        error = refused(
            requisition,
            SelfApproval,
            lambda decision=decision: services.decide(
                step=step_of(requisition, org.axel),
                decision=decision,
                actor=org.rita,
                at=NOW,
                comment="mine",
            ),
        )
        assert (error.slug, error.status) == ("self-approval", 403)


def test_a_step_that_was_given_to_the_requester_by_force_is_still_refused(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    given = step_of(requisition, org.axel)
    ApprovalStep.objects.filter(pk=given.pk).update(assignee=org.rita)
    refused(requisition, SelfApproval, lambda: decide(requisition, org.rita))


def test_a_superuser_is_no_exception(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    org.ada.is_superuser = True
    org.ada.save()
    refused(
        requisition,
        NotAllowed,
        lambda: services.decide(
            step=step_of(requisition, org.axel), decision="approve", actor=org.ada, at=NOW
        ),
    )


def test_a_closed_account_decides_nothing(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    org.axel.is_active = False
    org.axel.save()
    refused(requisition, NotAllowed, lambda: decide(requisition, org.axel))


def test_rejecting_needs_a_reason(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    error = refused(
        requisition, Invalid, lambda: decide(requisition, org.axel, "reject", comment="  ")
    )
    assert [each.pointer for each in error.errors] == ["/comment"]


@pytest.mark.parametrize("decision", ["", "yes", "escalate", "skip", "APPROVE"])
def test_an_unknown_decision_is_refused(
    org: Organisation, submitted: Submit, decision: str
) -> None:
    requisition = submitted()
    refused(requisition, Invalid, lambda: decide(requisition, org.axel, decision, comment="x"))


def test_a_step_that_waits_its_turn_cannot_be_decided(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    assert names(requisition, "waiting") == ["dora"]
    refused(requisition, IllegalTransition, lambda: decide(requisition, org.dora))


def test_what_is_decided_stays_decided(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    decide(requisition, org.axel)
    for decision in ("approve", "reject", "return"):
        refused(
            requisition,
            IllegalTransition,
            lambda decision=decision: decide(requisition, org.axel, decision, comment="again"),
        )


@pytest.mark.parametrize(
    ("limit", "passes"), [("19999.99", False), ("20000", True), ("20000.01", True)]
)
def test_the_limit_counts_when_deciding_and_equal_suffices(
    org: Organisation, submitted: Submit, limit: str, passes: bool
) -> None:
    requisition = submitted("20000")
    decide(requisition, org.axel)
    org.dora.approval_limit = Decimal(limit)
    org.dora.save()
    if passes:
        decide(requisition, org.dora)
        assert round_of(requisition).status == "approved"
    else:
        error = refused(requisition, LimitTooLow, lambda: decide(requisition, org.dora))
        assert "Dora Lindqvist has 19,999.99" in error.detail


def test_a_limit_below_the_amount_does_not_stop_a_no(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("4820")
    org.axel.approval_limit = Decimal(1)
    org.axel.save()
    decide(requisition, org.axel, "reject", comment="Not this year")
    assert round_of(requisition).status == "rejected"


def test_a_changed_document_is_reviewed_again(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    Requisition.objects.filter(pk=requisition.pk).update(title="Something else")
    error = refused(requisition, DocumentChanged, lambda: decide(requisition, org.axel))
    assert isinstance(error, Conflict)
    assert error.status == 409


def test_a_decision_on_another_content_is_refused(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    refused(requisition, DocumentChanged, lambda: decide(requisition, org.axel, digest="0" * 64))
    decide(requisition, org.axel, digest=round_of(requisition).digest)


def test_a_second_round_while_one_is_pending_is_refused(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    with pytest.raises(Conflict):
        services.request(
            document=requisition,
            requester=org.rita,
            amount=Decimal(1),
            facts=round_of(requisition).facts,
            digest="x",
            title="again",
            actor=org.rita,
            at=NOW,
        )


def test_approval_moves_the_document_and_tells(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    done = decide(requisition, org.axel, comment="Fine", channel="api")
    assert (done.status, done.decided_by, done.decided_at) == ("approved", org.axel, NOW)
    assert (done.channel, done.comment) == ("api", "Fine")
    event = TrailEvent.objects.get(type="approval.approved")
    assert (event.actor, event.reason) == (org.axel, "Fine")
    assert event.changes == [{"field": "status", "old": "active", "new": "approved"}]
    assert event.data["subject_id"] == str(requisition.pk)


def test_serial_groups_are_asked_one_after_the_other(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    assert names(requisition, "active") == ["axel"]
    decide(requisition, org.axel)
    assert names(requisition, "active") == ["dora"]
    assert round_of(requisition).status == "pending"
    decide(requisition, org.dora)
    assert round_of(requisition).status == "approved"
    assert Requisition.objects.get(pk=requisition.pk).status == "approved"
    assert round_of(requisition).history.count() == 2


def _policy(org: Organisation, *steps: dict[str, Any]) -> None:
    factories.policy(org.entity, "Test", [("all", {}, list(steps))], priority=1)


def test_one_of_a_choice_suffices_and_the_others_are_skipped(
    org: Organisation, submitted: Submit
) -> None:
    _policy(org, step(("role", "budget_owner"), mode="any"), step("manager"))
    requisition = submitted()
    assert names(requisition, "active") == ["dora", "sven"]
    decide(requisition, org.sven)
    assert names(requisition, "skipped") == ["dora"]
    assert names(requisition, "active") == ["axel"]
    refused(requisition, IllegalTransition, lambda: decide(requisition, org.dora))


def test_all_of_a_group_must_agree(org: Organisation, submitted: Submit) -> None:
    _policy(org, step(("role", "budget_owner"), mode="all"))
    requisition = submitted()
    decide(requisition, org.sven)
    assert round_of(requisition).status == "pending"
    decide(requisition, org.dora)
    assert round_of(requisition).status == "approved"


@pytest.mark.parametrize(("decision", "status"), [("reject", "rejected"), ("return", "returned")])
def test_one_no_ends_the_round(
    org: Organisation, submitted: Submit, decision: str, status: str
) -> None:
    _policy(org, step(("role", "budget_owner"), mode="all"), step("manager"))
    requisition = submitted()
    decide(requisition, org.dora, decision, comment="Too dear")
    assert round_of(requisition).status == status
    assert names(requisition, "skipped") == ["sven", "axel"]
    assert Requisition.objects.get(pk=requisition.pk).status == status
    assert not ApprovalStep.objects.filter(status__in=["waiting", "active"]).exists()


def test_a_rule_without_steps_approves_by_policy(org: Organisation, submitted: Submit) -> None:
    _policy(org)
    requisition = submitted()
    assert requisition.status == "approved"
    assert (round_of(requisition).status, steps_of(requisition)) == ("approved", [])
    assert TrailEvent.objects.get(type="approval_request.approved").actor is None


def test_the_round_is_a_snapshot_that_a_new_policy_leaves_alone(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("20000")
    _policy(org, step(("person", org.sven.email)))
    decide(requisition, org.axel)
    assert names(requisition) == ["axel", "dora"]
    assert round_of(requisition).rule_name == "From 1 000"


def test_withdrawing_ends_the_round(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    assert round_of(requisition).status == "cancelled"
    assert names(requisition, "skipped") == ["axel", "dora"]
    refused(requisition, IllegalTransition, lambda: decide(requisition, org.axel))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_a_rejection_at_once_one_wins(
    org: Organisation, submitted: Submit
) -> None:
    for _ in range(60):
        # A first step of two: its approval does not touch the document, whose own lock would help.
        mine = step_of(submitted("20000"), org.axel)

        def say(decision: str, mine: ApprovalStep = mine) -> str:
            services.decide(step=mine, decision=decision, actor=org.axel, at=NOW, comment="Now")
            return decision

        results = race([lambda: say("approve"), lambda: say("reject")])
        won = [each for each in results if isinstance(each, str)]
        lost = [type(each) for each in results if not isinstance(each, str)]
        assert (len(won), lost) == (1, [IllegalTransition])
        mine.refresh_from_db()
        assert mine.status == {"approve": "approved", "reject": "rejected"}[won[0]]
        decided = ["approval.approved", "approval.rejected"]
        assert TrailEvent.objects.filter(document_id=mine.pk, type__in=decided).count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_decision_and_a_withdrawal_at_once_never_wait_for_each_other(
    org: Organisation, submitted: Submit
) -> None:
    for _ in range(40):
        requisition = submitted("900")
        mine = step_of(requisition, org.axel)

        def approve(mine: ApprovalStep = mine) -> str:
            services.decide(step=mine, decision="approve", actor=org.axel, at=NOW)
            return "approved"

        def withdraw(requisition: Requisition = requisition) -> str:
            requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
            return "withdrawn"

        results = race([approve, withdraw])
        won = [each for each in results if isinstance(each, str)]
        lost = [type(each) for each in results if not isinstance(each, str)]
        assert (len(won), lost) == (1, [IllegalTransition])
        assert Requisition.objects.get(pk=requisition.pk).status == won[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_same_link_pressed_twice_at_once_decides_once(
    org: Organisation, submitted: Submit
) -> None:
    for _ in range(20):
        mine = step_of(submitted("20000"), org.axel)
        token = links.find(links.issue(step=mine, at=NOW))

        def press(token: ActionToken = token) -> str:
            links.decide_by_link(token=token, decision="approve", signed_in=None, at=NOW)
            return "decided"

        results = race([press, press])
        assert [each for each in results if isinstance(each, str)] == ["decided"]
        assert TrailEvent.objects.filter(document_id=mine.pk, type="approval.approved").count() == 1
