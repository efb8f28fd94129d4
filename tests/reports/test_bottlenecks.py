"""Where approvals wait: working hours by step and by person, and what waits now."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

import requisitions.services
from approvals import services
from approvals.models import ApprovalStep
from core import tables
from reports.approval_answers import bottlenecks_table
from reports.bottlenecks import bottlenecks
from tests import factories, pages
from tests.factories import NOW, line_input, step, submitted

pytestmark = pytest.mark.django_db
PAGE = "/reports/approvals/"
HOUR = timedelta(hours=1)


def asked(org, at=NOW, price="900"):
    return submitted(org, line_input(org, 1, price), at=at)


def decide(requisition, at, decision="approve"):
    seat = ApprovalStep.objects.get(request__subject_id=requisition.pk, status="active")
    services.decide(step=seat, decision=decision, actor=seat.assignee, at=at, comment="So be it.")


def of(org, now=NOW + timedelta(days=1), **given):
    return bottlenecks(entity=org.entity, now=now, **given)


@pytest.mark.parametrize("persona", ["rita", "axel", "bea", "finn", "fay", "dora"])
def test_the_page_is_for_oversight(org, persona):
    assert pages.signed_in(org.people[persona]).get(PAGE).status_code == 403


def test_without_decisions_there_is_nothing_to_measure(org):
    report = of(org)
    assert (report.count, report.waiting, report.median_hours, report.p90_hours) == (
        0, 0, None, None,
    )  # fmt: skip
    assert report.steps == [] == report.people


def test_median_and_ninth_decile_by_step_and_person(org):
    for hours in (1, 2, 3, 4, 5, 6):
        decide(asked(org), NOW + timedelta(minutes=30) * hours)
    report = of(org)
    (row,) = report.steps
    assert (row.key, row.document_type, row.count) == ("manager", "requisition", 6)
    # 0.5, 1, 1.5, 2, 2.5 and 3 hours: the sixth of six is the first that nine of ten stay within
    assert (row.median_hours, row.p90_hours) == (Decimal("1.8"), Decimal("3.0"))
    (person,) = report.people
    assert (person.key, person.name, person.count) == (str(org.axel.pk), "Axel Brandt", 6)


def test_only_working_time_counts(org):
    friday = NOW + timedelta(days=4)  # 11:00 in Berlin
    decide(asked(org, at=friday), friday + timedelta(days=3))
    (row,) = of(org, now=NOW + timedelta(days=9)).steps
    day = org.entity.day_ends.hour - org.entity.day_starts.hour
    assert row.median_hours == day


def test_what_waits_now_counts_by_whom_and_since_when(org):
    asked(org)
    asked(org, at=NOW + HOUR)
    report = of(org, now=NOW + timedelta(days=1, minutes=30))
    (row,) = report.people
    assert (row.count, row.median_hours, row.waiting, row.overdue) == (0, None, 2, 1)
    assert (row.oldest, report.waiting, report.overdue) == (NOW, 2, 1)


def test_a_decision_after_it_was_due_is_late(org):
    decide(asked(org), NOW + timedelta(days=2))
    assert of(org, now=NOW + timedelta(days=3)).steps[0].late == 1


def test_what_was_kept_was_never_asked(org):
    rule = ("Rule", {"all": []}, [step("manager"), step(("person", org.sven.email))])
    factories.policy(org.entity, "Two", [rule], priority=1)
    made = asked(org)
    decide(made, NOW + HOUR)
    decide(made, NOW + HOUR, "return")
    requisitions.services.submit(requisition=made, actor=org.rita, at=NOW + HOUR)
    report = of(org)
    assert {each.name: each.count for each in report.people} == {
        "Axel Brandt": 1, "Sven Aydin": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("since", "as_of", "count"),
    [
        (None, None, 2),
        (date(2026, 3, 3), None, 1),
        (date(2026, 1, 1), date(2026, 3, 2), 1),
        (date(2026, 3, 4), None, 0),
    ],
)
def test_a_period_counts_what_was_decided_in_it(org, since, as_of, count):
    decide(asked(org), NOW)
    decide(asked(org), NOW + timedelta(days=1))
    assert of(org, now=NOW + timedelta(days=5), since=since, as_of=as_of).count == count


def test_ninety_days_are_looked_at_unless_said(org):
    decide(asked(org), NOW)
    assert of(org, now=NOW + timedelta(days=89)).count == 1
    assert of(org, now=NOW + timedelta(days=92)).count == 0
    assert of(org, now=NOW + timedelta(days=92), since=NOW.date()).count == 1


def test_the_other_entity_sees_none_of_it(org):
    decide(asked(org), NOW)
    asked(org)
    report = bottlenecks(entity=org.uk, now=NOW + HOUR)
    assert (report.count, report.waiting) == (0, 0)


def test_as_many_statements_with_many(org, django_assert_num_queries):
    for _ in range(3):
        decide(asked(org), NOW + HOUR)
        asked(org)
    with django_assert_num_queries(3):
        of(org)


def test_the_file_says_what_the_report_says(org):
    decide(asked(org), NOW + HOUR)
    said = tables.csv(bottlenecks_table(of(org))).decode().splitlines()
    assert said[0].startswith("by,name,document_type,count,median_hours,p90_hours")
    assert said[1].startswith("step,Manager,requisition,1,1.0,1.0,0,0,0")
    assert said[2].startswith("person,Axel Brandt,,1,1.0,1.0,0,0,0")


@pytest.mark.parametrize("persona", ["cora", "olga", "ada"])
def test_the_page_names_steps_and_people(org, persona):
    asked(org)
    said = pages.signed_in(org.people[persona]).get(PAGE).content.decode()
    assert ">Manager<" in said and "Axel Brandt" in said


def test_the_page_takes_as_many_statements_with_one_as_with_three(org):
    client = pages.signed_in(org.cora)
    asked(org)
    one = pages.statements(client, PAGE)
    asked(org)
    asked(org)
    assert pages.statements(client, PAGE) == one


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files_of_the_page(org, kind):
    answer = pages.signed_in(org.cora).get(f"{PAGE}?format={kind}")
    assert answer.status_code == 200
    assert f"approval-bottlenecks-DE01.{kind}" in answer["Content-Disposition"]
