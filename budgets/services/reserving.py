"""From when on accounts take from their budgets (C28): two people decide that."""

from collections.abc import Mapping
from datetime import datetime

from accounts.authority import require_two_people
from accounts.models import Entity, User
from budgets.models import GLAccount
from core import events
from core.errors import FieldError, Invalid
from core.transactions import atomic


@atomic
def set_reserving(
    *,
    entity: Entity,
    wanted: Mapping[str, str],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> list[GLAccount]:
    """Say from when on these accounts, by code, reserve from now on; others stay.

    What was reserved or ordered before stays as it is. Returns the accounts that changed. Raises
    NotAllowed without two people, Invalid for an unknown account or moment.
    """
    require_two_people(entity, actor=actor, proposed_by=proposed_by)
    if errors := reserving_errors(entity, wanted):
        raise Invalid(errors=errors)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    changed, changes = [], []
    for account in GLAccount.objects.filter(entity=entity, code__in=list(wanted)).order_by("code"):
        old, new = account.reserves_at, wanted[account.code]
        if old == new:
            continue
        account.reserves_at = new
        account.save(update_fields=["reserves_at"])
        changed.append(account)
        changes.append({"field": f"account {account.code} reserves", "old": old, "new": new})
    if changes:
        entity.version += 1
        entity._history_user = actor
        entity.save()
        events.publish(
            "entity.reserving_set", entity, actor=actor, at=at, reason=reason, changes=changes
        )
    return changed


def reserving_errors(entity: Entity, wanted: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with accounts and moments, each at its code. Statements: 1."""
    known = set(GLAccount.objects.filter(entity=entity).values_list("code", flat=True))
    errors = []
    for code, moment in wanted.items():
        if code not in known:
            errors.append(FieldError(f"/{code}", "unknown", "There is no such account."))
        elif moment not in GLAccount.ReservesAt.values:
            said = "When requested, ordered or billed: requisition, order, invoice."
            errors.append(FieldError(f"/{code}", "invalid_choice", said))
    return errors
