"""Where a vendor is paid: asked for by one person, verified by another, in use after a while.

Nobody edits an account: a change is a new one, and the old one counts until the new one does. Who
asks the second person lies above this app and registers the function that asks.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.models import Role, User
from accounts.permissions import role
from core import events, sealed, text
from core.documents import Document
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.models import TrailEvent
from core.transactions import atomic
from core.transitions import perform
from vendors import bank
from vendors.inputs import BankInput
from vendors.models import BankAccount, Vendor
from vendors.services.master_data import addresses, locked
from vendors.validation import currency_errors

MOST_NOTE = 2000
FORMER = timedelta(days=30)  # so long a vendor's replaced addresses hear of its bank as well
READERS = (
    Role.BUYER,
    Role.VENDOR_MANAGER,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
REVEALERS = (Role.VENDOR_MANAGER, Role.AP_MANAGER, Role.CONTROLLER)
REVEALED = "vendor.bank_revealed"
_MANAGES = role(Role.VENDOR_MANAGER)
_REVEALS = role(*REVEALERS)
Proposer = Callable[..., Document]
_proposers: list[Proposer] = []


def register(proposer: Proposer) -> None:
    """Let `proposer(account=, actor=, at=, reason=)` ask somebody else to verify an account; called
    in `AppConfig.ready()` of who can. It returns the proposal."""
    _proposers[:] = [proposer]


@atomic
def request(
    *,
    vendor: Vendor,
    data: BankInput,
    actor: User,
    at: datetime,
    reason: str,
    replaces: BankAccount | None = None,
) -> Document:
    """Ask somebody else to verify an account that the vendor wants to be paid to; returns what
    they are asked. `reason` says how it came, `replaces` which one it comes in place of.

    The vendor is told at its addresses, old ones too. Raises NotAllowed for all but vendor
    managers, Invalid, Conflict while another account of the vendor waits or it has this one.
    """
    vendor = locked(vendor)
    if not _MANAGES(vendor, actor):
        raise NotAllowed("You are not allowed to manage vendors.")
    account = _judged(vendor, data, at)
    if faults := text.check(reason, "/reason", most=MOST_NOTE, required=True, multiline=True):
        raise Invalid(errors=faults)
    _require_alone(account, replaces, at)
    account.requested_by, account.replaces = actor, replaces
    account._history_user = actor
    account.save()
    _tell("vendor.bank_requested", account, actor=actor, at=at, reason=reason)
    return _proposers[0](account=account, actor=actor, at=at, reason=reason)


@atomic
def verify(
    *, account: BankAccount, actor: User, proposed_by: User, at: datetime, note: str
) -> BankAccount:
    """Somebody else made sure that it is the vendor's: it counts once its cooling time is over.

    `note` says whom they called. Raises NotAllowed for who asked for it, Invalid without a note,
    IllegalTransition.
    """
    account = _locked(account)
    if actor.pk in (proposed_by.pk, account.requested_by_id):
        raise NotAllowed("You asked for this account: somebody else must verify it.")
    if faults := text.check(note, "/comment", most=MOST_NOTE, multiline=True):
        raise Invalid(errors=faults)
    if not note.strip():
        detail = "Say whom you called, at which number you knew before, and what they said."
        raise Invalid(errors=[FieldError("/comment", "required", detail)])
    valid_from = at + timedelta(hours=account.entity.bank_cooling_hours)
    perform(account.verify, actor=actor, at=at, valid_from=valid_from, note=note.strip())
    account._history_user = actor
    account.save()
    if account.replaces is not None:
        _let_end(account.replaces, valid_from, actor)
    _tell("vendor.bank_verified", account, actor=actor, at=at, reason=note)
    return account


@atomic
def drop(*, account: BankAccount, actor: User, at: datetime, reason: str = "") -> BankAccount:
    """It is not taken; what was in force stays so. Raises IllegalTransition once it is verified."""
    account = _locked(account)
    perform(account.drop, actor=actor, at=at)
    account._history_user = actor
    account.save()
    _publish("vendor.bank_dropped", account, actor=actor, at=at, reason=reason)
    return account


@atomic
def take_over(*, vendor: Vendor, data: BankInput, at: datetime, note: str) -> BankAccount:
    """An account that was verified before the portal knew it: it counts at once. Only for the
    portal itself, setting up. Raises Invalid, Conflict when the vendor has it."""
    vendor = locked(vendor)
    account = _judged(vendor, data, at)
    _require_new(account)
    perform(account.verify, actor=None, at=at, valid_from=at, note=note)
    account.save()
    _publish("vendor.bank_verified", account, actor=None, at=at, reason=note)
    return account


@atomic
def reveal(*, account: BankAccount, actor: User, at: datetime) -> str:
    """The whole number for a person who proved a moment ago who they are; the trail keeps that
    they saw it. The caller asks for the proof. Raises NotAllowed, SealBroken."""
    if not _REVEALS(account, actor):
        raise NotAllowed("Bank accounts in full are for who pays vendors or looks after them.")
    _publish(REVEALED, account, actor=actor, at=at)
    return bank.as_written(bank.read(sealed.unseal(account.sealed)))


@atomic
def retire_replaced(*, at: datetime) -> int:
    """Note of accounts whose time is over that they are out of use; returns how many."""
    over = BankAccount.objects.filter(status=BankAccount.Status.VERIFIED, valid_until__lte=at)
    found = list(
        over.select_for_update(of=("self",), no_key=True).select_related("vendor").order_by("pk")
    )
    for account in found:
        perform(account.retire, actor=None, at=at)
        account.save()
        _publish("vendor.bank_retired", account, actor=None, at=at)
    return len(found)


def resealed(account: BankAccount, *, at: datetime) -> None:
    """Tell of an account, within the caller's unit of work, that it is sealed by another key."""
    _publish("vendor.bank_resealed", account, actor=None, at=at)


