"""Health pages for the machinery that watches the portal."""

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from core import maintenance, outbox
from po_portal.celery import app as celery_app

logger = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked, so a dead database restarts no web process."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker and the outbox's due and parked rows and lag in seconds.

    503 when the database is down. Late or parked work and a dead broker are `degraded`, with 200:
    decisions keep working and their outbox rows wait for the sweep.
    """
    answer: dict[str, object] = {"database": "ok", "broker": broker_state()}
    try:
        queue = outbox.waiting(now=timezone.now())
    except DatabaseError as fault:
        logger.warning("readiness: the database does not answer", reason=str(fault))
        return JsonResponse({"status": "unavailable", **answer, "database": "down"}, status=503)
    late = queue["lag_seconds"] > settings.OUTBOX_LAG_ALARM_SECONDS
    sound = not late and not queue["parked"] and answer["broker"] == "ok"
    if until := maintenance.ends_at(now=timezone.now()):
        answer["only_read_until"] = until.isoformat()
    return JsonResponse({"status": "ok" if sound else "degraded", **answer, "outbox": queue})


def broker_state() -> str:
    """`ok` when a ring could be sent now, else `down`."""
    try:
        with celery_app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, interval_start=0, interval_step=0.1)
    except (OperationalError, OSError) as fault:
        logger.warning("readiness: the broker does not answer", reason=str(fault))
        return "down"
    return "ok"
