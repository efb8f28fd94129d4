"""A worker that cannot acknowledge what it did ends, and is started anew by whoever keeps it alive.

Celery only notes such a failure. The message then counts against the worker's prefetch for good:
after a broker that was away for a moment while all hands worked, it takes nothing any more.
"""

import os

from celery.worker import state
from celery.worker.request import Request


class Acknowledged(Request):  # type: ignore[misc]
    """A task's message whose failed acknowledgement ends the worker, once its hands are free."""

    def acknowledge(self) -> None:
        super().acknowledge()
        if self.message is not None and not self.message.acknowledged:
            state.should_stop = os.EX_TEMPFAIL
