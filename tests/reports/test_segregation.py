"""The report on duties: violations, near misses and exceptions of any period, row by row."""

import csv
import io
from datetime import date, timedelta

import openpyxl
import pytest

from accounts import duties
from accounts.models import Duty, DutyPair, Mitigation
from reports import exports
from reports.segregation import REFUSED, ROLES_HELD, segregation
from tests import factories, pages
from tests.accounts.purchases import Purchase, nora
from tests.factories import NOW, TODAY

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
    with django_assert_max_num_queries(12 + 7):
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
