"""The mail that leads to a new password. Whether anybody has the address is found out here, after
the page has answered, so that neither its words nor its time tell."""

from datetime import datetime, timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core import outbox
from core.models import OutboxItem
from core.periodic import job
from notifications import services
from notifications.letters import absolute
from notifications.services import Letter

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
