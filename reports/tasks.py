"""Reports that wait for the clock or a worker. Each may be done more than once."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from core import outbox, periodic
from reports import schedules


@periodic.job("reports.start_due", every=timedelta(minutes=1))
def start_due(at: datetime) -> None:
    """Start whatever is due."""
    schedules.start_due(at=at)


@outbox.handler(schedules.RENDER)
def render_scheduled(*, run: str) -> None:
    """Write the file of one run and have it mailed."""
    schedules.render(run_id=UUID(run), at=timezone.now())


@outbox.handler("reports.end_of_leaver")
def end_of_leaver(*, event_id: str, document_id: str) -> None:
    """End what goes to somebody whose account was closed."""
    schedules.end_of_leaver(person=User.objects.get(pk=document_id), at=timezone.now())
