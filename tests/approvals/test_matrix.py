"""Every state of a step × every act × every persona, against rules that are written out here.

What is refused leaves every row as it was. Each case is undone before the next.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Role, User
from approvals import links, services
from approvals.links import LinkDead, SomebodyElses
from approvals.models import ActionToken, ApprovalStep, Delegation
from approvals.services import LimitTooLow, OnePersonOnce, SelfApproval
from core.errors import DomainError, IllegalTransition, Missing, NotAllowed
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import step_of
from tests.approvals.test_decide import Submit, state
from tests.factories import NOW, Organisation, person, step

DAY = timedelta(days=1)
STATES = tuple(ApprovalStep.Status.values)
DECIDED = ("approved", "rejected", "returned")
DECISIONS = ("approve", "reject", "return")
ACTS = (*DECISIONS, "forward", "ask", "add_approver", "link", "many")

# Who they are to the step, which is Dora's, about 900 asked for by Axel.
REQUESTERS = ("requester", "requester_as_delegate")
REQUESTER_SIDE = (*REQUESTERS, "requesters_delegate", "delegate_of_both")
STRANGERS = (
    "expired_delegate",
    "revoked_delegate",
    "future_delegate",
    "delegates_delegate",
    "delegate_for_orders",
    "delegate_without_role",
    "disabled_delegate",
    "disabled_assignees_delegate",
    "other_approver",
    "administrator",
    "superuser",
    "other_entity",
    "other_entity_with_a_delegation",
)
PERSONAS = (
    "assignee",
    "disabled_assignee",
    "delegate",
    "capped_delegate",
    "seated_delegate",
    *REQUESTER_SIDE,
    *STRANGERS,
)


def expected(state: str, act: str, who: str) -> type[DomainError] | None:
    """The error that the rules ask for; None where the act must succeed."""
    open_now = state == "active"
    if act == "link":
        if who not in ("assignee", "disabled_assignee"):
            return SomebodyElses
        return None if open_now and who == "assignee" else LinkDead
    if act == "many":
        return _many(state, who)
    barred = REQUESTERS if act in ("forward", "ask") else REQUESTER_SIDE
    if who in barred:
        return SelfApproval
    if not open_now:
        return IllegalTransition
    if who == "assignee":
        return None
    if act in ("forward", "ask"):
        return NotAllowed  # the assignee's own to give away
    return {
        "delegate": None,
        "capped_delegate": LimitTooLow,
        "seated_delegate": OnePersonOnce,
    }.get(who, NotAllowed)


def _many(state: str, who: str) -> type[DomainError] | None:
    """Of many only those count that the person may see; to others they do not exist."""
    sees = who in ("assignee", "disabled_assignee")
    sees = sees or (who == "delegate" and (state == "active" or state in DECIDED))
    if not sees:
        return Missing
    if state != "active":
        return IllegalTransition
    return NotAllowed if who == "disabled_assignee" else None


@dataclass
class Scene:
    requisition: Requisition
    step: ApprovalStep
    token: ActionToken
    people: dict[str, User]
    target: User


def lend(from_user: User, to_user: User, **changes: Any) -> Delegation:
    """A row as no service would refuse to write it any more: expired, foreign, or by force."""
    given = {
        "entity": from_user.entity,
        "from_user": from_user,
        "to_user": to_user,
        "valid_from": NOW - DAY,
        "valid_to": NOW + DAY,
        "reason": "Away",
        "created_by": from_user,
        "created_at": NOW - DAY,
    }
    return Delegation.objects.create(**{**given, **changes})


@pytest.fixture
def scene(org: Organisation, submitted: Submit) -> Scene:
    def somebody(name: str, *roles: str) -> User:
        return person(name.replace("_", "-"), entity=org.entity, roles=list(roles))

    chain = [step(("person", org.dora.email)), step(("person", org.cora.email))]
    factories.policy(org.entity, "Test", [("all", {}, chain)], priority=1)
    requisition = submitted("900", requester=org.axel)
    people: dict[str, User] = {
        "assignee": org.dora,
        "requester": org.axel,
        "requester_as_delegate": org.axel,
        "seated_delegate": org.cora,
        "administrator": org.ada,
        "other_entity": org.nils,
    }
    for name in PERSONAS:
        people.setdefault(name, somebody(name, Role.APPROVER))
    people["disabled_assignee"] = org.dora
    people["disabled_assignees_delegate"] = people["delegate"]
    people["other_entity_with_a_delegation"] = person(
        "foreign", entity=org.uk, roles=list(Role), approval_limit=10**6
    )
    people["superuser"] = person("root", entity=org.entity, roles=list(Role), approval_limit=10**6)
    people["superuser"].is_superuser = people["superuser"].is_staff = True
    people["superuser"].save()
    for name in ("delegate", "seated_delegate", "requester_as_delegate", "disabled_delegate",
                 "other_entity_with_a_delegation", "delegate_of_both"):  # fmt: skip
        lend(org.dora, people[name])
    for name in ("requesters_delegate", "delegate_of_both"):
        lend(org.axel, people[name])
    lend(org.dora, people["capped_delegate"], max_amount=Decimal("899.99"))
    lend(org.dora, people["expired_delegate"], valid_to=NOW)
    lend(org.dora, people["revoked_delegate"], status="revoked", revoked_at=NOW)
    lend(org.dora, people["future_delegate"], valid_from=NOW + timedelta(seconds=1))
    lend(org.dora, people["delegate_for_orders"], duties=["order"])
    lend(people["delegate"], people["delegates_delegate"])
    lend(org.dora, people["delegate_without_role"])
    people["delegate_without_role"].role_assignments.all().delete()
    User.objects.filter(pk=people["disabled_delegate"].pk).update(is_active=False)
    mine = step_of(requisition, org.dora)
    token = links.find(links.issue(step=mine, at=NOW))
    return Scene(requisition, mine, token, people, somebody("target", Role.APPROVER))


def put_into(scene: Scene, status: str) -> None:
    """The step in a state that it can have while its round is still pending."""
    stamps = (
        {"decided_by": scene.people["assignee"], "decided_at": NOW} if status in DECIDED else {}
    )
    ApprovalStep.objects.filter(pk=scene.step.pk).update(status=status, **stamps)


def perform(scene: Scene, act: str, user: User) -> Any:
    mine = ApprovalStep.objects.select_related("request").get(pk=scene.step.pk)
    said: dict[str, Any] = {"actor": user, "at": NOW}
    if act in DECISIONS:
        return services.decide(step=mine, decision=act, comment="So be it", **said)
    if act == "forward":
        return services.forward(step=mine, to=scene.target, **said)
    if act == "ask":
        return services.ask(step=mine, of=scene.people["requester"], question="Why?", **said)
    if act == "add_approver":
        return services.add_approver(step=mine, person=scene.target, **said)
    if act == "link":
        token = links.kept(scene.token.pk)
        return links.decide_by_link(token=token, decision="approve", signed_in=user, at=NOW)
    (outcome,) = services.decide_many(steps=[(mine.pk, None)], decision="approve", **said)
    if not outcome.ok:
        raise SLUGS[outcome.slug](outcome.detail)
    return outcome


SLUGS: dict[str, type[DomainError]] = {
    each.slug: each for each in (Missing, IllegalTransition, NotAllowed, SelfApproval)
}


class Undone(Exception):
    """Takes a case back."""


def outcome_of(scene: Scene, status: str, act: str, who: str) -> str:
    """What was wrong with a case, or nothing."""
    wanted = expected(status, act, who)
    try:
        with transaction.atomic():
            put_into(scene, status)
            if who in ("disabled_assignee", "disabled_assignees_delegate"):
                User.objects.filter(pk=scene.people["assignee"].pk).update(is_active=False)
            user = User.objects.get(pk=scene.people[who].pk)
            before = state(scene.requisition)
            try:
                perform(scene, act, user)
                found: type | None = None
            except DomainError as refusal:
                found = type(refusal)
            kept = state(scene.requisition) == before
            raise Undone
    except Undone:
        pass
    if found is not wanted:
        return f"{found} instead of {wanted}"
    if kept is not (wanted is not None):
        return "refused, but something changed" if wanted else "done, but nothing changed"
    return ""


@pytest.mark.parametrize("act", ACTS)
def test_every_state_and_persona(scene: Scene, act: str) -> None:
    wrong = {
        (status, who): fault
        for status, who in product(STATES, PERSONAS)
        if (fault := outcome_of(scene, status, act, who))
    }
    assert not wrong


def test_the_matrix_is_whole(scene: Scene) -> None:
    """Nobody of it is missing, and each of its rules is at work somewhere."""
    assert set(scene.people) == set(PERSONAS)
    cases = list(product(STATES, ACTS, PERSONAS))
    assert len(cases) == 7 * 8 * 22
    outcomes = {expected(*case) for case in cases}
    assert outcomes == {
        None, SelfApproval, IllegalTransition, NotAllowed, LimitTooLow, OnePersonOnce,
        LinkDead, SomebodyElses, Missing,
    }  # fmt: skip
    succeed = {(act, who) for status, act, who in cases if expected(status, act, who) is None}
    assert {who for _, who in succeed} == {"assignee", "delegate"}
