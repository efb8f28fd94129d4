"""What is said about a rule or a month's consumption before it is judged."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from accounts.models import User
from budgets.models import CostCenter, GLAccount, Project


@dataclass(frozen=True)
class ShareInput:
    """What one cost centre bears of a fixed split, in percent."""

    cost_center: CostCenter | None
    percent: Decimal | None


@dataclass(frozen=True)
class RuleInput:
    """What a rule shall say. Months are whole: the first day of one to the last day of another."""

    kind: str
    basis: str
    service_owner: User | None
    valid_from: date | None
    valid_to: date | None = None
    cost_center: CostCenter | None = None
    gl_account: GLAccount | None = None
    project: Project | None = None
    unit: str = ""
    shares: list[ShareInput] = field(default_factory=list)


@dataclass(frozen=True)
class UnitsInput:
    """What one cost centre used in a month, named by the month's first day."""

    month: date | None
    cost_center: CostCenter | None
    units: Decimal | None