def warnings(account: BankAccount) -> list[str]:
    """What somebody who verifies it should look at twice; none of it refuses it."""
    vendor = account.vendor
    others = (
        BankAccount.objects.once_verified()
        .filter(entity_id=account.entity_id, index=account.index)
        .exclude(vendor=vendor)
        .order_by("vendor__name")
        .values_list("vendor__name", flat=True)
        .distinct()
    )
    found = [f"{name} has the same account." for name in others]
    if account.country != vendor.country:
        found.append(f"The account is in {account.country}, the vendor in {vendor.country}.")
    if account.bic and account.bic[4:6] != account.country:
        found.append(f"The bank is in {account.bic[4:6]}, the account in {account.country}.")
    if account.currency != vendor.currency:
        found.append(f"The account is in {account.currency}, orders are in {vendor.currency}.")
    if text.folded(account.holder) != text.folded(vendor.name):
        found.append(f"It belongs to {account.holder}, not to {vendor.name}.")
    return found


def _judged(vendor: Vendor, data: BankInput, at: datetime) -> BankAccount:
    """The account as it would be kept. Raises Invalid naming every fault."""
    number = bank.read(data.number, data.routing)
    bic = bank.compact_bic(data.bic)
    currency = data.currency or vendor.currency
    errors = [
        *text.check(data.holder, "/holder", most=140, required=True, name=True),
        *bank.number_errors(data.number, data.routing, data.country),
        *bank.bic_errors(bic),
        *currency_errors(currency),
    ]
    if errors:
        raise Invalid(errors=errors)
    return BankAccount(
        entity=vendor.entity,
        vendor=vendor,
        created_at=at,
        holder=data.holder.strip(),
        sealed=sealed.seal(number.words),
        index=number.index,
        last_four=number.last_four,
        is_iban=number.is_iban,
        bic=bic,
        country=number.country or data.country,
        currency=currency,
    )


def _require_new(account: BankAccount) -> None:
    """Under the vendor's lock, so of two requests for one account one is refused."""
    same = account.vendor.bank_accounts.standing().filter(index=account.index)
    if same.filter(Q(valid_until__isnull=True) | Q(status=BankAccount.Status.PENDING)).exists():
        raise Conflict(f"{account.vendor} has the account {account.shown} already.")


def _require_alone(account: BankAccount, replaces: BankAccount | None, at: datetime) -> None:
    _require_new(account)
    if account.vendor.bank_accounts.filter(status=BankAccount.Status.PENDING).exists():
        raise Conflict(f"Another account of {account.vendor} waits for its verification already.")
    if replaces is None:
        return
    if replaces.vendor_id != account.vendor_id or not replaces.counts(at):
        detail = "Choose one that is in force."
        raise Invalid(errors=[FieldError("/replaces", "unknown", detail)])
    if replaces.valid_until is not None:
        detail = "Another one comes in its place already."
        raise Invalid(errors=[FieldError("/replaces", "replaced", detail)])


def _let_end(account: BankAccount, at: datetime, actor: User) -> None:
    old = _locked(account)
    if old.valid_until is None or old.valid_until > at:
        old.valid_until = at
        old._history_user = actor
        old.save()


def _locked(account: BankAccount) -> BankAccount:
    rows = BankAccount.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("entity", "vendor", "replaces").get(pk=account.pk)


def _tell(event: str, account: BankAccount, **facts: Any) -> None:
    """An event that the vendor hears of where it was reached before as well: whoever diverts its
    money may have changed its addresses first."""
    vendor, at = account.vendor, facts["at"]
    edits = TrailEvent.objects.filter(
        document_id=vendor.pk, type="vendor.edited", at__gt=at - FORMER
    ).order_by("sequence")
    former = [each for edit in edits for each in edit.data.get("notice_to", [])]
    _publish(event, account, notice_to=list(dict.fromkeys([*addresses(vendor), *former])), **facts)


def _publish(event: str, account: BankAccount, **facts: Any) -> None:
    """What happened to an account stands on its vendor, masked."""
    details = {
        "account": str(account.pk),
        "shown": account.shown,
        "notice_to": facts.pop("notice_to", []),
        "valid_from": account.valid_from.isoformat() if account.valid_from else "",
    }
    if account.replaces is not None:
        details["replaces"] = account.replaces.shown
    events.publish(event, account.vendor, data=details, **facts)
