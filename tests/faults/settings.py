"""The tests' settings with a queue in a hurry: the same inequality, seconds instead of a minute.

Time limits must rise: soft limit < hard limit < lease < visibility timeout.
"""

from django.core.exceptions import ImproperlyConfigured

from po_portal import guards
from tests.settings import *  # noqa: F403

CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 11, 12  # a drain goes on for 10
OUTBOX_LEASE_SECONDS = 13
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "core.tasks.sweep", "schedule": 1.0, "options": {"expires": 30}},
    "tick": {"task": "core.tasks.tick", "schedule": 1.0, "options": {"expires": 30}},
}
if problems := guards.settings_problems(globals()):
    raise ImproperlyConfigured("; ".join(problems))
