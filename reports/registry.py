"""Every report by its name in the API: what it is called, what it takes, and who answers it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import Missing
from reports import answers, approval_answers
from reports.answers import Answer
from reports.asking import CODING, Question, read, require


@dataclass(frozen=True)
class Kind:
    """A report: its title in plain words, the filters it knows, the function that answers it."""

    title: str
    takes: Sequence[str]
    answer: Callable[[Question], Answer]


_DIVIDED = ("fiscal_year", "group_by", *CODING, "kind", "recorded_at")
REPORTS: dict[str, Kind] = {
    "commitments": Kind("Commitments", _DIVIDED, answers.commitments),
    "budget-variance": Kind("Budget variance", _DIVIDED, answers.budget_variance),
    "forecast": Kind("Forecast", _DIVIDED, answers.forecast),
    "commitment-burn-down": Kind(
        "Burn-down",
        ("fiscal_year", *CODING, "kind", "order", "recorded_at"),
        answers.commitment_burn_down,
    ),
    "accruals": Kind("Received, not invoiced", ("recorded_at",), answers.accruals),
    "open-orders-aging": Kind("Open orders by age", (), answers.open_orders_aging),
    "segregation-of-duties": Kind("Segregation of duties", ("since",), answers.duties_kept_apart),
    "emergency-review": Kind("Emergencies", ("since",), approval_answers.emergency_review),
    "approval-bottlenecks": Kind(
        "Where approvals wait", ("since",), approval_answers.approval_bottlenecks
    ),
}


def question(
    name: str, filters: Mapping[str, Sequence[str]], *, user: Any, now: datetime
) -> Question:
    """The question that filters ask of a report. Raises Missing for an unknown report, and what
    `asking.read` and `asking.require` raise."""
    if name not in REPORTS:
        raise Missing()
    asked = read(filters, takes=REPORTS[name].takes, user=user, now=now)
    require(name, user=user, cost_center=asked.filters.get("cost_center"))
    return asked


def answer(name: str, filters: Mapping[str, Sequence[str]], *, user: Any, now: datetime) -> Answer:
    """What a report answers to filters, as this person may see it."""
    return REPORTS[name].answer(question(name, filters, user=user, now=now))
