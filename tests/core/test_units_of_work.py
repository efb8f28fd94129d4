"""A refusal undoes what it must and no less; only an explicit point can be come back to."""

import threading

import pytest
from django.db import IntegrityError, connection
from django.db.transaction import TransactionManagementError

from core import events, rows
from core.errors import Conflict
from core.models import NumberSequence, TrailEvent
from core.transactions import Busy, NoUnitOfWork, Taken, atomic
from tests.factories import NOW, Organisation
from tests.racing import race


@atomic
def note(org: Organisation, kind: str, *, refused: bool = False) -> None:
    NumberSequence.objects.create(stream="s", kind=kind, fiscal_year=2026)
    events.publish(f"vendor.{kind}", org.vendor, actor=None, at=NOW)
    if refused:
        raise Conflict("no")


def kept() -> tuple[list[str], list[str]]:
    return (
        list(NumberSequence.objects.order_by("id").values_list("kind", flat=True)),
        list(TrailEvent.objects.order_by("sequence").values_list("type", flat=True)),
    )


def test_a_refusal_caught_around_a_point_leaves_what_was_before_and_comes_after(org: Organisation):
    with atomic():
        note(org, "A")
        with pytest.raises(Conflict), atomic():
            note(org, "B", refused=True)
        note(org, "C")
    assert kept() == (["A", "C"], ["vendor.A", "vendor.C"])


def test_a_service_that_refuses_inside_another_dooms_the_whole(org: Organisation):
    with pytest.raises(TransactionManagementError), atomic():
        note(org, "A")
        with pytest.raises(Conflict):
            note(org, "B", refused=True)
        note(org, "C")
    assert kept() == ([], [])


def test_an_event_outside_a_unit_of_work_is_an_error(org: Organisation):
    with pytest.raises(NoUnitOfWork):
        events.publish("vendor.seen", org.vendor, actor=None, at=NOW)


def test_stored_columns_change_and_all_others_stay(org: Organisation):
    for kind in "AB":
        NumberSequence.objects.create(stream="s", kind=kind, fiscal_year=2026, last=7)
    both = list(NumberSequence.objects.order_by("kind"))
    for number, each in enumerate(both, 1):
        each.last, each.fiscal_year = number, 1999
    rows.store(both, ["last"])
    rows.store([], ["last"])
    stored = NumberSequence.objects.order_by("kind").values_list("kind", "last", "fiscal_year")
    assert list(stored) == [("A", 1, 2026), ("B", 2, 2026)]


def test_a_twin_that_only_the_database_sees_is_refused(org: Organisation):
    note(org, "A")
    with pytest.raises(Taken):
        note(org, "A")
    assert kept() == (["A"], ["vendor.A"])


def test_a_broken_check_is_a_fault_of_ours_and_no_refusal(org: Organisation):
    with pytest.raises(IntegrityError), atomic():
        NumberSequence.objects.create(stream="s", kind="A", fiscal_year=-1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_lock_that_does_not_come_in_time_is_refused_as_busy():
    with atomic():
        NumberSequence.objects.create(stream="s", kind="A", fiscal_year=2026)

    def wait() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 50")
        with pytest.raises(Busy), atomic():
            NumberSequence.objects.select_for_update().get()

    with atomic():
        NumberSequence.objects.select_for_update().get()
        assert race([wait]) == [None]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_that_wait_for_each_other_one_is_refused_as_busy():
    rows = [NumberSequence.objects.create(stream="s", kind=kind, fiscal_year=1) for kind in "AB"]
    holding = threading.Barrier(2)

    @atomic
    def both(first: int) -> None:
        NumberSequence.objects.select_for_update().get(pk=rows[first].pk)
        holding.wait()
        NumberSequence.objects.select_for_update().get(pk=rows[1 - first].pk)

    with pytest.raises(AssertionError, match="1 of 2"):
        race([lambda: both(0), lambda: both(1)])
