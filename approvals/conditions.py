"""Conditions of a policy: data over known facts, read once and then only asked.

Whatever cannot be understood is refused with a pointer to it: guessing would let something pass.
Text of users never becomes code; an operator is a name in a closed list.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from core import decimals, text
from core.errors import FieldError, RuleBroken

NUMBER, TEXT, LIST, YES_NO = "number", "text", "list", "yes or no"
FACTS: dict[str, str] = {
    "amount": NUMBER,
    "tier_amount": NUMBER,
    "rolling_total": NUMBER,
    "service_type": TEXT,
    "vendor_status": TEXT,
    "vendor_family": TEXT,
    "budget_state": TEXT,
    "currency": TEXT,
    "data_residency": TEXT,
    "cost_centers": LIST,
    "gl_accounts": LIST,
    "gl_classes": LIST,
    "catalog_only": YES_NO,
    "within_delegated_limit": YES_NO,
    "emergency": YES_NO,
    "under_contract": YES_NO,
    "personal_data": YES_NO,
    "regulated": YES_NO,
    "third_party_access": YES_NO,
}
LABELS: dict[str, str] = {
    "gl_accounts": "GL accounts",
    "gl_classes": "GL classes",
    "cost_centers": "cost centres",
    "tier_amount": "amount with recent requests",
    "rolling_total": "total of recent requests",
    "catalog_only": "catalog items only",
    "third_party_access": "third-party access",
    "data_residency": "place of the data",
}
CLOSED: dict[str, tuple[str, ...]] = {"budget_state": ("ok", "warn", "over")}
IN_WORDS = ("service_type", "vendor_status", "budget_state")  # values are words, not codes
NEUTRAL: dict[str, Any] = {TEXT: "", LIST: [], YES_NO: False}
MOST_CONDITIONS, MOST_VALUES, MOST_TEXT = 40, 200, 200

Test = Callable[[Any], bool]


class PolicyBroken(RuleBroken):
    slug = "policy-broken"
    title = "The approval policy cannot be applied."


@dataclass(frozen=True, slots=True)
class Condition:
    """One question: `test` takes the fact as `typed` gives it, `value` is what was asked for."""

    fact: str
    operator: str
    value: Any
    test: Test = field(repr=False, compare=False)

    @property
    def stored(self) -> dict[str, Any]:
        return {"fact": self.fact, "operator": self.operator, "value": _stored(self.value)}

    @property
    def words(self) -> str:
        name = label(self.fact)
        if FACTS[self.fact] == YES_NO:
            wanted = self.value is not (self.operator == "ne")
            return name if wanted else f"not {name}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        said = " or ".join(map(_said, values))
        if self.fact in IN_WORDS:
            said = said.replace("_", " ")
        return f"{name} {_OPERATOR_WORDS[self.operator]} {said}"


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of `every` and, where there is `some`, at least one of those. None at all hold always."""

    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()

    def __iter__(self) -> Iterator[Condition]:
        yield from self.every
        yield from self.some

    def hold(self, facts: Mapping[str, Any]) -> bool:
        """Whether they hold for facts as `typed` gives them."""
        for each in self.every:
            if not each.test(facts[each.fact]):
                return False
        if not self.some:
            return True
        return any(each.test(facts[each.fact]) for each in self.some)

    @property
    def stored(self) -> dict[str, Any]:
        """As a rule keeps them."""
        made: dict[str, Any] = {"all": [each.stored for each in self.every]}
        if self.some:
            made["any"] = [each.stored for each in self.some]
        return made

    @property
    def words(self) -> str:
        parts = [each.words for each in self.every]
        if self.some:
            options = ", or ".join(each.words for each in self.some)
            parts.append(f"({options})" if self.every else options)
        return " and ".join(parts) or "always"


def label(fact: str) -> str:
    """What people call a fact."""
    return LABELS.get(fact, fact.replace("_", " "))


