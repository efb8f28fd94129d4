"""A round replayed from its facts: the same people again whatever changed since, or it says so."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, RoleAssignment
from approvals import services
from approvals.models import ApprovalRequest, ApprovalStep, Delegation, PolicyRule
from approvals.replay import replay, replay_all
from core.models import TrailEvent
from tests import factories
from tests.approvals.conftest import round_of, step_of
from tests.factories import NOW, Organisation, step

Submit = Callable[..., Any]
LATER = NOW + timedelta(hours=1)


def lend(org: Organisation, giver: Any, taker: Any, **given: Any) -> Delegation:
    return Delegation.objects.create(
        entity=org.entity, from_user=giver, to_user=taker, reason="Leave", created_by=giver,
        **{"valid_from": NOW, "valid_to": NOW + timedelta(days=5), "created_at": NOW, **given},
    )  # fmt: skip


def changed(thing: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(thing, name, value)
    thing.save()


@pytest.fixture(autouse=True)
def recorded(org: Organisation) -> None:
    """The settings of the entity are on record, as its own services would leave them."""
    org.entity.save()


@pytest.fixture
def wide(org: Organisation) -> Organisation:
    """Managers up to the limit, then whoever is in security, then budget owners, two of three."""
    factories.person("sara", entity=org.entity, roles=[Role.SECURITY])
    board = [("person", org.people[name].email) for name in ("sven", "cora", "ada")]
    rule = [step("manager_chain"), step(("role", Role.SECURITY)),
            {**step(*board, mode="quorum"), "quorum": 2}]  # fmt: skip
    factories.policy(org.entity, "Wide", [("Everything", {"all": []}, rule)], priority=1)
    return org


def test_an_untouched_round_comes_to_the_same_people(wide: Organisation, submitted: Submit) -> None:
    again = replay(round_of(submitted("20000")))
    assert (again.differences, again.agrees, again.rule) == ((), True, "Everything")
    assert again.then == again.again
    assert again.then[-1] == "2 of Ada Okafor, Cora Neumann, Sven Aydin"


@pytest.mark.parametrize(
    "since",
    [
        lambda org: changed(org.axel, approval_limit=Decimal(1)),
        lambda org: changed(org.rita, manager=org.cora),
        lambda org: changed(org.dora, is_active=False),
        lambda org: changed(org.entity, fallback_approver=org.ada),
        lambda org: factories.person("sid", entity=org.entity, roles=[Role.SECURITY]),
        lambda org: RoleAssignment.objects.get(entity=org.entity, role=Role.SECURITY).delete(),
        lambda org: lend(org, org.rita, org.dora, created_at=LATER, valid_from=LATER),
        lambda org: factories.policy(
            org.entity, "Newer", [("Other", {"all": []}, [step("manager")])], priority=0
        ),
    ],
    ids=["limit", "manager", "left", "fallback", "joined", "role", "delegation", "policy"],
)
def test_what_changed_since_changes_nothing(
    wide: Organisation, submitted: Submit, since: Callable[[Organisation], Any]
) -> None:
    round_ = round_of(submitted("20000"))
    since(wide)
    assert replay(round_).differences == ()


def test_a_delegation_of_then_that_was_revoked_since_still_excludes(
    org: Organisation, submitted: Submit
) -> None:
    lent = lend(org, org.rita, org.axel, created_at=NOW - timedelta(days=1))
    round_ = round_of(submitted("900"))
    services.revoke_delegation(delegation=lent, actor=org.rita, at=LATER)
    again = replay(round_)
    assert (again.differences, again.again) == ((), again.then)
    assert "Axel Brandt" not in again.then[0]


def test_a_newer_version_of_its_policy_does_not_count(
    wide: Organisation, submitted: Submit
) -> None:
    round_ = round_of(submitted("20000"))
    newer = services.new_version(policy=round_.policy, actor=wide.ada, at=LATER)
    PolicyRule.objects.filter(policy=newer).update(steps=[step("manager")])
    services.activate(policy_version=newer, actor=wide.cora, at=LATER)
    assert replay(round_).differences == ()


def test_who_stepped_in_since_does_not_count(wide: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    services.nudge(at=NOW + timedelta(days=10))
    round_ = round_of(requisition)
    assert ApprovalStep.objects.filter(request=round_, replaces__isnull=False).exists()
    assert replay(round_).differences == ()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            lambda round_: ApprovalRequest.objects.filter(pk=round_.pk).update(
                facts={**round_.facts, "tier_amount": "900"}
            ),
            "Dora Lindqvist was asked and is not found again.",
        ),
        (
            lambda round_: PolicyRule.objects.filter(policy=round_.policy).update(
                steps=[step("manager")]
            ),
            "Ada Okafor, Cora Neumann, Dora Lindqvist, Sara Person, Sven Aydin was asked and is "
            "not found again.",
        ),
        (
            lambda round_: PolicyRule.objects.filter(policy=round_.policy).update(name="Renamed"),
            "“Everything” decided then; the stored facts lead to “Renamed”.",
        ),
        (
            lambda round_: ApprovalStep.objects.filter(
                request=round_, assignee__name="Dora Lindqvist"
            ).delete(),
            "Dora Lindqvist was asked by the trail and has no step.",
        ),
        (
            lambda round_: PolicyRule.objects.filter(policy=round_.policy).update(
                steps=[{"mode": "nonsense"}]
            ),
            "It would be refused: A step's mode is all, any or quorum, not “nonsense”.",
        ),
    ],
    ids=["facts", "steps of the rule", "name of the rule", "a step", "a rule nobody can read"],
)
def test_what_was_edited_behind_the_portal_shows(
    wide: Organisation, submitted: Submit, edit: Callable[[ApprovalRequest], Any], said: str
) -> None:
    round_ = round_of(submitted("20000"))
    edit(round_)
    again = replay(ApprovalRequest.objects.get(pk=round_.pk))
    assert said in again.differences and not again.agrees


def test_a_step_given_to_somebody_else_behind_the_portal_shows(
    wide: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    ApprovalStep.objects.filter(pk=step_of(requisition, wide.axel).pk).update(assignee=wide.bea)
    said = replay(round_of(requisition)).differences
    assert "Bea Hoffmann has a step that the trail does not know." in said
    assert "Axel Brandt was asked by the trail and has no step." in said


def test_a_round_older_than_the_written_chain_is_read_from_its_steps(
    wide: Organisation, submitted: Submit
) -> None:
    round_ = round_of(submitted("20000"))
    opened = TrailEvent.objects.get(document_id=round_.pk, type="approval_request.opened")
    assert [each["assignee"] for each in opened.data["chain"]]
    again = replay(round_)
    assert again.then and again.agrees


def test_no_policy_and_no_people_replay_too(org: Organisation, submitted: Submit) -> None:
    org.policies["standard"].rules.all().delete()
    first = round_of(submitted("900"))
    assert replay(first).differences == ()
    factories.policy(org.entity, "Free", [("Nobody", {"all": []}, [])], priority=0)
    second = round_of(submitted("901"))
    assert (replay(second).then, replay(second).differences) == ((), ())


def test_many_read_the_archive_once(
    wide: Organisation, submitted: Submit, django_assert_num_queries: Any
) -> None:
    for price in ("900", "901", "902"):
        submitted(price)
    rounds = list(ApprovalRequest.objects.select_related("entity", "policy", "requester"))
    one = len(rounds)
    with django_assert_num_queries(11 + 2 * one):
        assert all(each.agrees for each in replay_all(rounds))


def test_the_command_passes_and_names_what_differs(wide: Organisation, submitted: Submit) -> None:
    said = StringIO()
    round_ = round_of(submitted("20000"))
    submitted("900")
    call_command("replay_approvals", stdout=said)
    assert "replayed 2" in said.getvalue() and "the same people" in said.getvalue()
    ApprovalRequest.objects.filter(pk=round_.pk).update(
        facts={**round_.facts, "tier_amount": "900"}
    )
    with pytest.raises(CommandError, match="1 came to other people"):
        call_command("replay_approvals", "--entity", "DE01", stdout=said)
    assert str(round_.pk) in said.getvalue() and "is not found again" in said.getvalue()
    call_command("replay_approvals", "--entity", "UK01", stdout=said)
    call_command("replay_approvals", "--since", "2026-03-03", stdout=said)


@pytest.mark.parametrize("wrong", [["--entity", "XX"], ["--since", "yesterday"]])
def test_the_command_says_what_it_does_not_know(org: Organisation, wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("replay_approvals", *wrong, stdout=StringIO())
