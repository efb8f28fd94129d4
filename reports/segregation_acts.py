"""Where the duties on a purchase leave their mark: the acts of each, as SQL to be joined."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet, Value

from accounts.models import Duty, Entity
from approvals.models import ApprovalRequest, ApprovalStep
from invoicing.models import Invoice, MatchException
from invoicing.queries import UNPAID_FOR
from purchase_orders.models import (
    ChangeOrder,
    OrderRevision,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from requisitions.models import Requisition
from vendors.models import BankAccount, Vendor

COLUMNS = ("duty", "order_id", "person_id", "at", "document_type", "document_id")


Acts = tuple[Duty, tuple[str, Sequence[Any]]]  # whose rows have the other columns


def acts_sql(entity: Entity) -> tuple[str, list[Any]]:
    """Table expressions of which the last, `acts`, has these columns; and their parameters.

    What is done outside, such as to release a payment, leaves no mark.
    """
    tables: list[str] = []
    unions: list[str] = []
    parameters: list[Any] = []
    columns = ", ".join(COLUMNS[1:])
    every = [*_asked_and_ordered(entity), *_received_and_billed(entity), *_bank(entity)]
    for duty, (sql, given) in [*every, (Duty.APPROVE, _approvals(entity))]:
        name = f"acts_{len(tables)}"
        tables.append(f"{name}({columns}) AS ({sql})")
        # Names of tables, columns and duties are ours; values are parameters.
        unions.append(f"SELECT '{duty.value}' AS duty, {columns} FROM {name}")  # noqa: S608
        parameters += given
    return f"{', '.join(tables)}, acts AS ({' UNION ALL '.join(unions)})", parameters


def _acts(duty: Duty, rows: QuerySet[Any], *fields: str, document_type: str) -> Acts:
    """Rows as (order, person, moment, document type, document); what nobody did is left out."""
    order, person, at, document = fields
    named = rows.exclude(**{person: None}).order_by()
    found = named.values_list(F(order), F(person), F(at), Value(document_type), F(document))
    return duty, found.query.sql_with_params()


def _asked_and_ordered(entity: Entity) -> Iterator[Acts]:
    asked = "requisition_line__requisition"
    yield _acts(
        Duty.REQUEST,
        PurchaseOrderLine.objects.filter(order__entity=entity, requisition_line__isnull=False),
        *("order_id", f"{asked}__requester_id", f"{asked}__submitted_at", f"{asked}_id"),
        document_type=Requisition.document_type,
    )
    yield _acts(
        Duty.ORDER,
        OrderRevision.objects.filter(order__entity=entity),
        *("order_id", "issued_by_id", "issued_at", "order_id"),
        document_type=PurchaseOrder.document_type,
    )
    yield _acts(
        Duty.ORDER,
        PurchaseOrder.objects.filter(entity=entity, issued_at__isnull=False),
        *("pk", "buyer_id", "issued_at", "pk"),
        document_type=PurchaseOrder.document_type,
    )
    yield _acts(
        Duty.ORDER,
        ChangeOrder.objects.filter(entity=entity, issued_at__isnull=False),
        *("order_id", "buyer_id", "issued_at", "pk"),
        document_type=ChangeOrder.document_type,
    )


def _received_and_billed(entity: Entity) -> Iterator[Acts]:
    yield _acts(
        Duty.RECEIVE,
        Receipt.objects.filter(entity=entity),
        *("order_id", "received_by_id", "posted_at", "pk"),
        document_type=Receipt.document_type,
    )
    yield _acts(
        Duty.ENTER_INVOICE,
        Invoice.objects.filter(entity=entity, order__isnull=False),
        *("order_id", "captured_by_id", "created_at", "pk"),
        document_type=Invoice.document_type,
    )
    accepted = MatchException.Resolution.ACCEPTED
    yield _acts(
        Duty.RESOLVE,
        MatchException.objects.filter(
            entity=entity, resolution=accepted, invoice__order__isnull=False
        ),
        *("invoice__order_id", "resolved_by_id", "resolved_at", "pk"),
        document_type=MatchException.document_type,
    )


def _bank(entity: Entity) -> Iterator[Acts]:
    """Who asked for an account of the vendor, and who verified it, shown on the vendor's page.

    It concerns a purchase that began before the account was replaced, and that was open when the
    account was asked for, or closed so shortly before that it may still have been unpaid.
    """
    order = "vendor__orders"
    replaced_later = Q(valid_until__isnull=True) | Q(valid_until__gt=F(f"{order}__created_at"))
    still_owed = Q(**{f"{order}__closed_at__isnull": True}) | Q(
        **{f"{order}__closed_at__gt": F("created_at") - UNPAID_FOR}
    )
    # One call, so that all of it is about the same order.
    concerning = BankAccount.objects.once_verified().filter(
        replaced_later, still_owed, **{f"{order}__entity": entity}
    )
    for person, moment in (("requested_by_id", "created_at"), ("verified_by_id", "verified_at")):
        yield _acts(
            Duty.VENDOR_BANK,
            concerning,
            *(f"{order}__pk", person, moment, "vendor_id"),
            document_type=Vendor.document_type,
        )


def _approvals(entity: Entity) -> tuple[str, list[Any]]:
    """Rounds name their document without a foreign key: joined by ids of requests, of orders and
    their changes, of a release also by that of its blanket order."""
    orders = PurchaseOrder.objects.filter(entity=entity)
    asked = PurchaseOrderLine.objects.filter(order__entity=entity, requisition_line__isnull=False)
    request = "requisition_line__requisition_id"
    named = [
        _named(asked, "order_id", request, Requisition.document_type).distinct(),
        _named(orders, "pk", "pk", PurchaseOrder.document_type),
        _named(
            orders.filter(agreement__isnull=False),
            "pk",
            "agreement_id",
            PurchaseOrder.document_type,
        ),
        _named(
            ChangeOrder.objects.filter(entity=entity), "order_id", "pk", ChangeOrder.document_type
        ),
    ]
    parts = [rows.query.sql_with_params() for rows in named]
    step, round_ = ApprovalStep._meta.db_table, ApprovalRequest._meta.db_table
    sql = (
        f"WITH purchases(order_id, subject_id, kind) AS ({' UNION ALL '.join(p[0] for p in parts)})"  # noqa: S608
        " SELECT p.order_id, s.decided_by_id, s.decided_at, p.kind, p.subject_id"
        f' FROM "{step}" s JOIN "{round_}" r ON r.id = s.request_id'
        " JOIN purchases p ON p.subject_id = r.subject_id WHERE s.status = %s"
    )
    return sql, [*(each for _, given in parts for each in given), ApprovalStep.Status.APPROVED]


def _named(rows: QuerySet[Any], order: str, document: str, kind: str) -> QuerySet[Any]:
    """What is approved for an order, as (order, document, its type)."""
    return rows.order_by().values_list(F(order), F(document), Value(kind))
