"""People with a second factor, and the codes that their apps show."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import second_factor
from accounts.models import User
from tests.factories import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(*, ahead: int = 0) -> str:
    """What the app shows now, or half minutes ahead."""
    now = list(totp.yield_hotp_counters_from_time())[1]
    return totp.format_hotp_value(totp.hotp_value(SECRET, now + ahead))


def wrong() -> str:
    """A code that the app shows neither now nor soon."""
    return next(each for each in ("000000", "111111", "222222", "333333") if each not in near())


def near() -> list[str]:
    return [code(ahead=each) for each in range(-3, 4)]


def enrolled(person: User) -> User:
    """The person with an app that holds SECRET, which has shown nothing yet."""
    second_factor.enrol(person=person, secret=SECRET, code=code(), at=timezone.now())
    unused(person)
    return person


def unused(person: User) -> None:
    """Let the code of this half minute open once more, as if the half minute were another."""
    row = Authenticator.objects.get(user=person, type="totp")
    row.data["last_counter"] = -1
    row.last_used_at = None
    row.save()


def password(client: Client, person: User, *, words: str = PASSWORD) -> Any:
    return client.post(reverse("account_login"), {"login": person.email, "password": words})


def show(client: Client, words: str, *, to: str = "mfa_authenticate", **said: str) -> Any:
    return client.post(reverse(to), {"code": words, **said})


def signed_in(person: User) -> Client:
    """A browser of somebody who showed password and code a moment ago."""
    client = Client()
    password(client, person)
    answer = show(client, code())
    assert answer.status_code == 302, answer.content
    unused(person)
    return client


def recovery_codes(person: User) -> list[str]:
    row = Authenticator.objects.get(user=person, type="recovery_codes")
    codes: list[str] = row.wrap().get_unused_codes()
    return codes
