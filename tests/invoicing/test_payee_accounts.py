"""The account that an invoice asks to be paid to, against those its vendor may be paid to (X36)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.duties import DutiesConflict
from accounts.models import User
from core import periodic, sealed
from core.errors import Invalid, NotAllowed
from core.models import TrailEvent
from invoicing import services
from invoicing.inputs import PayeeInput, payees
from invoicing.models import Invoice, MatchRun, Tolerance
from tests import pages
from tests.factories import NOW
from tests.invoicing.billing import LATER
from tests.vendors.accounts_of import NEW, OLD, OTHER, known, wanted
from vendors.models import BankAccount, Vendor
from vendors.services import bank

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(make):
    made = make.issued(("10", "100"))
    make.receive(made, "10")
    return made


def named(number):
    return {"payee_accounts": payees(number)}


@pytest.mark.parametrize("said", [NEW[:-1] + "2", "DE02 1203 0000", "1" * 65])
def test_a_typing_error_is_refused_at_its_field(org, bills, said):
    before = TrailEvent.objects.count()
    with pytest.raises(Invalid) as refusal:
        bills.captured(None, ("1", "10"), **named(said))
    assert [error.pointer for error in refusal.value.errors] == ["/payee_account"]
    assert said not in str(refusal.value.errors)
    assert not Invoice.objects.exists()
    assert TrailEvent.objects.count() == before


def test_it_is_kept_sealed_and_shown_as_the_last_four(org, bills):
    invoice = bills.captured(None, ("1", "10"), **named("de02 1203 0000 0000 2020 51"))
    (kept,) = invoice.payee_accounts
    assert kept["shown"] == "DE ••••2051"
    assert sealed.unseal(kept["sealed"]) == NEW
    assert NEW not in str([*Invoice.objects.values_list(), *Invoice.history.values_list()])


def test_the_vendors_account_passes(org, bills, order):
    known(org.vendor)
    invoice = bills.billed(order, ("10", "100"), **named("DE89 3704 0044 0532 0130 00"))
    assert invoice.status == Invoice.Status.CLEARED


def test_an_invoice_that_names_none_passes(org, bills, order):
    known(org.vendor)
    assert bills.billed(order, ("10", "100")).status == Invoice.Status.CLEARED


@pytest.mark.parametrize("match_type", ["2-way", "3-way"])
def test_another_account_never_passes_by_itself(org, make, bills, match_type):
    """Whatever the tolerances say, and though not a cent differs."""
    known(org.vendor)
    order = make.issued(("10", "100"))
    order.lines.update(match_type=match_type)
    make.receive(order, "10")
    for check in ("line_amount", "invoice_total", "remit_to"):
        bills.tolerance(check, action=Tolerance.Action.PASS)
    invoice = bills.billed(order, ("10", "100"), **named(OTHER))
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    exception = bills.exception(invoice)
    assert (exception.check_name, exception.route) == ("remit_to", "ap_manager")
    assert (exception.expected, exception.actual) == ("DE ••••3000", "DE ••••5030")
    assert OTHER not in str(MatchRun.objects.values_list())


def test_a_vendor_without_account_is_a_question_only_where_one_is_named(org, bills, order):
    invoice = bills.billed(order, ("10", "100"), **named(OTHER))
    assert "no account of the vendor is on file" in bills.exception(invoice, "remit_to").sentence


def test_only_the_head_of_accounts_payable_accepts_another_account(org, bills, order):
    known(org.vendor)
    org.finn.variance_limit = 10_000
    org.finn.save()
    invoice = bills.billed(order, ("10", "100"), **named(OTHER))
    decision = {"resolution": "accept", "reason_code": "other", "comment": "Called them"}
    exception = bills.exception(invoice)
    with pytest.raises(NotAllowed):
        services.resolve(exception=exception, actor=org.finn, at=LATER, **decision)
    services.resolve(exception=exception, actor=org.fay, at=LATER, **decision)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED


def changing(org, number=NEW):
    """Another account in place of the first, asked for by vera and verified by cora at NOW."""
    old = known(org.vendor, at=NOW - timedelta(days=400))
    bank.request(
        vendor=org.vendor, data=wanted(number), actor=org.vera, at=NOW, reason="Letter",
        replaces=old,
    )  # fmt: skip
    return BankAccount.objects.get(vendor=org.vendor, status="pending")


def verified(org, account):
    return bank.verify(
        account=account, actor=org.cora, proposed_by=org.vera, at=NOW, note="Called Jana"
    )


def test_a_change_of_bank_just_before_a_payment_counts_for_nothing_yet(org, bills, make):
    """X35: asked for, then verified and cooling: the old account is paid to, the new one stops."""
    account = changing(org)
    for state in ("asked for", "cooling"):
        if state == "cooling":
            verified(org, account)
        order = make.issued(("10", "100"))
        make.receive(order, "10")
        stopped = bills.billed(order, ("5", "100"), **named(NEW))
        said = "waits for its verification" if state == "asked for" else "counts from 5 Mar 2026"
        assert said in bills.exception(stopped, "remit_to").sentence
        paid = bills.billed(order, ("5", "100"), **named(OLD))
        assert not paid.exceptions.filter(check_name="remit_to").exists()


def test_after_the_cooling_time_the_new_one_passes_and_the_old_one_stops(org, bills, order):
    account = verified(org, changing(org))
    new = bills.captured(order, ("5", "100"), **named(NEW))
    old = bills.captured(order, ("5", "100"), **named(OLD))
    after = account.valid_from
    assert bills.match(new, at=after).status == Invoice.Status.CLEARED
    assert bills.match(old, at=after).status == Invoice.Status.IN_EXCEPTION
    assert "not an approved account" in bills.exception(old, "remit_to").sentence


def asked_for(invoice):
    events = TrailEvent.objects.filter(document_id=invoice.pk, type="invoice.match_requested")
    return [each.actor for each in events]


def test_what_stopped_while_an_account_cooled_is_judged_again_once_when_it_counts(
    org, bills, make, order
):
    """By the worker, like a late receipt: however often the hour strikes, one judgement each."""
    account = changing(org)
    asked = bills.billed(order, ("1", "100"), **named(NEW))
    verified(org, account)
    account.refresh_from_db()
    cooling = bills.billed(order, ("2", "100"), **named(NEW))
    others = [
        bills.billed(order, ("1", "100"), **named(OTHER)),
        bills.billed(order, ("1", "120"), **named(OLD)),
        services.dispute(
            invoice=bills.billed(order, ("1", "100"), **named(NEW)),
            reason="Who are they?", actor=org.finn, at=NOW,
        ),
    ]  # fmt: skip
    counts = account.valid_from
    assert services.rematch_cooled(at=counts - timedelta(seconds=1)) == 0
    periodic.tick(now=counts)
    assert services.rematch_cooled(at=counts + timedelta(hours=1)) == 0  # it is promised
    assert [asked_for(each) for each in (asked, cooling)] == [[None], [None]]
    assert [asked_for(each) for each in others] == [[], [], []]
    for invoice in (asked, cooling):
        assert bills.match(invoice, at=counts).status == Invoice.Status.CLEARED
    again = bills.billed(order, ("1", "130"), **named(NEW))
    bills.match(again, at=counts + timedelta(hours=1))  # stopped for its price now
    assert services.rematch_cooled(at=counts + timedelta(hours=2)) == 0


def test_whoever_looked_after_the_cooling_time_is_not_asked_again(org, bills, order):
    account = verified(org, changing(org))
    invoice = bills.billed(order, ("1", "130"), **named(NEW))
    assert {each.check_name for each in invoice.exceptions.unresolved()} >= {"remit_to"}
    services.request_match(invoice=invoice, actor=org.finn, at=account.valid_from)
    assert services.rematch_cooled(at=account.valid_from) == 0


def test_whoever_changed_the_bank_works_on_no_purchase_of_the_vendor(org, bills, order):
    """Asking for it and verifying it are kept apart from entering, accepting and releasing."""
    verified(org, changing(org))
    for person in (org.vera, org.cora):
        person.role_assignments.create(entity=org.entity, role="ap_clerk")
        person = User.objects.get(pk=person.pk)
        with pytest.raises(DutiesConflict):
            bills.captured(order, ("10", "100"), actor=person)
    assert not Invoice.objects.exists()


def test_a_file_says_where_to_pay(org, finn, documents):
    """Taken as it stands, also where its check digits are wrong: then it matches nothing."""
    data = (documents / "invoice.xml").read_bytes()
    invoice = services.import_file(
        entity=org.entity, data=data, filename="invoice.xml", actor=finn, at=NOW
    )
    assert [each["shown"] for each in invoice.payee_accounts] == ["DE ••••2051"]
    wrong = data.replace(b"DE02120300000000202051", b"DE02120300000000202052")
    wrong = wrong.replace(b"NW-2026-0417", b"NW-2026-0418")
    invoice = services.import_file(
        entity=org.entity, data=wrong, filename="wrong.xml", actor=finn, at=NOW
    )
    assert [each["shown"] for each in invoice.payee_accounts] == ["DE ••••2052"]


def test_a_number_of_another_bank_is_another_account(org, bills, order):
    bank.take_over(
        vendor=org.vendor, data=wanted("12345678", routing="026009593", country="US"), at=NOW,
        note="As it was",
    )  # fmt: skip
    here = bills.billed(order, ("1", "100"), payee_accounts=[PayeeInput("12345678", "026009593")])
    assert not here.exceptions.filter(check_name="remit_to").exists()
    there = bills.billed(order, ("1", "100"), payee_accounts=[PayeeInput("12345678", "021000021")])
    assert bills.exception(there, "remit_to")


# --- D5: the same company under another name ---------------------------------------------------


@pytest.fixture
def disguised(org, make, bills):
    """An invoice of the second vendor, cleared long ago: R-9, 1,190.00 on the same day."""
    made = make.issued(("10", "100"), vendor=org.other_vendor)
    make.receive(made, "10")
    return bills.billed(made, ("10", "100"), number="R-9")


def twins_of(invoice):
    return [each.rule for each in invoice.exceptions.filter(check_name="duplicate")]


def test_another_vendors_invoice_is_no_twin_by_itself(org, bills, order, disguised):
    assert twins_of(bills.billed(order, ("10", "100"), number="R-9")) == []


@pytest.mark.parametrize(
    ("number", "lines", "found"),
    [("R-9", ("5", "100"), ["D5"]), ("R-10", ("10", "100"), ["D5"]), ("R-10", ("5", "100"), [])],
)
def test_a_vendor_with_the_same_account_who_billed_it_before(
    org, bills, order, disguised, number, lines, found
):
    known(org.vendor)
    known(org.other_vendor)
    invoice = bills.billed(order, lines, number=number)
    assert twins_of(invoice) == found
    routes = set(invoice.exceptions.filter(rule="D5").values_list("route", flat=True))
    assert routes == ({"ap_manager"} if found else set())


def test_an_account_of_another_vendor_named_on_the_invoice_makes_them_kin(
    org, bills, order, disguised
):
    known(org.other_vendor, OTHER)
    known(org.vendor)
    assert twins_of(bills.billed(order, ("5", "100"), number="R-9", **named(OTHER))) == ["D5"]


def test_a_vendor_with_the_same_tax_id_who_billed_it_before(org, bills, order, disguised):
    Vendor.objects.filter(pk__in=[org.vendor.pk, org.other_vendor.pk]).update(tax_id="DE314077252")
    assert twins_of(bills.billed(order, ("5", "100"), number="R-9")) == ["D5"]


def test_no_tax_id_is_not_the_same_tax_id(org, bills, order, disguised):
    Vendor.objects.filter(pk__in=[org.vendor.pk, org.other_vendor.pk]).update(tax_id="")
    assert twins_of(bills.billed(order, ("5", "100"), number="R-9")) == []


def test_only_the_head_of_accounts_payable_says_that_it_is_no_fraud(org, bills, order, disguised):
    known(org.vendor)
    known(org.other_vendor)
    org.finn.variance_limit = 10_000
    org.finn.save()
    invoice = bills.billed(order, ("5", "100"), number="R-9")
    with pytest.raises(NotAllowed):
        services.resolve(
            exception=bills.exception(invoice, "duplicate"), actor=org.finn, at=LATER,
            resolution="accept", reason_code="other", comment="Chance",
        )  # fmt: skip


def test_what_may_be_fraud_has_a_queue_of_its_own(org, make, bills, order):
    known(org.vendor)
    client = pages.signed_in(org.fay)
    assert "No sign of fraud" in pages.text_of(client.get("/exceptions/?show=fraud"))
    dear = make.issued(("10", "100"))
    make.receive(dear, "10")
    bills.billed(dear, ("10", "120"), number="DEAR-1")
    bills.billed(order, ("5", "100"), number="ELSE-1", **named(OTHER))
    everything = pages.text_of(client.get("/exceptions/"))
    assert "DEAR-1" in everything and "ELSE-1" in everything
    suspicious = pages.text_of(client.get("/exceptions/?show=fraud"))
    assert "ELSE-1" in suspicious and "DEAR-1" not in suspicious


def test_the_other_entity_is_another_world(org, bills, order, disguised):
    """The same account there is none of theirs here."""
    bank.take_over(vendor=org.uk_vendor, data=wanted(OLD), at=NOW, note="As it was")
    known(org.vendor)
    assert twins_of(bills.billed(order, ("5", "100"), number="R-9")) == []


def test_comparing_accounts_takes_one_statement(org, make, bills):
    """However many accounts and namesakes there are."""
    taken = []
    for number in range(2):
        made = make.issued(("10", "100"))
        make.receive(made, "10")
        first = bills.captured(made, ("10", "100"), **named(OLD))
        with CaptureQueriesContext(connection) as captured:
            bills.match(first, key=f"run {number}")
        asked = [each["sql"] for each in captured if "vendors_bankaccount" in each["sql"]]
        taken.append((len(captured), [sql for sql in asked if "UNION" in sql and "FOR" not in sql]))
        if number == 0:
            known(org.vendor)
            known(org.other_vendor)
    assert len(taken[1][1]) == len(taken[0][1])
