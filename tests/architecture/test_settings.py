"""The portal refuses to start where it could lose work, leak, or run a demo for real."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from po_portal import guards
from po_portal.celery import app
from tests.servers import Redis, missing

ROOT = Path(__file__).resolve().parents[2]
SOUND = {
    "ENV": "production",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-x-1",
    "DATABASE_URL": "postgres://portal:x@127.0.0.1:5432/portal",
    "REDIS_URL": "redis://:x@127.0.0.1:6379/0",
    "PORTAL_URL": "https://portal.example.com",
    "EMAIL_URL": "smtp+tls://portal:x@mail.example.com:587",
    "SEALING_KEYS": "k2:MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=,"
    "k1:YWJjZGVmZ2hpamtsbW5vcHFyc3R1djAxMjM0NTY3ODk=",
    "SEALING_INDEX_KEY": "zyxwvutsrqponmlkjihgfedcba9876543210-ZYXWVUT",
}


def start(tmp_path: Path, **changes: str | None) -> tuple[int, str]:
    """Read the settings in a fresh process as a production would; None unsets a variable."""
    environment = {
        name: value
        for name, value in {"PATH": os.environ["PATH"], **SOUND, **changes}.items()
        if value is not None
    }
    done = subprocess.run(
        [sys.executable, "-c", "import po_portal.settings"],
        cwd=ROOT,
        env={**environment, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_sound_production_starts(tmp_path: Path) -> None:
    code, said = start(tmp_path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"DEBUG": "1"}, "DEBUG must be off"),
        ({"SECRET_KEY": None}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": SOUND["SECRET_KEY"][:49]}, "at least 50 characters"),
        ({"SEALING_KEYS": None}, "SEALING_KEYS must be set"),
        ({"SEALING_KEYS": "k1:short"}, "key k1 is given twice or is not 32 bytes"),
        ({"SEALING_KEYS": "k 1:" + SOUND["SEALING_KEYS"][3:47]}, "1 to 16 letters and digits"),
        ({"SEALING_INDEX_KEY": None}, "SEALING_INDEX_KEY must be set"),
        ({"SEALING_INDEX_KEY": "short"}, "SEALING_INDEX_KEY must have at least 40"),
        ({"SEALING_INDEX_KEY": SOUND["SEALING_KEYS"][3:47]}, "must not be one of SEALING_KEYS"),
        ({"PORTAL_DEMO": "1"}, "PORTAL_DEMO must be off"),
        ({"DATABASE_URL": None}, "not SQLite"),
        ({"DATABASE_URL": "portal"}, "DATABASE_URL must be postgres://"),
        ({"REDIS_URL": None}, "REDIS_URL must name a Redis"),
        ({"PORTAL_URL": None}, "PORTAL_URL must give the address"),
        ({"PORTAL_URL": "http://portal.example.com"}, "must begin with https"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must not hold"),
        ({"EMAIL_URL": None}, "EMAIL_URL must name a mail server"),
        ({"ENV": "prod"}, "ENV must be one of"),
        ({"DEBUG": "maybe"}, "DEBUG must be on or off"),
        ({"PORT": "eighty"}, "PORT must be a number"),
        ({"WORKER_CONCURRENCY": "0"}, "WORKER_CONCURRENCY must be a number from 1"),
    ],
)
def test_an_unsafe_production_is_refused(
    tmp_path: Path, change: dict[str, str | None], reason: str
) -> None:
    code, said = start(tmp_path, **change)
    assert code != 0
    assert reason in said


def worker_settings(**changes: Any) -> dict[str, Any]:
    names = [name for name in dir(settings) if name.startswith(("CELERY_", "OUTBOX_"))]
    values = {name: getattr(settings, name) for name in names}
    values["CELERY_BROKER_TRANSPORT_OPTIONS"] = {
        "visibility_timeout": 3600,
        "unacked_restore_throttle": 1,
    }
    sealing = {name: getattr(settings, name) for name in ("SEALING_KEYS", "SEALING_INDEX_KEY")}
    return {**values, **sealing, "ENV": "demo", "REDIS_URL": "redis://127.0.0.1", **changes}


def test_the_worker_settings_are_sound() -> None:
    assert guards.settings_problems(worker_settings()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"CELERY_TASK_SOFT_TIME_LIMIT": 50},
        {"CELERY_TASK_TIME_LIMIT": 60},
        {"OUTBOX_LEASE_SECONDS": 50},
        {"OUTBOX_LEASE_SECONDS": 3600},
        {"CELERY_TASK_ACKS_LATE": False},
        {"CELERY_TASK_REJECT_ON_WORKER_LOST": False},
        {"CELERY_WORKER_PREFETCH_MULTIPLIER": 4},
        {"CELERY_ACCEPT_CONTENT": ["json", "pickle"]},
        {"CELERY_TASK_SERIALIZER": "pickle"},
        {"CELERY_RESULT_BACKEND": "redis://127.0.0.1"},
        {"CELERY_TASK_IGNORE_RESULT": False},
        {"CELERY_BROKER_TRANSPORT_OPTIONS": {"visibility_timeout": 149}},
        {"CELERY_BROKER_TRANSPORT_OPTIONS": {"visibility_timeout": 3600}},
    ],
    ids=str,
)
def test_worker_settings_that_lose_or_repeat_work_are_refused(change: dict[str, Any]) -> None:
    assert guards.settings_problems(worker_settings(**change))


def test_celery_runs_with_the_settings_that_were_judged() -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_soft_time_limit, app.conf.task_time_limit) == (40, 50)
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_sqlite_transactions_take_the_write_lock_at_once() -> None:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        options = settings.DATABASES["default"]["OPTIONS"]
        assert options["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in options["init_command"]
    else:
        options = settings.DATABASES["default"]["OPTIONS"]["options"]
        for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            assert limit in options
        assert settings.DATABASES["default"]["CONN_HEALTH_CHECKS"]


@pytest.mark.skipif("redis-server" in missing(), reason="needs redis-server")
@pytest.mark.django_db
def test_production_refuses_demo_people_and_a_redis_that_drops_rings(settings: Any) -> None:
    with Redis() as redis:
        settings.ENV, settings.REDIS_URL = "production", redis.url
        guards.refuse_unsafe_services()  # an empty database and noeviction: nothing to say
        User.objects.create(email="rita@demo.example")
        with pytest.raises(ImproperlyConfigured, match="demo people"):
            guards.refuse_unsafe_services()
        User.objects.all().delete()
        redis.configure("maxmemory-policy", "allkeys-lru")
        with pytest.raises(ImproperlyConfigured, match="noeviction"):
            guards.refuse_unsafe_services()
