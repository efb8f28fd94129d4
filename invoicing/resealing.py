"""Changing the keys that bank accounts are sealed with, without a stop of the portal.

Give a new key in front of the old one, start anew, run this, take the old key away. Whatever the
index key was, every account is found under the one that holds now. It may be stopped and run again.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Model

from core import sealed
from core.transactions import atomic
from invoicing.models import Invoice
from vendors import bank
from vendors.models import BankAccount
from vendors.services import bank as accounts

AT_A_TIME = 200
Change = Callable[[Any], dict[str, Any]]


def reseal(*, at: datetime) -> int:
    """Seal every bank account under the present key, and find it by the present index key.

    Returns how many rows changed; histories too. What is sealed says the same as before, so it
    makes no version; a vendor's trail tells of each account. Raises SealBroken for what no key
    opens.
    """
    return sum(
        _all(model, change, at)
        for model, change in (
            (BankAccount, _account),
            (BankAccount.history.model, _account),
            (Invoice, _invoice),
            (Invoice.history.model, _invoice),
        )
    )


def _all(model: type[Model], change: Change, at: datetime) -> int:
    """By primary key, a few at a time: nobody waits long for a row, and no row is read twice."""
    return sum(_some(model, change, keys, at) for keys in _batches(model))


def _batches(model: type[Model]) -> Iterator[list[Any]]:
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    last: Any = None
    while keys := list((rows.filter(pk__gt=last) if last else rows)[:AT_A_TIME]):
        yield keys
        last = keys[-1]


@atomic
def _some(model: type[Model], change: Change, keys: list[Any], at: datetime) -> int:
    rows = model._default_manager.select_for_update(no_key=True).filter(pk__in=keys)
    changed = 0
    for row in rows.order_by("pk"):
        if wanted := change(row):
            # Not saved: the words are the same, so neither version nor history moves.
            model._base_manager.filter(pk=row.pk).update(**wanted)
            if model is BankAccount:
                accounts.resealed(row, at=at)
            changed += 1
    return changed


def _account(row: Any) -> dict[str, Any]:
    wanted = {"sealed": _current(row.sealed), "index": _index(row.sealed)}
    return wanted if wanted != {"sealed": row.sealed, "index": row.index} else {}


def _invoice(row: Any) -> dict[str, Any]:
    accounts = [
        {**each, "sealed": _current(each["sealed"]), "index": _index(each["sealed"])}
        for each in row.payee_accounts
    ]
    return {"payee_accounts": accounts} if accounts != row.payee_accounts else {}


def _current(kept: str) -> str:
    return kept if sealed.is_current(kept) else sealed.reseal(kept)


def _index(kept: str) -> str:
    return bank.read(sealed.unseal(kept)).index
