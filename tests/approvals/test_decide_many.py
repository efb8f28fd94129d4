"""Many decisions at once: each stands or falls by itself."""

from typing import Any
from uuid import uuid4

import pytest

from approvals import services
from approvals.models import ApprovalStep
from core.errors import Invalid
from core.models import TrailEvent
from requisitions.models import Requisition
from tests.approvals.conftest import round_of, step_of
from tests.approvals.test_decide import Submit, decide, state
from tests.approvals.test_delegation import granted
from tests.factories import NOW, Organisation


def decide_many(org: Organisation, steps: Any, actor: Any, **said: Any) -> list[services.Outcome]:
    given = {"decision": "approve", "actor": actor, "at": NOW, **said}
    return services.decide_many(steps=steps, **given)


def asked(requisition: Any, person: Any) -> tuple[Any, str]:
    return step_of(requisition, person).pk, round_of(requisition).digest


def test_each_is_told_what_became_of_it(org: Organisation, submitted: Submit) -> None:
    fine, decided, changed, fine_too = (submitted("900", title=f"No. {i}") for i in range(4))
    decide(decided, org.axel, "reject", comment="No")
    Requisition.objects.filter(pk=changed.pk).update(title="Something else")
    steps = [asked(each, org.axel) for each in (fine, decided, changed, fine_too)]
    untouched = [state(decided)[:3], state(changed)[:3]]
    outcomes = decide_many(org, [*steps, (uuid4(), None)], org.axel, comment="As agreed")
    assert [each.step_id for each in outcomes[:4]] == [pk for pk, _ in steps]
    assert [each.ok for each in outcomes] == [True, False, False, True, False]
    assert [each.slug for each in outcomes] == [
        "",
        "illegal-transition",
        "document-changed",
        "",
        "not-found",
    ]
    assert "review it again" in outcomes[2].detail
    assert [state(decided)[:3], state(changed)[:3]] == untouched
    for each in (fine, fine_too):
        assert round_of(each).status == "approved"
        assert step_of(each, org.axel).comment == "As agreed"
    assert TrailEvent.objects.filter(type="approval.approved").count() == 2


def test_the_digest_is_that_of_each(org: Organisation, submitted: Submit) -> None:
    one, two = submitted("900"), submitted("800", title="Other")
    mixed_up = [(step_of(one, org.axel).pk, round_of(two).digest), asked(two, org.axel)]
    outcomes = decide_many(org, mixed_up, org.axel)
    assert [each.slug for each in outcomes] == ["document-changed", ""]


def test_anothers_step_is_not_found(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    before = state(requisition)
    for person in (org.dora, org.rita, org.ada, org.nils):
        (outcome,) = decide_many(org, [asked(requisition, org.axel)], person)
        assert (outcome.ok, outcome.slug, outcome.detail) == (False, "not-found", "Not found.")
    assert state(requisition) == before


def test_own_and_others_together(org: Organisation, submitted: Submit) -> None:
    for_dora, for_axel = submitted("900", requester=org.bea), submitted("900")
    granted(org.axel, org.dora)
    steps = [asked(for_dora, org.dora), asked(for_axel, org.axel)]
    assert all(each.ok for each in decide_many(org, steps, org.dora))
    assert step_of(for_dora, org.dora).delegation_id is None
    assert step_of(for_axel, org.axel).delegation_id is not None


def test_the_same_twice_counts_once(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    outcomes = decide_many(org, [asked(requisition, org.axel)] * 2, org.axel)
    assert [each.slug for each in outcomes] == ["", "illegal-transition"]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"decision": "reject"}, "/comment"),
        ({"decision": "maybe"}, "/decision"),
        ({"comment": "x" * 2001}, "/comment"),
    ],
)
def test_what_no_step_would_take_is_refused_as_a_whole(
    org: Organisation, submitted: Submit, said: dict[str, Any], pointer: str
) -> None:
    requisition = submitted("900")
    before = state(requisition)
    with pytest.raises(Invalid) as caught:
        decide_many(org, [asked(requisition, org.axel)], org.axel, **said)
    assert [each.pointer for each in caught.value.errors] == [pointer]
    assert state(requisition) == before


def test_many_are_rejected_with_one_reason(org: Organisation, submitted: Submit) -> None:
    steps = [asked(submitted("900", title=f"No. {i}"), org.axel) for i in range(3)]
    assert all(
        each.ok
        for each in decide_many(org, steps, org.axel, decision="reject", comment="Not this year")
    )
    assert set(ApprovalStep.objects.values_list("status", "comment")) == {
        ("rejected", "Not this year")
    }
