"""Reminders and escalation on working time, each exactly once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import ApprovalStep
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import names, step_of, steps_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation, step

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
