"""Changing master data: at once while nothing is ordered from a vendor yet, else by two people.

Whoever asks a second person lies above this app and registers the function that asks.
"""

from collections.abc import Callable
from datetime import datetime

from accounts.models import User
from core.documents import Document
from core.transactions import atomic
from vendors import services
from vendors.inputs import ContactInput, VendorInput
from vendors.models import Vendor

WHO_IS_PAID = "it changes who gets orders and money"
Proposer = Callable[..., Document]
_proposers: list[Proposer] = []


def register(proposer: Proposer) -> None:
    """Let `proposer(vendor=, data=, actor=, at=, reason=)` ask somebody else to agree to a change;
    called in `AppConfig.ready()` of who can. It returns the proposal."""
    _proposers[:] = [proposer]


@atomic
def change(
    *,
    vendor: Vendor,
    data: VendorInput,
    actor: User,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Document:
    """Edit it, or propose the edit where it takes two people; returns the vendor or the proposal.

    Raises NotAllowed, StaleVersion, Invalid (also without a reason for a proposal), Conflict while
    another change of it waits.
    """
    if not vendor.takes_two_people or not _proposers:
        return services.edit(
            vendor=vendor, data=data, actor=actor, at=at, expected_version=expected_version
        )
    vendor = Vendor.objects.select_for_update(no_key=True).get(pk=vendor.pk)
    vendor.require_version(expected_version)
    return _proposers[0](vendor=vendor, data=data, actor=actor, at=at, reason=reason)


def present(vendor: Vendor) -> VendorInput:
    """The vendor as it stands, as the input it could have come from."""
    names = [name for name in VendorInput.__dataclass_fields__ if name != "contacts"]
    contacts = [
        ContactInput(each.name, each.email, each.role) for each in vendor.contacts.order_by("pk")
    ]
    return VendorInput(**{name: getattr(vendor, name) for name in names}, contacts=contacts)
