"""Reading what became of mail: addresses that refuse it, and letters that did not go out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Lower

from accounts.models import Entity, User
from notifications.models import BouncingAddress, OutgoingMail
from vendors.models import Vendor


@dataclass(frozen=True)
class Bouncing:
    """An address that refuses mail for good, and whose it is: a person's or a vendor's."""

    email: str
    owner: Any
    kind: str  # person | vendor
    since: datetime
    last_at: datetime
    refusals: int
    error: str


def bouncing(entity: Entity) -> list[Bouncing]:
    """The entity's people and vendors whom mail does not reach, the longest first.

    Statements: 3.
    """
    known = {each.email: each for each in BouncingAddress.objects.all()}
    people = User.objects.filter(entity=entity).annotate(mailbox=Lower("email"))
    vendors = Vendor.objects.filter(entity=entity).annotate(mailbox=Lower("order_email"))
    found = [
        Bouncing(
            email=row.email,
            owner=owner,
            kind=kind,
            since=row.since,
            last_at=row.last_at,
            refusals=row.refusals,
            error=row.error,
        )
        for kind, owners in (("person", people), ("vendor", vendors))
        for owner in owners.filter(mailbox__in=list(known))
        for row in (known[owner.mailbox],)
    ]
    return sorted(found, key=lambda each: (each.since, each.email))


def not_sent() -> QuerySet[OutgoingMail]:
    """Mail that failed or was refused and has not gone out since, newest first."""
    lost = (OutgoingMail.Status.FAILED, OutgoingMail.Status.REFUSED)
    return OutgoingMail.objects.filter(status__in=lost).order_by(F("created_at").desc())
