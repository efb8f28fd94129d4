"""An approved vendor's master data changes only by two people, and its old addresses hear of it."""

from dataclasses import replace

import pytest

import approvals.services
import vendors.services
from administration import kinds, services
from administration.models import ChangeRequest
from administration.subjects import describe
from approvals.models import ApprovalStep
from core.errors import Conflict, Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests.factories import NOW
from vendors import changes
from vendors.inputs import ContactInput
from vendors.models import Vendor, VendorContact
from vendors.services import TwoPeopleNeeded

pytestmark = pytest.mark.django_db
WHY = "Called Jana on the number we know"


def wanted(vendor, **fields):
    return replace(changes.present(vendor), **fields)


def ask(vendor, actor, reason=WHY, **fields):
    return changes.change(
        vendor=vendor,
        data=wanted(vendor, **(fields or {"order_email": "new@elbe.example"})),
        actor=actor,
        at=NOW,
        reason=reason,
    )


def decide(change, by=None, decision="approve"):
    step = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=step, decision=decision, actor=by or step.assignee, at=NOW, comment="Seen"
    )
    change.refresh_from_db()


def state():
    return (
        list(Vendor.objects.order_by("pk").values_list()),
        list(VendorContact.objects.order_by("pk").values_list()),
        Vendor.history.count(),
        ChangeRequest.objects.count(),
        TrailEvent.objects.count(),
    )


@pytest.mark.parametrize("status", ["approved", "suspended", "blocked"])
def test_nobody_edits_it_alone(org, status):
    Vendor.objects.filter(pk=org.vendor.pk).update(status=status)
    before = state()
    for who in ("vera", "bea", "ada", "cora"):
        with pytest.raises((TwoPeopleNeeded, NotAllowed)):
            vendors.services.edit(
                vendor=org.vendor, data=wanted(org.vendor), actor=org.people[who], at=NOW
            )
    assert state() == before


@pytest.mark.parametrize(
    ("proposer", "actor"),
    [("vera", "vera"), ("bea", "cora"), ("ada", "cora"), ("vera", "nils"), ("nils", "vera")],
)
def test_nor_do_two_who_are_not_the_right_ones(org, proposer, actor):
    before = state()
    with pytest.raises(NotAllowed):
        vendors.services.edit(
            vendor=org.vendor,
            data=wanted(org.vendor, name="Other GmbH"),
            actor=org.people[actor],
            proposed_by=org.people[proposer],
            at=NOW,
        )
    assert state() == before


@pytest.mark.parametrize("who", ["rita", "axel", "bea", "finn", "fay", "cora", "ada", "nils"])
def test_only_vendor_managers_propose(org, who):
    before = state()
    with pytest.raises(NotAllowed):
        ask(org.vendor, org.people[who])
    assert state() == before


def test_a_vendor_manager_proposes_nothing_else(org):
    with pytest.raises(NotAllowed):
        services.propose(
            entity=org.entity, kind="roles", person=org.rob, after={"roles": ["buyer"]},
            reason=WHY, actor=org.vera, at=NOW,
        )  # fmt: skip
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"reason": " "}, "/reason"),
        ({"order_email": "nowhere"}, "/order_email"),
        ({"tax_id": "DE1"}, "/tax_id"),
        ({"name": ""}, "/name"),
        ({"contacts": [ContactInput("Jana", "x")]}, "/contacts/0/email"),
    ],
)
def test_what_could_not_be_stored_is_not_proposed(org, given, pointer):
    before = state()
    with pytest.raises(Invalid) as refused:
        ask(org.vendor, org.vera, **given)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert state() == before


@pytest.mark.parametrize(
    "after",
    [
        {"status": "blocked"},
        {"payment_terms_days": "30"},
        {"payment_terms_days": True},
        {"name": None},
        {"contacts": "all"},
        {"contacts": [{"name": "Jana"}]},
        {"contacts": [{"name": "Jana", "email": "j@x.example", "pin": "1"}]},
    ],
)
def test_raw_values_are_judged_too(org, after):
    before = state()
    with pytest.raises(Invalid):
        services.propose(
            entity=org.entity, kind="vendor", vendor=org.vendor, after=after, reason=WHY,
            actor=org.vera, at=NOW,
        )  # fmt: skip
    assert state() == before


def test_one_change_of_a_vendor_waits_at_a_time_and_none_for_nothing(org):
    with pytest.raises(Invalid):
        changes.change(
            vendor=org.vendor, data=wanted(org.vendor), actor=org.vera, at=NOW, reason=WHY
        )
    ask(org.vendor, org.vera)
    before = state()
    with pytest.raises(Conflict):
        ask(org.vendor, org.vera, name="Elbe SE")
    assert state() == before
    ask(org.other_vendor, org.vera)


