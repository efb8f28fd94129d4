"""What the portal refuses to start with.

Settings are judged while they are read, so that web, worker, beat and every command refuse alike.
What only the running services can tell (demo people in the database, a Redis that evicts) is asked
once when a web or worker process starts.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured

from core.sealed import key_problems

DEFAULT_SECRET_KEY = "the demo's own key, known to everybody and refused in production"  # noqa: S105
DEFAULT_SEALING_KEYS = {"demo": "dGhlIGRlbW8ncyBrZXksIGtub3duIHRvIHVzIGFsbC4="}
DEFAULT_INDEX_KEY = "the demo's own index key, refused in production as well"
DEMO_DOMAIN = "demo.example"


def settings_problems(values: Mapping[str, Any]) -> list[str]:
    """Every reason, in words for an operator, why these settings must not run; empty when sound."""
    problems = celery_problems(values)
    problems += key_problems(values["SEALING_KEYS"], values["SEALING_INDEX_KEY"])
    if values["ENV"] == "production":
        problems += production_problems(values)
    return problems


def celery_problems(values: Mapping[str, Any]) -> list[str]:
    """A task must end before its lease does, and its lease before the broker hands it out again."""
    soft, hard = values["CELERY_TASK_SOFT_TIME_LIMIT"], values["CELERY_TASK_TIME_LIMIT"]
    lease = values["OUTBOX_LEASE_SECONDS"]
    visibility = values["CELERY_BROKER_TRANSPORT_OPTIONS"].get("visibility_timeout", 3600)
    wrong = []
    if not 0 < soft < hard < lease < visibility:
        wrong.append(
            "time limits must rise: soft limit < hard limit < lease < visibility timeout, "
            f"not {soft}, {hard}, {lease}, {visibility}"
        )
    if visibility < 3 * hard:
        wrong.append(f"visibility timeout {visibility} s is under three hard limits of {hard} s")
    required = {
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_TASK_SERIALIZER": "json",
        "CELERY_ACCEPT_CONTENT": ["json"],
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_RESULT_BACKEND": None,
    }
    wrong += [
        f"{name} must be {want!r}, not {values.get(name)!r}"
        for name, want in required.items()
        if values.get(name) != want
    ]
    if values["REDIS_URL"] and (
        values["CELERY_BROKER_TRANSPORT_OPTIONS"].get("unacked_restore_throttle") != 1
    ):
        wrong.append("unacked_restore_throttle must be 1, or a killed worker's task waits 100 s")
    return wrong


def production_problems(values: Mapping[str, Any]) -> list[str]:
    """The set-ups that are fit for a demo only."""
    database = values["DATABASES"]["default"]
    portal = urlsplit(values["PORTAL_URL"])
    checks = [
        (values["DEBUG"], "DEBUG must be off"),
        (values["SECRET_KEY"] == DEFAULT_SECRET_KEY, "SECRET_KEY must be set to a key of your own"),
        (len(values["SECRET_KEY"]) < 50, "SECRET_KEY must have at least 50 characters"),
        (
            values["SEALING_KEYS"] == DEFAULT_SEALING_KEYS,
            "SEALING_KEYS must be set to keys of your own",
        ),
        (
            values["SEALING_INDEX_KEY"] == DEFAULT_INDEX_KEY,
            "SEALING_INDEX_KEY must be set to a key of your own",
        ),
        (values["PORTAL_DEMO"], "PORTAL_DEMO must be off"),
        (database["ENGINE"].endswith("sqlite3"), "DATABASE_URL must name a PostgreSQL, not SQLite"),
        (not values["REDIS_URL"], "REDIS_URL must name a Redis"),
        (not values["PORTAL_URL_GIVEN"], "PORTAL_URL must give the address people use"),
        (portal.scheme != "https" or not portal.hostname, "PORTAL_URL must begin with https://"),
        ("*" in values["ALLOWED_HOSTS"], "ALLOWED_HOSTS must not hold *"),
        (
            values["EMAIL_BACKEND"].startswith("notifications.backends"),
            "EMAIL_URL must name a mail server; without it mail goes to a demo folder",
        ),
    ]
    return [words for broken, words in checks if broken]


def refuse_unsafe_services() -> None:
    """In production, raise `ImproperlyConfigured` on demo people or a Redis that drops rings."""
    if settings.ENV != "production":
        return
    problems = []
    if get_user_model().objects.filter(email__iendswith=f"@{DEMO_DOMAIN}").exists():
        problems.append(f"the database holds demo people (@{DEMO_DOMAIN})")
    policy = redis.Redis.from_url(settings.REDIS_URL).info("memory").get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        problems.append(f"Redis must run with maxmemory-policy noeviction, not {policy}")
    if problems:
        raise ImproperlyConfigured("PO Portal refuses to start: " + "; ".join(problems))
