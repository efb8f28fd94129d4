"""An approved emergency is looked at afterwards, by somebody who had no part in it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals import emergencies, services
from approvals.chain import NoApprover
from approvals.models import ApprovalRequest, Ratification
from core.errors import IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import step_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation, step

TUESDAY = NOW + timedelta(days=1)
Emergency = Callable[[], Ratification]


@pytest.fixture
def approved_in_emergency(org: Organisation, submitted: Submit) -> Emergency:
    """Sven alone decided what Rita asked for as an emergency."""
    only_sven = step(("person", org.sven.email))
    factories.policy(org.entity, "Sven alone", [("all", {}, [only_sven])], priority=1)

    def make() -> Ratification:
        requisition = submitted("900")
        rounds = ApprovalRequest.objects.filter(subject_id=requisition.pk)
        rounds.update(emergency=True)
        services.decide(
            step=step_of(requisition, org.sven), decision="approve", actor=org.sven, at=NOW
        )
        return Ratification.objects.get(request=rounds.get())

    return make


def test_an_ordinary_approval_leaves_nothing_to_ratify(
    org: Organisation, submitted: Submit
) -> None:
    services.decide(
        step=step_of(submitted("900"), org.axel), decision="approve", actor=org.axel, at=NOW
    )
    assert not Ratification.objects.exists()


def test_it_falls_to_the_requesters_manager_in_a_working_day(
    org: Organisation, approved_in_emergency: Emergency
) -> None:
    task = approved_in_emergency()
    assert (task.requester, task.assignee, task.due_at) == (org.rita, org.axel, TUESDAY)
    assert list(emergencies.falling_to(org.axel)) == [task]


def test_never_to_whoever_decided_it(org: Organisation, approved_in_emergency: Emergency) -> None:
    org.rita.manager = org.sven
    org.rita.save()
    assert approved_in_emergency().assignee == org.dora


def test_where_nobody_is_left_it_is_refused(
    org: Organisation, approved_in_emergency: Emergency
) -> None:
    org.rita.manager = None
    org.rita.save()
    org.entity.fallback_approver = None
    org.entity.save()
    with pytest.raises(NoApprover):
        approved_in_emergency()


def test_it_is_overdue_after_its_day_until_it_is_settled(
    org: Organisation, approved_in_emergency: Emergency
) -> None:
    task = approved_in_emergency()
    late = TUESDAY + timedelta(seconds=1)
    assert emergencies.overdue_ratification(org.rita, TUESDAY) is None
    assert emergencies.overdue_ratification(org.rita, late) == task
    assert emergencies.overdue_ratification(org.axel, late) is None
    assert list(emergencies.overdue(late)) == [task]
    services.ratify(ratification=task, actor=org.axel, at=late)
    assert emergencies.overdue_ratification(org.rita, late) is None


@pytest.mark.parametrize("who", ["rita", "sven", "dora", "ada", "nils"])
def test_nobody_else_settles_it(
    org: Organisation, approved_in_emergency: Emergency, who: str
) -> None:
    task = approved_in_emergency()
    with pytest.raises(NotAllowed):
        services.ratify(ratification=task, actor=getattr(org, who), at=TUESDAY)
    task.refresh_from_db()
    assert task.status == "due"


def test_an_objection_needs_a_reason_and_stays(
    org: Organisation, approved_in_emergency: Emergency
) -> None:
    task = approved_in_emergency()
    with pytest.raises(Invalid):
        services.object_to(ratification=task, actor=org.axel, at=TUESDAY, comment=" ")
    services.object_to(ratification=task, actor=org.axel, at=TUESDAY, comment="Could wait.")
    with pytest.raises(IllegalTransition):
        services.ratify(ratification=task, actor=org.axel, at=TUESDAY)
    task.refresh_from_db()
    assert (task.status, task.comment, task.settled_by) == ("objected", "Could wait.", org.axel)
    assert list(emergencies.bypasses(org.entity)) == [task]


def test_both_ends_are_in_the_trail(org: Organisation, approved_in_emergency: Emergency) -> None:
    task = approved_in_emergency()
    services.ratify(ratification=task, actor=org.axel, at=TUESDAY, comment="Right so.")
    told = TrailEvent.objects.filter(document_id=task.pk).order_by("sequence")
    assert list(told.values_list("type", flat=True)) == [
        "ratification.due",
        "ratification.ratified",
    ]
