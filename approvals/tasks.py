"""Work of approvals that waits for a worker or the clock. Each may be done more than once."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from approvals import services
from approvals.services import ratifications
from core import outbox, periodic


@periodic.job("approvals.nudge", every=timedelta(minutes=5))
def nudge(at: datetime) -> None:
    """Remind and escalate whatever has waited too long."""
    services.nudge(at=at)


@periodic.job("approvals.remind_unanswered", every=timedelta(minutes=5))
def remind_unanswered(at: datetime) -> None:
    """Remind of questions without an answer; after a while decisions wait for them no more."""
    services.remind_unanswered(at=at)


@periodic.job("approvals.remind_overdue_ratifications", every=timedelta(minutes=5))
def remind_overdue_ratifications(at: datetime) -> None:
    """Say of emergencies that nobody looked at in time that they are overdue."""
    ratifications.remind_overdue(at=at)


@outbox.handler("approvals.reroute_leaver")
def reroute_leaver(*, event_id: str, document_id: str) -> None:
    """Hand on what waits for somebody whose account was closed."""
    services.reroute_leaver(person=User.objects.get(pk=document_id), at=timezone.now())


@outbox.handler("approvals.reroute_lost_roles")
def reroute_lost_roles(*, event_id: str, document_id: str) -> None:
    """Hand on what waits for somebody in a role that was taken from them."""
    services.reroute_lost_roles(person=User.objects.get(pk=document_id), at=timezone.now())


@periodic.job("approvals.reroute_leavers", every=timedelta(seconds=60))
def reroute_leavers(at: datetime) -> None:
    """The same for whoever left without a word, and for what reached them since."""
    services.reroute_leavers(at=at)
