"""The Celery application: a runner that is woken by rings; the work itself stands in the outbox."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_init

from po_portal import broker, memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "po_portal.settings")

broker.install()
app = Celery("po_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.Task.Request = "po_portal.acks:Acknowledged"
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """A receiver here stops Celery from replacing the logging that the settings configured."""


@worker_init.connect
def refuse_unsafe_start(**_: Any) -> None:
    """The worker refuses the same unsafe production set-ups as the web process (see wsgi.py)."""
    from po_portal.guards import refuse_unsafe_services

    refuse_unsafe_services()


@worker_process_init.connect
def settle_in(**_: Any) -> None:
    memory.settle()
    memory.bound()
