"""What a stand-in signed is kept over a change like any other approval, or asked for again."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import requisitions.services
from accounts.models import Role, RoleAssignment
from approvals import services
from approvals.models import ApprovalRequest, ApprovalStep, Delegation
from core.models import TrailEvent
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import input_of
from tests.factories import NOW, Organisation, step

LATER = NOW + timedelta(hours=3)
Story = Callable[..., ApprovalRequest]


@pytest.fixture
def stand_in(org: Organisation) -> Any:
    """Somebody who may decide and is on no chain."""
    return factories.person("petra", entity=org.entity, roles=[Role.APPROVER])


@pytest.fixture
def story(org: Organisation, stand_in: Any, submitted: Callable[..., Requisition]) -> Story:
    """Petra signs for Axel, Sven returns it; `change` happens; Rita sends it again."""
    rule = ("Rule", {"all": []}, [step("manager_chain"), step(("person", org.sven.email))])
    factories.policy(org.entity, "Asked", [rule], priority=1)

    def tell(
        *, change: Callable[[Delegation], Any] = lambda _: None, price: str = "4000", **given: Any
    ) -> ApprovalRequest:
        made = submitted("4000")
        under = Delegation.objects.create(
            entity=org.entity, from_user=org.axel, to_user=stand_in, reason="Leave",
            created_by=org.axel, created_at=NOW,
            **{"valid_from": NOW, "valid_to": NOW + timedelta(days=5), **given},
        )  # fmt: skip
        for person, signer, decision in (
            (org.axel, stand_in, "approve"),
            (org.sven, org.sven, "return"),
        ):
            seat = ApprovalStep.objects.get(request__subject_id=made.pk, assignee=person)
            services.decide(step=seat, decision=decision, actor=signer, at=NOW, comment="So be it.")
        change(under)
        if price != "4000":
            requisitions.services.edit(
                requisition=made, data=input_of(org, price), actor=org.rita, at=LATER
            )
        requisitions.services.submit(requisition=made, actor=org.rita, at=LATER)
        return ApprovalRequest.objects.get(subject_id=made.pk, status="pending")

    return tell


def seat_of(round_: ApprovalRequest, person: Any) -> ApprovalStep:
    return ApprovalStep.objects.get(request=round_, assignee=person)


def left(person: Any) -> None:
    person.is_active = False
    person.save()


def revoked(under: Delegation) -> None:
    services.revoke_delegation(delegation=under, actor=under.from_user, at=LATER)


def capped(under: Delegation) -> None:
    under.max_amount = Decimal("3999.99")
    under.save()


def limit_of(person: Any, limit: str) -> None:
    person.approval_limit = Decimal(limit)
    person.save()


def moved(org: Organisation, person: Any) -> None:
    """To the other entity, with the same role there."""
    person.entity = org.uk
    person.save()
    RoleAssignment.objects.create(user=person, entity=org.uk, role=Role.APPROVER)


def stands_in_for_rita(org: Organisation, stand_in: Any) -> None:
    Delegation.objects.create(
        entity=org.entity, from_user=org.rita, to_user=stand_in, reason="Leave",
        valid_from=NOW, valid_to=NOW + timedelta(days=5), created_by=org.rita, created_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    "why",
    ["revoked", "left", "moved", "lost the role", "on the requester's side", "seat of their own",
     "capped since", "a higher amount"],
)  # fmt: skip
def test_it_is_asked_for_again(org: Organisation, stand_in: Any, story: Story, why: str) -> None:
    def asked_herself(_: Delegation) -> None:
        rule = ("Rule", {"all": []}, [step("manager_chain"), step(("person", stand_in.email))])
        factories.policy(org.entity, "Herself", [rule], priority=0)

    change = {
        "revoked": revoked,
        "left": lambda _: left(stand_in),
        "moved": lambda _: moved(org, stand_in),
        "lost the role": lambda _: RoleAssignment.objects.filter(user=stand_in).delete(),
        "on the requester's side": lambda _: stands_in_for_rita(org, stand_in),
        "seat of their own": asked_herself,
        "capped since": capped,
        "a higher amount": lambda _: None,
    }[why]
    again = story(change=change, price="4000.01" if why == "a higher amount" else "4000")
    assert seat_of(again, org.axel).status == "active"
    assert not TrailEvent.objects.filter(type="approval.kept").exists()


def test_the_cap_counts_where_nobody_s_limit_is_asked_for_too(
    org: Organisation, stand_in: Any, story: Story
) -> None:
    rule = ("Rule", {"all": []}, [step("manager"), step(("person", org.sven.email))])
    factories.policy(org.entity, "Plain", [rule], priority=0)
    assert seat_of(story(change=capped), org.axel).status == "active"


def test_an_untouched_version_does_not_ask_again(
    org: Organisation, stand_in: Any, story: Story
) -> None:
    again = story()
    kept = seat_of(again, org.axel)
    assert (kept.status, kept.decided_by, kept.decided_at) == ("approved", stand_in, NOW)
    assert kept.delegation is not None and kept.delegation.from_user == org.axel
    assert seat_of(again, org.sven).status == "active"
    assert not kept.tokens.exists() and kept.activated_at is None
    assert TrailEvent.objects.get(type="approval.kept").document_id == kept.pk


def test_it_stays_although_the_delegation_ran_out(org: Organisation, story: Story) -> None:
    again = story(valid_to=NOW + timedelta(hours=1))
    assert seat_of(again, org.axel).status == "approved"