def read(conditions: Any, pointer: str = "/conditions") -> Conditions:
    """Conditions from {"all": […], "any": […]}. Raises PolicyBroken with all faults found."""
    faults: list[FieldError] = []
    made = _read(conditions, pointer, faults)
    if faults:
        raise PolicyBroken(faults[0].detail, errors=faults)
    return made


def facts_of(known: Mapping[str, Any]) -> dict[str, Any]:
    """All facts; those not known are neutral: empty, no, budget in order, no recent requests.

    For other document types and for rounds older than a fact. Raises PolicyBroken without an
    amount, which no document lacks.
    """
    if known.get("amount") is None:
        raise PolicyBroken("Unknown fact “amount”: every document has one.")
    neutral = {fact: NEUTRAL[kind] for fact, kind in FACTS.items() if kind != NUMBER}
    facts = {**neutral, "budget_state": "ok", **known}
    facts.setdefault("rolling_total", facts["amount"])
    if "tier_amount" not in facts:
        facts["tier_amount"] = str(max(_number(facts["amount"]), _number(facts["rolling_total"])))
    return facts


def typed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The known facts as conditions compare them: decimals, text, sets, booleans.

    Raises PolicyBroken for a fact of another type than it has.
    """
    return {fact: _READ[kind](facts[fact]) for fact, kind in FACTS.items() if fact in facts}


def _read(conditions: Any, pointer: str, faults: list[FieldError]) -> Conditions:
    if not isinstance(conditions, Mapping):
        faults.append(FieldError(pointer, "invalid", "Conditions are groups “all” and “any”."))
        return Conditions()
    for name in sorted(set(conditions) - {"all", "any"}, key=str):
        place = f"{pointer}/{text.escaped(name)}"
        faults.append(FieldError(place, "unknown", f"Unknown condition group “{name}”."))
    if "any" in conditions and conditions["any"] == []:
        detail = "A group “any” needs at least one condition."
        faults.append(FieldError(f"{pointer}/any", "required", detail))
    return Conditions(
        _group(conditions.get("all", []), f"{pointer}/all", faults),
        _group(conditions.get("any", []), f"{pointer}/any", faults),
    )


def _group(conditions: Any, pointer: str, faults: list[FieldError]) -> tuple[Condition, ...]:
    if not isinstance(conditions, list):
        detail = "Conditions are a list of fact, operator and value."
        faults.append(FieldError(pointer, "invalid", detail))
        return ()
    if len(conditions) > MOST_CONDITIONS:
        detail = f"At most {MOST_CONDITIONS} conditions."
        faults.append(FieldError(pointer, "too_many", detail))
        return ()
    made = [_one(each, f"{pointer}/{place}", faults) for place, each in enumerate(conditions)]
    return tuple(each for each in made if each is not None)


def _one(condition: Any, pointer: str, faults: list[FieldError]) -> Condition | None:
    def fault(place: str, code: str, detail: str) -> Condition | None:
        faults.append(FieldError(f"{pointer}{place}", code, detail))
        return None

    if not isinstance(condition, Mapping):
        return fault("", "invalid", "A condition is a fact, an operator and a value.")
    fact, operator = condition.get("fact"), condition.get("operator")
    if not isinstance(fact, str) or fact not in FACTS:
        return fault("/fact", "unknown", f"Unknown fact “{fact}”.")
    make = _OPERATORS[FACTS[fact]].get(operator if isinstance(operator, str) else "")
    if make is None:
        return fault("/operator", "unknown", f"“{operator}” cannot be asked of {fact}.")
    unknown = sorted(set(condition) - {"fact", "operator", "value"}, key=str)
    if unknown:
        return fault(f"/{text.escaped(unknown[0])}", "unknown", f"Unknown field “{unknown[0]}”.")
    if "value" not in condition and operator != "is_true":
        return fault("/value", "required", "Say what it is compared with.")
    try:
        value, test = make(condition.get("value", True))
    except PolicyBroken as broken:
        return fault("/value", "invalid", broken.detail)
    return Condition(fact, str(operator), value, test)


def _number(value: Any) -> Decimal:
    """A number that the portal itself states."""
    if isinstance(value, bool | float):
        raise PolicyBroken(f"“{value}” is not an exact number; write it as text.")
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise PolicyBroken(f"“{value}” is not a number.") from error
    if not number.is_finite():
        raise PolicyBroken(f"“{value}” is not a number.")
    return number


def _stated(value: Any) -> Decimal:
    """A number that somebody wrote into a policy."""
    try:
        return decimals.parse(value)
    except decimals.NotADecimal as error:
        raise PolicyBroken(f"“{value}” is not a number; write it as in 1250.00.") from error


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise PolicyBroken(f"“{value}” is not text.")
    return value or ""


def _word(value: Any) -> str:
    word = _text(value)
    if errors := text.check(word, "", most=MOST_TEXT):
        raise PolicyBroken(errors[0].detail)
    return word


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyBroken(f"“{value}” is neither true nor false.")
    return value


def _set(value: Any) -> frozenset[str]:
    if not isinstance(value, list | tuple):
        raise PolicyBroken(f"“{value}” is not a list.")
    return frozenset(str(each) for each in value)


def _many(read: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise PolicyBroken(f"“{value}” is not a list of values.")
    if len(value) > MOST_VALUES:
        raise PolicyBroken(f"At most {MOST_VALUES} values.")
    return tuple(dict.fromkeys(read(each) for each in value))


Made = tuple[Any, Test]
Make = Callable[[Any], Made]


def _equality(read: Callable[[Any], Any]) -> dict[str, Make]:
    def equal(said: Any) -> Made:
        value = read(said)
        return value, lambda fact: fact == value

    def unequal(said: Any) -> Made:
        value = read(said)
        return value, lambda fact: fact != value

    return {"eq": equal, "ne": unequal}


def _choice(read: Callable[[Any], Any]) -> dict[str, Make]:
    def within(said: Any) -> Made:
        values = _many(read, said)
        known = frozenset(values)
        return values, lambda fact: fact in known

    def without(said: Any) -> Made:
        values = _many(read, said)
        known = frozenset(values)
        return values, lambda fact: fact not in known

    return {"in": within, "not_in": without}


def _order() -> dict[str, Make]:
    def made(test: Callable[[Decimal, Decimal], bool]) -> Make:
        def make(said: Any) -> Made:
            value = _stated(said)
            return value, lambda fact: test(fact, value)

        return make

    return {"gte": made(Decimal.__ge__), "gt": made(Decimal.__gt__),
            "lte": made(Decimal.__le__), "lt": made(Decimal.__lt__)}  # fmt: skip


def _contains(said: Any) -> Made:
    value = _word(said)
    return value, lambda fact: value in fact


def _meets(said: Any) -> Made:
    values = _many(_word, said)
    known = frozenset(values)
    return values, lambda fact: not known.isdisjoint(fact)


def _misses(said: Any) -> Made:
    values = _many(_word, said)
    known = frozenset(values)
    return values, known.isdisjoint


def _is_true(said: Any) -> Made:
    value = _yes_no(said)
    return value, lambda fact: fact is value


_READ: dict[str, Callable[[Any], Any]] = {
    NUMBER: _number,
    TEXT: _text,
    LIST: _set,
    YES_NO: _yes_no,
}
_OPERATORS: dict[str, dict[str, Make]] = {
    NUMBER: {**_equality(_stated), **_choice(_stated), **_order()},
    TEXT: {**_equality(_word), **_choice(_word)},
    LIST: {"contains": _contains, "in": _meets, "not_in": _misses},
    YES_NO: {**_equality(_yes_no), "is_true": _is_true},
}
OPERATORS: dict[str, tuple[str, ...]] = {kind: tuple(each) for kind, each in _OPERATORS.items()}
_OPERATOR_WORDS = {
    "eq": "is", "ne": "is not", "in": "is", "not_in": "is none of", "gte": "from", "gt": "above",
    "lte": "up to", "lt": "below", "contains": "include",
}  # fmt: skip


def _stored(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_stored(each) for each in value]
    return f"{value:f}" if isinstance(value, Decimal) else value


def _said(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
    return str(value) or "empty"
