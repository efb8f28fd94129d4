"""Scheduled work of approvals."""

from datetime import datetime, timedelta

from approvals import services
from core import periodic


@periodic.job("approvals.nudge", every=timedelta(minutes=5))
def nudge(at: datetime) -> None:
    """Remind and escalate whatever has waited too long."""
    services.nudge(at=at)
