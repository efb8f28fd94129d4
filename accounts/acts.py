"""Who did which duty on a purchase, told by every room that it goes through."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import CharField, QuerySet, Value

from accounts.models import Duty
from core.composed import Composed

Performed = Mapping[str, Collection[UUID | None]]  # people by duty; None is the portal itself


def acts_of(duty: Duty, rows: QuerySet[Any], person: str) -> QuerySet[Any]:
    """Who did a duty, as rows of duty and person; `person` is the field that holds them."""
    return rows.order_by().values_list(Value(str(duty), output_field=CharField()), person)


def performed_in(
    acts_on: Callable[[UUID], Iterable[QuerySet[Any]]],
) -> Callable[[UUID], Performed]:
    """Who did what on the document of an id, as a read composed once. Statements: 1.

    `acts_on` gives the acts of all rooms that the document's purchase goes through.
    """
    read = Composed(lambda document: QuerySet.union(*acts_on(document)))
    return lambda document: _by_duty(read(document))


def _by_duty(found: Iterable[tuple[str, UUID | None]]) -> Performed:
    people: dict[str, set[UUID | None]] = defaultdict(set)
    for duty, person in found:
        people[duty].add(person)
    return people
