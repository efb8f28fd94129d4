"""Changing a vendor in the browser: proposed where it was approved, with a proof that it is you."""

import pytest
from django.test import Client
from django.urls import reverse

from administration.models import ChangeRequest
from tests.approvals.proving import signed_in as proven
from tests.factories import Organisation
from tests.pages import said_by, signed_in, text_of, value_of
from vendors.models import Vendor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]


def page_of(vendor: Vendor) -> str:
    return reverse("vendors:edit", args=[vendor.pk])


def form(vendor: Vendor, *contacts: tuple[str, str], **said: str) -> dict[str, str]:
    names = ("code", "name", "tax_id", "country", "currency", "address", "order_email", "family")
    rows = {
        f"contacts-{index}-{name}": value
        for index, contact in enumerate(contacts)
        for name, value in zip(("name", "email"), contact, strict=True)
    }
    return {
        **{name: getattr(vendor, name) for name in names},
        "payment_terms_days": "30",
        "default_match_type": "3-way",
        "reason": "Called Jana",
        "contacts-TOTAL_FORMS": str(len(contacts)),
        "contacts-INITIAL_FORMS": "0",
        **rows,
        **said,
    }


@pytest.fixture
def vera(org: Organisation) -> Client:
    """Signed in by password a moment ago."""
    return proven(org.vera)


@pytest.mark.parametrize("who", ["rita", "bea", "finn", "cora", "olga", "ada"])
def test_others_are_refused(org, who):
    client = signed_in(org.people[who])
    assert client.get(page_of(org.vendor)).status_code == 403
    assert client.post(page_of(org.vendor), form(org.vendor, name="Elbe SE")).status_code == 403
    assert not ChangeRequest.objects.exists()


def test_a_change_of_an_approved_vendor_is_proposed(org, vera):
    assert "once somebody else approves it" in text_of(vera.get(page_of(org.vendor)))
    sent = form(org.vendor, ("Jana", "jana@elbe.example"), order_email="new@elbe.example")
    answer = vera.post(page_of(org.vendor), sent, follow=True)
    assert "Proposed" in said_by(answer)
    shown = text_of(answer)
    assert "new@elbe.example" in shown
    assert "Jana" in shown
    assert Vendor.objects.get(pk=org.vendor.pk).order_email == org.vendor.order_email
    assert ChangeRequest.objects.get().proposed_by == org.vera


def test_without_a_proof_it_asks_for_one_and_loses_nothing(org):
    client = signed_in(org.vera)  # no password was typed: nothing is proven
    answer = client.post(page_of(org.vendor), form(org.vendor, name="Elbe SE"))
    assert answer.status_code == 302
    assert reverse("account_reauthenticate") in answer.url
    assert not ChangeRequest.objects.exists()
    assert value_of(client.get(page_of(org.vendor)), "name") == "Elbe SE"
    assert value_of(client.get(page_of(org.vendor)), "name") == org.vendor.name


def test_faults_stand_at_their_fields(org, vera):
    sent = form(org.vendor, ("Jana", "nowhere"), tax_id="DE1", reason="x")
    answer = vera.post(page_of(org.vendor), sent)
    assert answer.status_code == 422
    assert "Not a VAT number of DE." in text_of(answer)
    assert "Not an email address." in text_of(answer)
    assert not ChangeRequest.objects.exists()


def test_nothing_changed_is_said(org, vera):
    contact = org.vendor.contacts.get()
    sent = form(org.vendor, (contact.name, contact.email)) | {"contacts-0-role": contact.role}
    answer = vera.post(page_of(org.vendor), sent)
    assert "Nothing would change." in text_of(answer)


def test_a_prospect_is_changed_at_once(org):
    client = signed_in(org.vera)
    sent = form(org.prospect, name="Neuling SE")
    del sent["reason"]
    answer = client.post(page_of(org.prospect), sent, follow=True)
    assert said_by(answer) == "Changed."
    assert Vendor.objects.get(pk=org.prospect.pk).name == "Neuling SE"


def test_a_vendor_of_another_entity_does_not_exist(org, vera):
    assert vera.get(page_of(org.uk_vendor)).status_code == 404
