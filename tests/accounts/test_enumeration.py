"""X49: neither words nor work nor limits tell whether somebody has an address."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import hashers
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core import outbox
from core.models import OutboxItem
from notifications import passwords
from notifications.models import OutgoingMail
from tests.accounts import factors
from tests.notifications.test_letters import folder, mails  # noqa: F401

NOBODY = "nobody@demo.example"
NEW = "a much longer pass phrase"


@pytest.fixture(autouse=True)
def empty_cache(db):
    cache.clear()


@pytest.fixture
def hashed(monkeypatch):
    """How often a password was hashed, which is what takes the time."""
    calls = []
    hasher = type(hashers.get_hasher())
    encode = hasher.encode

    def counted(self, *args, **kwargs):
        calls.append(1)
        return encode(self, *args, **kwargs)

    monkeypatch.setattr(hasher, "encode", counted)
    return calls


def ask(client, email):
    return client.post(reverse("account_reset_password"), {"email": email})


def kinds(captured):
    """What was asked of which table; the rate limits of allauth keep house in the cache's."""
    said = [each["sql"] for each in captured.captured_queries]
    return [
        re.sub(r"\W.*", "", each, flags=re.S)
        + str(re.findall(r'(?:FROM|INTO|UPDATE) "(\w+)"', each))
        for each in said
        if "portal_cache" not in each and "SAVEPOINT" not in each
    ]


@pytest.mark.parametrize("who", ["known", "unknown", "closed", "without a password"])
def test_a_sign_in_that_fails_says_and_costs_the_same_for_everybody(org, client, hashed, who):
    User.objects.filter(pk=org.rob.pk).update(is_active=False)
    org.vera.set_unusable_password()
    org.vera.save()
    hashed.clear()
    emails = {"known": org.rita.email, "unknown": NOBODY, "closed": org.rob.email}
    email = emails.get(who, org.vera.email)
    answer = client.post(reverse("account_login"), {"login": email, "password": "nope"})
    assert answer.status_code == 200
    assert b"not correct" in answer.content
    assert email.encode() in answer.content
    assert len(hashed) == 2, "one for each place that knows passwords"


def test_asking_for_a_new_password_answers_and_works_alike(org, client):
    told = []
    for email in (org.rita.email, NOBODY):
        with CaptureQueriesContext(connection) as captured:
            answer = ask(client, email)
        told.append((answer.status_code, answer.url, kinds(captured)))
    assert told[0] == told[1]
    assert "INSERT['core_outboxitem']" in told[0][2]
    assert not OutgoingMail.objects.exists(), "mail is written after the answer"


def test_only_who_has_the_address_gets_mail(org, client, folder):  # noqa: F811
    ask(client, NOBODY)
    ask(client, org.rita.email.upper())
    outbox.drain()
    assert [mail["To"] for mail in mails(folder)] == [org.rita.email]


def test_the_mail_s_link_sets_a_password_once_and_the_code_is_still_asked(org, client, folder):  # noqa: F811
    factors.enrolled(org.axel)
    ask(client, org.axel.email)
    outbox.drain()
    (mail,) = (each for each in mails(folder) if each["Subject"] == "Choose a new password")
    words = mail.get_body(("plain",)).get_content()
    link = next(each for each in words.split() if "/accounts/password/reset/key/" in each)
    path = link.partition("//")[2].partition("/")[2]
    page = client.get(f"/{path}").url
    answer = client.post(page, {"password1": NEW, "password2": NEW})
    assert answer.url == reverse("account_reset_password_from_key_done"), answer.content
    assert b"This link is over" in client.get(f"/{path}", follow=True).content
    answer = factors.password(client, org.axel, words=NEW)
    assert answer.url == reverse("mfa_authenticate")


def test_no_list_of_strange_addresses_is_kept(org, client):
    ask(client, NOBODY)
    outbox.drain()
    assert OutboxItem.objects.filter(handler=passwords.HANDLER).exists()
    passwords.forget_addresses(at=timezone.now() + timedelta(hours=2))
    assert not OutboxItem.objects.filter(handler=passwords.HANDLER).exists()


def test_strange_names_tried_at_sign_in_are_forgotten_with_the_pause(org, client):
    """GNUHEALTH-SA-2016-1: a table of tries must not grow by names that somebody makes up."""
    for number in range(4):
        said = {"login": f"made-up-{number}@demo.example", "password": "x"}
        client.post(reverse("account_login"), said)
    long_ago = timezone.now() - timedelta(minutes=16)
    AccessAttempt.objects.update(attempt_time=long_ago)
    client.post(reverse("account_login"), {"login": NOBODY, "password": "x"})
    assert [each.username for each in AccessAttempt.objects.all()] == [NOBODY]
