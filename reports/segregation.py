"""Segregation of duties: who did two duties of a pair on one purchase, who nearly did, who may.

A purchase is an order with its requests, approvals, receipts and invoices. One statement for each
pair of duties joins who did the one with who did the other, whatever the number of documents.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet, Value
from django.utils.dateparse import parse_datetime

from accounts import duties
from accounts.models import Duty, Entity, Mitigation, RoleAssignment, User
from approvals.models import ApprovalRequest, ApprovalStep
from core.models import TrailEvent
from invoicing.models import Invoice, MatchException
from purchase_orders.models import OrderRevision, PurchaseOrder, PurchaseOrderLine, Receipt
from reports.accruals import end_of

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

    Statements: one for each pair that people can break, and 7.
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

_COLUMNS = ("order_id", "person_id", "at", "document_type", "document_id")


def _acts(rows: QuerySet[Any], *fields: str, document_type: str) -> QuerySet[Any]:
    """Rows as (order, person, moment, document type, document)."""
    order, person, at, document = fields
    return rows.order_by().values_list(
        F(order), F(person), F(at), Value(document_type), F(document)
    )


def _by_duty(entity: Entity) -> dict[str, list[QuerySet[Any]]]:
    """Where each duty leaves its mark. Nothing changes a vendor's bank or releases payments yet."""
    asked = "requisition_line__requisition"
    lines = PurchaseOrderLine.objects.filter(order__entity=entity, requisition_line__isnull=False)
    issued = OrderRevision.objects.filter(order__entity=entity, issued_by__isnull=False)
    bought = PurchaseOrder.objects.filter(
        entity=entity, buyer__isnull=False, issued_at__isnull=False
    )
    receipts = Receipt.objects.filter(entity=entity, received_by__isnull=False)
    invoices = Invoice.objects.filter(entity=entity, order__isnull=False, captured_by__isnull=False)
    accepted = MatchException.objects.filter(
        entity=entity,
        resolution=MatchException.Resolution.ACCEPTED,
        invoice__order__isnull=False,
        resolved_by__isnull=False,
    )
    return {
        Duty.REQUEST: [
            _acts(
                lines,
                *("order_id", f"{asked}__requester_id", f"{asked}__submitted_at", f"{asked}_id"),
                document_type="requisition",
            )
        ],
        Duty.ORDER: [
            _acts(
                issued,
                *("order_id", "issued_by_id", "issued_at", "order_id"),
                document_type="order",
            ),
            _acts(bought, "pk", "buyer_id", "issued_at", "pk", document_type="order"),
        ],
        Duty.RECEIVE: [
            _acts(
                receipts,
                *("order_id", "received_by_id", "posted_at", "pk"),
                document_type="receipt",
            )
        ],
        Duty.ENTER_INVOICE: [
            _acts(
                invoices,
                *("order_id", "captured_by_id", "created_at", "pk"),
                document_type="invoice",
            )
        ],
        Duty.RESOLVE: [
            _acts(
                accepted,
                *("invoice__order_id", "resolved_by_id", "resolved_at", "pk"),
                document_type="match_exception",
            )
        ],
    }


def _sql_of(duty: str, entity: Entity) -> tuple[str, list[Any]]:
    """The acts of one duty as SQL with the columns of `_COLUMNS`, and its parameters."""
    if duty == Duty.APPROVE:
        return _approvals_sql(entity)
    parts, parameters = [], []
    for rows in _by_duty(entity)[duty]:
        sql, given = rows.query.sql_with_params()
        parts.append(sql)
        parameters += given
    return " UNION ALL ".join(parts), parameters


def _approvals_sql(entity: Entity) -> tuple[str, list[Any]]:
    """Rounds name their document without a foreign key: joined by ids of requests and orders, of a
    release also by that of its blanket order."""
    lines = PurchaseOrderLine.objects.filter(order__entity=entity, requisition_line__isnull=False)
    asked, first = (
        lines.order_by()
        .values_list("order_id", "requisition_line__requisition_id", Value("requisition"))
        .distinct()
        .query.sql_with_params()
    )
    orders, second = (
        PurchaseOrder.objects.filter(entity=entity)
        .order_by()
        .values_list(F("pk"), F("pk"), Value("order"))
        .query.sql_with_params()
    )
    agreed, third = (
        PurchaseOrder.objects.filter(entity=entity, agreement__isnull=False)
        .order_by()
        .values_list(F("pk"), F("agreement"), Value("order"))
        .query.sql_with_params()
    )
    step, round_ = ApprovalStep._meta.db_table, ApprovalRequest._meta.db_table
    sql = (
        f"WITH purchases(order_id, subject_id, kind) AS ({asked} UNION ALL {orders}"  # noqa: S608
        f" UNION ALL {agreed})"
        " SELECT p.order_id, s.decided_by_id, s.decided_at, p.kind, p.subject_id"
        f' FROM "{step}" s JOIN "{round_}" r ON r.id = s.request_id'
        " JOIN purchases p ON p.subject_id = r.subject_id WHERE s.status = %s"
    )
    return sql, [*first, *second, *third, ApprovalStep.Status.APPROVED]


def _joined(
    pair: duties.Pair, entity: Entity, start: datetime | None, end: datetime | None
) -> list[tuple[Any, ...]]:
    """Per purchase and person their first act of either duty, where there are both."""
    columns = ", ".join(_COLUMNS)
    parts, parameters = [], []
    for name, duty in zip(("a", "b"), pair, strict=True):
        sql, given = _sql_of(duty, entity)
        # Names of columns and tables are ours; values are parameters.
        parts.append(
            f"{name}_all({columns}) AS ({sql}), {name} AS (SELECT * FROM (SELECT {columns},"  # noqa: S608
            " ROW_NUMBER() OVER (PARTITION BY order_id, person_id ORDER BY at) AS place"
            f" FROM {name}_all) ranked WHERE place = 1)"
        )
        parameters += given
    conditions = ["a.person_id = b.person_id"]
    adapt = connection.ops.adapt_datetimefield_value
    if start is not None:
        conditions.append("(a.at >= %s OR b.at >= %s)")
        parameters += [adapt(start), adapt(start)]
    if end is not None:
        conditions.append("a.at < %s AND b.at < %s")
        parameters += [adapt(end), adapt(end)]
    wanted = ", ".join(f"{name}.{column}" for name in "ab" for column in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {', '.join(parts)} SELECT {wanted} FROM a JOIN b ON a.order_id = b.order_id"  # noqa: S608
            f" WHERE {' AND '.join(conditions)}",
            parameters,
        )
        return cursor.fetchall()


def _violations(
    entity: Entity,
    pairs: Iterable[duties.Pair],
    mitigations: list[Mitigation],
    start: datetime | None,
    end: datetime | None,
) -> list[Violation]:
    marked = {*_by_duty(entity), Duty.APPROVE}
    found = [
        (_uuid(row[0]), _uuid(row[1]), (_act(pair[0], row[2:5]), _act(pair[1], row[7:10])))
        for pair in pairs
        if marked.issuperset(pair)
        for row in _joined(pair, entity, start, end)
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


def _act(duty: str, row: tuple[Any, ...]) -> Act:
    at, document_type, document_id = row
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
