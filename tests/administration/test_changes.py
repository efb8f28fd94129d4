"""Changes of the set-up: one proposes, another approves, nothing holds in between."""

from datetime import date
from decimal import Decimal

import pytest

import accounts.services
import approvals.services
from accounts import duties
from accounts.models import Duty, DutyPair, Entity, Role, User
from administration import services, subjects
from administration.models import ChangeRequest
from approvals.chain import NoApprover
from approvals.models import ApprovalPolicy, ApprovalStep
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
FORBIDDEN = ["rita", "axel", "dora", "bea", "rob", "finn", "fay", "cora", "vera", "olga", "nils"]


def wanted(org):
    """One proposal of each kind."""
    return {
        "roles": {"person": org.rob, "after": {"roles": ["receiver", "auditor"]}},
        "limits": {"person": org.axel, "after": {"approval_limit": "7500"}},
        "manager": {"person": org.rob, "after": {"manager": str(org.dora.pk)}},
        "mitigation": {
            "person": org.rob,
            "after": {"first": "order", "second": "receive", "valid_until": "2026-06-30"},
        },
        "duty_pairs": {"after": {"pairs": [["approve", "request", False]]}},
        "entity": {"after": {"emergency_cap": "2000", "on_call_approver": str(org.dora.pk)}},
    }


KINDS = ("roles", "limits", "manager", "mitigation", "duty_pairs", "entity")


def propose(org, kind, *, actor=None, **given):
    return services.propose(
        entity=org.entity,
        kind=kind,
        actor=actor or org.ada,
        at=NOW,
        reason="Asked for by the team",
        **{**wanted(org).get(kind, {}), **given},
    )


def decide(change, by=None, decision="approve", **given):
    step = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=step, decision=decision, actor=by or step.assignee, at=NOW, comment="Seen", **given
    )
    change.refresh_from_db()


