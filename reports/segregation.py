"""Segregation of duties: who did two duties of a pair on one purchase, who nearly did, who may.

A purchase is an order with its requests, approvals, receipts and invoices, and with the bank of its
vendor. One statement joins who did one duty with who did the other, however many documents.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.dateparse import parse_datetime

from accounts import duties
from accounts.models import Entity, Mitigation, RoleAssignment, User
from approvals.models import ApprovalRequest
from core.models import TrailEvent
from purchase_orders.models import PurchaseOrder
from reports.accruals import end_of
from reports.segregation_acts import COLUMNS, acts_sql

ROLES_HELD, REFUSED = "roles", "refused"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did on a purchase first, in one duty, and the document that shows it."""

    duty: str
    at: datetime
    document_type: str
    document_id: UUID


@dataclass(frozen=True, slots=True)
class Violation:
    """One person did both on one purchase; it arose with the later of the two acts."""

    person: User
    order: PurchaseOrder
    acts: tuple[Act, Act]
    mitigation: Mitigation | None

    @property
    def at(self) -> datetime:
        return max(act.at for act in self.acts)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """Somebody who holds roles for both duties, or who was refused the second one."""

    kind: str
    person: User
    first: str
    second: str
    at: datetime | None = None
    document_type: str = ""
    document_id: UUID | None = None
    reference: str = ""
    words: str = ""


@dataclass(frozen=True)
class Report:
    """`violations` come unmitigated first, then the latest first."""

    entity: Entity
    since: date | None
    as_of: date | None
    violations: list[Violation]
    near_misses: list[NearMiss]
    mitigations: list[Mitigation]

    @property
    def unmitigated(self) -> int:
        return sum(each.mitigation is None for each in self.violations)


def segregation(*, entity: Entity, since: date | None = None, as_of: date | None = None) -> Report:
    """What arose from the beginning of `since` to the end of `as_of`, by the pairs as they are now.

    Statements: 8.
    """
    start = datetime.combine(since, time.min, entity.zone) if since else None
    end = end_of(entity, as_of) if as_of else None
    pairs = [(each.first, each.second) for each in duties.pairs_of(entity)]
    mitigations = _mitigations(entity, start, end)
    return Report(
        entity=entity,
        since=since,
        as_of=as_of,
        violations=_violations(entity, pairs, mitigations, start, end),
        near_misses=[
            *_refused(entity, start, end),
            *_holding_both(entity, pairs, end),
        ],
        mitigations=mitigations,
    )


# --- Violations ------------------------------------------------------------------------------


