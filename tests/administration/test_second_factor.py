"""A lost second factor is reset by two others; an entity may ask finance for one."""

import pytest
from django.urls import reverse

from accounts import second_factor
from accounts.models import ApiToken
from administration import services
from administration.models import ChangeRequest
from core.errors import Conflict, Invalid, NotAllowed
from core.models import TrailEvent
from tests import pages
from tests.accounts import factors
from tests.administration.test_changes import decide
from tests.api.conftest import signed_in
from tests.factories import NOW

KIND = ChangeRequest.Kind.SECOND_FACTOR


@pytest.fixture
def axel(org):
    return factors.enrolled(org.axel)


def propose(org, *, actor=None, person=None):
    return services.propose(
        entity=org.entity,
        kind=KIND,
        person=person or org.axel,
        after={},
        reason="Phone lost; called back at home",
        actor=actor or org.ada,
        at=NOW,
    )


@pytest.fixture
def strict(org):
    org.entity.finance_second_factor = True
    org.entity.save()


@pytest.mark.parametrize("name", ["rita", "cora", "dora", "axel"])
def test_only_an_administrator_proposes_it_and_not_for_oneself(org, axel, name):
    with pytest.raises(NotAllowed):
        propose(org, actor=org.people[name])
    assert second_factor.has(axel)


def test_nothing_is_reset_where_there_is_nothing(org):
    with pytest.raises(Invalid):
        propose(org, person=org.rob)


def test_proposed_it_holds_on_until_somebody_else_agrees(org, axel):
    change = propose(org)
    assert second_factor.has(axel)
    decide(change)
    assert change.status == "applied"
    assert not second_factor.has(axel)
    event = TrailEvent.objects.get(type="person.second_factor_reset")
    assert (event.actor, event.data) == (org.cora, {"proposed_by": str(org.ada.pk)})


def test_removed_meanwhile_the_proposal_is_stale(org, axel):
    change = propose(org)
    second_factor.remove(person=axel, at=NOW)
    with pytest.raises(Conflict):
        decide(change)


def test_the_person_s_page_offers_it_to_an_administrator(org, axel):
    page = reverse("administration:person", args=[axel.pk])
    assert "Reset the second factor" in pages.text_of(pages.signed_in(org.ada).get(page))
    assert "Reset the second" not in pages.text_of(pages.signed_in(org.cora).get(page))
    form = reverse("administration:propose", args=[axel.pk, KIND])
    answer = pages.signed_in(org.ada).post(form, {"reason": "Phone lost"}, follow=True)
    assert "Second factor of Axel Brandt" in pages.text_of(answer)


@pytest.mark.parametrize("value", ["perhaps", 1, None])
def test_the_setting_is_yes_or_no(org, value):
    with pytest.raises(Invalid):
        ask(org, value)


def ask(org, value):
    return services.propose(
        entity=org.entity,
        kind="entity",
        after={"finance_second_factor": value},
        reason="Auditors ask for it",
        actor=org.ada,
        at=NOW,
    )


def test_the_setting_holds_once_somebody_else_agrees(org):
    decide(ask(org, True))
    org.entity.refresh_from_db()
    assert org.entity.finance_second_factor is True


@pytest.mark.parametrize("path", ["/", "/requisitions/", "/invoices/", "/reports/commitments/"])
def test_finance_without_one_is_led_to_set_it_up_and_can_do_nothing_else(org, strict, path):
    client = pages.signed_in(org.finn)
    assert client.get(path).url == reverse("security_enrol")
    assert client.post(path, {}).url == reverse("security_enrol")


def test_on_the_way_there_finance_may_prove_set_up_and_leave(org, strict):
    client = pages.signed_in(org.finn)
    assert client.get(reverse("security")).status_code == 200
    assert client.get(reverse("account_reauthenticate")).status_code == 200
    assert client.post(reverse("account_logout")).url == reverse("account_login")


def test_with_one_finance_works_and_others_work_without(org, strict):
    assert factors.signed_in(factors.enrolled(org.finn)).get("/").status_code == 200
    assert pages.signed_in(org.rita).get("/").status_code == 200


def test_a_token_of_finance_does_nothing_without_one(org, strict):
    """Made before the entity asked for it."""
    answer = signed_in(org.finn).get("/api/v1/invoices/")
    assert (answer.status_code, answer.json()["type"]) == (403, "second-factor-required")
    assert signed_in(org.rita).get("/api/v1/requisitions/").status_code == 200


def test_no_token_is_made_for_finance_without_one(org, strict, client):
    said = {"email": org.finn.email, "password": "demo"}
    answer = client.post("/api/v1/auth/token/", said, content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (403, "second-factor-required")
    assert not ApiToken.objects.exists()
