"""Who answers for which kind of service, and is asked when more of it is bought."""

from datetime import datetime

import vendors.queries
import vendors.services
from accounts.models import User
from administration.kinds.values import (
    Kind,
    Values,
    colleague,
    named,
    only,
    person_of,
    two_people,
)
from administration.models import ChangeRequest
from approvals.subjects import Change
from vendors.models import ServiceType


def _read(change: ChangeRequest) -> Values:
    rows = vendors.queries.service_owner_rows(change.entity)
    owners = {row.service_type: named(row.owner) for row in rows}
    return {kind: owners.get(kind) for kind in ServiceType.values}


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, *ServiceType.values)
    wanted = {kind: colleague(change, value, f"/{kind}") for kind, value in after.items()}
    return {**_read(change), **wanted}


def _apply(change: ChangeRequest, actor: User, at: datetime) -> None:
    owners = {
        kind: person_of(owner)
        for kind, owner in change.after.items()
        if owner != change.before[kind]
    }
    vendors.services.set_service_owners(
        entity=change.entity, owners=owners, reason=change.reason, **two_people(change, actor, at)
    )


def _rows(change: ChangeRequest) -> list[Change]:
    return [
        Change(str(label), _said(change.before[kind]), _said(change.after[kind]))
        for kind, label in ServiceType.choices
        if change.before[kind] != change.after[kind]
    ]


def _said(owner: Values | None) -> str:
    return str(owner["name"]) if owner else "nobody"


SERVICE_OWNERS = Kind(_read, _check, _apply, _rows)
