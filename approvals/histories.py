"""How a document was approved, for whoever looks back: rounds, steps, and facts in words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import User
from approvals import conditions, subjects
from approvals.conditions import LIST, NUMBER, YES_NO
from approvals.models import ApprovalRequest, ApprovalStep, StepQuestion
from approvals.replay import Replay, replay_all
from core.documents import document_model
from core.money import minor_units

PEOPLE = ("budget_owners", "service_owners", "excluded")  # facts that are ids of people
_UNSAID = ("centers_by_owner",)


@dataclass(frozen=True)
class Told:
    """One round as it is told: its steps in order, its facts in words, how it replays."""

    round_: ApprovalRequest
    number: int
    steps: list[ApprovalStep] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    replay: Replay | None = None


def rounds_visible_to(user: User) -> QuerySet[ApprovalRequest]:
    """The rounds of every document that this person may see."""
    seen = Q(pk__in=[])
    for name in subjects.names():
        documents: Any = document_model(name)._default_manager
        seen |= Q(subject_type=name, subject_id__in=documents.visible_to(user).values("pk"))
    return ApprovalRequest.objects.filter(seen, entity=user.entity_id)


def tell(rounds: Iterable[ApprovalRequest]) -> list[Told]:
    """Rounds of one document, newest first, with all that was said. Wants entity and policy.

    Statements: 16, and 2 more for each round.
    """
    rounds = sorted(rounds, key=lambda each: each.pk, reverse=True)
    seats: dict[UUID, list[ApprovalStep]] = defaultdict(list)
    for step in steps_of(rounds):
        seats[step.request_id].append(step)
    names = _names(rounds)
    return [
        Told(
            each.round_,
            len(rounds) - place,
            seats[each.round_.pk],
            facts_in_words(each.round_, names),
            each,
        )
        for place, each in enumerate(replay_all(rounds))
    ]


def steps_of(rounds: Iterable[ApprovalRequest]) -> QuerySet[ApprovalStep]:
    """Every step in the order of its chain, who took whose place, and what was asked."""
    questions = StepQuestion.objects.select_related("asked_by", "asked_of")
    return (
        ApprovalStep.objects.filter(request__in=[each.pk for each in rounds])
        .select_related("assignee", "decided_by", "replaces__assignee", "kept_from__request")
        .prefetch_related(Prefetch("questions", questions.order_by("asked_at", "id")))
        .order_by("stage", "group", "id")
    )


def facts_in_words(round_: ApprovalRequest, names: dict[UUID, str]) -> list[tuple[str, str]]:
    """What the policy saw, the known facts first; `names` are of the people among them."""
    known = [each for each in conditions.FACTS if each in round_.facts]
    others = [each for each in round_.facts if each not in (*known, *_UNSAID)]
    told = ((name, _said(name, round_, names)) for name in [*known, *others])
    return [(_label(name), said) for name, said in told if said]


def _label(fact: str) -> str:
    words = conditions.label(fact) if fact in conditions.FACTS else fact.replace("_", " ")
    return words[:1].upper() + words[1:]


def _said(name: str, round_: ApprovalRequest, names: dict[UUID, str]) -> str:
    value, kind = round_.facts[name], conditions.FACTS.get(name)
    if name in PEOPLE:
        return ", ".join(_person(each, names) for each in value)
    if kind == YES_NO or isinstance(value, bool):
        return "yes" if value else "no"
    if kind == LIST or isinstance(value, list):
        return ", ".join(map(str, value))
    if kind == NUMBER:
        return _money(value, round_.entity.currency)
    return str(value or "")


def _person(value: Any, names: dict[UUID, str]) -> str:
    return names.get(UUID(str(value)), str(value)) if value else "nobody named"


def _money(value: Any, currency: str) -> str:
    try:
        return f"{Decimal(str(value)):,.{minor_units(currency)}f} {currency}"
    except InvalidOperation:
        return str(value)


def _names(rounds: Iterable[ApprovalRequest]) -> dict[UUID, str]:
    wanted = {
        UUID(str(each))
        for round_ in rounds
        for name in PEOPLE
        for each in round_.facts.get(name, ())
        if each
    }
    return {pk: str(person) for pk, person in User.objects.in_bulk(wanted).items()}
