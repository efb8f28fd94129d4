"""Steps of a rule: who is asked, how many of them suffice, how long they have. Read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from accounts.models import Role
from approvals.conditions import PolicyBroken
from core import decimals
from core.errors import FieldError
from core.text import check, escaped

ALL, ANY, QUORUM = "all", "any", "quorum"
MODES = (ALL, ANY, QUORUM)
ROLE, PERSON, MANAGER, MANAGER_CHAIN = "role", "person", "manager", "manager_chain"
BUDGET_OWNER, SERVICE_OWNER, ON_CALL = "budget_owner", "service_owner", "on_call"
KINDS = (ROLE, PERSON, MANAGER, MANAGER_CHAIN, BUDGET_OWNER, SERVICE_OWNER, ON_CALL)
KIND_WORDS = {
    MANAGER: "the manager",
    MANAGER_CHAIN: "managers up to the limit",
    BUDGET_OWNER: "budget owners",
    SERVICE_OWNER: "service owners",
    ON_CALL: "whoever is on call",
}
SINGLE = (PERSON, MANAGER, ON_CALL)  # kinds that name one person each
MOST_STEPS, MOST_APPROVERS = 20, 20
NOBODY: Mapping[str, str] = MappingProxyType({})
MOST_HOURS = Decimal(1000)
_ROLES = frozenset(Role.values)
_FIELDS = {"mode", "quorum", "with_previous", "sla_hours", "approvers"}


@dataclass(frozen=True, slots=True)
class Approver:
    """A way to find people; `value` is a role, or a person's address or id, else empty."""

    kind: str
    value: str = ""

    def said(self, names: Mapping[str, str]) -> str:
        """In words; a person by the name that `names` has for the address or id."""
        if self.kind == ROLE:
            return Role(self.value).label
        return KIND_WORDS.get(self.kind) or names.get(self.value) or self.value


@dataclass(frozen=True, slots=True)
class Step:
    """Who is asked at once. `quorum` is how many suffice in that mode, else 0."""

    mode: str
    approvers: tuple[Approver, ...]
    quorum: int = 0
    with_previous: bool = False
    sla_hours: Decimal | None = None

    @property
    def stored(self) -> dict[str, Any]:
        """As a rule keeps it."""
        return {
            "mode": self.mode,
            "quorum": self.quorum,
            "with_previous": self.with_previous,
            "sla_hours": None if self.sla_hours is None else f"{self.sla_hours:f}",
            "approvers": [{"kind": each.kind, "value": each.value} for each in self.approvers],
        }

    def said(self, names: Mapping[str, str]) -> str:
        """In words; see `Approver.said`."""
        people = ", ".join(each.said(names) for each in self.approvers) or "nobody"
        how = {ANY: "any of ", QUORUM: f"{self.quorum} of "}.get(self.mode, "")
        hours = f" within {self.sla_hours.normalize():f} h" if self.sla_hours is not None else ""
        return f"{how}{people}{hours}"


def words(steps: tuple[Step, ...], names: Mapping[str, str] = NOBODY) -> str:
    """The steps of a rule in one line: “+” is at the same time, “→” is afterwards.

    `names` are those of people by the address or id that the rule has for them.
    """
    said = ""
    for each in steps:
        said += (" + " if each.with_previous else " → ") if said else ""
        said += each.said(names)
    return said or "approved at once"


def read(steps: Any, pointer: str = "/steps") -> tuple[Step, ...]:
    """Steps from their stored form. Raises PolicyBroken with all faults found."""
    faults: list[FieldError] = []
    made = _read(steps, pointer, faults)
    if faults:
        raise PolicyBroken(faults[0].detail, errors=faults)
    return made


def _read(steps: Any, pointer: str, faults: list[FieldError]) -> tuple[Step, ...]:
    if not isinstance(steps, list | tuple) or len(steps) > MOST_STEPS:
        faults.append(FieldError(pointer, "invalid", f"Steps are a list of up to {MOST_STEPS}."))
        return ()
    made = [_step(each, f"{pointer}/{place}", faults) for place, each in enumerate(steps)]
    return tuple(each for each in made if each is not None)


