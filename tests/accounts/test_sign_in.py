"""Five wrong passwords pause one address, and only that one, with a page that says so."""

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from po_portal import settings as portal

pytestmark = pytest.mark.django_db
WRONG = 5  # AXES_FAILURE_LIMIT


@pytest.fixture
def people():
    cache.clear()
    return [
        User.objects.create_user(f"{name}@example.org", "right", name=name.title())
        for name in ("rita", "axel")
    ]


def sign_in(client, email, password):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def test_the_right_password_signs_in(client, people):
    assert sign_in(client, "rita@example.org", "right").status_code == 302


def test_a_wrong_password_is_refused_in_words(client, people):
    answer = sign_in(client, "rita@example.org", "wrong")
    assert answer.status_code == 200
    assert b"needs your attention" in answer.content


def test_five_wrong_passwords_pause_the_address_even_for_the_right_one(client, people):
    for _ in range(WRONG):
        answer = sign_in(client, "rita@example.org", "wrong")
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content
    assert sign_in(client, "Rita@example.org", "right").status_code == 429


def test_a_paused_address_does_not_pause_its_neighbours(client, people):
    for _ in range(WRONG):
        sign_in(client, "rita@example.org", "wrong")
    assert sign_in(client, "axel@example.org", "right").status_code == 302


def test_an_unknown_address_is_paused_like_a_known_one(client, people):
    answers = [sign_in(client, "nobody@example.org", "wrong").status_code for _ in range(WRONG)]
    assert answers == [200] * (WRONG - 1) + [429]


def test_one_address_tried_from_everywhere_is_paused_for_all(client, people, settings):
    """X49: stuffing from many sources stays under the limit of each, not under that of all."""
    assert portal.ACCOUNT_RATE_LIMITS["login_failed"] == "100/h/key"
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "3/h/key"}
    for number in range(3):
        sign_in(Client(REMOTE_ADDR=f"203.0.113.{number}"), "rita@example.org", "wrong")
    answer = sign_in(Client(REMOTE_ADDR="203.0.113.9"), "rita@example.org", "right")
    assert answer.status_code == 200
    assert b"Too many failed login attempts" in answer.content
    assert sign_in(client, "axel@example.org", "right").status_code == 302


@pytest.mark.parametrize("path", ["email/", "confirm-email/", "confirm-email/x/", "login/code/"])
def test_nobody_changes_the_address_that_they_sign_in_with(client, people, path):
    """It is who they are in the trail, and where decisions and new passwords are mailed to."""
    client.force_login(people[0], backend="django.contrib.auth.backends.ModelBackend")
    said = {"action_add": "", "action_primary": "", "email": "mallory@example.org"}
    assert client.post(f"/accounts/{path}", said).status_code == 404
    assert not EmailAddress.objects.filter(email="mallory@example.org").exists()
    assert User.objects.get(pk=people[0].pk).email == "rita@example.org"
