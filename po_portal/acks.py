"""A worker that cannot acknowledge what it did ends, and is started anew by whoever keeps it alive.

Celery only notes such a failure. The message then counts against the worker's prefetch for good:
after a broker that was away for a moment while all hands worked, it takes nothing any more.
"""

import os
from typing import Any

from celery.worker import state
from celery.worker.request import Request


class Acknowledged(Request):  # type: ignore[misc]
    """A task's message whose failed acknowledgement ends the worker, once its hands are free.

    What fails is seen at the message itself: with an event loop Celery only plans to acknowledge,
    and does so a moment later.
    """

    def __init__(self, message: Any, **options: Any) -> None:
        super().__init__(message, **options)
        acknowledge = message.ack

        def or_end(*args: Any, **kwargs: Any) -> None:
            try:
                acknowledge(*args, **kwargs)
            except Exception:
                state.should_stop = os.EX_TEMPFAIL
                raise

        message.ack = or_end
