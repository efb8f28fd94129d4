"""Reports on a schedule: saved by a person, due on working days, written once for each due time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse

from accounts import calendars
from accounts.models import Entity, User
from core import events, files, outbox
from core.errors import DomainError, FieldError, Invalid
from core.transactions import atomic
from core.transitions import perform
from reports import registry
from reports.exporting import FILES
from reports.models import ScheduledReport, ScheduledRun

MOST = 50  # of one person
RENDER = "reports.render_scheduled"
_LEFT = "Its owner does not work here any more."
_NO_SIGHT = "Its owner may not read this report any more."
_Frequency = ScheduledReport.Frequency


@dataclass(frozen=True)
class Wanted:
    """What a person wants to get: a report with its filters, as a file, and when."""

    name: str
    report: str
    filters: Mapping[str, str] = field(default_factory=dict)
    file_format: str = ScheduledReport.Format.XLSX
    frequency: str = _Frequency.WEEKLY
    weekday: int = 1
    month_day: int = 1
    hour: int = 7


def next_due(entity: Entity, wanted: Any, *, after: datetime) -> datetime:
    """The first due time after a moment. A day that is no working day waits for the next one.

    `wanted` says `frequency`, `weekday`, `month_day` and `hour`, the hour where the entity is.
    """
    start = entity.day_of(after)
    due = (
        datetime.combine(day, time(wanted.hour), entity.zone)
        for day in _days(entity, wanted, start)
    )
    return min(moment for moment in due if moment > after)


def _days(entity: Entity, wanted: Any, start: date) -> Iterator[date]:
    """Days on which it is due, around `start`: far enough back that a day which had to wait is
    among them, and far enough ahead that one of them lies after it."""
    for offset in range(-20, 70):
        day = start + timedelta(days=offset)
        if _is_named(wanted, day):
            yield _working_day(entity, day)


def _is_named(wanted: Any, day: date) -> bool:
    if wanted.frequency == _Frequency.WEEKLY:
        return day.isoweekday() == wanted.weekday
    if wanted.frequency == _Frequency.MONTHLY:
        return day.day == wanted.month_day
    return True


def _working_day(entity: Entity, day: date) -> date:
    while not calendars.is_working_day(entity, day):
        day += timedelta(days=1)
    return day


@atomic
def schedule(*, wanted: Wanted, actor: User, at: datetime) -> ScheduledReport:
    """Send a report to the person who asks, from the next due time on.

    Raises Invalid with pointers, NoSight, Missing; nobody can have more than fifty.
    """
    _check(wanted, actor, at)
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # so that two do not both fit
    if ScheduledReport.objects.visible_to(actor).count() >= MOST:
        raise Invalid(f"You have {MOST} scheduled reports. Delete one first.")
    entity = actor.entity
    if entity is None:
        raise Invalid("You work for no entity.")
    report = ScheduledReport.objects.create(
        entity=entity,
        owner=actor,
        name=wanted.name.strip(),
        report=wanted.report,
        filters=dict(wanted.filters),
        file_format=wanted.file_format,
        frequency=wanted.frequency,
        weekday=wanted.weekday,
        month_day=wanted.month_day,
        hour=wanted.hour,
        next_run_at=next_due(entity, wanted, after=at),
        created_at=at,
    )
    events.publish("scheduled_report.created", report, actor=actor, at=at)
    return report


@atomic
def pause(*, report: ScheduledReport, actor: User, at: datetime) -> ScheduledReport:
    """Send nothing for now. Raises NotAllowed, IllegalTransition."""
    report = _locked(report.pk)
    perform(report.pause, actor=actor, at=at)
    report.save()
    events.publish("scheduled_report.paused", report, actor=actor, at=at)
    return report


@atomic
def resume(*, report: ScheduledReport, actor: User, at: datetime) -> ScheduledReport:
    """Go on from the next due time. Raises NotAllowed, IllegalTransition, NoSight, Missing."""
    report = _locked(report.pk)
    due = next_due(report.entity, report, after=at)
    perform(report.resume, actor=actor, at=at, next_run_at=due)
    _question(report.report, report.filters, actor, at)
    report.save()
    events.publish("scheduled_report.resumed", report, actor=actor, at=at)
    return report


@atomic
def end(
    *, report: ScheduledReport, actor: User | None, at: datetime, reason: str = ""
) -> ScheduledReport:
    """Never send it again. Raises NotAllowed, IllegalTransition."""
    report = _locked(report.pk)
    perform(report.end, actor=actor, at=at, reason=reason)
    report.save()
    events.publish("scheduled_report.ended", report, actor=actor, at=at, reason=reason)
    return report


def end_of_leaver(*, person: User, at: datetime) -> None:
    """End whatever goes to somebody who left."""
    for report in ScheduledReport.objects.filter(owner=person).exclude(
        status=ScheduledReport.Status.ENDED
    ):
        end(report=report, actor=None, at=at, reason=_LEFT)


def start_due(*, at: datetime) -> None:
    """Start one run for each report that is due. What was missed meanwhile is sent once."""
    due = ScheduledReport.objects.filter(next_run_at__lte=at).order_by("next_run_at")
    for pk in due.values_list("pk", flat=True):
        _start(pk, at)


@atomic
def _start(pk: UUID, at: datetime) -> None:
    report = _locked(pk)
    if report.next_run_at is None or report.next_run_at > at:
        return  # another scheduler was faster, or it was paused
    if not report.may_be_sent:
        end(report=report, actor=None, at=at, reason=_why_not(report))
        return
    run = ScheduledRun.objects.create(schedule=report, due_at=report.next_run_at)
    report.next_run_at = next_due(report.entity, report, after=at)
    report.save(update_fields=["next_run_at"])
    outbox.enqueue(RENDER, {"run": str(run.pk)}, key=f"{RENDER}:{run.pk}", at=at)


def render(*, run_id: UUID, at: datetime) -> None:
    """Write the file of a run, outside of any transaction, and have it sent; once per run.

    What its owner may read is asked now. A report that cannot be written any more ends, with the
    reason where its owner looks for it.
    """
    run = ScheduledRun.objects.select_related("schedule__owner__entity", "schedule__entity").get(
        pk=run_id
    )
    report = run.schedule
    if run.rendered_at is not None or run.error:
        return
    if not report.may_be_sent:
        _give_up(run_id, at=at, reason=_why_not(report))
        return
    asked = {name: [value] for name, value in report.filters.items()}
    try:
        answer = registry.answer(report.report, asked, user=report.owner, now=at)
    except DomainError as refusal:
        _give_up(run_id, at=at, reason=refusal.detail)
        return
    write, content_type = FILES[report.file_format]
    data = write(answer.table)
    _keep(run_id, data, content_type.partition(";")[0], at)  # mail says the charset itself


@atomic
def _keep(run_id: UUID, data: bytes, content_type: str, at: datetime) -> None:
    run = _locked_run(run_id)
    if run.rendered_at is not None:
        return  # another worker was faster
    report = run.schedule
    day = report.entity.day_of(run.due_at)
    run.file = files.store(data, content_type=content_type, at=at)
    run.file_name = f"{report.report}-{report.entity.code}-{day}.{report.file_format}"
    run.rendered_at = at
    run.save()
    facts = {
        "run": str(run.pk),
        "file": run.file.sha256,
        "file_name": run.file_name,
        "title": registry.REPORTS[report.report].title,
        "page": reverse("reports:scheduled"),
    }
    events.publish("scheduled_report.rendered", report, actor=None, at=at, data=facts)


@atomic
def _give_up(run_id: UUID, *, at: datetime, reason: str) -> None:
    run = _locked_run(run_id)
    run.error = reason
    run.save()
    if run.schedule.status == ScheduledReport.Status.ACTIVE:
        end(report=run.schedule, actor=None, at=at, reason=reason[:200])


def _locked(pk: UUID) -> ScheduledReport:
    rows = ScheduledReport.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("owner__entity", "entity").get(pk=pk)


def _locked_run(pk: UUID) -> ScheduledRun:
    rows = ScheduledRun.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("schedule__entity", "schedule__owner").get(pk=pk)


def _why_not(report: ScheduledReport) -> str:
    if report.status != ScheduledReport.Status.ACTIVE:
        return "It was stopped before it was written."
    gone = not report.owner.is_active or report.owner.entity_id != report.entity_id
    return _LEFT if gone else _NO_SIGHT


def _check(wanted: Wanted, actor: User, at: datetime) -> None:
    errors = [
        FieldError(f"/{name}", "choice", f"Choose one of {', '.join(choices)}.")
        for name, value, choices in (
            ("report", wanted.report, list(registry.REPORTS)),
            ("file_format", wanted.file_format, ScheduledReport.Format.values),
            ("frequency", wanted.frequency, _Frequency.values),
        )
        if value not in choices
    ]
    for name, value, least, most in (
        ("weekday", wanted.weekday, 1, 7),
        ("month_day", wanted.month_day, 1, 28),
        ("hour", wanted.hour, 0, 23),
    ):
        if not least <= value <= most:
            errors.append(FieldError(f"/{name}", "range", f"Between {least} and {most}."))
    if not 0 < len(wanted.name.strip()) <= 120:
        errors.append(FieldError("/name", "required", "Give it a name of up to 120 characters."))
    fixed = {"as_of", "recorded_at", "since"} & set(wanted.filters)
    if fixed:
        detail = "It tells how things stand when it is due: leave out days."
        errors.append(FieldError("/filters", "invalid", detail))
    if errors:
        raise Invalid(errors=errors)
    _question(wanted.report, wanted.filters, actor, at)


def _question(report: str, filters: Mapping[str, str], actor: User, at: datetime) -> None:
    """Ask as it will be asked; a filter that cannot be read is a fault of `filters`."""
    asked = {name: [value] for name, value in filters.items()}
    try:
        registry.question(report, asked, user=actor, now=at)
    except DomainError as refusal:
        if refusal.status != 400:
            raise
        raise Invalid(errors=[FieldError("/filters", "invalid", refusal.detail)]) from None
