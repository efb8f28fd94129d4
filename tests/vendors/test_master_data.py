"""Vendor master data: judged by format, changed with a trail, found by what people type."""

from dataclasses import replace

import pytest

from core.errors import Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests.factories import NOW
from vendors import queries, services
from vendors.inputs import ContactInput, VendorInput
from vendors.models import Vendor

GOOD = VendorInput(
    code="V-7",
    name="Weser Kabel GmbH",
    country="DE",
    currency="EUR",
    tax_id="DE314077252",
    address="Am Wall 1\n28195 Bremen",
    order_email="orders@weser.example",
    contacts=[ContactInput("Ida Harms", "ida@weser.example", "Sales")],
)


def create(org, data=GOOD, actor=None):
    return services.create(entity=org.entity, data=data, actor=actor or org.vera, at=NOW)


def test_a_new_vendor_is_a_prospect_with_contacts_event_and_history(org, vera):
    vendor = create(org)
    assert (vendor.status, vendor.entity) == ("prospect", org.entity)
    assert vendor.contacts.get().email == "ida@weser.example"
    assert TrailEvent.objects.get(document_id=vendor.pk).type == "vendor.created"
    assert vendor.history.get().history_user == vera


@pytest.mark.parametrize("persona", ["rita", "bea", "ada", "cora", "olga", "nils"])
def test_only_vendor_managers_of_the_entity(org, persona):
    with pytest.raises(NotAllowed):
        create(org, actor=org.people[persona])
    with pytest.raises(NotAllowed):
        services.edit(vendor=org.vendor, data=GOOD, actor=org.people[persona], at=NOW)
    assert not Vendor.objects.filter(code="V-7").exists()


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"code": ""}, "/code", "required"),
        ({"code": "V-1000"}, "/code", "taken"),
        ({"name": "Elbe  IT Handel GMBH"}, "/name", "taken"),
        ({"name": "Elbe\u200b IT"}, "/name", "invisible"),
        ({"country": "ZZ"}, "/country", "unknown"),
        ({"country": "de"}, "/country", "unknown"),
        ({"currency": "XXX"}, "/currency", "unknown"),
        ({"tax_id": "DE314077253"}, "/tax_id", "invalid"),
        ({"tax_id": "12"}, "/tax_id", "invalid"),
        ({"order_email": "orders"}, "/order_email", "invalid"),
        ({"order_email": "a@b.example\nBcc: c@d.example"}, "/order_email", "invalid"),
        ({"payment_terms_days": 366}, "/payment_terms_days", "range"),
        ({"payment_terms_days": -1}, "/payment_terms_days", "range"),
        ({"default_match_type": "5-way"}, "/default_match_type", "unknown"),
        ({"contacts": [ContactInput("", "x@y.example")]}, "/contacts/0/name", "required"),
        ({"contacts": [ContactInput("Ida", "")]}, "/contacts/0/email", "invalid"),
    ],
)
def test_refused_master_data(org, fields, pointer, code):
    vendors = Vendor.objects.count()
    with pytest.raises(Invalid) as caught:
        create(org, replace(GOOD, **fields))
    assert (pointer, code) in {(each.pointer, each.code) for each in caught.value.errors}
    assert Vendor.objects.count() == vendors


def test_a_tax_id_outside_the_union_is_only_text(org):
    assert create(org, replace(GOOD, country="US", tax_id="94-3318822")).tax_id == "94-3318822"


def test_the_same_name_is_free_in_another_entity(org, nils):
    made = services.create(
        entity=org.uk, data=replace(GOOD, name=org.vendor.name), actor=nils, at=NOW
    )
    assert made.entity == org.uk


def test_a_change_says_what_was_before(org, vera):
    vendor = create(org)
    data = replace(GOOD, payment_terms_days=14, contacts=[])
    changed = services.edit(vendor=vendor, data=data, actor=vera, at=NOW, expected_version=1)
    assert (changed.payment_terms_days, changed.version) == (14, 2)
    event = TrailEvent.objects.filter(document_id=vendor.pk).order_by("sequence").last()
    assert event.changes == [
        {"field": "payment_terms_days", "old": 30, "new": 14},
        {"field": "contacts", "old": ["Ida Harms, ida@weser.example, Sales"], "new": []},
    ]
    with pytest.raises(StaleVersion):
        services.edit(vendor=vendor, data=GOOD, actor=vera, at=NOW, expected_version=1)


def test_people_find_vendors_of_their_entity_only(org, rita, nils):
    create(org)
    assert [each.name for each in queries.listing(rita, search="weser")] == ["Weser Kabel GmbH"]
    assert list(queries.listing(nils, search="weser")) == []
    assert org.prospect not in queries.orderable(rita)
    assert set(queries.orderable(nils)) == {org.uk_vendor}
