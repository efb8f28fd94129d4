"""Where a vendor is paid. What is asked for lies in `vendors`, sealed; here it is shown masked."""

from datetime import datetime
from typing import Any

import vendors.services
from accounts.duties import require_apart
from accounts.models import Duty
from administration.kinds.values import Kind, Values, only, wrong
from administration.models import ChangeRequest
from approvals.subjects import Change
from invoicing import queries as invoices
from vendors.models import BankAccount

CALL_BACK = (
    "Before you approve: call the vendor at a number that you knew before, and write down whom you "
    "called and what they said."
)


def _account(change: ChangeRequest, said: Any = None) -> BankAccount:
    rows = BankAccount.objects.select_related("vendor", "replaces")
    return rows.get(pk=said or change.after["account"], vendor=change.vendor_id)


def _read(change: ChangeRequest) -> Values:
    """The accounts that count or will: whoever verified one meanwhile makes others stale."""
    verified = BankAccount.objects.filter(
        vendor=change.vendor_id, status=BankAccount.Status.VERIFIED
    )
    return {"verified": [str(pk) for pk in verified.order_by("pk").values_list("pk", flat=True)]}


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    """Only what was asked for a moment ago, by whoever proposes it: see `vendors.services.bank`."""
    only(after, "account")
    asked = BankAccount.objects.filter(
        vendor=change.vendor_id,
        status=BankAccount.Status.PENDING,
        requested_by=change.proposed_by_id,
    ).first()
    if asked is None or str(asked.pk) != str(after.get("account")):
        raise wrong("/after/account", "unknown", "Ask for a bank account at its vendor.")
    _keep_apart(change, change.proposed_by, at)
    return {"account": str(asked.pk)}


def _apply(change: ChangeRequest, actor: Any, at: datetime) -> None:
    _keep_apart(change, actor, at)
    vendors.services.bank.verify(
        account=_account(change),
        actor=actor,
        proposed_by=change.proposed_by,
        at=at,
        note=change.note,
    )


def _drop(change: ChangeRequest, actor: Any, at: datetime, reason: str) -> None:
    vendors.services.bank.drop(account=_account(change), actor=actor, at=at, reason=reason)


def _keep_apart(change: ChangeRequest, person: Any, at: datetime) -> None:
    """Who works on what the vendor is owed has no say in where it goes. Raises DutiesConflict."""
    vendor = change.vendor
    assert vendor is not None
    require_apart(
        entity=change.entity,
        person=person,
        duty=Duty.VENDOR_BANK,
        performed=invoices.performed_for(vendor, at=at),
        at=at,
        about=vendor,
    )


def _rows(change: ChangeRequest) -> list[Change]:
    account = _account(change)
    old = account.replaces
    paid_to = Change("Paid to" if old else "May also be paid to", str(old or "none"), account.shown)
    others = [
        Change("Holder", old.holder if old else "none", account.holder),
        Change("BIC", (old.bic if old else "") or "none", account.bic or "none"),
        Change("Currency", old.currency if old else "none", account.currency),
    ]
    warnings = vendors.services.bank.warnings(account)
    return [
        paid_to,  # also where both end in the same four
        *(row for row in others if row.old != row.new),
        *(Change("Look at this", "", warning) for warning in warnings),
    ]


BANK = Kind(_read, _check, _apply, _rows, _drop)
