"""Where a vendor is paid changes by two people, after a call and a while; the old one holds on."""

from datetime import timedelta

import pytest
from django.utils import timezone

import accounts.services
import approvals.services
from accounts.duties import DutiesConflict
from administration import services
from administration.models import ChangeRequest
from administration.subjects import describe
from approvals.models import ApprovalStep
from core import sealed
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests.factories import NOW
from tests.invoicing.billing import Biller
from tests.vendors.accounts_of import NEW, OLD, OTHER, known, wanted
from vendors import changes, inputs, tasks
from vendors.models import BankAccount, Vendor
from vendors.services import bank

pytestmark = pytest.mark.django_db
WHY = "Their letter of 27 February"
CALLED = "Called Jana on the number in the contract; she confirmed it."
COOLED = NOW + timedelta(hours=72)


def ask(vendor, actor, number=NEW, *, reason=WHY, replaces=None, **fields):
    return bank.request(
        vendor=vendor,
        data=wanted(number, **fields),
        actor=actor,
        at=NOW,
        reason=reason,
        replaces=replaces,
    )


def decide(change, by=None, decision="approve", comment=CALLED, at=NOW):
    step = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=step, decision=decision, actor=by or step.assignee, at=at, comment=comment
    )
    change.refresh_from_db()


def account_of(vendor, **fields):
    return BankAccount.objects.get(vendor=vendor, **fields)


def state():
    return (
        list(BankAccount.objects.order_by("pk").values_list()),
        BankAccount.history.count(),
        ChangeRequest.objects.count(),
        TrailEvent.objects.count(),
    )


@pytest.mark.parametrize("who", ["rita", "bea", "finn", "fay", "cora", "olga", "ada", "nils"])
def test_only_vendor_managers_of_the_entity_ask(org, who):
    before = state()
    with pytest.raises(NotAllowed):
        ask(org.vendor, org.people[who])
    assert state() == before


@pytest.mark.parametrize(
    ("number", "fields", "pointer"),
    [
        (NEW[:-1] + "2", {}, "/number"),
        ("", {}, "/number"),
        (NEW, {"country": "FR"}, "/country"),
        (NEW, {"bic": "NOBIC"}, "/bic"),
        (NEW, {"holder": ""}, "/holder"),
        (NEW, {"currency": "EURO"}, "/currency"),
        (NEW, {"reason": " "}, "/reason"),
        ("12345678", {"country": "GB"}, "/routing"),
    ],
)
def test_what_cannot_be_an_account_is_refused_at_its_field(org, number, fields, pointer):
    before = state()
    with pytest.raises(Invalid) as refusal:
        ask(org.vendor, org.vera, number, **fields)
    assert [error.pointer for error in refusal.value.errors] == [pointer]
    assert state() == before


def test_asked_for_it_counts_for_nothing_yet(org):
    old = known(org.vendor)
    change = ask(org.vendor, org.vera, replaces=old)
    new = account_of(org.vendor, status="pending")
    assert not new.counts(NOW + timedelta(days=365))
    assert old.counts(NOW)
    assert (change.kind, change.status, change.proposed_by) == ("bank", "proposed", org.vera)
    assert describe(change.pk).title == f"Bank account of {org.vendor}"
    first, last = (str(flag) for flag in describe(change.pk).flags)
    assert first == "Paid to: DE ••••3000 → DE ••••2051"
    assert last.startswith("Before you approve: call the vendor")


def test_two_accounts_that_end_in_the_same_four_are_told_as_a_change(org):
    account = {"country": "GB"}
    old = bank.take_over(
        vendor=org.vendor, data=wanted("12343000", routing="200000", **account), at=NOW, note="-"
    )
    change = ask(org.vendor, org.vera, "99993000", routing="200000", replaces=old, **account)
    assert str(describe(change.pk).flags[0]) == "Paid to: GB ••••3000 → GB ••••3000"


def test_one_at_a_time_and_none_twice(org):
    known(org.vendor)
    before = state()
    with pytest.raises(Conflict):
        ask(org.vendor, org.vera, "DE89 3704 0044 0532 0130 00")
    assert state() == before
    ask(org.vendor, org.vera)
    before = state()
    for number in (NEW, OTHER):
        with pytest.raises(Conflict):
            ask(org.vendor, org.vera, number)
    assert state() == before


def test_it_replaces_only_what_is_in_force_there(org):
    elsewhere = known(org.other_vendor)
    before = state()
    with pytest.raises(Invalid):
        ask(org.vendor, org.vera, replaces=elsewhere)
    assert state() == before


