"""Asking before deciding: one question at a time, and the clock waits."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from approvals import services
from approvals.models import ApprovalRequest, ApprovalStep, StepQuestion
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests.approvals.conftest import step_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation

# NOW is Monday 11:00 in Hamburg, whose day is from 9 to 17.
TUESDAY, WEDNESDAY, THURSDAY = (NOW + timedelta(days=days) for days in (1, 2, 3))


@pytest.fixture
def asked(org: Organisation, submitted: Submit) -> StepQuestion:
    step = step_of(submitted("900"), org.axel)
    return services.ask(step=step, of=org.rita, question="Which team?", actor=org.axel, at=NOW)


@pytest.mark.parametrize("who", ["rita", "dora", "nils", "ada"])
def test_only_the_one_who_decides_asks(org: Organisation, submitted: Submit, who: str) -> None:
    step = step_of(submitted("900"), org.axel)
    with pytest.raises(NotAllowed):
        services.ask(step=step, of=org.rita, question="Why?", actor=getattr(org, who), at=NOW)
    assert not StepQuestion.objects.exists()


@pytest.mark.parametrize("who", ["axel", "dora", "nils", "vera"])
def test_only_the_requester_or_the_round_is_asked(
    org: Organisation, submitted: Submit, who: str
) -> None:
    step = step_of(submitted("900"), org.axel)
    with pytest.raises(Invalid) as refusal:
        services.ask(step=step, of=getattr(org, who), question="Why?", actor=org.axel, at=NOW)
    assert refusal.value.errors[0].pointer == "/of"


def test_a_question_has_words(org: Organisation, submitted: Submit) -> None:
    step = step_of(submitted("900"), org.axel)
    for words in ("", "  \n", "x" * 2001, "bell\x07"):
        with pytest.raises(Invalid) as refusal:
            services.ask(step=step, of=org.rita, question=words, actor=org.axel, at=NOW)
        assert refusal.value.errors[0].pointer == "/question"


def test_one_question_at_a_time(org: Organisation, asked: StepQuestion) -> None:
    with pytest.raises(Conflict, match="not answered yet"):
        services.ask(step=asked.step, of=org.rita, question="And?", actor=org.axel, at=NOW)


def test_nothing_is_asked_about_what_is_decided(org: Organisation, submitted: Submit) -> None:
    step = step_of(submitted("900"), org.axel)
    services.decide(step=step, decision="return", actor=org.axel, at=NOW)
    with pytest.raises(IllegalTransition):
        services.ask(step=step, of=org.rita, question="Why?", actor=org.axel, at=NOW)


@pytest.mark.parametrize("who", ["axel", "dora", "nils"])
def test_only_who_was_asked_answers(org: Organisation, asked: StepQuestion, who: str) -> None:
    with pytest.raises(NotAllowed):
        services.answer(question=asked, answer="Data", actor=getattr(org, who), at=NOW)
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_an_answer_is_given_once(org: Organisation, asked: StepQuestion) -> None:
    services.answer(question=asked, answer="The data team", actor=org.rita, at=TUESDAY)
    with pytest.raises(Conflict):
        services.answer(question=asked, answer="Another", actor=org.rita, at=TUESDAY)


def test_the_clock_waits_for_the_answer(org: Organisation, asked: StepQuestion) -> None:
    nothing = {"reminded": 0, "escalated": 0, "stuck": 0}
    for day in range(30):
        assert services.nudge(at=NOW + timedelta(days=day)) == nothing
    later = NOW + timedelta(days=1, hours=3)  # a working day and three hours
    services.answer(question=asked, answer="The data team", actor=org.rita, at=later)
    step = ApprovalStep.objects.get(pk=asked.step_id)
    assert step.paused_at is None
    assert step.due_at == WEDNESDAY + timedelta(hours=3)
    assert services.nudge(at=WEDNESDAY + timedelta(hours=2)) == nothing
    assert services.nudge(at=WEDNESDAY + timedelta(hours=3))["reminded"] == 1


def test_a_question_nobody_answers_is_reminded_of_and_then_the_clock_goes_on(
    org: Organisation, asked: StepQuestion
) -> None:
    """Working days of the entity: Tuesday, Wednesday, Thursday at the hour of the question."""
    done = {}
    for hours in range(14 * 24):
        at = NOW + timedelta(hours=hours)
        counts = services.remind_unanswered(at=at)
        if any(counts.values()):
            done[at] = counts
    assert done == {
        TUESDAY: {"reminded": 1, "told": 0},
        WEDNESDAY: {"reminded": 1, "told": 0},
        THURSDAY: {"reminded": 0, "told": 1},
    }
    step = ApprovalStep.objects.get(pk=asked.step_id)
    assert (step.paused_at, step.due_at) == (None, THURSDAY + timedelta(days=1))
    assert services.nudge(at=THURSDAY + timedelta(hours=23))["reminded"] == 0
    assert services.nudge(at=THURSDAY + timedelta(days=1))["reminded"] == 1
    told = TrailEvent.objects.filter(type__startswith="approval.question_").order_by("sequence")
    assert [(each.type, each.data["level"]) for each in told] == [
        ("approval.question_reminded", 1),
        ("approval.question_reminded", 2),
        ("approval.question_unanswered", 3),
    ]
    with pytest.raises(Conflict, match="not answered yet"):
        services.ask(step=step, of=org.rita, question="And?", actor=org.axel, at=THURSDAY)
    services.answer(question=asked, answer="The data team", actor=org.rita, at=THURSDAY)
    step.refresh_from_db()
    assert step.due_at == THURSDAY + timedelta(days=1), "it went on already"


def test_however_late_only_the_last_is_told(org: Organisation, asked: StepQuestion) -> None:
    late = NOW + timedelta(days=30)
    assert services.remind_unanswered(at=late) == {"reminded": 0, "told": 1}
    assert services.remind_unanswered(at=late) == {"reminded": 0, "told": 0}


@pytest.mark.parametrize("end", ["answered", "decided", "left"])
def test_nobody_is_reminded_of_what_is_over(
    org: Organisation, asked: StepQuestion, end: str
) -> None:
    if end == "answered":
        services.answer(question=asked, answer="Data", actor=org.rita, at=NOW)
    elif end == "decided":
        services.decide(step=asked.step, decision="approve", actor=org.axel, at=NOW)
    else:
        User.objects.filter(pk=org.rita.pk).update(is_active=False)
    late = NOW + timedelta(days=30)
    assert services.remind_unanswered(at=late) == {"reminded": 0, "told": 0}


def test_an_emergency_waits_a_tenth_of_the_time(org: Organisation, asked: StepQuestion) -> None:
    ApprovalRequest.objects.filter(pk=asked.step.request_id).update(emergency=True)
    tenth = timedelta(minutes=48)  # of a day of eight hours
    assert services.remind_unanswered(at=NOW + tenth - timedelta(seconds=1))["reminded"] == 0
    assert services.remind_unanswered(at=NOW + tenth)["reminded"] == 1


def test_many_questions_are_found_by_one_statement(
    org: Organisation, asked: StepQuestion, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        services.remind_unanswered(at=NOW)


def test_who_decides_need_not_wait(org: Organisation, asked: StepQuestion) -> None:
    services.decide(step=asked.step, decision="approve", actor=org.axel, at=NOW)
    services.answer(question=asked, answer="Too late", actor=org.rita, at=TUESDAY)
    step = asked.step
    step.refresh_from_db()
    assert step.status == "approved"


def test_both_are_told_of_in_the_trail(org: Organisation, asked: StepQuestion) -> None:
    services.answer(question=asked, answer="The data team", actor=org.rita, at=TUESDAY)
    told = TrailEvent.objects.filter(type__in=["approval.asked", "approval.answered"])
    assert list(told.order_by("sequence").values_list("type", "actor", "reason")) == [
        ("approval.asked", org.axel.pk, "Which team?"),
        ("approval.answered", org.rita.pk, "The data team"),
    ]


def test_an_unanswered_step_still_belongs_to_its_person(
    org: Organisation, asked: StepQuestion
) -> None:
    with pytest.raises(DomainError):
        services.decide(step=asked.step, decision="approve", actor=org.rita, at=NOW)
