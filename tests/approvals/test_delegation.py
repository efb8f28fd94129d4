"""Who decides for whom: granting, refusing, deciding as a delegate, taking back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.duties import DutiesConflict
from accounts.models import Duty, Role
from approvals import links, queries, services, subjects
from approvals.models import ActionToken, ApprovalStep, Delegation
from approvals.services import LimitTooLow, OnePersonOnce, SelfApproval
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import OutboxItem, TrailEvent
from tests import factories
from tests.approvals.conftest import names, round_of, step_of
from tests.approvals.test_decide import Submit, decide, refused
from tests.factories import NOW, Organisation, person, step

WEEK = timedelta(days=7)


def granted(from_user: Any, to_user: Any, **changes: Any) -> Delegation:
    """`to_user` decides for `from_user` for a week from now."""
    given = {
        "from_user": from_user,
        "to_user": to_user,
        "duties": [],
        "valid_from": NOW,
        "valid_to": NOW + WEEK,
        "max_amount": None,
        "reason": "Away at a fair",
        "actor": from_user,
        "at": NOW,
    }
    return services.delegate(**{**given, **changes})


def nothing_granted(error: type[DomainError], call: Callable[[], Any]) -> Any:
    before = stored()
    with pytest.raises(error) as caught:
        call()
    assert stored() == before
    return caught.value


def stored() -> list[Any]:
    """What a refusal leaves as it was; that somebody tried stands in the trail."""
    return [
        list(Delegation.objects.order_by("id").values()),
        list(ActionToken.objects.order_by("id").values()),
        TrailEvent.objects.exclude(type__endswith=".refused").count(),
        OutboxItem.objects.count(),
    ]


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"valid_from": NOW - timedelta(days=1)}, "/valid_from"),
        (
            {"valid_from": NOW + timedelta(days=367), "valid_to": NOW + timedelta(days=368)},
            "/valid_from",
        ),
        ({"valid_to": NOW}, "/valid_to"),
        ({"valid_to": NOW - WEEK}, "/valid_to"),
        ({"valid_to": NOW + timedelta(days=90, seconds=1)}, "/valid_to"),
        ({"max_amount": Decimal("5000.01")}, "/max_amount"),
        ({"max_amount": Decimal(0)}, "/max_amount"),
        ({"max_amount": Decimal(-1)}, "/max_amount"),
        ({"max_amount": Decimal("0.001")}, "/max_amount"),
        ({"max_amount": Decimal("NaN")}, "/max_amount"),
        ({"duties": ["requisition", "holiday"]}, "/duties/1"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"reason": "a\x00b"}, "/reason"),
    ],
)
def test_what_breaks_a_rule_is_refused_at_its_field(
    org: Organisation, changes: dict[str, Any], pointer: str
) -> None:
    error = nothing_granted(Invalid, lambda: granted(org.axel, org.sven, **changes))
    assert [each.pointer for each in error.errors] == [pointer]


def test_it_goes_to_active_approvers_of_the_entity_only(org: Organisation) -> None:
    for other in (org.axel, org.rita, org.bea, org.olga, org.ada, org.nils):
        error = nothing_granted(Invalid, lambda other=other: granted(org.axel, other))
        assert [each.pointer for each in error.errors] == ["/to_user"]
    org.sven.is_active = False
    org.sven.save()
    nothing_granted(Invalid, lambda: granted(org.axel, org.sven))


def test_who_decides_on_nothing_has_nothing_to_delegate(org: Organisation) -> None:
    error = nothing_granted(Invalid, lambda: granted(org.rita, org.axel))
    assert [each.pointer for each in error.errors] == ["/from_user"]


def test_only_the_delegator_their_manager_and_administrators_may(org: Organisation) -> None:
    for actor in org.people.values():
        if actor not in (org.axel, org.dora, org.ada):
            nothing_granted(
                NotAllowed, lambda actor=actor: granted(org.axel, org.sven, actor=actor)
            )
    for actor in (org.axel, org.dora, org.ada):
        given = granted(org.axel, org.sven, actor=actor)
        assert given.created_by == actor
        services.revoke_delegation(delegation=given, actor=actor, at=NOW)


def test_an_administrator_of_another_entity_may_not(org: Organisation) -> None:
    assert org.nils.has_role(Role.ADMINISTRATOR)
    nothing_granted(NotAllowed, lambda: granted(org.axel, org.sven, actor=org.nils))


def test_nobody_gives_themselves_what_another_decides(org: Organisation) -> None:
    nothing_granted(NotAllowed, lambda: granted(org.axel, org.dora, actor=org.dora))


def test_a_closed_account_delegates_nothing(org: Organisation) -> None:
    org.axel.is_active = False
    org.axel.save()
    nothing_granted(NotAllowed, lambda: granted(org.axel, org.sven))
    nothing_granted(Invalid, lambda: granted(org.axel, org.sven, actor=org.ada))


@pytest.mark.parametrize(
    ("duties", "clash"),
    [([], True), (["requisition"], True), (["order"], False)],
)
def test_the_same_twice_to_the_same_person_is_refused(
    org: Organisation, duties: list[str], clash: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ["order", "requisition"]
    monkeypatch.setattr("approvals.subjects.names", lambda: known)
    granted(org.axel, org.sven, duties=["requisition"])
    if clash:
        nothing_granted(Conflict, lambda: granted(org.axel, org.sven, duties=duties))
    else:
        granted(org.axel, org.sven, duties=duties)
    granted(org.axel, org.cora, duties=duties)
    later = NOW + WEEK
    granted(org.axel, org.sven, duties=duties, valid_from=later, valid_to=later + WEEK)


# --- granted ------------------------------------------------------------------------------------


def test_a_grant_is_told_with_all_that_it_says(org: Organisation) -> None:
    given = granted(org.axel, org.sven, duties=["requisition"], max_amount=Decimal("2000"))
    event = TrailEvent.objects.get(type="delegation.granted")
    assert (event.actor, event.document_id, event.reason) == (org.axel, given.pk, "Away at a fair")
    assert event.document_type == "delegation"
    assert event.data["from"] == str(org.axel.pk)
    assert event.data["to"] == str(org.sven.pk)
    assert event.data["max_amount"] == "2000"
    assert event.data["duties"] == ["requisition"]


def test_today_begins_now(org: Organisation) -> None:
    morning = NOW.replace(hour=1)
    assert granted(org.axel, org.sven, valid_from=morning).valid_from == NOW


def test_both_may_decide_for_each_other(org: Organisation) -> None:
    granted(org.axel, org.sven)
    granted(org.sven, org.axel)


def test_it_is_seen_by_both_by_the_manager_and_by_oversight(org: Organisation) -> None:
    granted(org.axel, org.sven)
    sees = {name for name, who in org.people.items() if Delegation.objects.visible_to(who).exists()}
    assert sees == {"axel", "sven", "dora", "cora", "olga", "ada"}


# --- deciding for somebody ----------------------------------------------------------------------


def stand_in(requisition: Any, of: Any, by: Any, at: datetime = NOW, **said: Any) -> ApprovalStep:
    said = {"decision": "approve", **said}
    return services.decide(step=step_of(requisition, of), actor=by, at=at, **said)


def test_the_delegate_signs_for_the_delegator(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    given = granted(org.axel, org.sven)
    done = stand_in(requisition, org.axel, org.sven, comment="Fine")
    assert (done.status, done.assignee, done.decided_by) == ("approved", org.axel, org.sven)
    assert done.delegation == given
    event = TrailEvent.objects.get(type="approval.approved")
    assert (event.actor, event.on_behalf_of) == (org.sven, org.axel)
    assert round_of(requisition).status == "approved"


def test_the_delegator_decides_as_before(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven)
    done = decide(requisition, org.axel)
    assert (done.decided_by, done.delegation) == (org.axel, None)
    assert TrailEvent.objects.get(type="approval.approved").on_behalf_of is None


@pytest.mark.parametrize(
    ("offset", "passes"),
    [
        (timedelta(hours=1) - timedelta(seconds=1), False),
        (timedelta(hours=1), True),
        (WEEK - timedelta(seconds=1), True),
        (WEEK, False),
    ],
)
def test_it_holds_between_its_two_moments(
    org: Organisation, submitted: Submit, offset: timedelta, passes: bool
) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven, valid_from=NOW + timedelta(hours=1))
    at = NOW + offset
    mine = step_of(requisition, org.axel)
    assert (mine in queries.inbox(org.sven, at)) is passes
    assert (queries.acting_for(org.sven, mine, at) is not None) is passes
    if passes:
        stand_in(requisition, org.axel, org.sven, at=at)
    else:
        refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, org.sven, at=at))


def test_its_last_day_is_one_of_its_entity(org: Organisation) -> None:
    """Midnight in New York is four in the morning by the clock of the portal's mails."""
    org.entity.time_zone = "America/New_York"
    ends = datetime(2026, 3, 10, 4, tzinfo=NOW.tzinfo)
    assert Delegation(entity=org.entity, valid_to=ends).last_day.isoformat() == "2026-03-09"
    assert Delegation(entity=org.entity, valid_to=ends + WEEK / 14).last_day.day == 10