def test_whoever_asked_does_not_verify_it(org):
    change = ask(org.vendor, org.vera)
    before = state()[:3]
    with pytest.raises(NotAllowed):
        decide(change, by=org.vera)
    account = account_of(org.vendor)
    with pytest.raises(NotAllowed):
        bank.verify(account=account, actor=org.vera, proposed_by=org.cora, at=NOW, note=CALLED)
    with pytest.raises(NotAllowed):
        bank.verify(account=account, actor=org.cora, proposed_by=org.cora, at=NOW, note=CALLED)
    assert state()[:3] == before  # the attempt itself is in the trail


def test_nobody_verifies_it_without_saying_whom_they_called(org):
    change = ask(org.vendor, org.vera)
    before = state()
    with pytest.raises(Invalid) as refusal:
        decide(change, comment=" ")
    assert [error.pointer for error in refusal.value.errors] == ["/comment"]
    assert state() == before


def test_verified_it_counts_after_its_cooling_time_and_the_old_one_until_then(org):
    old = known(org.vendor)
    decide(ask(org.vendor, org.vera, replaces=old))
    new = account_of(org.vendor, status="verified", replaces=old)
    old.refresh_from_db()
    assert (new.requested_by, new.verified_by, new.note) == (org.vera, org.cora, CALLED)
    just_before = COOLED - timedelta(seconds=1)
    assert [each.counts(just_before) for each in (old, new)] == [True, False]
    assert [each.counts(COOLED) for each in (old, new)] == [False, True]


def test_a_further_account_leaves_the_first_in_force(org):
    old = known(org.vendor)
    decide(ask(org.vendor, org.vera))
    old.refresh_from_db()
    new = account_of(org.vendor, status="verified", verified_by=org.cora)
    assert old.counts(COOLED) and new.counts(COOLED)


def test_the_cooling_time_is_the_entitys_own_and_changes_by_two_people(org):
    with pytest.raises(NotAllowed):
        accounts.services.set_settings(
            entity=org.entity, values={"bank_cooling_hours": 0}, actor=org.ada, at=NOW
        )
    proposed = services.propose(
        entity=org.entity, kind="entity", after={"bank_cooling_hours": 24}, reason="Agreed",
        actor=org.ada, at=NOW,
    )  # fmt: skip
    decide(proposed)
    decide(ask(org.vendor, org.vera))
    assert account_of(org.vendor).valid_from == NOW + timedelta(hours=24)


@pytest.mark.parametrize("hours", [-1, 721, "soon"])
def test_no_cooling_time_beyond_bounds(org, hours):
    with pytest.raises(Invalid) as refusal:
        services.propose(
            entity=org.entity, kind="entity", after={"bank_cooling_hours": hours}, reason="Agreed",
            actor=org.ada, at=NOW,
        )  # fmt: skip
    assert [error.pointer for error in refusal.value.errors] == ["/bank_cooling_hours"]


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_refused_it_is_dropped_and_the_old_one_stays(org, decision):
    old = known(org.vendor)
    change = ask(org.vendor, org.vera, replaces=old)
    decide(change, decision=decision)
    assert account_of(org.vendor, verified_at__isnull=True).status == "retired"
    old.refresh_from_db()
    assert old.counts(COOLED + timedelta(days=1)) and old.valid_until is None
    ask(org.vendor, org.vera, replaces=old)  # it can be asked for anew


def test_taken_back_it_is_dropped(org):
    change = ask(org.vendor, org.vera)
    services.withdraw(change=change, actor=org.vera, at=NOW)
    assert account_of(org.vendor).status == "retired"


def test_an_account_verified_once_is_not_verified_again(org):
    decide(ask(org.vendor, org.vera))
    account = account_of(org.vendor)
    with pytest.raises(IllegalTransition):
        bank.verify(account=account, actor=org.cora, proposed_by=org.vera, at=NOW, note=CALLED)


@pytest.mark.parametrize("said", [{}, {"account": "1"}, {"account": None}, {"number": NEW}])
def test_no_way_around_the_vendor(org, said):
    """The number itself is never part of a proposal, whose words everybody involved can read."""
    before = state()
    with pytest.raises(Invalid):
        services.propose(
            entity=org.entity, kind="bank", vendor=org.vendor, after=said, reason=WHY,
            actor=org.vera, at=NOW,
        )  # fmt: skip
    assert state() == before


