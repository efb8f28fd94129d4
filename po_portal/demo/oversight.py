"""Which duties the demo's entities keep apart, their exceptions, and changes that wait."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import administration.services
import approvals.services
from accounts import duties
from accounts.models import Duty, Entity
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from po_portal.demo.history import Player, Story
from po_portal.demo.organisation import BRITAIN, GERMANY
from vendors.models import Vendor

Steps = Iterator[datetime]
# Two people run the branch in Leeds: who approves there also enters the invoices, and roles may be
# combined; on one purchase everything else still takes both.
LEEDS_TOLERATES = {duties.ordered(Duty.APPROVE, Duty.ENTER_INVOICE)}


def load(*, at: datetime) -> None:
    """The pairs of both entities, as they were set up."""
    for entity in Entity.objects.filter(code__in=(GERMANY, BRITAIN)):
        pairs = duties.default_pairs()
        if entity.code == BRITAIN:
            pairs = [(a, b, False) for a, b, _ in pairs if (a, b) not in LEEDS_TOLERATES]
        duties.set_pairs(entity=entity, pairs=pairs, actor=None, at=at)


def weekend_deliveries(p: Player) -> Steps:
    """An exception from two duties, proposed and approved."""
    yield p.day(35, 9, 20)
    change = administration.services.propose(
        entity=p.entity,
        kind=ChangeRequest.Kind.MITIGATION,
        person=p.people["axel"],
        after={
            "first": Duty.APPROVE,
            "second": Duty.RECEIVE,
            "valid_until": (p.today() + timedelta(days=180)).isoformat(),
        },
        reason="Takes deliveries at the data centre at weekends; Controlling samples them monthly.",
        actor=p.people["ada"],
        at=p.at,
    )
    yield p.later(hours=4)
    step = ApprovalStep.objects.select_related("assignee").get(
        request__subject_id=change.pk, status=ApprovalStep.Status.ACTIVE
    )
    approvals.services.decide(
        step=step, decision="approve", actor=step.assignee, at=p.at, comment="Until the autumn."
    )


def a_higher_limit(p: Player) -> Steps:
    """A change that waits for Controlling."""
    yield p.day(1, 15, 10)
    administration.services.propose(
        entity=p.entity,
        kind=ChangeRequest.Kind.LIMITS,
        person=p.people["axel"],
        after={"approval_limit": "15000"},
        reason="Leads the move of the data centre until summer.",
        actor=p.people["ada"],
        at=p.at,
    )


def a_new_address(p: Player) -> Steps:
    """A vendor's new address for orders, which waits for Controlling."""
    yield p.day(1, 16, 40)
    vendor = Vendor.objects.get(entity=p.entity, code="V-1009")
    administration.services.propose(
        entity=p.entity,
        kind=ChangeRequest.Kind.VENDOR,
        vendor=vendor,
        after={"order_email": f"auftrag@{vendor.order_email.partition('@')[2]}"},
        reason="Asked for by mail; called back on the number of our contract, and confirmed.",
        actor=p.people["vera"],
        at=p.at,
    )


STORIES: dict[str, list[Story]] = {
    GERMANY: [weekend_deliveries, a_higher_limit, a_new_address],
    BRITAIN: [],
}
