"""Which rule decides, and which references a document must carry.

Policies are read from the database once per question and their conditions are read once per
policy; a rule that names an unknown fact or operator is refused with the whole request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Entity
from approvals import conditions, steps
from approvals.conditions import FACTS, LIST, NUMBER, TEXT, YES_NO, PolicyBroken, facts_of
from approvals.models import ApprovalPolicy, PolicyRequirement, PolicyRule
from core.composed import Composed

__all__ = [
    "FACTS", "LIST", "NUMBER", "TEXT", "YES_NO", "Book", "Choice", "PolicyBroken", "Requirement",
    "Rule", "choose", "facts_of", "matches", "required_references",
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A rule with its conditions and steps read."""

    name: str
    position: int
    conditions: conditions.Conditions
    steps: tuple[steps.Step, ...]
    policy: ApprovalPolicy | None = field(default=None, repr=False)

    @classmethod
    def of(cls, rule: PolicyRule, policy: ApprovalPolicy | None = None) -> "Rule":
        """Raises PolicyBroken for what cannot be read."""
        here = f"/rules/{max(0, (rule.position or 1) - 1)}"
        return cls(
            rule.name,
            rule.position or 1,
            conditions.read(rule.conditions, f"{here}/conditions"),
            steps.read(rule.steps, f"{here}/steps"),
            policy,
        )


@dataclass(frozen=True)
class Requirement:
    """A reference asked for when its conditions hold."""

    reference: str
    conditions: conditions.Conditions

    @classmethod
    def of(cls, requirement: PolicyRequirement) -> "Requirement":
        here = f"/requirements/{max(0, requirement.position - 1)}/conditions"
        return cls(requirement.reference, conditions.read(requirement.conditions, here))


@dataclass(frozen=True)
class Choice:
    """The rule that decides, or neither policy nor rule where none matches."""

    policy: ApprovalPolicy | None = None
    rule: Rule | None = None


@dataclass(frozen=True)
class Book:
    """Policies in the order in which they are tried, with all their rules read."""

    rules: tuple[Rule, ...]
    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, policies: Iterable[ApprovalPolicy]) -> "Book":
        """Raises PolicyBroken for what cannot be read. Wants rules and requirements prefetched."""
        ordered = sorted(policies, key=lambda each: (each.priority, each.name))
        return cls(
            tuple(Rule.of(rule, each) for each in ordered for rule in each.rules.all()),
            tuple(Requirement.of(it) for each in ordered for it in each.requirements.all()),
        )

    @classmethod
    def in_force(cls, *, entity: Entity, applies_to: str) -> "Book":
        """The active policies of an entity for a document type. Statements: 2."""
        return cls(
            _rules(entity=entity, applies_to=applies_to),
            _requirements(entity=entity, applies_to=applies_to),
        )

    def choose(self, facts: Mapping[str, Any]) -> Choice:
        """The first rule that matches."""
        known = conditions.typed(facts_of(facts))
        for rule in self.rules:
            if rule.conditions.hold(known):
                return Choice(rule.policy, rule)
        return Choice()

    def required_references(self, facts: Mapping[str, Any]) -> list[str]:
        """What every requirement that holds asks for, each once."""
        known = conditions.typed(facts_of(facts))
        asked = [each.reference for each in self.requirements if each.conditions.hold(known)]
        return list(dict.fromkeys(asked))


def active(*, entity: Entity, applies_to: str) -> Any:
    """Policies in force, with what they consist of."""
    return ApprovalPolicy.objects.filter(
        entity=entity, applies_to=applies_to, status=ApprovalPolicy.Status.ACTIVE
    ).prefetch_related("rules", "requirements")


def choose(*, entity: Entity, applies_to: str, facts: Mapping[str, Any]) -> Choice:
    """The first matching rule of the active policies by priority. Raises PolicyBroken.

    Statements: 1.
    """
    return Book(_rules(entity=entity, applies_to=applies_to)).choose(facts)


def required_references(*, entity: Entity, applies_to: str, facts: Mapping[str, Any]) -> list[str]:
    """The references that a document with these facts must carry. Raises PolicyBroken.

    Statements: 1.
    """
    asked = _requirements(entity=entity, applies_to=applies_to)
    return Book((), asked).required_references(facts)


def _in_force(entity: UUID, applies_to: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of rows of policies those of the ones in force, in the order in which they are asked."""
    return rows.filter(
        policy__entity=entity,
        policy__applies_to=applies_to,
        policy__status=ApprovalPolicy.Status.ACTIVE,
    ).order_by("policy__priority", "policy__name", "position")


_active_rules = Composed[PolicyRule](
    lambda entity, type_: _in_force(entity, type_, PolicyRule.objects.select_related("policy"))
)
_active_requirements = Composed[PolicyRequirement](
    lambda entity, type_: _in_force(entity, type_, PolicyRequirement.objects.all())
)


def _rules(*, entity: Entity, applies_to: str) -> tuple[Rule, ...]:
    return tuple(Rule.of(each, each.policy) for each in _active_rules(entity.pk, str(applies_to)))


def _requirements(*, entity: Entity, applies_to: str) -> tuple[Requirement, ...]:
    return tuple(map(Requirement.of, _active_requirements(entity.pk, str(applies_to))))


def matches(said: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether stored conditions hold. Raises PolicyBroken, also for a fact that is not given."""
    asked, known = conditions.read(said), conditions.typed(facts)
    for each in asked:
        if each.fact not in known:
            raise PolicyBroken(f"Unknown fact “{each.fact}”.")
    return asked.hold(known)
