"""Whose bank account it is: what a vendor may be paid to, and which other vendors share it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, DateTimeField, Q, QuerySet, Value

from core.composed import Composed
from vendors.models import BankAccount, Vendor


@dataclass(frozen=True)
class KnownAccount:
    """An account on file, as it is compared and as people see it. One that cools says when it
    begins to count; None: nobody verified it yet, or it counts."""

    index: str
    shown: str
    counts_from: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """`in_force` may be paid to, `later` is asked for or cools; `kin` are other vendors of the
    entity with one of its accounts, with an account named to it, or with its tax id; `family` are
    the companies of its group and the vendor itself."""

    in_force: tuple[KnownAccount, ...] = ()
    later: tuple[KnownAccount, ...] = ()
    kin: frozenset[UUID] = frozenset()
    family: frozenset[UUID] = frozenset()


def of(vendor: Vendor, *, at: datetime, named: Collection[str] = ()) -> Standing:
    """What is known of a vendor's accounts at a moment; `named` are indexes of accounts that an
    invoice of it names. Statements: 1."""
    in_force, later, kin, family = [], [], set(), set()
    for owner, index, *facts in _standing(
        *(vendor.pk, vendor.entity_id, vendor.family_key),
        *(vendor.tax_id or None, sorted(set(named)) or None),
    ):
        if index == _MEMBER:
            family.add(owner)
        elif owner != vendor.pk:
            kin.add(owner)
        elif index:
            account = BankAccount(**dict(zip(_FACTS, facts, strict=True)))
            if account.counts(at):
                in_force.append(KnownAccount(index, account.shown))
            elif account.valid_until is None or account.valid_until > at:
                later.append(KnownAccount(index, account.shown, account.valid_from))
    return Standing(tuple(in_force), tuple(later), frozenset(kin), frozenset(family))


_MEMBER = "family"  # in place of an account's index, which is a digest
_FACTS = ("country", "last_four", "status", "valid_from", "valid_until")


def _rows(
    vendor: UUID, entity: UUID, family: str, tax_id: str | None, named: Collection[str] | None
) -> QuerySet[BankAccount, tuple]:
    theirs = BankAccount.objects.filter(vendor=vendor).standing()
    same = Q(index__in=theirs.order_by().values("index"))
    if named is not None:
        same |= Q(index__in=named)
    accounts = [theirs, BankAccount.objects.once_verified().filter(same, entity=entity)]
    found = [each.order_by().values_list("vendor", "index", *_FACTS) for each in accounts]
    vendors = Vendor.objects.filter(entity=entity).order_by()
    found.append(_without_account(vendors.filter(Vendor.in_families([family])), _MEMBER))
    if tax_id is not None:
        found.append(_without_account(vendors.filter(tax_id=tax_id)))
    return found[0].union(*found[1:])


def _without_account(vendors: QuerySet[Vendor], index: str = "") -> QuerySet[Vendor, tuple]:
    """Vendors as rows beside those of accounts."""
    word, moment = (
        Value("", output_field=CharField()),
        Value(None, output_field=DateTimeField()),
    )
    said = Value(index, output_field=CharField())
    return vendors.values_list("pk", said, word, word, word, moment, moment)


_standing = Composed(_rows)
