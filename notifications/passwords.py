"""Mail about signing in: the way to a new password, and what changed.

Whether anybody has an address is found out here, after the page has answered, so that neither its
words nor its time tell.
"""

from datetime import datetime, timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core import outbox
from core.models import OutboxItem, TrailEvent
from core.periodic import job
from notifications import services
from notifications.letters import absolute
from notifications.services import Letter

CHANGED = {
    "person.password_changed": "Your password was changed",
    "person.second_factor_added": "A second factor was set up for you",
    "person.second_factor_removed": "Your second factor was removed",
    "person.second_factor_reset": "Your second factor was reset",
    "person.recovery_codes_renewed": "New recovery codes were made for you",
    "person.recovery_code_used": "One of your recovery codes was used",
}
HANDLER = "notifications.password_reset"
HOURS = settings.PASSWORD_RESET_TIMEOUT // 3600


@outbox.handler(HANDLER)
def password_reset(*, email: str, asked: str) -> None:
    """Send the link to whoever signs in by this address; strangers get nothing."""
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    if person is None:
        return
    place = {
        "uidb36": user_pk_to_url_str(person),
        "key": default_token_generator.make_token(person),
    }
    services.send(
        key=f"password_reset:{asked}",
        recipient=person.email,
        letter=Letter(
            subject="Choose a new password",
            template="password_reset",
            context={
                "person": person,
                "hours": HOURS,
                "url": absolute(reverse("account_reset_password_from_key", kwargs=place)),
            },
        ),
        at=timezone.now(),
    )


@job("notifications.forget_addresses", every=timedelta(hours=1))
def forget_addresses(*, at: datetime) -> None:
    """Keep no list of the addresses that were asked for, most of which may be nobody's."""
    OutboxItem.objects.filter(handler=HANDLER, done_at__lt=at - timedelta(hours=1)).delete()


@outbox.handler("notifications.sign_in_changed")
def sign_in_changed(*, event_id: str, document_id: str) -> None:
    """Tell a person what changed in how they sign in, in case it was not they."""
    event = TrailEvent.objects.select_related("actor").get(pk=event_id)
    person = User.objects.get(pk=document_id)
    key = f"{event.type}:{event.pk}"
    if not person.is_active or services.was_sent(key):
        return
    services.send(
        key=key,
        recipient=person.email,
        letter=Letter(
            subject=CHANGED[event.type],
            template="sign_in_changed",
            context={
                "person": person,
                "what": CHANGED[event.type],
                "event": event,
                "url": absolute(reverse("security")),
            },
        ),
        at=timezone.now(),
    )