def test_who_decides_sees_what_to_look_at_twice(org):
    known(org.other_vendor, OTHER)
    change = ask(org.vendor, org.vera, OTHER, holder="Quick Ltd", bic="REVOLT21XXX", currency="USD")
    said = "\n".join(str(flag) for flag in describe(change.pk).flags)
    for words in (
        f"{org.other_vendor} has the same account.",
        "The bank is in LT, the account in DE.",
        f"The account is in USD, orders are in {org.vendor.currency}.",
        f"It belongs to Quick Ltd, not to {org.vendor}.",
    ):
        assert words in said
    foreign = "LT121000011101001000"
    other = ask(org.other_vendor, org.vera, foreign)
    assert "The account is in LT, the vendor in" in str(list(map(str, describe(other.pk).flags)))


def test_the_vendor_hears_of_it_at_its_old_addresses_too(org):
    """Whoever diverts money changes the address first, so that the vendor does not hear of it."""
    old = org.vendor.order_email
    edit = changes.change(
        vendor=org.vendor,
        data=inputs.VendorInput(
            **{
                **vars(changes.present(org.vendor)),
                "order_email": "new@elbe.example",
                "contacts": [],
            }
        ),
        actor=org.vera,
        at=NOW,
        reason=WHY,
    )
    decide(edit)
    change = ask(Vendor.objects.get(pk=org.vendor.pk), org.vera)
    asked = TrailEvent.objects.get(document_id=org.vendor.pk, type="vendor.bank_requested")
    assert asked.data["notice_to"] == ["new@elbe.example", old]
    decide(change)
    verified = TrailEvent.objects.get(document_id=org.vendor.pk, type="vendor.bank_verified")
    assert verified.data["notice_to"] == ["new@elbe.example", old]
    assert (verified.actor, verified.data["shown"]) == (org.cora, "DE ••••2051")
    assert verified.data["valid_from"] == COOLED.isoformat()


@pytest.mark.parametrize("who", ["rita", "bea", "finn", "olga", "ada", "nils"])
def test_the_whole_number_is_not_for_everybody(org, who):
    account = known(org.vendor)
    before = state()
    with pytest.raises(NotAllowed):
        bank.reveal(account=account, actor=org.people[who], at=NOW)
    assert state() == before


@pytest.mark.parametrize("who", ["vera", "fay", "cora"])
def test_who_sees_it_leaves_a_trace(org, who):
    account = known(org.vendor)
    seen = bank.reveal(account=account, actor=org.people[who], at=NOW)
    assert seen == "DE89 3704 0044 0532 0130 00"
    event = TrailEvent.objects.get(type="vendor.bank_revealed")
    assert (event.actor, event.data["shown"]) == (org.people[who], "DE ••••3000")
    assert OLD not in str(event.data)


def test_what_was_replaced_is_noted_out_of_use(org):
    old = known(org.vendor)
    decide(ask(org.vendor, org.vera, replaces=old))
    assert bank.retire_replaced(at=COOLED - timedelta(seconds=1)) == 0
    tasks.retire_bank_accounts(at=COOLED)
    old.refresh_from_db()
    assert old.status == "retired"
    assert old.counts(NOW) and not old.counts(COOLED)  # what was then stays true
    assert bank.retire_replaced(at=COOLED + timedelta(days=1)) == 0
    assert TrailEvent.objects.filter(type="vendor.bank_retired").count() == 1


def test_numbers_are_sealed_in_the_table_and_in_its_history(org):
    decide(ask(org.vendor, org.vera))
    account = account_of(org.vendor)
    assert sealed.unseal(account.sealed) == NEW
    rows = [*BankAccount.objects.values_list(), *BankAccount.history.values_list()]
    assert len(rows) >= 3
    assert NEW not in str(rows)


def test_somebody_who_accepted_what_the_vendor_is_owed_does_not_say_where_it_goes(org):
    """Vera stood in for accounts payable; the bank account waits for somebody else."""

    org.vera.role_assignments.create(entity=org.entity, role="ap_clerk")
    Biller(org).captured(None, ("1", "100"), actor=org.vera, vendor=org.vendor)
    before = BankAccount.objects.count(), ChangeRequest.objects.count()
    with pytest.raises(DutiesConflict):
        ask(org.vendor, org.vera)
    assert (BankAccount.objects.count(), ChangeRequest.objects.count()) == before


def test_a_year_later_it_still_opens(org):
    """The seal carries no end; nothing about an account depends on the clock of the machine."""
    account = known(org.vendor, at=timezone.now() - timedelta(days=400))
    assert bank.reveal(account=account, actor=org.vera, at=timezone.now())
