"""Reminders and escalation on working time, each exactly once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import clock, services
from approvals.models import ApprovalRequest, ApprovalStep, Delegation
from core.errors import DomainError
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import names, step_of, steps_of
from tests.approvals.test_decide import Submit
from tests.approvals.test_delegation import granted
from tests.factories import NOW, Organisation, step
from tests.invariants.fixtures import assert_books_hold
from tests.racing import race

# NOW is Monday 11:00 in Hamburg, whose day is from 9 to 17.
TUESDAY, WEDNESDAY, THURSDAY = (NOW + timedelta(days=days) for days in (1, 2, 3))


def told(word: str) -> int:
    return TrailEvent.objects.filter(type=f"approval.{word}").count()


def test_nothing_happens_before_its_time_nor_after_a_decision(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    nothing = {"reminded": 0, "escalated": 0, "stuck": 0}
    assert services.nudge(at=TUESDAY - timedelta(seconds=1)) == nothing
    services.decide(step=step_of(requisition, org.axel), decision="return", actor=org.axel, at=NOW)
    for day in range(30):
        assert services.nudge(at=NOW + timedelta(days=day)) == nothing


def test_a_step_that_waits_its_turn_is_left_alone(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    services.nudge(at=TUESDAY)
    dora = step_of(requisition, org.dora)
    assert (dora.status, dora.nudges) == ("waiting", 0)


def test_ten_days_in_hours_with_every_tick_twice(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    seen = {}
    for hour in range(10 * 24 + 1):
        at = NOW + timedelta(hours=hour)
        for _ in range(2):
            for word, count in services.nudge(at=at).items():
                if count:
                    seen.setdefault(word, []).append((at, count))
    # Small: axel alone. Axel on Monday, dora from Thursday, cora from the Tuesday after, who has
    # nobody above: told once that it is stuck.
    monday = NOW + timedelta(days=7)
    assert seen["reminded"] == [
        (TUESDAY, 1),
        (WEDNESDAY, 1),
        (NOW + timedelta(days=4), 1),
        (monday, 1),
        (NOW + timedelta(days=9), 1),
        (NOW + timedelta(days=10), 1),
    ]
    assert seen["escalated"] == [(THURSDAY, 1), (NOW + timedelta(days=8), 1)]
    assert names(requisition) == ["axel", "dora", "cora"]
    assert [each.status for each in steps_of(requisition)] == ["escalated", "escalated", "active"]
    assert (told("reminded"), told("escalated"), told("requested")) == (6, 2, 3)


def test_weekends_and_holidays_do_not_count(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    before_easter = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)  # Thursday 11:00 in Hamburg
    mine = step_of(requisition, org.axel)
    ApprovalStep.objects.filter(pk=mine.pk).update(
        activated_at=before_easter,
        due_at=datetime(2026, 4, 7, 9, 0, tzinfo=UTC),
        next_nudge_at=datetime(2026, 4, 7, 9, 0, tzinfo=UTC),
    )
    assert services.nudge(at=datetime(2026, 4, 7, 9, 0, tzinfo=UTC))["reminded"] == 1
    mine.refresh_from_db()
    assert mine.next_nudge_at == datetime(2026, 4, 8, 9, 0, tzinfo=UTC)


def test_after_a_long_silence_only_the_highest_is_done(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    assert services.nudge(at=NOW + timedelta(days=5)) == {
        "reminded": 0,
        "escalated": 1,
        "stuck": 0,
    }
    assert names(requisition, "active") == ["dora"]


def test_escalation_never_reaches_the_requester(org: Organisation, submitted: Submit) -> None:
    org.axel.manager = org.rita
    org.axel.save()
    org.rita.manager = org.axel
    org.rita.save()
    requisition = submitted("900")
    services.nudge(at=THURSDAY)
    assert names(requisition, "active") == ["cora"]


def test_escalation_needs_the_limit_the_step_needs(org: Organisation, submitted: Submit) -> None:
    org.axel.approval_limit = 50_000
    org.axel.save()
    org.dora.approval_limit = 10
    org.dora.save()
    org.rita.refresh_from_db()
    submitted_one = submitted("20000")
    assert names(submitted_one, "active") == ["axel"]
    services.nudge(at=THURSDAY)
    assert names(submitted_one, "active") == ["cora"]


def test_escalation_stays_in_the_entity(org: Organisation, submitted: Submit) -> None:
    org.axel.manager = org.nils
    org.axel.save()
    requisition = submitted("900")
    services.nudge(at=THURSDAY)
    assert names(requisition, "active") == ["cora"]


def test_who_signed_for_another_takes_no_step_over(org: Organisation, submitted: Submit) -> None:
    together = {**step(("person", org.sven.email)), "with_previous": True}
    rule = ("Both", {"all": []}, [step("manager"), together])
    factories.policy(org.entity, "Test", [rule], priority=1)
    requisition = submitted("900")
    granted(org.sven, org.dora)
    services.decide(step=step_of(requisition, org.sven), decision="approve", actor=org.dora, at=NOW)
    services.nudge(at=THURSDAY)
    assert names(requisition, "active") == ["cora"]


def test_a_late_tick_says_which_reminder_it_is(org: Organisation, submitted: Submit) -> None:
    mine = step_of(submitted("900"), org.axel)
    assert services.nudge(at=WEDNESDAY)["reminded"] == 1
    mine.refresh_from_db()
    assert (mine.nudges, mine.next_nudge_at) == (2, THURSDAY)
    assert TrailEvent.objects.get(type="approval.reminded").data["level"] == 2


def test_who_is_asked_now_needs_the_limit_of_who_was_asked(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("4820")
    limits = [each.required_limit for each in steps_of(requisition)]
    assert limits == [Decimal(4820), None]
    services.nudge(at=THURSDAY)
    assert step_of(requisition, org.dora).required_limit == Decimal(4820)


def test_whoever_is_asked_later_anyway_is_asked_now_and_once(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("20000")
    assert names(requisition) == ["axel", "dora"]
    services.nudge(at=THURSDAY)
    assert names(requisition) == ["axel", "dora"]
    dora = step_of(requisition, org.dora)
    assert (dora.status, dora.group) == ("active", 1)
    done = services.decide(step=dora, decision="approve", actor=org.dora, at=THURSDAY)
    assert done.request.status == "approved"


def test_a_must_is_not_merged_into_a_choice(org: Organisation, submitted: Submit) -> None:
    either = step(("person", org.axel.email), ("person", org.sven.email), mode="any")
    must = step(("person", org.dora.email))
    factories.policy(org.entity, "Test", [("all", {}, [either, must])], priority=1)
    requisition = submitted()
    ApprovalStep.objects.filter(pk=step_of(requisition, org.sven).pk).update(next_nudge_at=None)
    services.nudge(at=THURSDAY)
    assert names(requisition, "active") == ["sven", "cora"]
    assert names(requisition, "waiting") == ["dora"]


def test_one_query_finds_what_is_due(org: Organisation, submitted: Submit) -> None:
    for number in range(4):
        submitted("900", title=f"Request {number}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        services.nudge(at=NOW)
    assert len(queries) == 1


def test_sixty_days_in_hours_with_every_tick_twice(org: Organisation, submitted: Submit) -> None:
    """Whatever level a step reaches, it reaches it in one tick, once, and in order."""
    requisition = submitted("20000")
    seen: list[tuple[Any, str, Any]] = []
    for hour in range(60 * 24 + 1):
        at = NOW + timedelta(hours=hour)
        for _ in range(2):
            services.nudge(at=at)
    events = TrailEvent.objects.filter(type__in=["approval.reminded", "approval.escalated"])
    for event in events.order_by("sequence"):
        seen.append((event.document_id, event.type, event.data.get("level")))
    assert len(seen) == len(set(seen))
    for step_ in steps_of(requisition):
        mine = [(kind, level) for pk, kind, level in seen if pk == step_.pk]
        assert mine[:2] == [("approval.reminded", 1), ("approval.reminded", 2)]
        assert mine[2:] in ([], [("approval.escalated", None)])
    assert told("stuck") == 1
    assert_books_hold()


def test_an_emergency_waits_a_tenth(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    ApprovalRequest.objects.filter(subject_id=requisition.pk).update(emergency=True)
    mine = step_of(requisition, org.axel)
    tenth = timedelta(minutes=48)  # of the eight hours of a working day
    ApprovalStep.objects.filter(pk=mine.pk).update(due_at=NOW + tenth, next_nudge_at=NOW + tenth)
    assert clock.allowed_time(step_of(requisition, org.axel)) == tenth
    assert services.nudge(at=NOW + tenth)["reminded"] == 1
    assert services.nudge(at=NOW + 2 * tenth)["reminded"] == 1
    assert services.nudge(at=NOW + 3 * tenth)["escalated"] == 1


def test_a_step_has_its_own_time(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    mine = step_of(requisition, org.axel)
    mine.sla_hours = Decimal("1.5")
    assert clock.due_after(mine, NOW) == NOW + timedelta(hours=1, minutes=30)


def test_escalation_passes_over_whom_the_requester_trusts_with_their_decisions(
    org: Organisation, submitted: Submit
) -> None:
    Delegation.objects.create(
        entity=org.entity,
        from_user=org.rita,
        to_user=org.dora,
        valid_from=NOW,
        valid_to=NOW + timedelta(days=30),
        reason="Holiday",
        created_by=org.rita,
        created_at=NOW,
    )
    requisition = submitted("900")
    services.nudge(at=THURSDAY)
    assert names(requisition, "active") == ["cora"]


def test_many_due_steps_take_no_more_statements(org: Organisation, submitted: Submit) -> None:
    counts = []
    for number in (2, 8):
        for each in range(number):
            submitted("900", title=f"Request {number} {each}")
        with CaptureQueriesContext(connection) as queries:
            assert services.nudge(at=THURSDAY)["escalated"] == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_do_each_thing_once(org: Organisation, submitted: Submit) -> None:
    for number in range(12):
        submitted("900", title=f"Request {number}")
    results = race([lambda: services.nudge(at=THURSDAY)] * 4)
    assert all(isinstance(each, dict) for each in results), results
    assert told("escalated") == 12
    assert ApprovalStep.objects.filter(assignee=org.dora, status="active").count() == 12


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_decision_and_a_tick_never_meet_in_one_step(org: Organisation, submitted: Submit) -> None:
    for turn in range(10):
        mine = step_of(submitted("900", title=f"Request {turn}"), org.axel)
        decided, ticked = race(
            [
                lambda mine=mine: services.decide(
                    step=mine, decision="return", actor=org.axel, at=THURSDAY
                ),
                lambda: services.nudge(at=THURSDAY),
            ]
        )
        mine.refresh_from_db()
        assert isinstance(ticked, dict), ticked
        if isinstance(decided, DomainError):
            assert mine.status == "escalated"
        else:
            assert mine.status == "returned"


@pytest.mark.postgres
def test_the_query_uses_its_index(org: Organisation, submitted: Submit) -> None:
    submitted("900")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = (
            ApprovalStep.objects.filter(status="active", next_nudge_at__lte=NOW)
            .order_by("next_nudge_at")
            .explain()
        )
    assert "steps_to_nudge" in plan
