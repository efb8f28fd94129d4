"""Reports on a schedule: due on working days, written once, mailed to who may read them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError

from accounts import services as people
from accounts.models import RoleAssignment
from budgets.models import CostCenter
from core import outbox
from core.errors import IllegalTransition, Invalid, Missing, NotAllowed
from core.models import StoredFile, TrailEvent
from notifications.models import OutgoingMail
from reports import schedules
from reports.asking import NoSight
from reports.models import ScheduledReport, ScheduledRun
from reports.schedules import Wanted, next_due
from tests.factories import NOW, Organisation
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db

Status, Frequency = ScheduledReport.Status, ScheduledReport.Frequency
DAILY = Wanted("Mine", "commitments", {"cost_center": "CC100"}, "csv", Frequency.DAILY, hour=7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(org: Organisation, after: str, **facts) -> str:
    wanted = Wanted("Mine", "commitments", **facts)
    moment = next_due(org.entity, wanted, after=at(after))
    return moment.astimezone(org.entity.zone).strftime("%a %Y-%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("after", "facts", "expected"),
    [
        # a Monday at 10:00 UTC, 11:00 in Berlin
        ("2026-03-02T10:00", {"frequency": "daily", "hour": 11}, "Tue 2026-03-03 11:00 +0100"),
        ("2026-03-02T09:59", {"frequency": "daily", "hour": 11}, "Mon 2026-03-02 11:00 +0100"),
        ("2026-03-06T10:00", {"frequency": "daily", "hour": 7}, "Mon 2026-03-09 07:00 +0100"),
        # clocks change on 29 March; Good Friday and Easter Monday are no working days
        ("2026-03-30T10:00", {"frequency": "daily", "hour": 7}, "Tue 2026-03-31 07:00 +0200"),
        ("2026-04-02T10:00", {"frequency": "daily", "hour": 7}, "Tue 2026-04-07 07:00 +0200"),
        ("2026-04-02T10:00", {"frequency": "weekly", "weekday": 5}, "Tue 2026-04-07 07:00 +0200"),
        ("2026-04-07T10:00", {"frequency": "weekly", "weekday": 5}, "Fri 2026-04-10 07:00 +0200"),
        ("2026-03-02T10:00", {"frequency": "weekly", "weekday": 1}, "Mon 2026-03-09 07:00 +0100"),
        # 1 May is a holiday, 2 and 3 May a weekend
        ("2026-04-02T10:00", {"frequency": "monthly"}, "Mon 2026-05-04 07:00 +0200"),
        (
            "2026-03-02T10:00",
            {"frequency": "monthly", "month_day": 28},
            "Mon 2026-03-30 07:00 +0200",
        ),
    ],
)
def test_when_it_is_due_next(org: Organisation, after: str, facts: dict, expected: str):
    assert due(org, after, **facts) == expected


def made(org: Organisation, **facts) -> ScheduledReport:
    wanted = Wanted(**{**vars_of(DAILY), **facts})
    return schedules.schedule(wanted=wanted, actor=org.cora, at=NOW)


def vars_of(wanted: Wanted) -> dict:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"report": "salaries"}, "/report"),
        ({"file_format": "pdf"}, "/file_format"),
        ({"frequency": "hourly"}, "/frequency"),
        ({"weekday": 8}, "/weekday"),
        ({"month_day": 29}, "/month_day"),
        ({"hour": 24}, "/hour"),
        ({"filters": {"vendor": "V-1000"}}, "/filters"),
        ({"filters": {"fiscal_year": "26"}}, "/filters"),
        ({"filters": {"as_of": "2026-03-01"}}, "/filters"),
    ],
)
def test_what_cannot_be_scheduled(org: Organisation, facts: dict, pointer: str):
    with pytest.raises(Invalid) as refused:
        made(org, **facts)
    assert refused.value.errors[0].pointer == pointer
    assert not ScheduledReport.objects.exists()


def test_nobody_schedules_what_they_may_not_read(org: Organisation):
    CostCenter.objects.filter(code="CC300").update(owner=org.rob)
    for person, filters, refusal in (
        (org.rita, {"cost_center": "CC300"}, NoSight),
        (org.rob, {}, NoSight),
        (org.rob, {"cost_center": "CC100"}, Missing),
    ):
        wanted = Wanted("Mine", "commitments", filters)
        with pytest.raises(refusal):
            schedules.schedule(wanted=wanted, actor=person, at=NOW)
    wanted = Wanted("Mine", "commitments", {"cost_center": "CC300"})
    assert schedules.schedule(wanted=wanted, actor=org.rob, at=NOW).status == Status.ACTIVE


def test_fifty_are_enough(org: Organisation, monkeypatch):
    monkeypatch.setattr(schedules, "MOST", 1)
    made(org)
    with pytest.raises(Invalid):
        made(org)


def test_a_due_report_is_written_once_and_mailed_to_its_owner(org: Organisation):
    Order(org, "10", "10")
    report = made(org)
    schedules.start_due(at=NOW)
    assert not ScheduledRun.objects.exists()
    for _ in range(3):
        schedules.start_due(at=TOMORROW)
        outbox.drain()
    run = ScheduledRun.objects.get()
    assert run.file_name == "commitments-DE01-2026-03-03.csv"
    [sent] = mail.outbox
    assert sent.to == [org.cora.email]
    assert sent.subject == "Commitments: Mine"
    name, data, kind = sent.attachments[0]
    assert (name, kind) == (run.file_name, "text/csv")
    assert "CC100" in data and "CC500" not in data
    assert "every working day at 07:00" in sent.body
    report.refresh_from_db()
    assert report.next_run_at > TOMORROW
    told = TrailEvent.objects.get(type="scheduled_report.rendered")
    assert told.data["file"] == run.file_id
    assert OutgoingMail.objects.count() == 1


def test_a_run_stands_once_for_its_due_time(org: Organisation):
    report = made(org)
    ScheduledRun.objects.create(schedule=report, due_at=report.next_run_at)
    with pytest.raises(IntegrityError):
        ScheduledRun.objects.create(schedule=report, due_at=report.next_run_at)


def test_delivering_the_work_twice_sends_once(org: Organisation):
    made(org)
    schedules.start_due(at=TOMORROW)
    run = ScheduledRun.objects.get()
    for _ in range(2):
        schedules.render(run_id=run.pk, at=TOMORROW)
    outbox.drain()
    assert StoredFile.objects.count() == 1
    assert TrailEvent.objects.filter(type="scheduled_report.rendered").count() == 1
    assert len(mail.outbox) == 1


def test_what_was_missed_is_sent_once(org: Organisation):
    made(org)
    late = NOW + timedelta(days=30)
    schedules.start_due(at=late)
    outbox.drain()
    assert ScheduledRun.objects.count() == len(mail.outbox) == 1
    assert ScheduledReport.objects.get().next_run_at > late


def test_paused_nothing_comes_and_resumed_it_goes_on(org: Organisation):
    report = schedules.pause(report=made(org), actor=org.cora, at=NOW)
    schedules.start_due(at=TOMORROW)
    assert not ScheduledRun.objects.exists()
    report = schedules.resume(report=report, actor=org.cora, at=TOMORROW)
    assert org.entity.day_of(report.next_run_at) == date(2026, 3, 4)
    with pytest.raises(IllegalTransition):
        schedules.resume(report=report, actor=org.cora, at=TOMORROW)


@pytest.mark.parametrize("service", [schedules.pause, schedules.end])
def test_only_its_owner_may(org: Organisation, service):
    report = made(org)
    with pytest.raises(NotAllowed):
        service(report=report, actor=org.ada, at=NOW)
    report.refresh_from_db()
    assert report.status == Status.ACTIVE


def test_ended_it_is_gone_for_its_owner(org: Organisation):
    report = schedules.end(report=made(org), actor=org.cora, at=NOW)
    schedules.start_due(at=TOMORROW)
    assert not ScheduledRun.objects.exists()
    assert not ScheduledReport.objects.visible_to(org.cora).exists()
    with pytest.raises(IllegalTransition):
        schedules.pause(report=report, actor=org.cora, at=NOW)


def test_it_ends_when_its_owner_leaves(org: Organisation):
    made(org)
    people.deactivate(person=org.cora, actor=org.ada, at=NOW, reason="Left")
    outbox.drain()
    report = ScheduledReport.objects.get()
    assert (report.status, report.next_run_at) == (Status.ENDED, None)
    assert "does not work here" in report.ended_because
    schedules.start_due(at=TOMORROW)
    assert not ScheduledRun.objects.exists()


def test_it_ends_when_its_owner_may_not_read_it_any_more(org: Organisation):
    made(org)
    RoleAssignment.objects.filter(user=org.cora).delete()
    schedules.start_due(at=TOMORROW)
    report = ScheduledReport.objects.get()
    assert report.status == Status.ENDED
    assert "may not read" in report.ended_because
    assert not ScheduledRun.objects.exists()


def test_between_due_and_written_what_one_may_read_is_asked_again(org: Organisation):
    made(org)
    schedules.start_due(at=TOMORROW)
    RoleAssignment.objects.filter(user=org.cora).delete()
    outbox.drain()
    assert mail.outbox == []
    run = ScheduledRun.objects.get()
    assert "may not read" in run.error
    schedules.render(run_id=run.pk, at=TOMORROW)  # delivered once more it says the same
    assert ScheduledRun.objects.get().error == run.error
    assert ScheduledReport.objects.get().status == Status.ENDED


def test_between_written_and_mailed_as_well(org: Organisation):
    made(org)
    schedules.start_due(at=TOMORROW)
    schedules.render(run_id=ScheduledRun.objects.get().pk, at=TOMORROW)
    RoleAssignment.objects.filter(user=org.cora).delete()
    outbox.drain()
    assert mail.outbox == []


def test_a_report_too_large_to_mail_is_only_announced(org: Organisation, monkeypatch):
    monkeypatch.setattr("notifications.letters.MOST_ATTACHED", 10)
    made(org)
    schedules.start_due(at=TOMORROW)
    outbox.drain()
    [sent] = mail.outbox
    assert sent.attachments == []
    assert "too large" in sent.body
