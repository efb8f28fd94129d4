"""What a unit of work changes, it tells; what a test writes by hand is the scene before it.

SQLite holds that after each unit of work. On PostgreSQL it is held at commits of the threads and
processes beside the test's own.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from core import told, transactions

SCENE = (
    f"CREATE TEMP TRIGGER IF NOT EXISTS scene AFTER INSERT ON main.{told.UNTOLD} "
    f"WHEN NOT in_unit_of_work() BEGIN DELETE FROM {told.UNTOLD} WHERE rowid = NEW.rowid; END"
)


def run(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


_by_hand = False


def _in_unit_of_work() -> bool:
    return transactions.is_running() and not _by_hand


def _vouch(**kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("in_unit_of_work", 0, _in_unit_of_work)
        run(SCENE)
    elif _by_hand or threading.current_thread() is threading.main_thread():
        run("SET portal.told = '*'")


def _asked(after: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
    """What follows a unit of work, asked first whether it told of all that it changed."""

    def follow(works: list[Any]) -> None:
        if connection.vendor == "sqlite" and threading.current_thread() is threading.main_thread():
            asked = connection.connection.execute(f"SELECT DISTINCT changed FROM {told.UNTOLD}")
            untold = asked.fetchall()  # past Django, which counts statements
            assert not untold, f"no event tells what was changed in {untold}"
        after(works)

    return follow


@pytest.fixture(scope="session", autouse=True)
def told_or_a_scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Also on later connections: under a browser's loop this thread has one of its own."""
    with django_db_blocker.unblock():
        run("SELECT 1")
        _vouch()
    connection_created.connect(_vouch)
    after, transactions._after = transactions._after, _asked(transactions._after)
    yield
    transactions._after = after
    connection_created.disconnect(_vouch)


@pytest.fixture
def vouched() -> Iterator[None]:
    """What lies below the services is called by hand, and tells nothing."""
    global _by_hand
    _by_hand = True
    yield
    _by_hand = False


@pytest.fixture
def unvouched(db: None) -> Iterator[None]:
    """From here on what the test itself writes is held too, at `connection.check_constraints()`."""
    if connection.vendor == "postgresql":
        connection.check_constraints()  # the scene's, while it is vouched for
        run("SET portal.told = ''")
        yield
        run("SET portal.told = '*'")
    else:
        run("DROP TRIGGER temp.scene")
        yield
        run(SCENE)
