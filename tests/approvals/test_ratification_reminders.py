"""Whoever forgets to look at an emergency hears of it once more, and whoever takes over as well."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from approvals import services
from approvals.models import ApprovalRequest, Ratification
from approvals.services import ratifications
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import step_of
from tests.factories import NOW, Organisation, step
from tests.notifications.test_letters import folder, mails, subjects_to, text_of, worked

__all__ = ["folder"]
DUE = NOW + timedelta(days=1)
LATE = DUE + timedelta(seconds=1)


@pytest.fixture
def task(org: Organisation, submitted: Callable[..., Any]) -> Ratification:
    """Sven alone approved an emergency of Rita's; Axel has to look at it."""
    only_sven = step(("person", org.sven.email))
    factories.policy(org.entity, "Sven alone", [("all", {}, [only_sven])], priority=1)
    requisition = submitted("900")
    rounds = ApprovalRequest.objects.filter(subject_id=requisition.pk)
    rounds.update(emergency=True)
    services.decide(step=step_of(requisition, org.sven), decision="approve", actor=org.sven, at=NOW)
    return Ratification.objects.get(request=rounds.get())


def told() -> int:
    return TrailEvent.objects.filter(type="ratification.overdue").count()


def test_nobody_is_reminded_in_time_nor_of_what_is_settled(
    org: Organisation, task: Ratification
) -> None:
    assert ratifications.remind_overdue(at=DUE) == 0
    services.ratify(ratification=task, actor=org.axel, at=DUE)
    assert ratifications.remind_overdue(at=LATE) == 0
    task.refresh_from_db()
    assert (told(), task.reminded_at) == (0, None)


def test_it_is_said_once_however_often_the_clock_ticks(task: Ratification) -> None:
    for hour in range(72):
        for _ in range(2):
            ratifications.remind_overdue(at=DUE + timedelta(hours=hour))
    task.refresh_from_db()
    assert (told(), task.reminded_at) == (1, DUE + timedelta(hours=1))
    assert task.status == "due"


def test_many_take_no_more_statements_than_their_own_rows(
    task: Ratification, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        assert ratifications.remind_overdue(at=DUE) == 0


def test_the_mail_says_that_it_is_overdue(
    org: Organisation,
    task: Ratification,
    folder: Path,
) -> None:
    worked()
    ratifications.remind_overdue(at=LATE)
    worked()
    worked()
    first, second = [each for each in subjects_to(folder, org.axel) if "Ratify" in each]
    assert second == f"Overdue: {first}"
    said = text_of(mails(folder)[-1])
    assert "You were to look at it until" in said
    assert "Rita Sommer cannot send another emergency." in said


def test_who_takes_over_hears_of_it_and_is_reminded_too(
    org: Organisation,
    task: Ratification,
    folder: Path,
) -> None:
    ratifications.remind_overdue(at=LATE)
    worked()
    org.axel.is_active = False
    org.axel.save()
    assert ratifications.hand_on(ratification=task, at=LATE)
    worked()
    assert len(subjects_to(folder, org.dora)) == 1
    ratifications.remind_overdue(at=LATE)
    worked()
    assert [each.split(":")[0] for each in subjects_to(folder, org.dora)][-1] == "Overdue"
    assert told() == 2