def test_it_covers_its_duties_only(
    org: Organisation, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.subjects.names", lambda: ["order", "requisition"])
    requisition = submitted("900")
    granted(org.axel, org.sven, duties=["order"])
    assert not queries.inbox(org.sven, NOW).exists()
    refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, org.sven))


@pytest.mark.parametrize(
    ("cap", "limit", "passes"),
    [
        ("900", 5000, True),
        ("899.99", 5000, False),
        (None, 900, True),
        (None, "899.99", False),
        ("900", "899.99", False),
        ("1", None, False),
        (None, None, True),
    ],
)
def test_neither_the_cap_nor_the_limit_now_is_passed(
    org: Organisation, submitted: Submit, cap: str | None, limit: Any, passes: bool
) -> None:
    """900 on the desk of a manager: nobody's limit is asked for, a delegate's is."""
    requisition = submitted("900")
    granted(org.axel, org.sven, max_amount=cap and Decimal(cap))
    org.axel.approval_limit = None if limit is None else Decimal(limit)
    org.axel.save()
    assert queries.inbox(org.sven, NOW).exists() is passes
    if passes:
        stand_in(requisition, org.axel, org.sven)
    else:
        for decision in ("approve", "reject", "return"):
            refused(
                requisition,
                LimitTooLow,
                lambda decision=decision: stand_in(
                    requisition, org.axel, org.sven, decision=decision, comment="No"
                ),
            )