def _step(step: Any, pointer: str, faults: list[FieldError]) -> Step | None:
    def fault(place: str, code: str, detail: str) -> Step | None:
        faults.append(FieldError(f"{pointer}{place}", code, detail))
        return None

    if not isinstance(step, Mapping):
        return fault("", "invalid", "A step says who is asked.")
    before = len(faults)
    for name in sorted(set(step) - _FIELDS, key=str):
        fault(f"/{escaped(name)}", "unknown", f"Unknown field “{name}”.")
    mode = step.get("mode", ALL)
    if mode not in MODES:
        fault("/mode", "unknown", f"A step's mode is all, any or quorum, not “{mode}”.")
    if not isinstance(step.get("with_previous", False), bool):
        fault("/with_previous", "invalid", "Say true or false.")
    hours = _hours(step.get("sla_hours"), f"{pointer}/sla_hours", faults)
    approvers = _approvers(step.get("approvers", []), f"{pointer}/approvers", faults)
    quorum = step.get("quorum", 0)
    if mode == QUORUM:
        _check_quorum(quorum, approvers, f"{pointer}/quorum", faults)
    if len(faults) > before:
        return None
    return Step(
        mode=mode,
        approvers=approvers,
        quorum=quorum if mode == QUORUM else 0,
        with_previous=step.get("with_previous", False),
        sla_hours=hours,
    )


def most_people(approvers: tuple[Approver, ...]) -> int | None:
    """How many people can be found at most, where that is known without asking who they are."""
    if any(each.kind not in (*SINGLE, MANAGER_CHAIN) for each in approvers):
        return None
    return len(set(approvers))


def _check_quorum(
    quorum: Any, approvers: tuple[Approver, ...], pointer: str, faults: list[FieldError]
) -> None:
    if not isinstance(quorum, int) or isinstance(quorum, bool) or quorum < 1:
        faults.append(FieldError(pointer, "min_value", "Say how many suffice, at least one."))
        return
    most = most_people(approvers)
    if most is not None and quorum > most:
        detail = f"{quorum} cannot be asked of {most}."
        faults.append(FieldError(pointer, "max_value", detail))


def _hours(value: Any, pointer: str, faults: list[FieldError]) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        hours = decimals.parse(value)
    except decimals.NotADecimal:
        faults.append(FieldError(pointer, "invalid", "Say working hours, such as 4 or 1.5."))
        return None
    if not 0 < hours <= MOST_HOURS or decimals.places(hours) > 2:
        detail = f"Working hours above 0 and up to {MOST_HOURS}, two decimals at most."
        faults.append(FieldError(pointer, "out_of_range", detail))
    return hours


def _approvers(value: Any, pointer: str, faults: list[FieldError]) -> tuple[Approver, ...]:
    if not isinstance(value, list) or len(value) > MOST_APPROVERS:
        detail = f"Approvers are a list of up to {MOST_APPROVERS}."
        faults.append(FieldError(pointer, "invalid", detail))
        return ()
    made = []
    for place, each in enumerate(value):
        here = f"{pointer}/{place}"
        kind = each.get("kind") if isinstance(each, Mapping) else None
        if kind not in KINDS:
            faults.append(
                FieldError(f"{here}/kind", "unknown", f"Unknown kind of approver: {each}.")
            )
            continue
        said = each.get("value") or ""
        if detail := _value_fault(kind, said):
            faults.append(FieldError(f"{here}/value", "invalid", detail))
            continue
        made.append(Approver(kind, str(said) if kind in (ROLE, PERSON) else ""))
    return tuple(made)


def _value_fault(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        return "Say it as text."
    if kind == ROLE and value not in _ROLES:
        return f"Unknown role “{value}”."
    if kind == PERSON and not _is_address(value):
        return f"“{value}” names no person."
    return ""


def _is_address(value: str) -> bool:
    if check(value, "", most=254):
        return False
    if "@" in value:
        return True
    try:
        UUID(value)
    except ValueError:
        return False
    return True