def test_a_stale_version_is_refused(org):
    before = state()
    with pytest.raises(StaleVersion):
        changes.change(
            vendor=org.vendor, data=wanted(org.vendor, name="Elbe SE"), actor=org.vera, at=NOW,
            reason=WHY, expected_version=org.vendor.version + 1,
        )  # fmt: skip
    assert state() == before


@pytest.mark.parametrize("status", ["prospect", "in_review"])
def test_before_it_is_approved_one_person_edits_it(org, status):
    Vendor.objects.filter(pk=org.prospect.pk).update(status=status)
    vendor = Vendor.objects.get(pk=org.prospect.pk)
    assert ask(vendor, org.vera).order_email == "new@elbe.example"
    event = TrailEvent.objects.get(document_id=vendor.pk)
    assert (event.type, event.data["notice_to"]) == ("vendor.edited", [])
    with pytest.raises(Invalid):
        services.propose(
            entity=org.entity, kind="vendor", vendor=vendor, after={"name": "Neu GmbH"},
            reason=WHY, actor=org.vera, at=NOW,
        )  # fmt: skip


def test_a_proposal_changes_nothing_and_waits_for_somebody_else(org):
    change = ask(org.vendor, org.vera)
    vendor = Vendor.objects.get(pk=org.vendor.pk)
    assert (vendor.order_email, vendor.version) == (org.vendor.order_email, org.vendor.version)
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    assert (step.status, step.assignee) == ("active", org.cora)
    assert step.request.facts["sign_in"]  # nobody agrees from a mail alone, nor without proof
    told = TrailEvent.objects.get(document_id=org.vendor.pk)
    assert (told.type, told.actor, told.reason) == ("vendor.change_proposed", org.vera, WHY)


def test_whoever_proposed_it_does_not_agree(org):
    change = ask(org.vendor, org.vera)
    before = state()[:4]  # the trail keeps the attempt
    with pytest.raises(NotAllowed):
        decide(change, by=org.vera)
    assert state()[:4] == before


def test_the_approver_reads_what_changes(org):
    change = ask(
        org.vendor,
        org.vera,
        name="Elbe SE",
        payment_terms_days=14,
        contacts=[
            ContactInput("Order desk", "desk@elbe.example", "Orders"),
            ContactInput("Eve", "eve@elbe.example"),
        ],
    )
    said = describe(change.pk)
    old = org.vendor.order_email
    assert [str(flag) for flag in said.flags] == [
        "Name: Elbe IT Handel GmbH → Elbe SE",
        "Payment terms, days: 30 → 14",
        f"Contact Order desk: {old}, Orders → desk@elbe.example, Orders",
        "Contact Eve: none → eve@elbe.example",
    ]
    assert (said.title, said.justification) == (f"Master data of {org.vendor}", WHY)


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_refused_it_changes_nothing(org, decision):
    change = ask(org.vendor, org.vera)
    before = state()[:3]
    decide(change, decision=decision)
    assert state()[:3] == before


def test_approved_it_holds_with_its_event_on_the_vendor(org):
    old = org.vendor.order_email
    change = ask(org.vendor, org.vera)
    decide(change)
    vendor = Vendor.objects.get(pk=org.vendor.pk)
    assert (vendor.order_email, vendor.status) == ("new@elbe.example", "approved")
    assert vendor.history.first().history_user == org.cora
    event = TrailEvent.objects.get(document_id=vendor.pk, type="vendor.edited")
    assert (event.actor, event.reason) == (org.cora, WHY)
    assert event.changes == [{"field": "order_email", "old": old, "new": "new@elbe.example"}]
    assert event.data == {"proposed_by": str(org.vera.pk), "notice_to": [old]}


def test_what_was_edited_meanwhile_is_stale(org):
    change = ask(org.vendor, org.vera)
    Vendor.objects.filter(pk=org.vendor.pk).update(tax_id="DE314077252")
    before = state()
    with pytest.raises(services.StaleChange):
        decide(change)
    assert state() == before


@pytest.mark.parametrize(
    ("fields", "alarms"),
    [
        ({"tax_id": "DE314077252"}, True),
        ({"contacts": []}, True),
        ({"payment_terms_days": 14}, False),
    ],
)
def test_old_addresses_hear_of_what_a_thief_would_change(org, fields, alarms):
    decide(ask(org.vendor, org.vera, **fields))
    event = TrailEvent.objects.get(document_id=org.vendor.pk, type="vendor.edited")
    assert event.data["notice_to"] == ([org.vendor.order_email] if alarms else [])


def test_vendor_managers_see_changes_of_vendors_and_of_nobody_else(org):
    mine = ask(org.vendor, org.vera)
    services.propose(
        entity=org.entity, kind="roles", person=org.rob, after={"roles": ["receiver", "auditor"]},
        reason="New task", actor=org.ada, at=NOW,
    )  # fmt: skip
    assert list(ChangeRequest.objects.visible_to(org.vera)) == [mine]
    assert not ChangeRequest.objects.visible_to(org.bea).exists()
    assert kinds.of(mine).rows(mine)
