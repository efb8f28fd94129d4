"""The amounts at which more people have to agree: in the rules, and by what each may approve."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.models import Entity, User
from approvals.models import ApprovalPolicy, PolicyRule
from requisitions.models import Requisition

_AMOUNTS = ("amount", "tier_amount", "rolling_total")
_FROM, _ABOVE = ("gte", "lt"), ("gt", "lte")


def highest_crossed(
    entity: Entity,
    requester: User,
    *,
    alone: Decimal,
    together: Decimal,
    applies_to: str = Requisition.document_type,
) -> Decimal | None:
    """The highest tier that the sum reaches and no part alone does; base currency.

    `applies_to` names the documents whose policy says so. Statements: 2.
    """
    known = [*_of_rules(entity, applies_to), *_of_people(entity, requester)]
    crossed = [
        value
        for value, is_included in known
        if _reaches(together, value, is_included) and not _reaches(alone, value, is_included)
    ]
    return max(crossed, default=None)


def _reaches(amount: Decimal, value: Decimal, is_included: bool) -> bool:
    return amount >= value if is_included else amount > value


def _of_rules(entity: Entity, applies_to: str) -> Iterator[tuple[Decimal, bool]]:
    """“From 1 000” includes 1 000; “up to 1 000” ends with it."""
    rules = PolicyRule.objects.filter(
        policy__entity=entity,
        policy__applies_to=applies_to,
        policy__status=ApprovalPolicy.Status.ACTIVE,
    )
    for conditions in rules.values_list("conditions", flat=True):
        for condition in [*conditions.get("all", []), *conditions.get("any", [])]:
            if condition.get("fact") in _AMOUNTS:
                yield from _of_condition(condition)


def _of_condition(condition: Mapping[str, Any]) -> Iterator[tuple[Decimal, bool]]:
    operator = condition.get("operator")
    if operator not in (*_FROM, *_ABOVE):
        return
    try:
        yield Decimal(str(condition.get("value"))), operator in _FROM
    except InvalidOperation:
        return


def _of_people(entity: Entity, requester: User) -> Iterator[tuple[Decimal, bool]]:
    """Whoever may approve up to a limit may not approve more."""
    limits = User.objects.filter(entity=entity, is_active=True, approval_limit__gt=0)
    for limit in limits.values_list("approval_limit", flat=True).distinct():
        yield limit, False
    if requester.delegated_order_limit > 0:
        yield requester.delegated_order_limit, False
