"""What matters is decided with the second factor, where somebody has one: inbox, mail and API."""

from decimal import Decimal

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import second_factor
from accounts.models import ApiToken
from core.models import TrailEvent
from tests.accounts import factors
from tests.api.conftest import signed_in as by_old_token
from tests.approvals import proving
from tests.approvals.conftest import round_of, step_of, submitted  # noqa: F401
from tests.approvals.test_links import choice, opened, sent
from tests.factories import PASSWORD

TOKEN = "/api/v1/auth/token/"


@pytest.fixture(autouse=True)
def empty_cache(db):
    cache.clear()


@pytest.fixture
def requisition(org, submitted):  # noqa: F811
    """Of more than a mail may decide, waiting for axel, who has a second factor."""
    org.entity.email_decision_limit = Decimal(100)
    org.entity.save()
    factors.enrolled(org.axel)
    return submitted()


def status(org, requisition):
    return step_of(requisition, org.axel).status


def test_in_the_inbox_a_password_of_this_minute_is_not_enough(org, requisition):
    step = step_of(requisition, org.axel)
    client = proving.signed_in(org.axel)
    page = reverse("approvals:decide", args=[step.pk])
    said = {"decision": "approve", "digest": round_of(requisition).digest, "comment": "My words"}
    answer = client.post(page, said, follow=True)
    where = answer.redirect_chain[-1][0]
    assert where.startswith(reverse("mfa_reauthenticate"))
    assert status(org, requisition) == "active"
    answer = client.post(where, {"code": factors.wrong()})
    assert answer.status_code == 200
    back = client.post(where, {"code": factors.code()}).url
    assert "My words" in client.get(back).content.decode()
    client.post(page, said)
    assert status(org, requisition) == "approved"


def test_behind_a_mail_s_link_password_and_code_are_asked_and_the_words_are_kept(org, requisition):
    client, page = opened(sent(requisition, org.axel))
    digest = round_of(requisition).digest
    answer = client.post(page, {"decision": "approve", "digest": digest, "comment": "Agreed"})
    said = {"login": org.axel.email, "password": PASSWORD, "next": page}
    answer = client.post(answer["Location"], said)
    assert answer["Location"].startswith(reverse("mfa_authenticate"))
    assert "Agreed" not in client.get(answer["Location"]).content.decode()
    answer = client.post(answer["Location"], {"code": factors.code(), "next": page})
    assert answer["Location"] == page
    assert "Agreed" in client.get(page).content.decode()
    assert choice(client, page, decision="approve").status_code == 200
    assert status(org, requisition) == "approved"


def test_behind_a_mail_s_link_a_password_of_this_minute_is_not_enough(org, requisition):
    client, page = opened(sent(requisition, org.axel), proving.signed_in(org.axel))
    answer = choice(client, page, decision="approve")
    assert status(org, requisition) == "active"
    assert "reauthenticate" in answer["Location"]


def test_a_token_made_before_the_factor_does_not_pass(org, requisition):
    client = by_old_token(org.axel)
    assert press(client, org, requisition).json()["type"] == "step-up-needed"
    assert status(org, requisition) == "active"
    event = TrailEvent.objects.get(type="approval.refused")
    assert event.data["why"] == "step-up-needed"


def test_a_token_made_with_the_factor_passes(org, requisition):
    answer = ask(org.axel, code=factors.code())
    assert answer.status_code == 201
    assert ApiToken.objects.get().second_factor
    client = APIClient(headers={"Authorization": f"Bearer {answer.json()['token']}"})
    assert press(client, org, requisition).status_code == 200
    assert status(org, requisition) == "approved"


def test_the_password_alone_makes_no_token(org, requisition):
    answer = ask(org.axel)
    assert (answer.status_code, answer.json()["type"]) == (401, "second-factor-needed")
    answer = ask(org.axel, code=factors.wrong())
    assert (answer.status_code, answer.json()["type"]) == (401, "second-factor-needed")
    assert not ApiToken.objects.exists()
    assert TrailEvent.objects.filter(type=second_factor.REFUSED).count() == 1


def test_a_wrong_password_does_not_tell_who_has_a_factor(org, requisition):
    known, unknown = (
        APIClient().post(TOKEN, {"email": email, "password": "nope"}, format="json")
        for email in (org.axel.email, "nobody@demo.example")
    )
    assert known.json() == unknown.json()


def test_paused_codes_make_no_token_either(org, requisition):
    for _ in range(second_factor.MOST_WRONG):
        second_factor.check(person=org.axel, code=factors.wrong(), at=timezone.now())
    answer = ask(org.axel, code=factors.code())
    assert (answer.status_code, answer.json()["type"]) == (429, "too-many-requests")


def test_a_browser_s_session_decides_over_the_api_with_the_code_only(org, requisition):
    client = proving.signed_in(org.axel)
    assert press(client, org, requisition).status_code == 403
    factors.show(client, factors.code(), to="mfa_reauthenticate")
    assert press(client, org, requisition).status_code == 200


JSON = {"content_type": "application/json"}


def ask(person, **more):
    said = {"email": person.email, "password": PASSWORD, **more}
    return APIClient().post(TOKEN, said, format="json")


def press(client, org, requisition):
    step = step_of(requisition, org.axel)
    return client.post(f"/api/v1/approvals/{step.pk}/approve/", {"comment": "x"}, **JSON)
