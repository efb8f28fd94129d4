"""Kinds of files, and one running export per person: a second one is told when to come again.

The claim is a row of its own, so it holds across processes; it lapses by itself when the process
that wrote it died.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from core import tables
from core.errors import DomainError
from reports.models import RunningExport

FILES = {
    "csv": (tables.csv, "text/csv; charset=utf-8"),
    "xlsx": (
        tables.xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
LEASE = timedelta(minutes=2)


class ExportRunning(DomainError):
    """`retry_after` is in whole seconds."""

    slug = "too-many-requests"
    status = 429
    title = "Your last file is still being written. Try again in a moment."
    retry_after = 5


@contextmanager
def one_at_a_time(person: User) -> Iterator[None]:
    """Write a file for a person inside. Raises ExportRunning while another one is being written."""
    now = timezone.now()
    try:
        with transaction.atomic():
            RunningExport.objects.filter(person=person, until__lt=now).delete()
            row = RunningExport.objects.create(person=person, until=now + LEASE)
    except IntegrityError:
        raise ExportRunning() from None
    try:
        yield
    finally:
        RunningExport.objects.filter(person=person, claim=row.claim).delete()
