"""The report of bypasses: every approved emergency, how it was settled, how often it happens."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest

import approvals.services
from approvals.models import Ratification
from core import tables
from reports.approval_answers import review_table
from reports.emergency_review import review
from tests import factories, pages
from tests.factories import NOW, TODAY, decide_all, line_input, submitted
from tests.requisitions.asking import asked_by

pytestmark = pytest.mark.django_db
PAGE = "/reports/emergencies/"
TUESDAY = NOW + timedelta(days=1)


def emergency(org, price="900", incident="INC-1", at=NOW, by=None):
    given = {
        "emergency": True,
        "emergency_reason": "The core switch is down",
        "references": {"incident": incident},
    }
    line = line_input(org, 1, price)
    if by is None:
        made = submitted(org, line, at=at, **given)
    else:
        made = asked_by(org, by, line, at=at, **given)
    decide_all(made, at=at)
    return Ratification.objects.get(request__subject_id=made.pk)


def settle(task, verb="ratify", at=TUESDAY):
    service = {"ratify": approvals.services.ratify, "object": approvals.services.object_to}[verb]
    service(ratification=task, actor=task.assignee, at=at, comment="Looked at.")


def of(org, now=TUESDAY, **given):
    return review(entity=org.entity, now=now, **given)


@pytest.mark.parametrize("persona", ["rita", "axel", "bea", "finn", "fay", "dora"])
def test_the_page_is_for_oversight(org, persona):
    assert pages.signed_in(org.people[persona]).get(PAGE).status_code == 403


def test_what_went_the_ordinary_way_is_no_bypass_but_counts_for_the_rate(org):
    decide_all(submitted(org, line_input(org, 1, "900")))
    report = of(org)
    assert (report.bypasses, report.approved, report.rate) == ([], 1, 0)


def test_nothing_approved_has_no_rate(org):
    assert of(org).rate == 0


def test_an_emergency_that_nobody_approved_is_none(org):
    made = submitted(org, emergency=True, emergency_reason="Down", references={"incident": "INC-1"})
    assert of(org).bypasses == []
    decide_all(made, "reject")
    assert of(org).bypasses == []


def test_each_says_who_decided_it_and_how_it_stands(org):
    task = emergency(org)
    (row,) = of(org, now=NOW + timedelta(hours=1)).bypasses
    assert (row.task, row.status, row.late) == (task, "due", False)
    assert (row.decided_by, row.approved_at, row.amount) == ((org.sven,), NOW, Decimal(900))
    (row,) = of(org, now=task.due_at + timedelta(seconds=1)).bypasses
    assert row.status == "overdue"


@pytest.mark.parametrize(("verb", "status"), [("ratify", "ratified"), ("object", "objected")])
def test_settled_in_time_or_late(org, verb, status):
    task = emergency(org)
    settle(task, verb, task.due_at)
    (row,) = of(org, now=NOW + timedelta(days=9)).bypasses
    assert (row.status, row.late) == (status, False)
    Ratification.objects.filter(pk=task.pk).update(settled_at=task.due_at + timedelta(seconds=1))
    (row,) = of(org, now=NOW + timedelta(days=9)).bypasses
    assert (row.status, row.late) == (status, True)


def test_a_past_day_shows_it_as_it_stood_then(org):
    settle(emergency(org), at=TUESDAY)
    (row,) = of(org, now=NOW + timedelta(days=9), as_of=TODAY).bypasses
    assert row.status == "due"


@pytest.mark.parametrize(
    ("since", "as_of", "count"),
    [
        (None, None, 2),
        (date(2026, 3, 3), None, 1),
        (None, date(2026, 3, 2), 1),
        (date(2026, 3, 1), date(2026, 3, 1), 0),
    ],
)
def test_a_period_shows_what_was_approved_in_it(org, since, as_of, count):
    emergency(org)
    emergency(org, at=TUESDAY)
    report = of(org, now=NOW + timedelta(days=9), since=since, as_of=as_of)
    assert (len(report.bypasses), report.approved) == (count, count)


def test_overdue_ones_come_first_and_people_by_how_often(org, bea):
    first = emergency(org, "100")
    emergency(org, "200", at=TUESDAY)
    emergency(org, "4000", by=bea)
    settle(Ratification.objects.get(requester=bea), "object", at=NOW)
    report = of(org, now=first.due_at + timedelta(seconds=1))
    assert [each.status for each in report.bypasses] == ["overdue", "objected", "due"]
    assert [(each.person, each.count, each.amount, each.objected) for each in report.usage] == [
        (org.rita, 2, Decimal(300), 0),
        (bea, 1, Decimal(4000), 1),
    ]
    assert (report.amount, report.rate, report.overdue, report.objected) == (4300, 1, 1, 1)


def test_the_other_entity_sees_none_of_it(org):
    emergency(org)
    assert review(entity=org.uk, now=TUESDAY).bypasses == []


def test_as_many_statements_with_many(org, django_assert_num_queries):
    for number in range(3):
        emergency(org, incident=f"INC-{number}")
    with django_assert_num_queries(3):
        of(org)


def test_the_file_says_what_the_report_says(org):
    settle(emergency(org, incident="=INC-1"))
    emergency(org, "100", incident="INC-2", at=TUESDAY)
    said = tables.csv(review_table(of(org, now=TUESDAY + timedelta(hours=1)))).decode()
    rows = list(csv.reader(io.StringIO(said)))
    assert rows[0][:4] == ["document", "incident", "requester", "amount"]
    assert {row[1]: row[6] for row in rows[1:3]} == {"'=INC-1": "ratified", "INC-2": "due"}
    assert rows[-2][3] == "1000.00" and rows[-1][3] == "1.0000"


@pytest.mark.parametrize("persona", ["cora", "olga", "ada"])
def test_the_page_opens_the_documents(org, persona):
    task = emergency(org)
    answer = pages.signed_in(org.people[persona]).get(PAGE)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "INC-1" in said and "Sven Aydin" in said
    assert str(task.request.subject_id) in said


def test_the_page_takes_as_many_statements_with_one_as_with_three(org):
    client = pages.signed_in(org.cora)
    emergency(org)
    one = pages.statements(client, PAGE)
    emergency(org, incident="INC-2")
    emergency(org, incident="INC-3")
    assert pages.statements(client, PAGE) == one


def test_unreadable_days_show_everything(org):
    emergency(org)
    answer = pages.signed_in(org.cora).get(f"{PAGE}?since=tomorrow&as_of=2026-13-01")
    assert "INC-1" in answer.content.decode()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files_of_the_page(org, kind):
    emergency(org)
    answer = pages.signed_in(org.cora).get(f"{PAGE}?format={kind}")
    assert answer.status_code == 200
    assert f"emergency-review-DE01.{kind}" in answer["Content-Disposition"]


def test_another_persons_colleague_is_not_named_abroad(org):
    emergency(org)
    abroad = factories.person("nia", entity=org.uk, roles=["auditor"])
    assert "INC-1" not in pages.signed_in(abroad).get(PAGE).content.decode()
