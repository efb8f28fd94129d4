"""The report on duties: violations, near misses and exceptions of any period, row by row."""

import csv
import io
from datetime import date, timedelta

import openpyxl
import pytest

from accounts import duties
from accounts.models import Duty, DutyPair, Mitigation, Role
from approvals.models import ApprovalStep
from purchase_orders.models import PurchaseOrder
from reports import exports
from reports.segregation import REFUSED, ROLES_HELD, segregation
from tests import factories, pages
from tests.accounts.purchases import Purchase, nora
from tests.factories import NOW, TODAY
from tests.purchase_orders.making import Maker
from tests.purchase_orders.test_change_orders import changed, submitted
from tests.vendors.accounts_of import known
from vendors.models import BankAccount

pytestmark = pytest.mark.django_db
PAGE = "/reports/segregation-of-duties/"


def pair_of(violation):
    return tuple(act.duty for act in violation.acts)


@pytest.fixture
def done(org):
    """Nora did everything on one purchase before anybody kept duties apart."""
    DutyPair.objects.filter(entity=org.entity).delete()
    purchase = Purchase(org, dict.fromkeys(("approve", "order", "receive"), nora(org)))
    purchase.play()
    factories.duty_pairs(org.entity)
    return purchase


def test_one_person_with_two_duties_on_one_purchase_is_a_violation_with_its_documents(org, done):
    report = segregation(entity=org.entity)
    found = {pair_of(each): each for each in report.violations}
    assert set(found) == {("approve", "order"), ("approve", "receive"), ("order", "receive")}
    assert report.unmitigated == 3
    violation = found["approve", "receive"]
    assert (violation.person.name, violation.order) == ("Nora Person", done.documents["order"])
    assert [(act.document_type, act.document_id) for act in violation.acts] == [
        ("requisition", done.documents["request"].pk),
        ("receipt", done.documents["receive"].pk),
    ]
    assert violation.at == NOW


def test_an_ordinary_purchase_violates_nothing(org):
    Purchase(org, {}).play()
    assert segregation(entity=org.entity).violations == []


def test_who_agreed_to_a_change_of_the_order_and_received_it(org, done):
    """The round of a change is one of its order's: who decides it approved the purchase."""
    make, other = Maker(org), factories.person("otto", entity=org.entity, roles=["controller"])
    order = done.documents["order"]
    make.receive(order, "1", actor=org.rob)
    DutyPair.objects.filter(entity=org.entity).delete()
    change = submitted(make, order, changed(order, quantity="30"))
    steps = ApprovalStep.objects.filter(request__subject_id=change.pk)
    steps.update(status="approved", decided_by=org.rob, decided_at=NOW)
    factories.duty_pairs(org.entity)
    found = {each.person: each for each in segregation(entity=org.entity).violations}
    assert {other, org.bea}.isdisjoint(found)
    assert [(act.duty, act.document_type) for act in found[org.rob].acts] == [
        ("approve", "change_order"),
        ("receive", "receipt"),
    ]


@pytest.fixture
def banked(org):
    """Otto asked for the vendor's account in March, Nora verified it; both worked on an order that
    was billed by Otto."""
    DutyPair.objects.filter(entity=org.entity).delete()
    otto, other = factories.person("otto", entity=org.entity, roles=list(Role)), nora(org)
    purchase = Purchase(org, {"enter_invoice": otto, "order": other})
    purchase.play("enter_invoice")
    account = BankAccount.objects.get(pk=known(org.vendor).pk)
    stamped = {"requested_by": otto, "verified_by": other, "verified_at": NOW}
    BankAccount.objects.filter(pk=account.pk).update(**stamped)
    factories.duty_pairs(org.entity)
    return account, purchase.documents["order"]


def of_the_bank(org, **period):
    found = segregation(entity=org.entity, **period).violations
    return {(each.person.name, *pair_of(each)) for each in found if "vendor_bank" in pair_of(each)}


BOTH = {
    ("Otto Person", "enter_invoice", "vendor_bank"),
    ("Nora Person", "order", "vendor_bank"),
}


def test_who_says_where_a_vendor_is_paid_works_on_no_purchase_of_it(org, banked):
    assert of_the_bank(org) == BOTH
    (first, *_) = (each for each in segregation(entity=org.entity).violations)
    assert ("vendor", org.vendor.pk) in {(act.document_type, act.document_id) for act in first.acts}
    page = pages.text_of(pages.signed_in(org.cora).get(PAGE))
    assert "Change a vendor's bank" in page


@pytest.mark.parametrize(
    ("account", "order", "concerned"),
    [
        ({"status": "pending", "verified_at": None, "verified_by": None}, {}, {"Otto Person"}),
        ({"status": "retired", "verified_at": None, "verified_by": None}, {}, set()),
        ({"valid_until": NOW + timedelta(days=1)}, {}, {"Otto Person", "Nora Person"}),
        ({"valid_until": NOW}, {}, set()),
        ({}, {"closed_at": NOW - timedelta(days=59)}, {"Otto Person", "Nora Person"}),
        ({}, {"closed_at": NOW - timedelta(days=60)}, set()),
    ],
)
def test_a_bank_account_concerns_what_was_bought_while_it_stood(
    org, banked, account, order, concerned
):
    BankAccount.objects.filter(pk=banked[0].pk).update(**account)
    PurchaseOrder.objects.filter(pk=banked[1].pk).update(**order)
    assert {person for person, *_ in of_the_bank(org)} == concerned


