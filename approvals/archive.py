"""An entity as it was when a round began: its people, limits, roles, delegations and policies.

People, roles and the entity are read from their recorded versions as of the moment at which the
round itself was recorded; delegations and policies carry the moments at which they held.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.models import Entity, RoleAssignment, User
from approvals.directory import FIELDS, Directory, Standing
from approvals.models import ApprovalPolicy, ApprovalRequest, Delegation
from approvals.policy import Book
from core.models import TrailEvent

_SETTINGS = ("fallback_approver_id", "on_call_approver_id")
_RETIRED = "approval_policy.retired"


class Archive:
    """See the module. Read once, for however many rounds. Statements: 11."""

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self._entities = _versions(Entity.history.filter(id=entity.pk), _SETTINGS)
        theirs = User.history.filter(entity=entity)
        wanted = Q(id__in=theirs.values("id")) | Q(id__in=theirs.values("manager_id"))
        self._people = _versions(User.history.filter(wanted), FIELDS)
        present = User.objects.filter(entity=entity).exclude(pk__in=self._people)
        self._unrecorded = [tuple(row) for row in present.values_list(*FIELDS)]
        self._roles = _versions(RoleAssignment.history.filter(entity=entity), ("user_id", "role"))
        self._unrecorded_roles = list(
            RoleAssignment.objects.filter(entity=entity)
            .exclude(pk__in=self._roles)
            .values_list("user_id", "role")
        )
        self._delegations = list(Delegation.objects.filter(entity=entity))
        self._policies = list(
            ApprovalPolicy.objects.filter(entity=entity)
            .exclude(status=ApprovalPolicy.Status.DRAFT)
            .prefetch_related("rules", "requirements")
        )
        self._retired = dict(
            TrailEvent.objects.filter(
                type=_RETIRED, document_id__in=[each.pk for each in self._policies]
            )
            .order_by("sequence")
            .values_list("document_id", "at")
        )
        self._recorded: dict[UUID, datetime] = {}

    def directory(self, round_: ApprovalRequest) -> Directory:
        """The people as the chain of this round was built from them."""
        recorded, at = self._recorded_at(round_), round_.created_at
        return Directory(
            self._entity_at(recorded),
            [*_standing(self._people, recorded), *self._unrecorded],
            [*_standing(self._roles, recorded), *self._unrecorded_roles],
            [
                Standing(each.from_user_id, each.to_user_id, tuple(each.duties))
                for each in self._delegations
                if each.created_at <= at
                and each.valid_from <= at < each.valid_to
                and (each.revoked_at is None or each.revoked_at > at)
            ],
        )

    def book(self, round_: ApprovalRequest) -> Book:
        """The policies that were in force when it began, the one of its snapshot among them."""
        at, newest = round_.created_at, dict[str, ApprovalPolicy]()
        for each in sorted(self._policies, key=lambda one: one.policy_version):
            since, until = each.activated_at, self._retired.get(each.pk)
            is_own = each.pk == round_.policy_id
            held = since is not None and since <= at and (until is None or until > at)
            if each.applies_to == round_.subject_type and (held or is_own):
                newest[each.name] = each
        if round_.policy is not None:
            own = next(each for each in self._policies if each.pk == round_.policy_id)
            newest[own.name] = own
        return Book.of(newest.values())

    def _entity_at(self, recorded: datetime) -> Entity:
        entity = copy(self.entity)
        for row in _standing(self._entities, recorded):
            for name, value in zip(_SETTINGS, row, strict=True):
                setattr(entity, name, value)
        return entity

    def _recorded_at(self, round_: ApprovalRequest) -> datetime:
        """When the round was written down, on the clock by which versions are recorded."""
        if not self._recorded:
            self._recorded = dict(
                ApprovalRequest.history.filter(entity=self.entity, history_type="+").values_list(
                    "id", "history_date"
                )
            )
        return self._recorded.get(round_.pk, round_.created_at)


@dataclass(frozen=True, slots=True)
class _Version:
    """What was recorded of one row at a moment; `kind` is +, ~ or -."""

    when: datetime
    kind: str
    values: tuple[Any, ...]


def _versions(history: Any, fields: Iterable[str]) -> dict[Any, list[_Version]]:
    """Recorded versions by id, oldest first."""
    found: dict[Any, list[_Version]] = {}
    rows = history.order_by("history_date", "history_id")
    for pk, when, kind, *values in rows.values_list("id", "history_date", "history_type", *fields):
        found.setdefault(pk, []).append(_Version(when, kind, tuple(values)))
    return found


def _standing(history: Mapping[Any, list[_Version]], moment: datetime) -> Iterator[tuple[Any, ...]]:
    """What stood at a moment.

    What was there before anything was recorded of it stands as its first version says.
    """
    for versions in history.values():
        first, held = versions[0], [each for each in versions if each.when <= moment]
        if held and held[-1].kind != "-":
            yield held[-1].values
        elif not held and first.kind != "+":
            yield first.values
