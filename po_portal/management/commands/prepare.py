"""`manage.py prepare`: bring the database up to date, once, whoever starts first."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connection

from po_portal.management.commands.load_demo import is_unfinished

MIGRATION_LOCK = 7_304_021  # any number, as long as every portal on this database asks for it


class Command(BaseCommand):
    help = "Migrate, create the cache table and, in a demo without people, load the demo data."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except DatabaseError as fault:
            raise CommandError(f"The database does not answer: {fault}") from fault
        try:
            with one_at_a_time():
                self.bring_up_to_date(options["verbosity"])
        except (OperationalError, OSError) as fault:
            raise CommandError(f"The database cannot be written: {fault}") from fault

    def bring_up_to_date(self, verbosity: int) -> None:
        call_command("migrate", interactive=False, verbosity=verbosity - 1)
        call_command("createcachetable", verbosity=0)
        if settings.PORTAL_DEMO and (not get_user_model().objects.exists() or is_unfinished()):
            self.stdout.write("Loading the demo organisation …")
            self.stdout.flush()
            call_command("load_demo", verbosity=verbosity)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the migration lock: a second start waits and then finds nothing left to do."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            connection.close()  # gives the lock and the time limits back
    else:
        with (settings.DATA_DIR / "prepare.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