def _joined(
    pairs: Collection[duties.Pair], entity: Entity, start: datetime | None, end: datetime | None
) -> list[tuple[Any, ...]]:
    """Per purchase and person their first act of either duty of a pair, where there are both.

    Statements: 1, however many pairs.
    """
    if not pairs:
        return []
    acts, parameters = acts_sql(entity)
    asked = ", ".join("(%s, %s)" for _ in pairs)
    conditions = ["a.person_id = b.person_id", f"(a.duty, b.duty) IN (VALUES {asked})"]
    parameters += [str(duty) for pair in pairs for duty in pair]
    adapt = connection.ops.adapt_datetimefield_value
    if start is not None:
        conditions.append("(a.at >= %s OR b.at >= %s)")
        parameters += [adapt(start), adapt(start)]
    if end is not None:
        conditions.append("a.at < %s AND b.at < %s")
        parameters += [adapt(end), adapt(end)]
    columns = ", ".join(COLUMNS)
    wanted = ", ".join(f"{name}.{column}" for name in "ab" for column in COLUMNS)
    # Names of columns and tables are ours; values are parameters.
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {acts}, firsts AS (SELECT * FROM (SELECT {columns}, ROW_NUMBER() OVER"  # noqa: S608
            " (PARTITION BY order_id, person_id, duty ORDER BY at) AS place FROM acts) ranked"
            f" WHERE place = 1) SELECT {wanted} FROM firsts a"
            f" JOIN firsts b ON a.order_id = b.order_id WHERE {' AND '.join(conditions)}",
            parameters,
        )
        return cursor.fetchall()


def _violations(
    entity: Entity,
    pairs: Collection[duties.Pair],
    mitigations: list[Mitigation],
    start: datetime | None,
    end: datetime | None,
) -> list[Violation]:
    found = [
        (_uuid(row[1]), _uuid(row[2]), (_act(row[:6]), _act(row[6:])))
        for row in _joined(pairs, entity, start, end)
    ]
    people = User.objects.in_bulk({person for _, person, _ in found})
    orders = PurchaseOrder.objects.select_related("vendor").in_bulk({pk for pk, _, _ in found})
    by_pair: dict[Any, list[Mitigation]] = defaultdict(list)
    for each in mitigations:
        by_pair[each.person_id, each.first, each.second].append(each)
    violations = [
        Violation(
            people[person],
            orders[order],
            acts,
            _standing(
                by_pair[person, acts[0].duty, acts[1].duty], max(act.at for act in acts), entity
            ),
        )
        for order, person, acts in found
    ]
    violations.sort(key=lambda each: each.at, reverse=True)
    return sorted(violations, key=lambda each: each.mitigation is not None)


def _act(row: tuple[Any, ...]) -> Act:
    duty, _, _, at, document_type, document_id = row
    return Act(duty, _moment(at), document_type, _uuid(document_id))


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _moment(value: Any) -> datetime:
    """SQLite hands out its text, in UTC without saying so."""
    found = parse_datetime(value) if isinstance(value, str) else value
    assert found is not None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _standing(rows: list[Mitigation], at: datetime, entity: Entity) -> Mitigation | None:
    """The mitigation that held when it arose."""
    day = entity.day_of(at)
    return next((each for each in rows if each.approved_at <= at and day <= each.valid_until), None)


# --- Near misses and mitigations -------------------------------------------------------------


def _refused(entity: Entity, start: datetime | None, end: datetime | None) -> list[NearMiss]:
    events = TrailEvent.objects.filter(
        type=duties.KEPT_APART, document_id__in=User.objects.filter(entity=entity).values("pk")
    ).select_related("actor")
    if start is not None:
        events = events.filter(at__gte=start)
    if end is not None:
        events = events.filter(at__lt=end)
    rows = list(events.order_by("-sequence"))
    rounds = ApprovalRequest.objects.in_bulk(
        {UUID(row.data["document_id"]) for row in rows if _is_round(row)}
    )
    return [_miss(row, rounds) for row in rows]


def _is_round(row: TrailEvent) -> bool:
    return row.data.get("document_type") == ApprovalRequest.document_type


def _miss(row: TrailEvent, rounds: dict[UUID, ApprovalRequest]) -> NearMiss:
    """A refused act; of a round the document that it is about is what people look at."""
    said = row.data.get("document_id")
    document_type, document_id = row.data.get("document_type", ""), UUID(said) if said else None
    if _is_round(row) and document_id in rounds:
        round_ = rounds[document_id]
        document_type, document_id = round_.subject_type, round_.subject_id
    first, second = duties.ordered(row.data["duty"], row.data["other"])
    return NearMiss(
        REFUSED,
        row.actor,
        first,
        second,
        row.at,
        document_type,
        document_id,
        row.data.get("reference", ""),
        row.reason,
    )


def _holding_both(
    entity: Entity, pairs: Iterable[duties.Pair], end: datetime | None
) -> list[NearMiss]:
    """People whose roles let them do both, though no single role does: now, or at that moment."""
    given: Any = RoleAssignment.objects if end is None else RoleAssignment.history.as_of(end)
    roles: dict[UUID, set[str]] = defaultdict(set)
    for person, role in given.filter(entity=entity).values_list("user_id", "role"):
        roles[person].add(role)
    people = User.objects.filter(pk__in=roles, is_active=True).order_by("name", "pk")
    bundled = {
        pair for pair in pairs if any(set(pair) <= carried for carried in duties.CARRIES.values())
    }
    return [
        NearMiss(ROLES_HELD, person, first, second)
        for person in people
        for first, second in pairs
        if (first, second) not in bundled and {first, second} <= duties.carried_by(roles[person.pk])
    ]


def _mitigations(entity: Entity, start: datetime | None, end: datetime | None) -> list[Mitigation]:
    """Those that held on a day of the period, the longest lasting first."""
    found = Mitigation.objects.filter(entity=entity).select_related("person", "approved_by")
    if start is not None:
        found = found.filter(valid_until__gte=entity.day_of(start))
    if end is not None:
        found = found.filter(approved_at__lt=end)
    return list(found.order_by("-valid_until", "pk"))
