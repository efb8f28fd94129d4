"""A browser whose person signed in a moment ago, or too long ago for a decision that matters."""

import time
from datetime import timedelta
from typing import Any

from allauth.account.internal.flows import login
from django.test import Client

from accounts import step_up
from accounts.models import User


def signed_in(person: User, client: Client | None = None, *, ago: timedelta | None = None) -> Any:
    """Signed in with a password, `ago` before now; just now without it."""
    client = client or Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    moment = time.time() - (ago or timedelta()).total_seconds()
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": moment, "email": person.email}
    ]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(person.pk)
    session.save()
    return client


def stale(person: User, client: Client | None = None) -> Any:
    """Signed in, but a second too long ago."""
    return signed_in(person, client, ago=step_up.FRESH + timedelta(seconds=1))