def test_another_vendors_bank_concerns_nobody(org, banked):
    BankAccount.objects.update(vendor=org.other_vendor)
    assert of_the_bank(org) == set()


def test_a_mitigation_that_held_then_covers_it_a_later_one_does_not(org, done):
    person = done.who["order"]
    given = {
        "entity": org.entity,
        "person": person,
        "first": Duty.ORDER,
        "second": Duty.RECEIVE,
        "reason": "Alone in the branch",
        "approved_by": org.cora,
        "valid_until": TODAY,
    }
    late = Mitigation.objects.create(approved_at=NOW + timedelta(hours=1), **given)
    assert segregation(entity=org.entity).unmitigated == 3
    standing = Mitigation.objects.create(approved_at=NOW - timedelta(days=1), **given)
    report = segregation(entity=org.entity)
    covered = [each for each in report.violations if each.mitigation]
    assert [(pair_of(each), each.mitigation) for each in covered] == [
        (("order", "receive"), standing)
    ]
    assert report.violations[-1] is covered[0] or report.violations[-1] == covered[0]
    assert {each.pk for each in report.mitigations} == {late.pk, standing.pk}


@pytest.mark.parametrize(
    ("since", "as_of", "count"),
    [
        (None, None, 3),
        (TODAY, TODAY, 3),
        (None, TODAY - timedelta(days=1), 0),
        (TODAY + timedelta(days=1), None, 0),
    ],
)
def test_a_period_shows_what_arose_in_it(org, done, since, as_of, count):
    report = segregation(entity=org.entity, since=since, as_of=as_of)
    assert len(report.violations) == count


def test_the_other_entity_sees_none_of_it(org, done):
    report = segregation(entity=org.uk)
    assert (report.violations, report.near_misses, report.mitigations) == ([], [], [])


def test_who_was_refused_and_who_holds_both_roles_are_near_misses(org):
    purchase = Purchase(org, {})
    purchase.play("order")
    with pytest.raises(duties.DutiesConflict):
        purchase._receive(org.bea)
    report = segregation(entity=org.entity)
    refused = [each for each in report.near_misses if each.kind == REFUSED]
    (miss,) = refused
    assert (miss.person, miss.first, miss.second) == (org.bea, "order", "receive")
    assert (miss.document_type, miss.document_id) == ("order", purchase.documents["order"].pk)
    assert "somebody else must" in miss.words
    held = {
        (each.person, each.first, each.second)
        for each in report.near_misses
        if each.kind == ROLES_HELD
    }
    # Approvers who may ask as well; a role that bundles two duties is no near miss of its person.
    assert held == {(person, "approve", "request") for person in (org.axel, org.dora)}


def test_as_many_statements_with_many_purchases(org, django_assert_max_num_queries):
    for _ in range(3):
        Purchase(org, {}).play("order")
    with django_assert_max_num_queries(8):
        segregation(entity=org.entity)


def test_the_files_say_what_the_report_says(org, done):
    report = segregation(entity=org.entity)
    rows = list(csv.reader(io.StringIO(exports.csv(exports.duties_kept_apart(report)).decode())))
    kinds = [row[0] for row in rows[1:]]
    assert kinds.count("violation") == 3
    assert rows[0][:4] == ["kind", "person", "first", "second"]
    book = openpyxl.load_workbook(io.BytesIO(exports.xlsx(exports.duties_kept_apart(report))))
    assert book.active.max_row == len(rows)


@pytest.mark.parametrize("persona", ["cora", "olga", "ada"])
def test_every_row_of_the_page_opens_its_documents(org, done, persona):
    answer = pages.signed_in(org.people[persona]).get(PAGE)
    said = answer.content.decode()
    assert answer.status_code == 200
    for name in ("request", "order", "receive"):
        assert str(done.documents[name].pk) in said


@pytest.mark.parametrize("persona", ["rita", "axel", "bea", "finn", "fay"])
def test_the_page_is_for_oversight(org, persona):
    assert pages.signed_in(org.people[persona]).get(PAGE).status_code == 403


def test_the_page_takes_as_many_statements_with_one_purchase_as_with_three(org, done):
    client = pages.signed_in(org.cora)
    one = pages.statements(client, PAGE)
    DutyPair.objects.filter(entity=org.entity).delete()
    for _ in range(2):
        Purchase(org, done.who).play("receive")
    factories.duty_pairs(org.entity)
    assert pages.statements(client, PAGE) == one


def test_an_unreadable_day_shows_everything(org, done):
    answer = pages.signed_in(org.cora).get(f"{PAGE}?since=tomorrow&as_of=2026-13-01")
    assert answer.status_code == 200
    assert answer.context["report"].since is None
    assert (
        pages.signed_in(org.cora)
        .get(f"{PAGE}?as_of={date(2026, 3, 1)}")
        .context["report"]
        .violations
        == []
    )
