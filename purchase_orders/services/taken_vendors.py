"""Whom an order that was issued elsewhere is with: a vendor we know, or one that comes with it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from accounts.models import Entity, User
from core import events
from core.text import folded
from core.transactions import atomic
from purchase_orders.services.orders import VendorNotApproved
from vendors.models import Vendor

UNKNOWN_COUNTRY = "ZZ"
_TAKEN_FROM = (Vendor.Status.PROSPECT, Vendor.Status.IN_REVIEW, Vendor.Status.APPROVED)


@atomic
def vendor_for(
    *,
    entity: Entity,
    name: str,
    country: str = UNKNOWN_COUNTRY,
    tax_ids: Sequence[str] = (),
    currency: str,
    actor: User | None,
    at: datetime,
    **facts: str,
) -> Vendor:
    """The entity's vendor of an order issued elsewhere: by tax id, else by name and country.

    The order stands already, so that one that is not known yet comes in with it: in review where a
    buyer brings it, so that it gets no new order and its invoices stop until somebody else approves
    it; approved where an operator loads history. Raises VendorNotApproved for one that was
    suspended, blocked or archived.
    """
    known = _known_vendor(entity, name, country, tax_ids)
    if known is not None:
        if known.status not in _TAKEN_FROM:
            state = known.get_status_display().lower()
            raise VendorNotApproved(f"{known} is {state}; it gets no order.")
        return known
    status = Vendor.Status.APPROVED if actor is None else Vendor.Status.IN_REVIEW
    identity = f"{folded(name)}|{country}|{'|'.join(sorted(map(_plain, tax_ids)))}"
    vendor = Vendor(
        entity=entity,
        code=f"TO-{hashlib.sha256(identity.encode()).hexdigest()[:10].upper()}",
        name=name[:200],
        country=country,
        tax_id=(tax_ids[0] if tax_ids else "")[:32],
        currency=currency,
        status=status,
        created_at=at,
        **facts,
    )
    vendor._history_user = actor
    vendor.save()
    data = {"code": vendor.code, "name": vendor.name, "status": str(status)}
    events.publish("vendor.taken_over", vendor, actor=actor, at=at, data=data)
    return vendor


def _known_vendor(entity: Entity, name: str, country: str, tax_ids: Sequence[str]) -> Vendor | None:
    vendors = list(Vendor.objects.filter(entity=entity).order_by("code"))
    wanted = {_plain(each) for each in tax_ids} - {""}
    if wanted:
        by_tax_id = [each for each in vendors if _plain(each.tax_id) in wanted]
        if by_tax_id:
            return by_tax_id[0]
    alike = (
        each
        for each in vendors
        if folded(each.name) == folded(name)
        and each.country == country
        and not (wanted and _plain(each.tax_id))  # two tax ids that differ are two companies
    )
    return next(alike, None)


def _plain(tax_id: str) -> str:
    return "".join(each for each in tax_id.upper() if each.isalnum())
