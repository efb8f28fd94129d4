"""Vendors: enter, change, review, approve, suspend, block."""

from datetime import datetime
from typing import Any

from accounts.models import Entity, Role, User
from accounts.permissions import role
from core import events, text
from core.errors import Conflict, Invalid, NotAllowed
from core.transactions import atomic
from core.transitions import perform
from vendors import validation
from vendors.inputs import VendorInput
from vendors.models import Vendor, VendorContact

_MANAGES = role(Role.VENDOR_MANAGER)
_FIELDS = (
    "code",
    "name",
    "family",
    "tax_id",
    "country",
    "currency",
    "address",
    "order_email",
    "payment_terms_days",
    "default_match_type",
)
# What decides who is paid and who is asked: whoever steals a vendor's name begins here.
ALARMING = frozenset({"tax_id", "order_email", "contacts"})


class TwoPeopleNeeded(Conflict):
    slug = "two-people-needed"
    title = "Somebody else must agree to this."


@atomic
def create(*, entity: Entity, data: VendorInput, actor: User | None, at: datetime) -> Vendor:
    """A prospect of the entity. Raises NotAllowed for all but vendor managers, Invalid."""
    vendor = Vendor(entity=entity, created_at=at)
    _require_manager(vendor, actor)
    validation.judge(entity=entity, data=data)
    _store(vendor, data, actor)
    events.publish("vendor.created", vendor, actor=actor, at=at)
    return vendor


@atomic
def edit(
    *,
    vendor: Vendor,
    data: VendorInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
    proposed_by: User | None = None,
    reason: str = "",
) -> Vendor:
    """Replace a vendor's master data.

    One that was approved once changes only by two people: a vendor manager proposed it, `actor`
    agrees. Its old addresses are told then (rule A5). Raises NotAllowed, TwoPeopleNeeded,
    StaleVersion, Invalid.
    """
    vendor = locked(vendor)
    _require_people(vendor, actor, proposed_by)
    vendor.require_version(expected_version)
    validation.judge(entity=vendor.entity, data=data, vendor=vendor)
    before, old_addresses = _said(vendor), addresses(vendor)
    vendor.contacts.all().delete()
    _store(vendor, data, actor)
    changes = events.differences(before, _said(vendor))
    alarming = any(change["field"] in ALARMING for change in changes)
    events.publish(
        "vendor.edited",
        vendor,
        actor=actor,
        at=at,
        reason=reason,
        changes=changes,
        data={
            "proposed_by": str(proposed_by.pk) if proposed_by else "",
            "notice_to": old_addresses if alarming and vendor.takes_two_people else [],
        },
    )
    return vendor


@atomic
def submit(*, vendor: Vendor, actor: User, at: datetime, reason: str = "") -> Vendor:
    """Put a prospect up for review. Raises IllegalTransition, NotAllowed, as all verbs below."""
    return _move(vendor, "submit", "vendor.submitted", actor, at, reason)


@atomic
def approve(*, vendor: Vendor, actor: User, at: datetime, reason: str = "") -> Vendor:
    """Let it receive orders."""
    return _move(vendor, "approve", "vendor.approved", actor, at, reason)


@atomic
def reject(*, vendor: Vendor, actor: User, at: datetime, reason: str) -> Vendor:
    """Send it back to prospect, with the reason."""
    return _move(vendor, "reject", "vendor.rejected", actor, at, reason, needs_reason=True)


@atomic
def suspend(*, vendor: Vendor, actor: User, at: datetime, reason: str) -> Vendor:
    """No new orders for the time being; what is ordered goes on."""
    return _move(vendor, "suspend", "vendor.suspended", actor, at, reason, needs_reason=True)


@atomic
def reinstate(*, vendor: Vendor, actor: User, at: datetime, reason: str = "") -> Vendor:
    """Orders may go to it again."""
    return _move(vendor, "reinstate", "vendor.reinstated", actor, at, reason)


@atomic
def block(*, vendor: Vendor, actor: User, at: datetime, reason: str) -> Vendor:
    """No orders any more."""
    return _move(vendor, "block", "vendor.blocked", actor, at, reason, needs_reason=True)


def _move(
    vendor: Vendor,
    verb: str,
    event: str,
    actor: User,
    at: datetime,
    reason: str,
    *,
    needs_reason: bool = False,
) -> Vendor:
    vendor = locked(vendor)
    perform(getattr(vendor, verb), actor=actor, at=at)
    if faults := text.check(reason, "/reason", most=2000, required=needs_reason, multiline=True):
        raise Invalid(errors=faults)
    vendor.save()
    events.publish(event, vendor, actor=actor, at=at, reason=reason)
    return vendor


def locked(vendor: Vendor) -> Vendor:
    """The vendor as it stands, locked until the transaction ends."""
    rows = Vendor.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("entity").get(pk=vendor.pk)


def _require_manager(vendor: Vendor, actor: User | None) -> None:
    """A vendor manager of the entity, or the portal itself (imports)."""
    if actor is not None and not _MANAGES(vendor, actor):
        raise NotAllowed("You are not allowed to manage vendors.")


def _require_people(vendor: Vendor, actor: User, proposed_by: User | None) -> None:
    if not vendor.takes_two_people:
        _require_manager(vendor, actor)
        return
    _require_manager(vendor, proposed_by or actor)
    if proposed_by is None:
        raise TwoPeopleNeeded(f"{vendor} was approved: somebody else must agree to a change of it.")
    if actor.pk == proposed_by.pk or not actor.is_active or actor.entity_id != vendor.entity_id:
        raise NotAllowed("Somebody else of the entity must agree to this.")


def addresses(vendor: Vendor) -> list[str]:
    """Where the vendor can be reached, orders first, each once."""
    contacts = vendor.contacts.order_by("pk").values_list("email", flat=True)
    return list(dict.fromkeys(filter(None, [vendor.order_email, *contacts])))


def _store(vendor: Vendor, data: VendorInput, actor: User | None) -> None:
    for name in _FIELDS:
        setattr(vendor, name, getattr(data, name))
    vendor._history_user = actor
    vendor.save()
    VendorContact.objects.bulk_create(
        VendorContact(vendor=vendor, name=each.name, email=each.email, role=each.role)
        for each in data.contacts
    )


def _said(vendor: Vendor) -> dict[str, Any]:
    contacts = vendor.contacts.order_by("pk").values_list("name", "email", "role")
    return {
        **{name: getattr(vendor, name) for name in _FIELDS},
        "contacts": [", ".join(part for part in contact if part) for contact in contacts],
    }
