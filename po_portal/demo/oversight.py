"""Which duties the demo's entities keep apart, their exceptions, and changes that wait."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import administration.services
import approvals.services
from accounts import duties
from accounts.models import Duty, Entity
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from po_portal.demo import accounts
from po_portal.demo.history import Player, Story
from po_portal.demo.organisation import BRITAIN, GERMANY
from vendors.models import Vendor
from vendors.services import bank

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


def _asked_for(p: Player, code: str, reason: str) -> None:
    """Another account in place of the vendor's own."""
    vendor = Vendor.objects.get(entity=p.entity, code=code)
    bank.request(
        vendor=vendor,
        data=accounts.as_input(vendor, series=8),
        actor=p.people["vera"],
        at=p.at,
        reason=reason,
        replaces=vendor.bank_accounts.get(),
    )


def an_account_that_cools(p: Player) -> Steps:
    """Verified on the last working day: the old account counts a while longer."""
    yield p.day(1, 9, 10)
    _asked_for(p, "V-1006", "Letter of their new bank, signed by both directors.")
    yield p.later(hours=3)
    change = ChangeRequest.objects.get(kind=ChangeRequest.Kind.BANK, vendor__code="V-1006")
    step = ApprovalStep.objects.select_related("assignee").get(
        request__subject_id=change.pk, status=ApprovalStep.Status.ACTIVE
    )
    approvals.services.decide(
        step=step,
        decision="approve",
        actor=step.assignee,
        at=p.at,
        comment="Called Freja Holm on the number in our contract; she read it out to me.",
    )


def an_account_asked_for_by_mail(p: Player) -> Steps:
    """Waits for Controlling, who has to call first."""
    yield p.day(1, 14, 5)
    _asked_for(p, "V-1010", "A mail to accounts payable: please use our new account at once.")


def billed_to_another_account(p: Player) -> Steps:
    """Not a cent differs, but the money would go elsewhere."""
    yield p.day(20, 13, 30)
    made = p.request("rita", "Keyboards for the new desks", ("KB-MS-SET", 4, "CC400"))
    yield from p.agree(made)
    yield p.later(hours=5)
    order = p.order(made)
    yield p.later(days=6)
    p.receive(order, {1: 4}, "W-7922")
    yield p.later(days=2)
    p.bill(order, "R-20718", {1: 4}, account=accounts.of(order.vendor, series=3))


STORIES: dict[str, list[Story]] = {
    GERMANY: [
        weekend_deliveries,
        a_higher_limit,
        a_new_address,
        an_account_that_cools,
        an_account_asked_for_by_mail,
        billed_to_another_account,
    ],
    BRITAIN: [],
}
