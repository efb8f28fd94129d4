"""The people of an entity as one snapshot: who stands above whom, in which roles, for whom.

Chains are built from it, so that however many people a chain looks at, the database is asked
twice, and a third time for roles where a step asks for one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Entity, RoleAssignment, User
from approvals.models import Delegation
from core.composed import Composed

_NEEDED = frozenset(
    ("id", "name", "email", "job_title", "entity_id", "manager_id", "approval_limit", "is_active")
)
FIELDS = [each.attname for each in User._meta.concrete_fields if each.attname in _NEEDED]
_ID, _NAME, _EMAIL, _ENTITY, _MANAGER, _ACTIVE = (
    itemgetter(FIELDS.index(name))
    for name in ("id", "name", "email", "entity_id", "manager_id", "is_active")
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A delegation that holds at the moment of the snapshot."""

    from_user: UUID
    to_user: UUID
    duties: tuple[str, ...]

    def covers(self, document_type: str) -> bool:
        """No document type asked for: any delegation counts."""
        return not self.duties or not document_type or document_type in self.duties


class Directory:
    """See the module. People are `User` instances, made when first asked for.

    They hold what a chain needs to know; anything else of them is read when it is looked at.
    """

    def __init__(
        self,
        entity: Entity,
        rows: Iterable[tuple[Any, ...]],
        roles: Iterable[tuple[UUID, str]],
        delegations: Iterable[Standing],
    ) -> None:
        self.entity = entity
        self._rows = {_ID(row): row for row in rows}
        self._people: dict[UUID, User] = {}
        self._roles = roles
        self._ordered: dict[str, list[UUID]] = {}
        self._given: dict[UUID, list[Standing]] = defaultdict(list)
        for each in delegations:
            self._given[each.from_user].append(each)

    @classmethod
    def of(cls, entity: Entity, *, at: datetime) -> "Directory":
        """Everybody of the entity, and who stands above one of them elsewhere.

        Statements: 2, and 1 once a role is asked for.
        """
        roles = RoleAssignment.objects.filter(entity=entity).values_list("user_id", "role")
        given = _given(entity.pk, at)
        standing = [Standing(giver, taker, tuple(duties)) for giver, taker, duties in given]
        return cls(entity, _people(entity.pk), roles, standing)

    def person(self, person_id: Any) -> User | None:
        """Somebody of the snapshot by id."""
        key = person_id if isinstance(person_id, UUID) else _uuid(person_id)
        if key is None:
            return None
        made = self._people.get(key)
        if made is None and (row := self._rows.get(key)) is not None:
            made = User.from_db("default", FIELDS, row)
            if _ENTITY(row) == self.entity.pk:
                made.entity = self.entity
            self._people[key] = made
        return made

    def addressed(self, value: str) -> User | None:
        """Somebody by email address or id."""
        if "@" in value:
            return self.person(self._by_address.get(value.lower()))
        return self.person(value)

    def of_role(self, role: str) -> list[User]:
        """Active people of the entity with a role, by name."""
        if role not in self._ordered:
            found = [self._rows[pk] for pk in self._members[role] if self.is_active(pk)]
            found.sort(key=lambda row: (_NAME(row), _ID(row)))
            self._ordered[role] = [_ID(row) for row in found]
        return [self._known(pk) for pk in self._ordered[role]]

    def superiors(self, person: User) -> Iterator[User]:
        """Managers upwards as they stand now; a circle ends where it began."""
        row = self._rows.get(person.pk)
        above = _MANAGER(row) if row else person.manager_id
        seen = {person.pk}
        while above is not None and above not in seen and above in self._rows:
            seen.add(above)
            yield self._known(above)
            above = _MANAGER(self._rows[above])

    def is_active(self, person_id: UUID | None) -> bool:
        """Whether somebody works in this entity now."""
        row = self._rows.get(person_id) if person_id else None
        return row is not None and bool(_ACTIVE(row)) and _ENTITY(row) == self.entity.pk

    def delegates_of(self, person_id: UUID, document_type: str) -> frozenset[UUID]:
        """Who may decide for somebody now, in documents of this type."""
        given = self._given.get(person_id, ())
        return frozenset(each.to_user for each in given if each.covers(document_type))

    @property
    def people(self) -> list[User]:
        """Active people of the entity."""
        return [self._known(pk) for pk in self._rows if self.is_active(pk)]

    @cached_property
    def _members(self) -> dict[str, set[UUID]]:
        members: dict[str, set[UUID]] = defaultdict(set)
        for person, role in self._roles:
            members[role].add(person)
        return members

    @cached_property
    def _by_address(self) -> dict[str, UUID]:
        return {_EMAIL(row).lower(): _ID(row) for row in self._rows.values()}

    def _known(self, person_id: UUID) -> User:
        person = self.person(person_id)
        if person is None:
            raise LookupError(person_id)
        return person


def _of_or_above(entity: UUID) -> QuerySet[Any]:
    bosses = User.objects.filter(entity=entity, manager__isnull=False).values("manager_id")
    return User.objects.filter(Q(entity=entity) | Q(pk__in=bosses)).values_list(*FIELDS)


_people = Composed[tuple[Any, ...]](_of_or_above)
_given = Composed[tuple[UUID, UUID, list[str]]](
    lambda entity, at: (
        Delegation.objects.standing(at)
        .filter(entity=entity)
        .values_list("from_user_id", "to_user_id", "duties")
    )
)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
