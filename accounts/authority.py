"""Who may change what people may do: always two, and neither of them the person concerned."""

from collections.abc import Callable

from accounts.models import Entity, Role, User
from core.errors import NotAllowed


def require_administrator(entity: Entity | None, actor: User | None) -> None:
    """An administrator of that entity, or the portal itself (set-up). Raises NotAllowed."""
    if actor is None:
        return
    if not (actor.is_active and entity and actor.entity_id == entity.pk):
        raise NotAllowed("You are not allowed to manage people.")
    if not actor.has_role(Role.ADMINISTRATOR):
        raise NotAllowed("You are not allowed to manage people.")


def require_two_people(
    entity: Entity,
    *,
    actor: User | None,
    proposed_by: User | None,
    person: User | None = None,
    proposer: Callable[[Entity, User], None] = require_administrator,
) -> None:
    """One who may proposed it, somebody else of the entity agrees; `person` is neither.

    `proposer` refuses who may not propose: all but administrators. Without both people it is the
    portal itself, setting up. Raises NotAllowed.
    """
    if actor is None and proposed_by is None:
        return
    if actor is None or proposed_by is None:
        raise NotAllowed("One person proposes this and another approves it.")
    if person is not None and person.pk in (actor.pk, proposed_by.pk):
        raise NotAllowed("Somebody else must change what you may do.")
    proposer(entity, proposed_by)
    if actor.pk == proposed_by.pk:
        raise NotAllowed("You proposed this: somebody else must approve it.")
    if not actor.is_active or actor.entity_id != entity.pk:
        raise NotAllowed("You are not allowed to approve this.")


def locked_person(person: User) -> User:
    """The person as stored now, locked until the transaction ends."""
    return (
        User.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .get(pk=person.pk)
    )
