"""What was asked for lately beside a request, named: twins, and a cost cut in parts.

What siblings are, and what they count for, is said in `requisitions.rolling`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Entity, User
from approvals.subjects import Flag
from core.composed import Composed
from core.money import minor_units
from requisitions import rolling, tiers
from requisitions.asked import Asked
from requisitions.models import Requisition
from requisitions.rolling import Around, Part, Rolling

NAMED, LISTED = 3, 10


@dataclass(frozen=True, slots=True)
class Sibling:
    """An earlier or later request to the same family; its amount is in base currency."""

    pk: UUID
    number: str
    requester: str
    asked_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Recent(Rolling):
    """The rolling total with the siblings that it is made of, oldest first."""

    siblings: tuple[Sibling, ...] = ()
    twins: tuple[Sibling, ...] = ()


def recent(asked: Asked, *, at: datetime, pk: UUID | None = None) -> Recent:
    """Look around a request that is or would be submitted `at`; `pk` is its own, if it has one.

    Statements: 2, and 1 more for lines in words of their own.
    """
    around = Around(asked, at)
    if not around.kin:
        return Recent(asked.amount)
    found = [
        (sibling, part)
        for sibling, is_own, part in _siblings(around, pk)
        if is_own or around.is_alike(part)
    ]
    most = around.most([part.amounts for _, part in found])
    return Recent(
        most.total,
        most.family,
        tuple(sibling for sibling, _ in found),
        tuple(sibling for sibling, part in found if around.is_twin(part)),
    )


def flags(asked: Asked, recent: Recent, *, seen_by: User | None = None) -> list[Flag]:
    """What requester and approver should look at: twins, and parts of one larger purchase.

    All siblings are named; `seen_by` gets links to those that they may see.
    """
    if not recent.siblings:
        return []
    links = _links(recent.siblings, seen_by)
    currency = asked.entity.currency
    found = []
    if recent.twins:
        words = (
            f"Possibly asked for twice: {_numbers(recent.twins)}, from the same vendor, with the "
            "same item and nearly the same amount."
        )
        found.append(Flag(words, more=_named(recent.twins, currency, links), kind="duplicate"))
    split = in_parts(
        asked.entity,
        asked.requester,
        alone=max([asked.amount, *(each.amount for each in recent.siblings)]),
        together=recent.total,
        others=_numbers(recent.siblings),
    )
    if split:
        more = _named(recent.siblings, currency, links)
        found.append(Flag(split, more=more, kind="split"))
    return found


def _links(siblings: Iterable[Sibling], seen_by: User | None) -> dict[UUID, str]:
    shown = {each.pk for each in siblings}
    if seen_by is not None:
        visible = Requisition.objects.visible_to(seen_by).filter(pk__in=shown)
        shown = set(visible.values_list("pk", flat=True))
    return {pk: f"/requisitions/{pk}/" for pk in shown}


def in_parts(
    entity: Entity,
    person: User,
    *,
    alone: Decimal,
    together: Decimal,
    others: str,
    applies_to: str = Requisition.document_type,
) -> str:
    """What approvers should look at where parts of one purchase come to an amount `together` at
    which more people agree, while the largest `alone` does not (base currency); else empty.

    `others` names the other parts. Statements: 2.
    """
    tier = tiers.highest_crossed(
        entity, person, alone=alone, together=together, applies_to=applies_to
    )
    if tier is None:
        return ""
    return (
        f"Possibly one purchase in parts: with {others} it comes to "
        f"{money(together, entity.currency)} in {entity.splitting_window_days} days, while each "
        f"alone stays within {money(tier, entity.currency)}."
    )


def _numbers(siblings: Sequence[Sibling]) -> str:
    return named([each.number for each in siblings])


def named(numbers: Sequence[str]) -> str:
    """The newest of documents by their numbers, so that a mail names them too; oldest first."""
    newest = numbers[: -NAMED - 1 : -1]
    if len(numbers) > NAMED:
        return f"{', '.join(newest)} and {len(numbers) - NAMED} more"
    return " and ".join(filter(None, [", ".join(newest[:-1]), newest[-1]]))


def _named(
    siblings: Sequence[Sibling], currency: str, links: Mapping[UUID, str]
) -> tuple[Flag, ...]:
    """The newest first; how many more there are, where there are many."""
    newest = siblings[: -LISTED - 1 : -1]
    found = [Flag(_said(each, currency), links.get(each.pk, "")) for each in newest]
    if len(siblings) > LISTED:
        found.append(Flag(f"and {len(siblings) - LISTED} more"))
    return tuple(found)


def _said(sibling: Sibling, currency: str) -> str:
    day = f"{sibling.asked_on:%d %b %Y}".lstrip("0")
    return f"{sibling.number} · {sibling.requester} · {money(sibling.amount, currency)} · {day}"


def money(amount: Decimal, currency: str) -> str:
    """An amount in a sentence: 4,900.00 EUR."""
    return f"{amount:,.{minor_units(currency)}f} {currency}"


_COLUMNS = (
    "requisition_id",
    "requisition__requester",
    "requisition__number",
    "requisition__requester__name",
    "requisition__submitted_at",
)


def _siblings(around: Around, pk: UUID | None) -> list[tuple[Sibling, bool, Part]]:
    """Each with whether it is the requester's own and what it asks for, oldest first.

    Summed by the database: there may be many, and each of many lines.
    """
    asked = around.asked
    grouped: dict[UUID, list[tuple[Any, ...]]] = {}
    for row in _sums(*around.near, asked.requester.pk, around.centers, around.items or None):
        if row[0] != pk:
            grouped.setdefault(row[0], []).append(row)
    words = around.in_words(grouped) if grouped else {}
    found = []
    for key in sorted(grouped):
        rows = grouped[key]
        part = around.part((row[len(_COLUMNS) :] for row in rows), words.get(key, frozenset()))
        _, requester, number, name, at = rows[0][: len(_COLUMNS)]
        sibling = Sibling(key, number, name, asked.entity.day_of(at), part.amount)
        found.append((sibling, requester == asked.requester.pk, part))
    return found


def _own_and_theirs(
    entity: UUID,
    vendors: Collection[UUID],
    after: datetime,
    before: datetime,
    requester: UUID,
    centers: Collection[UUID],
    items: Collection[UUID] | None,
) -> QuerySet[Any]:
    """One statement of two halves, so that each is found by its own index."""
    lines = rolling.standing(entity, vendors, after, before)
    mine, theirs = rolling.own(lines, requester), rolling.theirs(lines, requester, centers)
    others = rolling.summed(theirs, _COLUMNS, items)
    return rolling.summed(mine, _COLUMNS, items).union(others, all=True)


_sums = Composed[tuple[Any, ...]](_own_and_theirs)
