"""A contract's way: drafted by one person, put into force by another, ended by its last day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from core import periodic
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests.factories import NOW
from tests.fixtures import PERSONAS
from tests.vendors.agreements import contract, said
from vendors.inputs import PriceInput
from vendors.models import Contract, ContractPrice, Vendor
from vendors.services import contracts

# verb: (from which states, to which state)
TABLE = {
    "activate": ({"draft"}, "active"),
    "terminate": ({"draft", "active", "expiring"}, "terminated"),
}
MAY = {"activate": {"vera", "bea", "cora"}, "terminate": {"vera", "bea"}}
LONG_AFTER = datetime(2027, 6, 1, 3, 0, tzinfo=UTC)


def rows():
    return (
        list(Contract.objects.order_by("pk").values_list()),
        list(ContractPrice.objects.order_by("pk").values_list()),
        TrailEvent.objects.count(),
        Contract.history.count(),
    )


def act(verb, found, actor, reason="Because."):
    return getattr(contracts, verb)(contract=found, actor=actor, at=NOW, reason=reason)


@pytest.mark.parametrize("state", Contract.Status.values)
@pytest.mark.parametrize("verb", TABLE)
def test_state_by_verb_by_persona(org, state, verb):
    sources, target = TABLE[verb]
    found = contract(org, status=state, drafted_by=org.ada)
    before = rows()
    for persona in (*PERSONAS, "nils"):
        if persona in MAY[verb]:
            continue
        with pytest.raises(NotAllowed if state in sources else IllegalTransition):
            act(verb, found, org.people[persona])
        assert rows() == before
    if state not in sources:
        with pytest.raises(IllegalTransition):
            act(verb, found, org.vera)
        assert rows() == before
        return
    assert act(verb, found, org.vera).status == target
    event = TrailEvent.objects.get(document_id=found.pk)
    assert (event.actor, event.reason) == (org.vera, "Because.")
    assert event.changes == [{"field": "status", "old": state, "new": target}]
    assert found.history.first().history_user == org.vera


@pytest.mark.parametrize("author", ["bea", "vera"])
def test_who_drafted_it_does_not_put_it_into_force(org, author):
    found = contracts.draft(entity=org.entity, data=said(org), actor=org.people[author], at=NOW)
    before = rows()
    with pytest.raises(NotAllowed):
        act("activate", found, org.people[author])
    assert rows() == before
    assert act("activate", found, org.cora).activated_by == org.cora


def test_nor_does_who_changed_it_last(org):
    found = contracts.draft(entity=org.entity, data=said(org), actor=org.bea, at=NOW)
    contracts.edit(contract=found, data=said(org, title="Better"), actor=org.vera, at=NOW)
    before = rows()
    for person in (org.bea, org.vera):
        with pytest.raises(NotAllowed):
            act("activate", found, person)
    assert rows() == before
    assert act("activate", found, org.cora).status == "active"


def test_the_database_holds_two_people_too(org):
    found = contract(org)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contract.objects.filter(pk=found.pk).update(drafted_by=org.vera)


@pytest.mark.parametrize("who", ["rita", "axel", "cora", "olga", "ada", "finn", "nils"])
def test_others_draft_and_edit_nothing(org, who):
    found = contract(org, status="draft")
    before = rows()
    with pytest.raises(NotAllowed):
        contracts.draft(entity=org.entity, data=said(org), actor=org.people[who], at=NOW)
    with pytest.raises(NotAllowed):
        contracts.edit(contract=found, data=said(org), actor=org.people[who], at=NOW)
    assert rows() == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"vendor": None}, "/vendor"),
        ({"title": " "}, "/title"),
        ({"number": "MSA\u200b1"}, "/number"),
        ({"currency": "EURO"}, "/currency"),
        ({"valid_from": None}, "/valid_from"),
        ({"valid_to": date(2025, 12, 31)}, "/valid_to"),
        ({"valid_from": date(1, 1, 1)}, "/valid_from"),
        ({"valid_to": date(9999, 12, 31)}, "/valid_to"),
        ({"notice_days": -1}, "/notice_days"),
        ({"spend_cap": Decimal(0)}, "/spend_cap"),
        ({"spend_cap": Decimal("NaN")}, "/spend_cap"),
        ({"spend_cap": Decimal("1.00001")}, "/spend_cap"),
        ({"sla_terms": [""]}, "/sla_terms/0"),
        ({"prices": [PriceInput("", Decimal(1))]}, "/prices/0/sku"),
        ({"prices": [PriceInput("A", Decimal(1)), PriceInput("A", Decimal(2))]}, "/prices/1/sku"),
        ({"prices": [PriceInput("A", Decimal(-1))]}, "/prices/0/unit_price"),
        ({"prices": [PriceInput("A", None)]}, "/prices/0/unit_price"),
        ({"prices": [PriceInput("A", Decimal(1), "XYZ")]}, "/prices/0/unit"),
    ],
)
def test_every_fault_is_named_at_its_field(org, change, pointer):
    before = rows()
    with pytest.raises(Invalid) as refused:
        contracts.draft(entity=org.entity, data=said(org, **change), actor=org.vera, at=NOW)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert rows() == before


def test_vendors_of_another_entity_are_unknown(org):
    with pytest.raises(Invalid):
        contracts.draft(
            entity=org.entity, data=said(org, vendor=org.uk_vendor), actor=org.vera, at=NOW
        )


def test_a_number_is_used_once_in_an_entity(org):
    contract(org, number="MSA-7")
    before = rows()
    with pytest.raises(Invalid) as refused:
        contracts.draft(entity=org.entity, data=said(org), actor=org.vera, at=NOW)
    assert refused.value.errors[0].pointer == "/number"
    assert rows() == before


def test_without_a_number_it_takes_one(org):
    made = [
        contracts.draft(entity=org.entity, data=said(org, number=""), actor=org.vera, at=NOW)
        for _ in range(2)
    ]
    assert [each.number for each in made] == ["CT-2026-000001", "CT-2026-000002"]
    again = contracts.edit(
        contract=made[0], data=said(org, number="", title="New"), actor=org.vera, at=NOW
    )
    assert (again.number, again.title) == ("CT-2026-000001", "New")


def test_what_holds_is_not_edited(org):
    found = contract(org, prices={"NB-14": "1180"})
    before = rows()
    with pytest.raises(IllegalTransition):
        contracts.edit(contract=found, data=said(org), actor=org.vera, at=NOW)
    assert rows() == before


def test_an_edit_names_what_it_changed(org):
    found = contracts.draft(entity=org.entity, data=said(org), actor=org.bea, at=NOW)
    with pytest.raises(StaleVersion):
        contracts.edit(
            contract=found,
            data=said(org),
            actor=org.bea,
            at=NOW,
            expected_version=found.version + 1,
        )
    dearer = said(org, prices=[PriceInput("NB-14", Decimal(1200))], spend_cap=None)
    contracts.edit(
        contract=found, data=dearer, actor=org.bea, at=NOW, expected_version=found.version
    )
    event = TrailEvent.objects.get(document_id=found.pk, type="contract.edited")
    assert event.changes == [
        {"field": "spend_cap", "old": "50000.0000", "new": None},
        {
            "field": "prices",
            "old": ["CONS-HR: 120", "NB-14: 1180 per piece"],
            "new": ["NB-14: 1200"],
        },
    ]


@pytest.mark.parametrize("state", sorted({*Vendor.Status.values} - {"approved"}))
def test_it_holds_with_approved_vendors_only(org, state):
    found = contract(org, status="draft")
    Vendor.objects.filter(pk=org.vendor.pk).update(status=state)
    before = rows()
    with pytest.raises(Conflict):
        act("activate", found, org.vera)
    assert rows() == before


def test_what_is_over_is_not_put_into_force(org):
    found = contract(org, status="draft", valid_to=date(2026, 3, 1))
    before = rows()
    with pytest.raises(Conflict):
        act("activate", found, org.vera)
    assert rows() == before


def test_terminating_needs_a_reason(org):
    found = contract(org)
    before = rows()
    with pytest.raises(Invalid):
        act("terminate", found, org.vera, reason=" ")
    assert rows() == before


def test_the_nightly_look_goes_by_the_calendar_and_each_step_once(org):
    """Notice 30 days before 30 April: expiring from 31 March, expired from 1 May, local time."""
    found = contract(org, valid_to=date(2026, 4, 30), notice_days=30)
    forever = contract(org, "MSA-2", valid_to=None)
    seen = {}
    night = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)  # 00:30 in Hamburg
    for _ in range(40):
        contracts.watch_ends(at=night)
        assert contracts.watch_ends(at=night) == 0
        seen.setdefault(Contract.objects.get(pk=found.pk).status, org.entity.day_of(night))
        night += timedelta(days=1)
    assert seen == {
        "active": date(2026, 3, 30),
        "expiring": date(2026, 3, 31),
        "expired": date(2026, 5, 1),
    }
    told = TrailEvent.objects.filter(document_id=found.pk).order_by("sequence")
    assert [each.type for each in told] == ["contract.expiring", "contract.expired"]
    assert Contract.objects.get(pk=forever.pk).status == "active"


def test_a_night_that_was_missed_is_made_up_for(org):
    found = contract(org)
    assert "vendors.watch_contracts" in periodic.tick(now=LONG_AFTER)
    assert Contract.objects.get(pk=found.pk).status == "expired"
    assert "vendors.watch_contracts" not in periodic.tick(now=LONG_AFTER)


@pytest.mark.parametrize("who", ["rita", "axel", "rob", "nils"])
def test_contracts_are_nobody_else_s_business(org, who):
    contract(org)
    assert not Contract.objects.visible_to(org.people[who]).exists()
    assert Contract.objects.visible_to(org.finn).exists()
