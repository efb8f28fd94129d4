"""How long a session lives, and what ends with a password.

A session ends twelve hours after its sign-in whatever happens in it, and for people of finance
after half an hour in which they did nothing. With a new password the person's other sessions end
(Django binds them to it), and their API tokens.
"""

import time
from datetime import timedelta
from typing import Any

from allauth.account.signals import password_changed, password_reset
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import second_factor
from accounts.models import ApiToken, User
from core import events
from core.transactions import atomic

LONGEST = timedelta(seconds=settings.SESSION_COOKIE_AGE)
IDLE = timedelta(minutes=30)
SIGNED_IN, SEEN = "signed_in_at", "seen_at"
NOTED_EVERY = 60  # seconds; a session is not written for each page


def is_over(request: HttpRequest) -> bool:
    """Whether the signed-in person's session has lived, or been left alone, too long."""
    now = time.time()
    session = request.session
    if now - session.setdefault(SIGNED_IN, now) > LONGEST.total_seconds():
        return True
    if not request.user.has_role(*second_factor.FINANCE_ROLES):
        return False
    return now - session.get(SEEN, now) > IDLE.total_seconds()


def note_activity(request: HttpRequest) -> None:
    """Remember that somebody of finance did something; what a page asks by itself is nothing."""
    asked_by_itself = request.headers.get("HX-Trigger") == "live"
    if asked_by_itself or not request.user.has_role(*second_factor.FINANCE_ROLES):
        return
    now = time.time()
    if now - request.session.get(SEEN, 0) > NOTED_EVERY:
        request.session[SEEN] = now


@receiver(user_logged_in, dispatch_uid="accounts.sessions.begin")
def begin(request: Any, **_: Any) -> None:
    if getattr(request, "session", None) is not None:
        request.session[SIGNED_IN] = time.time()
        request.session.pop(SEEN, None)


@receiver(password_changed, dispatch_uid="accounts.sessions.changed")
@receiver(password_reset, dispatch_uid="accounts.sessions.reset")
def end_tokens(user: User, **_: Any) -> None:
    """Whoever knew the old password, or made a token with it, begins anew."""
    with atomic():
        ended, _rows = ApiToken.objects.filter(user=user).delete()
        said = {"tokens_ended": ended}
        events.publish("person.password_changed", user, actor=user, at=timezone.now(), data=said)