@pytest.mark.parametrize(("limit", "passes"), [("4819.99", False), ("4820", True), (None, False)])
def test_a_required_limit_is_the_delegators_not_the_delegates(
    org: Organisation, submitted: Submit, limit: str | None, passes: bool
) -> None:
    requisition = submitted("4820")
    assert step_of(requisition, org.axel).required_limit == 4820
    granted(org.axel, org.fay)
    assert org.fay.approval_limit is None
    org.axel.approval_limit = None if limit is None else Decimal(limit)
    org.axel.save()
    assert queries.inbox(org.fay, NOW).exists() is passes
    if passes:
        stand_in(requisition, org.axel, org.fay)
    else:
        refused(requisition, LimitTooLow, lambda: stand_in(requisition, org.axel, org.fay))


def test_of_several_the_one_that_goes_furthest_counts(
    org: Organisation, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.subjects.names", lambda: ["order", "requisition"])
    requisition = submitted("900")
    granted(org.axel, org.sven, duties=["order"])
    narrow = granted(org.axel, org.sven, duties=["requisition"], max_amount=Decimal(900))
    assert stand_in(requisition, org.axel, org.sven).delegation == narrow


def test_it_goes_one_hop_only(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven)
    granted(org.sven, org.fay)
    assert not queries.inbox(org.fay, NOW).exists()
    refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, org.fay))


