"""What can be changed by a change request: how it reads now, what it may become, how it is done.

Values are JSON. `before` is what stood when the change was proposed; what differs from it when it
is decided was changed by somebody else meanwhile, and the proposal is stale.
"""

from administration.kinds import (
    bank,
    people,
    reserving,
    second_factor,
    services,
    settings,
    tolerances,
    vendors,
)
from administration.kinds.values import Kind
from administration.models import ChangeRequest

__all__ = [
    *("KINDS", "Kind", "bank", "of", "people", "reserving", "second_factor", "services"),
    *("settings", "tolerances", "vendors"),
]

KINDS: dict[str, Kind] = {
    ChangeRequest.Kind.ROLES: people.ROLES,
    ChangeRequest.Kind.LIMITS: people.LIMITS,
    ChangeRequest.Kind.MANAGER: people.MANAGER,
    ChangeRequest.Kind.MITIGATION: people.MITIGATION,
    ChangeRequest.Kind.POLICY: settings.POLICY,
    ChangeRequest.Kind.DUTY_PAIRS: settings.DUTY_PAIRS,
    ChangeRequest.Kind.ENTITY: settings.ENTITY,
    ChangeRequest.Kind.SECOND_FACTOR: second_factor.SECOND_FACTOR,
    ChangeRequest.Kind.SERVICE_OWNERS: services.SERVICE_OWNERS,
    ChangeRequest.Kind.RESERVING: reserving.RESERVING,
    ChangeRequest.Kind.TOLERANCE: tolerances.TOLERANCE,
    ChangeRequest.Kind.VENDOR: vendors.VENDOR,
    ChangeRequest.Kind.BANK: bank.BANK,
}


def of(change: ChangeRequest) -> Kind:
    return KINDS[change.kind]
