"""Starts beside each other, and one that is killed: the database is brought up to date once."""

import sys
import threading

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from po_portal.management.commands.prepare import one_at_a_time
from tests.faults.stand import Stand, waiters

ALONE = """
import time, django
django.setup()
from po_portal.management.commands.prepare import one_at_a_time
with one_at_a_time():
    time.sleep(60)
"""


def is_at_it() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return cursor.fetchone()[0] == 1


@pytest.mark.postgres
@pytest.mark.faults
def test_f24_a_second_start_waits_for_the_first_and_goes_on_where_that_is_killed(
    stand: Stand,
) -> None:
    first = stand.start(sys.executable, "-c", ALONE)
    stand.until(is_at_it, 30, "the first is at it")
    done = threading.Event()

    def start() -> None:
        with one_at_a_time():
            done.set()

    second = threading.Thread(target=start)
    second.start()
    stand.until(waiters, 10, "the second waits")
    assert not done.is_set()
    stand.kill(first)
    assert done.wait(10)
    second.join()


def test_f24_every_migration_is_one_transaction_so_that_half_of_one_never_was() -> None:
    """And is done whole by the next start: both databases take their definitions back, too."""
    migrations = MigrationLoader(None).disk_migrations
    assert [name for name, each in migrations.items() if not each.atomic] == []
