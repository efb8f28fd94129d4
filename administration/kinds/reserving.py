"""From when on each account takes from its budget: requested, ordered or billed (C28)."""

from datetime import datetime

import budgets.services
from accounts.models import User
from administration.kinds.values import Kind, Values, two_people
from administration.models import ChangeRequest
from approvals.subjects import Change
from budgets.models import GLAccount
from core.errors import Invalid


def _read(change: ChangeRequest) -> Values:
    accounts = GLAccount.objects.filter(entity_id=change.entity_id).order_by("code")
    return dict(accounts.values_list("code", "reserves_at"))


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    if errors := budgets.services.reserving_errors(change.entity, after):
        raise Invalid(errors=errors)
    return {**_read(change), **after}


def _apply(change: ChangeRequest, actor: User, at: datetime) -> None:
    wanted = {code: new for code, new in change.after.items() if new != change.before[code]}
    budgets.services.set_reserving(
        entity=change.entity, wanted=wanted, reason=change.reason, **two_people(change, actor, at)
    )


def _rows(change: ChangeRequest) -> list[Change]:
    names = dict(GLAccount.objects.filter(entity_id=change.entity_id).values_list("code", "name"))
    return [
        Change(f"{code} {names.get(code, '')}", _said(change.before[code]), _said(new))
        for code, new in sorted(change.after.items())
        if new != change.before[code]
    ]


def _said(moment: str) -> str:
    return str(GLAccount.ReservesAt(moment).label)


RESERVING = Kind(_read, _check, _apply, _rows)
