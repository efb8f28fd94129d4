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
    entity with one of its accounts, with an account named to it, or with its tax id."""

    in_force: tuple[KnownAccount, ...] = ()
    later: tuple[KnownAccount, ...] = ()
    kin: frozenset[UUID] = frozenset()


def of(vendor: Vendor, *, at: datetime, named: Collection[str] = ()) -> Standing:
    """What is known of a vendor's accounts at a moment; `named` are indexes of accounts that an
    invoice of it names. Statements: 1."""
    in_force, later, kin = [], [], set()
    rows = _standing(vendor.pk, vendor.entity_id, vendor.tax_id or None, sorted(set(named)) or None)
    for owner, index, *facts in rows:
        if owner != vendor.pk:
            kin.add(owner)
        elif index:
            account = BankAccount(**dict(zip(_FACTS, facts, strict=True)))
            if account.counts(at):
                in_force.append(KnownAccount(index, account.shown))
            elif account.valid_until is None or account.valid_until > at:
                later.append(KnownAccount(index, account.shown, account.valid_from))
    return Standing(tuple(in_force), tuple(later), frozenset(kin))


_FACTS = ("country", "last_four", "status", "valid_from", "valid_until")


def _rows(
    vendor: UUID, entity: UUID, tax_id: str | None, named: Collection[str] | None
) -> QuerySet[BankAccount, tuple]:
    theirs = BankAccount.objects.filter(vendor=vendor).standing()
    same = Q(index__in=theirs.order_by().values("index"))
    if named is not None:
        same |= Q(index__in=named)
    accounts = [theirs, BankAccount.objects.once_verified().filter(same, entity=entity)]
    found = [each.order_by().values_list("vendor", "index", *_FACTS) for each in accounts]
    if tax_id is not None:
        word, moment = (
            Value("", output_field=CharField()),
            Value(None, output_field=DateTimeField()),
        )
        namesakes = Vendor.objects.filter(entity=entity, tax_id=tax_id).order_by()
        found.append(namesakes.values_list("pk", word, word, word, word, moment, moment))
    return found[0].union(*found[1:])


_standing = Composed(_rows)
