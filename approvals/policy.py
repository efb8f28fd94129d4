"""Which rule decides: conditions are data over known facts, never code.

A rule that names an unknown fact or operator is refused with the whole request: guessing would
let something pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.models import Entity
from approvals.models import ApprovalPolicy, PolicyRule
from core.errors import RuleBroken

NUMBER, TEXT, LIST, YES_NO = "number", "text", "list", "yes or no"
FACTS: dict[str, str] = {
    "amount": NUMBER,
    "service_type": TEXT,
    "cost_centers": LIST,
    "gl_accounts": LIST,
    "vendor_status": TEXT,
    "catalog_only": YES_NO,
    "currency": TEXT,
    "budget_state": TEXT,
    "within_delegated_limit": YES_NO,
}


class PolicyBroken(RuleBroken):
    slug = "policy-broken"
    title = "The approval policy cannot be applied."


@dataclass(frozen=True)
class Choice:
    """The rule that decides, or neither policy nor rule where none matches."""

    policy: ApprovalPolicy | None = None
    rule: PolicyRule | None = None


def choose(*, entity: Entity, applies_to: str, facts: Mapping[str, Any]) -> Choice:
    """The first matching rule of the active policies by priority. Raises PolicyBroken."""
    policies = (
        ApprovalPolicy.objects.filter(
            entity=entity, applies_to=applies_to, status=ApprovalPolicy.Status.ACTIVE
        )
        .order_by("priority", "name")
        .prefetch_related("rules")
    )
    for policy in policies:
        for rule in policy.rules.all():
            if matches(rule.conditions, facts):
                return Choice(policy, rule)
    return Choice()


def matches(conditions: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether {"all": […], "any": […]} holds. No conditions hold always. Raises PolicyBroken."""
    unknown = set(conditions) - {"all", "any"}
    if unknown:
        raise PolicyBroken(f"Unknown condition group “{sorted(unknown)[0]}”.")
    wanted = [_holds(each, facts) for each in _listed(conditions.get("all", []))]
    if "any" not in conditions:
        return all(wanted)
    options = [_holds(each, facts) for each in _listed(conditions["any"])]
    if not options:
        raise PolicyBroken("A group “any” needs at least one condition.")
    return all(wanted) and any(options)


def check(conditions: Mapping[str, Any]) -> None:
    """Raise PolicyBroken unless these conditions can be asked of every document."""
    blank: dict[str, Any] = {NUMBER: "0", TEXT: "", LIST: [], YES_NO: False}
    matches(conditions, {fact: blank[kind] for fact, kind in FACTS.items()})


def _listed(conditions: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(conditions, list) or not all(isinstance(each, dict) for each in conditions):
        raise PolicyBroken("Conditions are a list of fact, operator and value.")
    return conditions


def _holds(condition: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    fact, operator = condition.get("fact"), condition.get("operator")
    if fact not in FACTS or fact not in facts:
        raise PolicyBroken(f"Unknown fact “{fact}”.")
    kind = FACTS[fact]
    test = _OPERATORS[kind].get(operator)
    if test is None:
        raise PolicyBroken(f"“{operator}” cannot be asked of {fact}.")
    return test(_READ[kind](facts[fact]), condition.get("value", True))


def _number(value: Any) -> Decimal:
    if isinstance(value, bool | float):
        raise PolicyBroken(f"“{value}” is not an exact number; write it as text.")
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise PolicyBroken(f"“{value}” is not a number.") from error
    if not number.is_finite():
        raise PolicyBroken(f"“{value}” is not a number.")
    return number


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise PolicyBroken(f"“{value}” is not text.")
    return value


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyBroken(f"“{value}” is neither true nor false.")
    return value


def _texts(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise PolicyBroken(f"“{value}” is not a list.")
    return [str(each) for each in value]


Test = Callable[[Any, Any], bool]


def _equality(read: Callable[[Any], Any]) -> dict[str | None, Test]:
    return {
        "eq": lambda fact, value: fact == read(value),
        "ne": lambda fact, value: fact != read(value),
    }


def _choice(read: Callable[[Any], Any]) -> dict[str | None, Test]:
    def within(fact: Any, value: Any) -> bool:
        if not isinstance(value, list):
            raise PolicyBroken(f"“{value}” is not a list.")
        return fact in [read(each) for each in value]

    return {"in": within, "not_in": lambda fact, value: not within(fact, value)}


_READ: dict[str, Callable[[Any], Any]] = {
    NUMBER: _number,
    TEXT: _text,
    LIST: _texts,
    YES_NO: _yes_no,
}
_OPERATORS: dict[str, dict[str | None, Test]] = {
    NUMBER: {
        **_equality(_number),
        **_choice(_number),
        "gte": lambda fact, value: fact >= _number(value),
        "gt": lambda fact, value: fact > _number(value),
        "lte": lambda fact, value: fact <= _number(value),
        "lt": lambda fact, value: fact < _number(value),
    },
    TEXT: {**_equality(_text), **_choice(_text)},
    LIST: {
        "contains": lambda fact, value: str(value) in fact,
        "in": lambda fact, value: not set(fact).isdisjoint(_texts(value)),
        "not_in": lambda fact, value: set(fact).isdisjoint(_texts(value)),
    },
    YES_NO: {
        **_equality(_yes_no),
        "is_true": lambda fact, value: fact is _yes_no(value),
    },
}
