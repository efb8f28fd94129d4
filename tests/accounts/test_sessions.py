"""X50: what ends a session, whatever its cookie says."""

import time

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from accounts import sessions
from accounts.models import ApiToken
from core.models import TrailEvent
from tests.accounts import factors
from tests.factories import PASSWORD
from tests.pages import signed_in

NEW = "a much longer pass phrase"
HALF_AN_HOUR = sessions.IDLE.total_seconds()
TWELVE_HOURS = sessions.LONGEST.total_seconds()


def aged(client, **ago):
    session = client.session
    for key, seconds in ago.items():
        session[key] = time.time() - seconds
    session.save()
    return client


def is_in(client):
    return client.get("/").status_code == 200


def test_a_session_ends_twelve_hours_after_its_sign_in_however_busy(org):
    assert TWELVE_HOURS == 12 * 3600
    client = signed_in(org.rita)
    assert is_in(aged(client, signed_in_at=TWELVE_HOURS - 60))
    assert not is_in(aged(client, signed_in_at=TWELVE_HOURS + 60))
    assert SESSION_KEY not in client.session


def test_whoever_is_signed_out_is_told_why_and_comes_back_to_the_page(org):
    client = aged(signed_in(org.rita), signed_in_at=TWELVE_HOURS + 60)
    answer = client.get("/requisitions/", follow=True)
    assert answer.redirect_chain[-1][0] == f"{reverse('account_login')}?next=/requisitions/"
    assert b"signed out after a while" in answer.content


@pytest.mark.parametrize("name", ["finn", "fay", "cora"])
def test_in_finance_half_an_hour_of_doing_nothing_ends_it(org, name):
    assert HALF_AN_HOUR == 1800
    client = signed_in(org.people[name])
    assert is_in(aged(client, seen_at=HALF_AN_HOUR - 60))
    assert not is_in(aged(client, seen_at=HALF_AN_HOUR + 60))


def test_others_may_do_nothing_for_longer(org):
    assert is_in(aged(signed_in(org.rita), seen_at=HALF_AN_HOUR + 60))


def test_whoever_does_something_stays(org):
    client = aged(signed_in(org.finn), seen_at=HALF_AN_HOUR - 60)
    assert is_in(client)
    assert time.time() - client.session["seen_at"] < 5


def test_what_a_page_asks_by_itself_is_nobody_doing_something(org):
    client = aged(signed_in(org.finn), seen_at=HALF_AN_HOUR - 60)
    client.get("/", headers={"HX-Request": "true", "HX-Trigger": "live"})
    assert time.time() - client.session["seen_at"] > HALF_AN_HOUR - 70


def test_an_ended_session_is_nobody_to_the_api(org):
    client = aged(signed_in(org.finn), seen_at=HALF_AN_HOUR + 60)
    assert client.get("/api/v1/me/").status_code == 401


def test_signing_in_changes_the_session_s_name(org, client):
    """Fixation: the name that somebody planted before is worth nothing."""
    client.get(reverse("account_login"))
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    factors.password(client, org.rita)
    assert SESSION_KEY in client.session
    assert client.session.session_key != before


def test_after_signing_out_the_stolen_cookie_is_worth_nothing(org):
    client = signed_in(org.rita)
    thief = Client()
    thief.cookies = client.cookies.copy()
    assert is_in(thief)
    client.post(reverse("account_logout"))
    assert not is_in(thief)


def test_a_new_password_ends_the_other_sessions_and_the_tokens(org):
    here, elsewhere = signed_in(org.rita), signed_in(org.rita)
    ApiToken.objects.create(user=org.rita, scopes=["read"])
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    answer = here.post(reverse("account_change_password"), said)
    assert answer.status_code == 302, answer.content
    assert is_in(here)
    assert not is_in(elsewhere)
    assert not ApiToken.objects.exists()
    event = TrailEvent.objects.get(type="person.password_changed")
    assert (event.actor, event.data) == (org.rita, {"tokens_ended": 1})
    assert NEW not in str(event.changes)


def test_a_closed_account_is_out_at_once(org):
    client = signed_in(org.rita)
    org.rita.is_active = False
    org.rita.save()
    assert not is_in(client)