def test_a_delegate_of_the_requester_never_decides(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900", requester=org.axel)
    assert names(requisition, "active") == ["dora"]
    granted(org.axel, org.dora)
    error = refused(requisition, SelfApproval, lambda: decide(requisition, org.dora))
    assert "decides for Axel Brandt" in error.detail
    granted(org.dora, org.sven)
    granted(org.axel, org.sven)
    assert not queries.inbox(org.sven, NOW).exists()
    refused(requisition, SelfApproval, lambda: stand_in(requisition, org.dora, org.sven))


def test_who_decides_for_the_requester_in_other_documents_is_on_nobody_s_side(
    org: Organisation, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.subjects.names", lambda: ["order", "requisition"])
    requisition = submitted("900", requester=org.axel)
    granted(org.axel, org.dora, duties=["order"])
    assert decide(requisition, org.dora).status == "approved"


def test_a_delegate_is_kept_apart_by_what_they_did_themselves(
    org: Organisation, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    requisition = submitted("900")
    granted(org.axel, org.sven)
    known = subjects.of("requisition")
    did = replace(known, performed=lambda pk: {Duty.ORDER: frozenset({org.sven.pk})})
    monkeypatch.setitem(subjects._subjects, "requisition", did)
    with pytest.raises(DutiesConflict):
        stand_in(requisition, org.axel, org.sven)
    assert stand_in(requisition, org.axel, org.sven, decision="return").status == "returned"


def test_the_requester_does_not_decide_as_a_delegate(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900", requester=org.axel)
    granted(org.dora, org.axel)
    assert not queries.inbox(org.axel, NOW).exists()
    refused(requisition, SelfApproval, lambda: stand_in(requisition, org.dora, org.axel))


def test_whom_it_is_about_does_not_decide_nor_does_their_delegate(
    org: Organisation, submitted: Submit
) -> None:
    """As for a change of somebody's limit; not when it is forwarded or lent to them, either."""
    requisition = submitted("900")
    round_ = round_of(requisition)
    round_.facts["excluded"] = [str(org.sven.pk)]
    round_.save()
    granted(org.axel, org.sven)
    granted(org.axel, org.fay)
    granted(org.sven, org.fay)
    for other, says in ((org.sven, "This is about Sven"), (org.fay, "Fay Winter decides for")):
        refusal = refused(
            requisition,
            SelfApproval,
            lambda other=other: stand_in(requisition, org.axel, other),
        )
        assert says in refusal.detail
        refused(
            requisition,
            SelfApproval,
            lambda other=other: services.forward(
                step=step_of(requisition, org.axel), to=other, actor=org.axel, at=NOW
            ),
        )
    decide(requisition, org.axel)


def _policy(org: Organisation, *steps: dict[str, Any]) -> None:
    factories.policy(org.entity, "Test", [("all", {}, list(steps))], priority=1)


def test_who_has_a_seat_signs_for_nobody_else(org: Organisation, submitted: Submit) -> None:
    _policy(org, step(("role", "budget_owner"), mode="all"), step("manager"))
    requisition = submitted("900")
    granted(org.dora, org.sven)
    granted(org.dora, org.axel)
    refused(requisition, OnePersonOnce, lambda: stand_in(requisition, org.dora, org.sven))
    decide(requisition, org.sven)
    refused(requisition, OnePersonOnce, lambda: stand_in(requisition, org.dora, org.sven))
    refused(requisition, OnePersonOnce, lambda: stand_in(requisition, org.dora, org.axel))
    assert list(queries.inbox(org.sven, NOW)) == []


def test_who_signed_for_one_does_not_sign_for_another(org: Organisation, submitted: Submit) -> None:
    _policy(org, step(("role", "budget_owner"), mode="all"))
    requisition = submitted("900")
    granted(org.dora, org.fay)
    granted(org.sven, org.fay)
    assert queries.waiting_count(org.fay, NOW) == 2
    stand_in(requisition, org.dora, org.fay)
    assert queries.waiting_count(org.fay, NOW) == 0
    refused(requisition, OnePersonOnce, lambda: stand_in(requisition, org.sven, org.fay))
    decide(requisition, org.sven)


def test_who_signed_for_somebody_is_not_asked_for_more(
    org: Organisation, submitted: Submit
) -> None:
    _policy(org, step(("role", "budget_owner"), mode="all"))
    requisition = submitted("900")
    granted(org.dora, org.fay)
    stand_in(requisition, org.dora, org.fay)
    with pytest.raises(Conflict):
        services.forward(step=step_of(requisition, org.sven), to=org.fay, actor=org.sven, at=NOW)
    with pytest.raises(Conflict):
        services.add_approver(
            step=step_of(requisition, org.sven), person=org.fay, actor=org.sven, at=NOW
        )


def test_who_may_not_decide_any_more_is_no_delegate(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    granted(org.axel, org.fay)
    org.fay.role_assignments.all().delete()
    fay = type(org.fay).objects.get(pk=org.fay.pk)
    assert not queries.inbox(fay, NOW).exists()
    refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, fay))


def test_the_inbox_costs_two_statements_however_much_waits(
    org: Organisation, submitted: Submit
) -> None:
    """One about delegations, one about steps; for who decides for nobody, too."""
    granted(org.axel, org.dora)
    for more in (2, 10):
        for _ in range(more):
            submitted("900")
            submitted("900", requester=org.bea)
        for someone in (org.axel, org.dora):
            someone = type(someone).objects.get(pk=someone.pk)
            assert someone.roles
            with CaptureQueriesContext(connection) as seen:
                steps = list(queries.inbox(someone, NOW))
                shown = [(str(each.request.requester), str(each.assignee)) for each in steps]
            assert shown
            assert len(seen) == 2
    due = [(each.due_at, each.pk) for each in queries.inbox(org.dora, NOW)]
    assert len(due) == 24
    assert due == sorted(due)


# --- taken back ---------------------------------------------------------------------------------


def test_a_revocation_counts_at_once(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    given = granted(org.axel, org.sven)
    assert queries.waiting_count(org.sven, NOW) == 1
    done = services.revoke_delegation(delegation=given, actor=org.axel, at=NOW)
    assert (done.status, done.revoked_at) == ("revoked", NOW)
    assert queries.waiting_count(org.sven, NOW) == 0
    refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, org.sven))
    event = TrailEvent.objects.get(type="delegation.revoked")
    assert event.changes == [{"field": "status", "old": "standing", "new": "revoked"}]


def test_one_that_has_not_begun_is_discarded(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    later = NOW + timedelta(days=2)
    given = granted(org.axel, org.sven, valid_from=later)
    services.revoke_delegation(delegation=given, actor=org.dora, at=NOW)
    refused(requisition, NotAllowed, lambda: stand_in(requisition, org.axel, org.sven, at=later))


def test_nobody_else_takes_it_back(org: Organisation) -> None:
    given = granted(org.axel, org.sven)
    for actor in org.people.values():
        if actor not in (org.axel, org.dora, org.ada):
            nothing_granted(
                NotAllowed,
                lambda actor=actor: services.revoke_delegation(
                    delegation=given, actor=actor, at=NOW
                ),
            )
    given.refresh_from_db()
    assert given.status == "standing"


def test_what_is_over_is_not_taken_back(org: Organisation) -> None:
    given = granted(org.axel, org.sven)
    nothing_granted(
        IllegalTransition,
        lambda: services.revoke_delegation(delegation=given, actor=org.axel, at=NOW + WEEK),
    )
    services.revoke_delegation(delegation=given, actor=org.axel, at=NOW)
    nothing_granted(
        IllegalTransition,
        lambda: services.revoke_delegation(delegation=given, actor=org.axel, at=NOW),
    )


def test_links_die_with_a_grant_and_with_its_end(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    first = links.find(links.issue(step=step_of(requisition, org.axel), at=NOW))
    given = granted(org.axel, org.sven)
    first.refresh_from_db()
    assert first.void_reason == "delegation"
    second = links.find(links.issue(step=step_of(requisition, org.axel), at=NOW))
    services.revoke_delegation(delegation=given, actor=org.axel, at=NOW)
    second.refresh_from_db()
    assert second.void_reason == "delegation"


def test_links_of_who_now_stands_in_for_the_requester_die(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900", requester=org.axel)
    others = submitted("900", requester=org.bea)
    barred, open_still = (
        links.find(links.issue(step=step_of(each, org.dora), at=NOW))
        for each in (requisition, others)
    )
    granted(org.axel, org.dora)
    barred.refresh_from_db()
    open_still.refresh_from_db()
    assert (barred.void_reason, open_still.void_reason) == ("delegation", "")


def test_a_person_of_security_may_delegate_without_a_limit(
    org: Organisation, submitted: Submit
) -> None:
    """What is decided by role and not by amount has no amount to be capped by."""
    first, second = (
        person(name, entity=org.entity, roles=[Role.SECURITY]) for name in ("sina", "saul")
    )
    _policy(org, step(("person", first.email)))
    requisition = submitted("20000")
    granted(first, second)
    stand_in(requisition, first, second)
    assert round_of(requisition).status == "approved"
