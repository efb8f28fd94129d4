"""Proof from a moment ago that it is the person: for acts that an open session is too little for.

A browser proves it by a sign-in or a re-authentication of the last five minutes, somebody with a
second factor by that factor. A bearer token cannot be asked again: it proves its person for as
long as a browser session may live at most, where somebody has a second factor only if the token was
made with it (ADR 11).
"""

import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.shortcuts import redirect
from django.urls import reverse

from accounts import second_factor
from core.errors import NotAllowed

FRESH = timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
TOKEN_FRESH = timedelta(seconds=settings.SESSION_COOKIE_AGE)
SECOND_FACTOR = "mfa"


class StepUpNeeded(NotAllowed):
    slug = "step-up-needed"
    title = "Confirm that it is you."


def is_proven(request: Any, *, at: datetime) -> bool:
    """Whether the signed-in person proved who they are a moment ago."""
    if not request.user.is_authenticated:
        return False
    token = getattr(request, "auth", None)
    if token is not None:
        young = at - token.created <= TOKEN_FRESH
        return young and (token.second_factor or not second_factor.has(request.user))
    since = time.time() - FRESH.total_seconds()  # the records carry the system's own time
    records = get_authentication_records(request, request.user)
    shown = {record["method"] for record in records if record["at"] >= since}
    return SECOND_FACTOR in shown or (bool(shown) and not second_factor.has(request.user))


def require(request: Any, *, at: datetime, why: str) -> None:
    """Raise StepUpNeeded unless it is proven, for callers who cannot be led on a detour."""
    if not is_proven(request, at=at):
        raise StepUpNeeded(f"This needs a proof that it is you: {why}.")


def address(back: str) -> str:
    """Where the person proves it, to come back to a path of the portal."""
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"


def detour(back: str) -> Any:
    return redirect(address(back))