def state(org):
    """Everything that a change can change."""
    people = User.objects.filter(entity=org.entity).order_by("pk")
    return (
        [(each.roles, each.approval_limit, each.manager_id, each.version) for each in people],
        list(DutyPair.objects.order_by("pk").values_list("first", "second", "at_grant")),
        list(Entity.objects.order_by("pk").values_list("emergency_cap", "on_call_approver")),
        sum(each.mitigations.count() for each in people),
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_administrators_propose(org, kind, persona):
    before = state(org)
    with pytest.raises(NotAllowed):
        propose(org, kind, actor=org.people[persona])
    assert state(org) == before
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("kind", ["roles", "limits", "manager", "mitigation"])
def test_nobody_proposes_about_themselves(org, kind):
    with pytest.raises(NotAllowed):
        propose(org, kind, person=org.ada)
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_proposal_changes_nothing_and_waits_for_somebody_else(org, kind):
    before = state(org)
    change = propose(org, kind)
    assert state(org) == before
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    assert (change.status, step.status, step.assignee) == ("proposed", "active", org.cora)
    told = TrailEvent.objects.get(document_id=change.pk)
    assert (told.type, told.actor) == ("setting_change.proposed", org.ada)
    assert told.changes


@pytest.mark.parametrize("kind", KINDS)
def test_approved_it_holds_at_once_with_one_event_of_what_changed(org, kind):
    change = propose(org, kind)
    decide(change)
    assert (change.status, change.decided_by) == ("applied", org.cora)
    org.entity.refresh_from_db()
    held = {
        "roles": lambda: User.objects.get(pk=org.rob.pk).roles == {"receiver", "auditor"},
        "limits": lambda: User.objects.get(pk=org.axel.pk).approval_limit == 7500,
        "manager": lambda: User.objects.get(pk=org.rob.pk).manager == org.dora,
        "mitigation": lambda: org.rob.mitigations.get().valid_until == date(2026, 6, 30),
        "duty_pairs": lambda: DutyPair.objects.get(entity=org.entity).first == "approve",
        "entity": lambda: (
            (org.entity.emergency_cap, org.entity.on_call_approver) == (Decimal(2000), org.dora)
        ),
    }
    assert held[kind]()
    written = {
        "roles": "person.roles_changed",
        "limits": "person.limits_changed",
        "manager": "person.manager_changed",
        "mitigation": "person.mitigated",
        "duty_pairs": "entity.duty_pairs_changed",
        "entity": "entity.settings_changed",
    }
    changed = TrailEvent.objects.filter(document_type__in=["person", "entity"])
    assert [(each.type, each.actor) for each in changed] == [(written[kind], org.cora)]
    assert TrailEvent.objects.filter(type="setting_change.applied").count() == 1


@pytest.mark.parametrize("decision", ["reject", "return"])
@pytest.mark.parametrize("kind", KINDS)
def test_refused_it_changes_nothing(org, kind, decision):
    before = state(org)
    change = propose(org, kind)
    decide(change, decision=decision)
    assert change.status == {"reject": "rejected", "return": "returned"}[decision]
    assert state(org) == before


def test_whom_it_is_about_is_not_asked(org):
    """The fallback approver decides, unless it is about the fallback approver."""
    org.cora.manager = factories.person("mona", entity=org.entity, roles=[Role.CONTROLLER])
    org.cora.save()
    change = propose(org, "limits", person=org.cora)
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    assert step.assignee == org.cora.manager


def test_where_nobody_else_may_decide_it_is_not_proposed(org):
    with pytest.raises(NoApprover):
        propose(org, "limits", person=org.cora)
    assert not ChangeRequest.objects.exists()


def test_whom_it_is_about_does_not_decide_even_when_it_is_handed_over(org):
    change = propose(org, "limits")
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    with pytest.raises(NotAllowed):
        approvals.services.forward(step=step, to=org.axel, actor=org.cora, at=NOW, comment="You?")
    for person in (org.axel, org.ada, None):
        with pytest.raises(NotAllowed):
            subjects.mark_approved(subject_id=change.pk, actor=person, at=NOW)
    change.refresh_from_db()
    assert change.status == "proposed"
    assert User.objects.get(pk=org.axel.pk).approval_limit == 5000


def test_a_policy_that_asks_nobody_passes_no_change(org):
    factories.policy(
        org.entity, "Free", [("All", {"all": []}, [])], applies_to="setting_change", priority=1
    )
    with pytest.raises(NotAllowed):
        propose(org, "roles")
    assert not ChangeRequest.objects.exists()
    assert User.objects.get(pk=org.rob.pk).roles == {"receiver"}


def test_what_was_changed_meanwhile_makes_a_proposal_stale(org):
    change = propose(org, "limits")
    accounts.services.set_limits(
        person=org.axel, limits={"variance_limit": Decimal(9)}, actor=None, at=NOW
    )
    with pytest.raises(services.StaleChange):
        decide(change)
    change.refresh_from_db()
    assert change.status == "proposed"
    assert User.objects.get(pk=org.axel.pk).approval_limit == 5000
    decide(change, decision="reject")


def test_one_change_of_a_kind_waits_at_a_time_for_a_person(org):
    change = propose(org, "roles")
    with pytest.raises(Conflict):
        propose(org, "roles", after={"roles": ["receiver", "requester"]})
    propose(org, "roles", person=org.rita, after={"roles": ["requester", "auditor"]})
    services.withdraw(change=change, actor=org.ada, at=NOW)
    propose(org, "roles")


def test_only_its_proposer_takes_it_back_and_only_once(org):
    change = propose(org, "roles")
    with pytest.raises(NotAllowed):
        services.withdraw(change=change, actor=org.cora, at=NOW)
    services.withdraw(change=change, actor=org.ada, at=NOW)
    assert ApprovalStep.objects.get(request__subject_id=change.pk).status == "skipped"
    with pytest.raises(IllegalTransition):
        services.withdraw(change=change, actor=org.ada, at=NOW)


@pytest.mark.parametrize(
    ("kind", "after", "pointer"),
    [
        ("roles", {"roles": ["emperor"]}, "/roles"),
        ("roles", {"roles": "receiver"}, "/roles"),
        ("roles", {"roles": [], "is_staff": True}, "/after/is_staff"),
        ("limits", {"approval_limit": "-1"}, "/approval_limit"),
        ("limits", {"approval_limit": "much"}, "/approval_limit"),
        ("limits", {"power": "1"}, "/after/power"),
        ("manager", {"manager": "nobody"}, "/manager"),
        ("mitigation", {"first": "order", "second": "receive", "valid_until": ""}, "/valid_until"),
        (
            "mitigation",
            {"first": "order", "second": "receive", "valid_until": "2027-12-31"},
            "/valid_until",
        ),
        (
            "mitigation",
            {"first": "order", "second": "receive", "valid_until": "2026-03-01"},
            "/valid_until",
        ),
        (
            "mitigation",
            {"first": "order", "second": "request", "valid_until": "2026-06-30"},
            "/pair",
        ),
        ("duty_pairs", {"pairs": [["order", "order", False]]}, "/pairs/0"),
        ("duty_pairs", {"pairs": [["order", "fly", False]]}, "/pairs/0"),
        ("duty_pairs", {"pairs": [["enter_invoice", "resolve", True]]}, "/pairs/0/at_grant"),
        ("duty_pairs", {"pairs": "all"}, "/pairs"),
        ("entity", {"emergency_cap": "-5"}, "/emergency_cap"),
        ("entity", {"splitting_window_days": 0}, "/splitting_window_days"),
        ("entity", {"unbudgeted_control": "maybe"}, "/unbudgeted_control"),
        ("entity", {"change_order_percent": "101"}, "/change_order_percent"),
        ("entity", {"change_order_amount": "-1"}, "/change_order_amount"),
        ("entity", {"change_order_days": "-1"}, "/change_order_days"),
        ("entity", {"order_over_requisition_percent": "-1"}, "/order_over_requisition_percent"),
        (
            "entity",
            {"on_call_approver": "00000000-0000-0000-0000-000000000000"},
            "/on_call_approver",
        ),
        ("entity", {"currency": "USD"}, "/after/currency"),
    ],
)
def test_refused_proposals_name_the_field(org, kind, after, pointer):
    with pytest.raises(Invalid) as caught:
        propose(org, kind, after=after)
    assert caught.value.errors[0].pointer == pointer
    assert not ChangeRequest.objects.exists()


def test_nothing_is_proposed_that_is_so_already_nor_without_a_reason(org):
    with pytest.raises(Invalid):
        propose(org, "roles", after={"roles": ["receiver"]})
    with pytest.raises(Invalid) as caught:
        services.propose(
            entity=org.entity,
            kind="roles",
            actor=org.ada,
            at=NOW,
            reason=" ",
            **wanted(org)["roles"],
        )
    assert caught.value.errors[0].pointer == "/reason"


def test_roles_that_are_never_held_together_are_refused_at_the_proposal_by_both_names(org):
    with pytest.raises(duties.RolesConflict) as caught:
        propose(org, "roles", after={"roles": ["receiver", "buyer"]})
    (error,) = caught.value.errors
    assert error.pointer == "/roles"
    assert "Buyer" in error.detail and "Receiver" in error.detail
    assert not ChangeRequest.objects.exists()


def test_a_mitigation_lets_roles_be_given_until_its_day(org):
    decide(propose(org, "mitigation"))
    decide(propose(org, "roles", after={"roles": ["receiver", "buyer"]}))
    assert User.objects.get(pk=org.rob.pk).roles == {"receiver", "buyer"}


def test_a_policy_comes_into_force_by_approval_of_somebody_who_did_not_write_it(org):
    draft = _sound_draft(org)
    change = propose(org, "policy", policy=draft, after={})
    assert ApprovalStep.objects.get(request__subject_id=change.pk).assignee == org.cora
    decide(change)
    draft.refresh_from_db()
    assert (draft.status, draft.activated_by) == (ApprovalPolicy.Status.ACTIVE, org.cora)


def test_a_policy_edited_after_it_was_proposed_is_stale(org):
    draft = _sound_draft(org)
    change = propose(org, "policy", policy=draft, after={})
    draft.rules.update(name="Otherwise")
    with pytest.raises(services.StaleChange):
        decide(change)
    draft.refresh_from_db()
    assert draft.status == ApprovalPolicy.Status.DRAFT


def _sound_draft(org):
    draft = factories.policy(
        org.entity, "Orders", [("All", {"all": []}, [factories.step(("role", "controller"))])]
    )
    ApprovalPolicy._base_manager.filter(pk=draft.pk).update(status="draft")
    draft = ApprovalPolicy.objects.get(pk=draft.pk)
    draft.editors.add(org.ada)
    return draft


def test_a_new_person_waits_for_roles_until_somebody_agrees(org):
    mia = services.add_person(
        entity=org.entity,
        email="mia@demo.example",
        name="Mia Kern",
        manager=org.axel,
        roles=[Role.REQUESTER],
        actor=org.ada,
        at=NOW,
    )
    assert not mia.roles
    decide(ChangeRequest.objects.get(person=mia))
    assert User.objects.get(pk=mia.pk).roles == {Role.REQUESTER}


def test_changes_are_seen_by_oversight_the_person_and_who_decides(org):
    change = propose(org, "limits")
    seen = {
        name
        for name, person in org.people.items()
        if ChangeRequest.objects.visible_to(person).filter(pk=change.pk).exists()
    }
    assert seen == {"ada", "cora", "olga", "axel"}


def test_every_pair_of_duties_but_the_tolerated_is_kept_apart_by_default(org):
    pairs = {(first, second) for first, second, _ in duties.default_pairs()}
    assert len(pairs) == 28 - len(duties.TOLERATED)
    assert (Duty.APPROVE, Duty.REQUEST) in pairs
