"""What an administrator states about a policy, before it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RuleInput:
    """A rule: when its conditions hold, its steps make the chain. See `PolicyRule`."""

    name: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class RequirementInput:
    """A reference that a document must carry when the conditions hold."""

    reference: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
