"""A job runs once in its period; one that fails is tried again and stops nobody else."""

from datetime import datetime, timedelta

import pytest

from core import periodic
from core.models import PeriodicRun
from tests.factories import NOW


@pytest.fixture
def runs(monkeypatch, db):
    """Jobs of this test alone, and the moments at which they ran."""
    monkeypatch.setattr(periodic, "_jobs", {})
    seen: list[tuple[str, datetime]] = []

    @periodic.job("hourly", every=timedelta(hours=1))
    def hourly(*, at: datetime) -> None:
        seen.append(("hourly", at))

    return seen


def test_once_in_each_period(runs):
    for minutes in (0, 1, 30, 59, 60, 61, 180):
        periodic.tick(now=NOW + timedelta(minutes=minutes))
    assert runs == [
        ("hourly", NOW),
        ("hourly", NOW + timedelta(hours=1)),
        ("hourly", NOW + timedelta(hours=3)),
    ]


def test_a_second_scheduler_runs_nothing(runs):
    assert periodic.tick(now=NOW) == ["hourly"]
    assert periodic.tick(now=NOW) == []


def test_a_failing_job_stops_nobody_and_is_tried_again(runs):
    tries: list[datetime] = []

    @periodic.job("broken", every=timedelta(hours=1))
    def broken(*, at: datetime) -> None:
        tries.append(at)
        if len(tries) == 1:
            raise RuntimeError("out of order")

    @periodic.job("after", every=timedelta(hours=1))
    def after(*, at: datetime) -> None:
        runs.append(("after", at))

    assert periodic.tick(now=NOW) == ["hourly", "after"]
    assert not PeriodicRun.objects.filter(job="broken").exists()
    assert periodic.tick(now=NOW + timedelta(minutes=1)) == ["broken"]
    assert periodic.tick(now=NOW + timedelta(minutes=2)) == []
    assert len(tries) == 2
