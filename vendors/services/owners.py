"""Who answers for which kind of service."""

from collections.abc import Mapping
from datetime import datetime

from accounts.authority import require_two_people
from accounts.models import Entity, User
from core import events, text
from core.errors import FieldError, Invalid
from core.transactions import atomic
from vendors import queries
from vendors.models import ServiceOwner, ServiceType


@atomic
def set_service_owners(
    *,
    entity: Entity,
    owners: Mapping[str, User | None],
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> list[ServiceOwner]:
    """Say who answers for these kinds of service from now on, by two people; None: nobody.

    Kinds that are not named stay. Raises NotAllowed without two people, Invalid for an unknown
    kind and for somebody who does not work there.
    """
    require_two_people(entity, actor=actor, proposed_by=proposed_by)
    if errors := service_owner_errors(entity, owners):
        raise Invalid(errors=errors)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    present = {each.service_type: each for each in queries.service_owner_rows(entity)}
    changes = []
    for kind, owner in sorted(owners.items()):
        row = present.get(kind)
        old = row.owner if row else None
        if old == owner:
            continue
        changes.append(
            {"field": f"service owner, {kind}", "old": _named(old), "new": _named(owner)}
        )
        if row is not None:
            row.delete()
        if owner is not None:
            ServiceOwner.objects.create(entity=entity, service_type=kind, owner=owner)
    if changes:
        entity.version += 1
        entity._history_user = actor
        entity.save()
        events.publish(
            "entity.service_owners_set",
            entity,
            actor=actor,
            at=at,
            reason=reason,
            changes=changes,
        )
    return list(queries.service_owner_rows(entity))


def service_owner_errors(entity: Entity, owners: Mapping[str, User | None]) -> list[FieldError]:
    """What is wrong with the owners that are wanted, by kind of service."""
    errors = []
    for kind, owner in owners.items():
        if kind not in ServiceType.values:
            pointer = f"/{text.escaped(kind)}"
            errors.append(FieldError(pointer, "unknown", "There is no such kind of service."))
        elif owner is not None and (owner.entity_id != entity.pk or not owner.is_active):
            errors.append(FieldError(f"/{kind}", "unknown", "Nobody of this entity."))
    return errors


def _named(person: User | None) -> str | None:
    return person.name if person else None
