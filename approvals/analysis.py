"""What is wrong with a policy before it decides anything: reported when it is saved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Role, User
from approvals import combinations, policy, steps
from approvals.combinations import Findings, Situation
from approvals.conditions import PolicyBroken
from approvals.directory import Directory
from approvals.models import ApprovalPolicy
from approvals.policy import Book, Rule
from core.money import minor_units

_HUGE = Decimal(10) ** 14
ERROR, WARNING, NOTE = "error", "warning", "note"
_ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True)
class Finding:
    """`error` keeps a policy from being activated. `rule_position` counts from 1.

    Codes: unreadable, empty, unreachable, shadowed, shadows, gap, nobody, limit, sampled.
    `example` holds the facts of a situation in which it shows.
    """

    level: str
    code: str
    rule_position: int | None
    words: str
    example: dict[str, Any] = field(default_factory=dict)


def examine(policy: ApprovalPolicy, *, at: datetime | None = None) -> list[Finding]:
    """Everything that deserves a look, errors first; nothing when all is well.

    The policy is looked at together with the other active ones of its entity and document type, as
    if it were active; people as they are at `at` (now where it is not said).
    """
    try:
        case = _Case.of(policy, at or timezone.now())
    except PolicyBroken as broken:
        return [Finding(ERROR, "unreadable", None, broken.detail)]
    if not case.own and not policy.requirements.exists():
        return [Finding(ERROR, "empty", None, "It has neither rules nor requirements.")]
    found = [*case.order(), *case.people()]
    return sorted(found, key=lambda each: (_ORDER[each.level], each.rule_position or 0))


@dataclass(frozen=True)
class _Case:
    """A policy among the others that decide."""

    policy: ApprovalPolicy
    rules: tuple[Rule, ...]
    own: tuple[Rule, ...]
    directory: Directory
    step: Decimal

    @classmethod
    def of(cls, examined: ApprovalPolicy, at: datetime) -> "_Case":
        entity = examined.entity
        others = policy.active(entity=entity, applies_to=examined.applies_to).exclude(
            name=examined.name
        )
        book = Book.of([*others, examined])
        own = tuple(rule for rule in book.rules if rule.policy is examined)
        step = Decimal(10) ** -minor_units(entity.currency)
        return cls(examined, book.rules, own, Directory.of(entity, at=at), step)

    def order(self) -> Iterable[Finding]:
        """Which rules never decide, and what none decides."""
        found = combinations.situations(self.rules, step=self.step)
        if not found.complete:
            words = "There are more combinations than can be looked at; a part of them was."
            yield Finding(NOTE, "sampled", None, words)
        deciding = {each.first for each in found.situations}
        for place, rule in enumerate(self.rules):
            if place not in deciding:
                yield from self._never(place, rule, found)
        gap = next((each for each in found.situations if each.first is None), None)
        if gap is not None:
            yield self._gap(gap)

    def _never(self, place: int, rule: Rule, found: Findings) -> Iterable[Finding]:
        if rule.policy is not self.policy:
            if any(each.policy is self.policy for each in self._before(self.rules, place)):
                words = f"“{rule.name}” of {rule.policy} would never decide any more."
                yield Finding(WARNING, "shadows", None, words)
            return
        level = ERROR if found.complete else WARNING
        before = self._before(self.own, self.own.index(rule))
        if not before:
            words = f"“{rule.name}” can never hold: its conditions contradict each other."
            yield Finding(level, "unreachable", rule.position, words)
            return
        code = "unreachable"
        if rule in before:  # it decides in its own policy, which others come before
            level, code, before = WARNING, "shadowed", self._before(self.rules, place)
        names = " or ".join(
            f"“{each.name}”" + ("" if each.policy is self.policy else f" of {each.policy}")
            for each in before
        )
        words = f"“{rule.name}” never decides: whenever it holds, {names} has decided before."
        yield Finding(level, code, rule.position, words)

    def _before(self, rules: Sequence[Rule], place: int) -> list[Rule]:
        """The rules among these that decide where the one at this place holds."""
        bit = 1 << place
        upto = rules[: place + 1]
        found = combinations.situations(upto, step=self.step, keep=bit)
        first = {each.first for each in found.situations if each.holding & bit}
        return [upto[number] for number in sorted(each for each in first if each is not None)]

    def _gap(self, gap: Situation) -> Finding:
        example = combinations.in_words(gap.facts, self._money)
        fallback = self.directory.person(self.policy.entity.fallback_approver_id)
        if fallback is None or not self.directory.is_active(fallback.pk):
            words = f"No rule decides {example}, and there is no fallback approver."
            return Finding(ERROR, "nobody", None, words, combinations.as_data(gap.facts))
        words = f"No rule decides {example}: it would go to the fallback approver, {fallback}."
        return Finding(WARNING, "gap", None, words, combinations.as_data(gap.facts))

    def people(self) -> Iterable[Finding]:
        """Steps that find nobody, or fewer than must agree."""
        for rule in self.own:
            for number, step in enumerate(rule.steps, 1):
                here = f"“{rule.name}”, step {number}"
                for level, code, words in self._step(rule, step):
                    yield Finding(level, code, rule.position, f"{here}: {words}")

    def _step(self, rule: Rule, step: steps.Step) -> Iterable[tuple[str, str, str]]:
        missing = [(each, words) for each in step.approvers if (words := self._missing(each))]
        nobody = step.mode == steps.ALL or len(missing) == len(step.approvers)
        for _, words in missing:
            yield (ERROR if nobody else WARNING), "nobody", words
        if not step.approvers:
            yield ERROR, "nobody", "nobody is asked."
        if step.mode == steps.QUORUM and not nobody:
            most = self._most(step)
            if most is not None and most < step.quorum:
                yield ERROR, "nobody", f"{step.quorum} must agree, but only {most} can be asked."
        if any(each.kind == steps.MANAGER_CHAIN for each in step.approvers):
            yield from self._limits(rule)

    def _missing(self, approver: steps.Approver) -> str:
        """Why an ordinary requester finds nobody here; empty when they find somebody."""
        kind, value, directory = approver.kind, approver.value, self.directory
        entity = self.policy.entity
        if kind == steps.ROLE and not directory.of_role(value):
            return f"nobody has the role {Role(value).label}."
        if kind == steps.PERSON:
            person = directory.addressed(value)
            if person is None:
                return f"{value} is nobody of {entity}."
            return "" if directory.is_active(person.pk) else f"{person} cannot decide any more."
        if kind == steps.ON_CALL and not directory.is_active(entity.on_call_approver_id):
            return "nobody is on call."
        if kind in (steps.MANAGER, steps.MANAGER_CHAIN) and not self._managers():
            return "nobody has a manager."
        return ""

    def _managers(self) -> list[User]:
        above = {each.manager_id for each in self.directory.people}
        return [each for each in self.directory.people if each.pk in above]

    def _most(self, step: steps.Step) -> int | None:
        """How many different people a step can ask; None where that depends on the request."""
        known: set[Any] = set()
        more = 0
        for each in step.approvers:
            if each.kind == steps.ROLE:
                known |= {person.pk for person in self.directory.of_role(each.value)}
            elif each.kind == steps.PERSON:
                person = self.directory.addressed(each.value)
                known |= {person.pk} if person and self.directory.is_active(person.pk) else set()
            elif each.kind in (steps.BUDGET_OWNER, steps.SERVICE_OWNER):
                return None
            else:
                more += 1
        return len(known) + more

    def _limits(self, rule: Rule) -> Iterable[tuple[str, str, str]]:
        """Whether the limits of those above reach the amounts that the rule decides."""
        fallback = self.directory.person(self.policy.entity.fallback_approver_id)
        people = [*self._managers(), *([fallback] if fallback else [])]
        if not people:
            return
        reach = max((each.approval_limit or Decimal(0)) for each in people)
        if not self._decides_from(rule, Decimal(0), reach):
            words = f"nobody's limit reaches its amounts; the highest is {self._money(reach)}."
            yield ERROR, "nobody", words
        elif self._decides_from(rule, reach + self.step, _HUGE):
            yield NOTE, "limit", f"above {self._money(reach)} nobody's limit suffices."

    def _decides_from(self, rule: Rule, least: Decimal, most: Decimal) -> bool:
        """Whether it can hold for some amount in this range."""
        asked = [each for each in rule.conditions.every if each.fact in combinations.MONEY]
        bounds = {bound for each in asked for bound in combinations.bounds(each, self.step)}
        points = {least, most, *(bound for bound in bounds if least <= bound <= most)}
        return any(all(each.test(point) for each in asked) for point in points)

    def _money(self, value: Decimal) -> str:
        currency = self.policy.entity.currency
        return f"{value:,.{minor_units(currency)}f} {currency}"
