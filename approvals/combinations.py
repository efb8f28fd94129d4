"""All situations that a set of rules can tell apart, found without trying every one of them.

Of each fact only the values that some condition notices are looked at: each boundary of a number
and its neighbours, each text that is named and one that is not. Facts are worked in one after the
other; situations that the rules cannot tell apart any more are then one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Any

from approvals.conditions import CLOSED, FACTS, LIST, NUMBER, TEXT, Condition
from approvals.policy import Rule

MOST_STATES = 200_000
MOST_SUBSETS_OF = 6
OTHER = "something else"
MONEY = ("amount", "rolling_total", "tier_amount")
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Situation:
    """Which rules hold (bit n: rule n of the list) and facts of which that is true."""

    holding: int
    facts: dict[str, Any]

    @property
    def first(self) -> int | None:
        """The rule that decides."""
        return (self.holding & -self.holding).bit_length() - 1 if self.holding else None


@dataclass(frozen=True)
class Findings:
    """Distinct situations; `complete` says whether all were looked at or a part had to do."""

    situations: list[Situation]
    complete: bool


class _Dimension:
    """Facts that vary together, and what each choice of their values means to every rule."""

    def __init__(
        self, facts: Sequence[str], choices: Sequence[Values], rules: Sequence[Rule]
    ) -> None:
        self.facts, self.choices = tuple(facts), choices
        self.masks = [self._masks(choice, rules) for choice in choices]

    def _masks(self, choice: Values, rules: Sequence[Rule]) -> tuple[int, int]:
        every = some = 0
        for place, rule in enumerate(rules):
            asked = [each for each in rule.conditions.every if each.fact in choice]
            if all(each.test(choice[each.fact]) for each in asked):
                every |= 1 << place
            options = [each for each in rule.conditions.some if each.fact in choice]
            if any(each.test(choice[each.fact]) for each in options):
                some |= 1 << place
        return every, some


def situations(rules: Sequence[Rule], *, step: Decimal, keep: int = 0) -> Findings:
    """What can be, as far as these rules notice. `step` is the smallest difference of amounts.

    Rules behind the one that decides are left out of `holding`, unless their bit is in `keep`.
    """
    dimensions = _dimensions(rules, step)
    free = sum(1 << place for place, rule in enumerate(rules) if not rule.conditions.some)
    settled = _settled(rules, dimensions)
    everything = (1 << len(rules)) - 1
    states: dict[tuple[int, int], Any] = {(everything, 0): None}
    complete = True
    for number, dimension in enumerate(dimensions):
        found: dict[tuple[int, int], Any] = {}
        for (every, some), trail in states.items():
            for choice, (all_mask, some_mask) in zip(
                dimension.choices, dimension.masks, strict=True
            ):
                holding = every & all_mask
                options = (some | some_mask) & holding
                sure = holding & settled[number] & (free | options)
                if sure:
                    holding &= ((sure & -sure) << 1) - 1 | keep
                    options &= holding
                found.setdefault((holding, options), (trail, choice))
        states, complete = _bounded(found, complete)
    made = [
        Situation(every & (free | some), _facts(trail)) for (every, some), trail in states.items()
    ]
    return Findings(made, complete)


def _bounded(found: dict[Any, Any], complete: bool) -> tuple[dict[Any, Any], bool]:
    """At most as many as can be looked at: every n-th, the same ones each time."""
    if len(found) <= MOST_STATES:
        return found, complete
    nth = -(-len(found) // MOST_STATES)
    return dict(list(found.items())[::nth]), False


def _facts(trail: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    while trail is not None:
        trail, choice = trail
        facts = {**choice, **facts}
    return facts


def _settled(rules: Sequence[Rule], dimensions: list[_Dimension]) -> list[int]:
    """Per dimension the rules that ask for nothing in a later one."""
    masks = []
    left = [{each.fact for each in rule.conditions} for rule in rules]
    for dimension in dimensions:
        left = [facts.difference(dimension.facts) for facts in left]
        masks.append(sum(1 << place for place, facts in enumerate(left) if not facts))
    return masks


def _dimensions(rules: Sequence[Rule], step: Decimal) -> list[_Dimension]:
    asked: dict[str, list[Condition]] = {}
    for rule in rules:
        for each in rule.conditions:
            asked.setdefault(each.fact, []).append(each)
    made, money = [], [fact for fact in MONEY if fact in asked]
    if money:
        points = _points([each for fact in money for each in asked[fact]], step)
        made.append(_Dimension(MONEY, _amounts(points, money), rules))
    for fact, conditions in asked.items():
        if FACTS[fact] != NUMBER:
            values = [{fact: value} for value in _values(fact, conditions)]
            made.append(_Dimension([fact], values, rules))
    return made or [_Dimension([], [{}], rules)]


def _amounts(points: list[Decimal], asked: list[str]) -> list[Values]:
    """Amount, recent total and the larger of both; only as many as the rules tell apart."""
    if len(asked) == 1:
        return [dict.fromkeys(MONEY, point) for point in points]
    return [
        {"amount": amount, "rolling_total": total, "tier_amount": max(amount, total)}
        for amount in points
        for total in points
    ]


def _points(conditions: Sequence[Condition], step: Decimal) -> list[Decimal]:
    """Zero, each boundary and its neighbours; amounts are never negative."""
    points = {Decimal(0), *(bound for each in conditions for bound in bounds(each, step))}
    return sorted(point for point in points if point >= 0)


def bounds(condition: Condition, step: Decimal) -> set[Decimal]:
    """The values of a number that a condition tells apart: each boundary and its neighbours."""
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return {value + near for value in values for near in (-step, Decimal(0), step)}


def _named(conditions: Sequence[Condition]) -> list[str]:
    named: list[str] = []
    for each in conditions:
        named += each.value if isinstance(each.value, tuple) else [each.value]
    return list(dict.fromkeys(named))


def _values(fact: str, conditions: Sequence[Condition]) -> list[Any]:
    if FACTS[fact] == TEXT:
        return list(CLOSED.get(fact, (*_named(conditions), OTHER)))
    if FACTS[fact] == LIST:
        return list(_subsets(_named(conditions)))
    return [False, True]


def _subsets(named: list[str]) -> Iterator[frozenset[str]]:
    """Every mixture of few names; of many: none, each, each two, all but one, all."""
    count = len(named)
    sizes = range(count + 1) if count <= MOST_SUBSETS_OF else {0, 1, 2, count - 1, count}
    for size in sorted(sizes):
        for chosen in combinations(named, size):
            yield frozenset(chosen)


def in_words(facts: Values, said: Callable[[Decimal], str]) -> str:
    """A situation as an example for people; `said` writes amounts."""
    parts = []
    for fact, value in _shown(facts).items():
        name = fact.replace("_", " ")
        if isinstance(value, bool):
            parts.append(name if value else f"not {name}")
        elif isinstance(value, frozenset):
            parts.append(f"{name}: {', '.join(sorted(value)) or 'none of those named'}")
        else:
            parts.append(f"{name} {said(value) if isinstance(value, Decimal) else value}")
    return ", ".join(parts) or "any request"


def as_data(facts: Values) -> dict[str, Any]:
    """The same as JSON."""
    return {
        fact: sorted(value)
        if isinstance(value, frozenset)
        else f"{value:f}"
        if isinstance(value, Decimal)
        else value
        for fact, value in _shown(facts).items()
    }


def _shown(facts: Values) -> dict[str, Any]:
    """One amount where all three are the same."""
    amounts = {facts[fact] for fact in MONEY if fact in facts}
    return {
        fact: value
        for fact, value in facts.items()
        if fact not in MONEY[1:] or (len(amounts) > 1 and fact != MONEY[2])
    }
