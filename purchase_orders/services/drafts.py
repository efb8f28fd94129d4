"""Drafts: made from approved requisitions or by a buyer, changed until they are issued."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts import tax
from accounts.models import Entity, Role, User
from core import events, rows
from core.composed import Composed
from core.errors import Conflict, FieldError, IllegalTransition, Invalid, NotAllowed
from core.money import round_amount
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import agreement_validation, contracts, drafting, validation
from purchase_orders.inputs import AgreementInput, OrderInput, OrderLineInput
from purchase_orders.locks import locked
from purchase_orders.models import Agreement, PurchaseOrder
from requisitions.content import lines_of
from requisitions.models import Requisition, RequisitionLine
from vendors.models import Vendor


@atomic
def create_from_requisition(
    *,
    requisition: Requisition,
    actor: User | None,
    at: datetime,
    quantities: Mapping[UUID, Decimal] | None = None,
) -> list[PurchaseOrder]:
    """Drafts for what is left of an approved requisition, one for each vendor it names.

    `quantities` (by requisition line) orders a part; without it all that is left. What other
    drafts hold is not left, so a second click makes no second order. Raises NotAllowed for anybody
    but a buyer or the portal, IllegalTransition unless approved, Conflict when nothing is left,
    Invalid.
    """
    require_buyer(requisition.entity, actor)
    requisition = locked_to_order(requisition)
    lines = lines_of(requisition)
    left = drafting.left_of(lines)
    by_vendor: dict[Vendor, list[OrderLineInput]] = defaultdict(list)
    for line, quantity in _to_order(requisition, lines, quantities, left):
        by_vendor[line.vendor or requisition.vendor].append(
            drafting.from_requisition_line(line, quantity)
        )
    return [
        _store(
            PurchaseOrder(entity=requisition.entity, buyer=actor, created_at=at),
            OrderInput(
                vendor=vendor,
                currency=requisition.currency,
                title=requisition.title,
                kind=_kind_of(requisition),
                ship_to=requisition.ship_to,
                lines=wanted,
            ),
            actor=actor,
            at=at,
            event="order.created",
            orderable=left,
        )
        for vendor, wanted in by_vendor.items()
    ]


@atomic
def create(*, entity: Entity, data: OrderInput, actor: User | None, at: datetime) -> PurchaseOrder:
    """A draft of the buyer's own, with or without requisition lines. Raises NotAllowed, Invalid."""
    require_buyer(entity, actor)
    order = PurchaseOrder(entity=entity, buyer=actor, created_at=at)
    return _store(order, data, actor=actor, at=at, event="order.created")


@atomic
def edit(
    *,
    order: PurchaseOrder,
    data: OrderInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> PurchaseOrder:
    """Replace the content of a draft; an approved or rejected order becomes a draft again.

    Raises StaleVersion when it is not `expected_version`, IllegalTransition while it is in approval
    (withdraw it first) and once it was issued (that takes a change order), NotAllowed for anybody
    but a buyer, Invalid.
    """
    order = locked(order)
    order.require_version(expected_version)
    require_buyer(order.entity, actor)
    said = _take_back(order, actor, at)
    before = _facts(order)
    order = _store(order, data, actor=actor, at=at, event="")
    changes = events.differences(before, _facts(order))
    events.publish("order.edited", order, actor=actor, at=at, reason=said, changes=changes)
    return order


def _take_back(order: PurchaseOrder, actor: User, at: datetime) -> str:
    """A decided order is a draft again before it changes; what the trail says of that."""
    status = PurchaseOrder.Status
    if order.status == status.DRAFT:
        return ""
    state = order.get_status_display().lower()
    if order.status == status.IN_APPROVAL:
        raise IllegalTransition(f"{order.reference} is {state}: withdraw it first.")
    if order.status not in (status.APPROVED, status.REJECTED):
        raise IllegalTransition(f"{order.reference} is {state}: it cannot be edited any more.")
    perform(order.rework, actor=actor, at=at)
    return f"It was {state}; that counts no more."


def require_buyer(entity: Entity, actor: User | None) -> None:
    """Orders are made by buyers of the entity, or by the portal itself."""
    if actor is not None and not (
        actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.BUYER)
    ):
        raise NotAllowed("Only buyers make orders.")


def _kind_of(requisition: Requisition) -> str:
    kinds = PurchaseOrder.Kind
    return kinds.EMERGENCY if requisition.emergency else kinds.STANDARD


def _to_order(
    requisition: Requisition,
    lines: list[RequisitionLine],
    quantities: Mapping[UUID, Decimal] | None,
    left: Mapping[UUID, Decimal],
) -> list[tuple[RequisitionLine, Decimal]]:
    """The lines to put on orders and how much of each, in their order on the requisition."""
    if quantities is not None:
        _check_quantities(lines, quantities)
        return [(line, quantities[line.pk]) for line in lines if quantities.get(line.pk)]
    rest = [(line, _rest(line, left[line.pk])) for line in lines if left[line.pk] > 0]
    if not rest:
        raise Conflict(f"Everything on {requisition.number} is on an order already.")
    return rest


def _check_quantities(lines: list[RequisitionLine], quantities: Mapping[UUID, Decimal]) -> None:
    known = {line.pk for line in lines}
    errors = [
        FieldError(f"/quantities/{pk}", "unknown", "Not a line of this requisition.")
        for pk in quantities
        if pk not in known
    ]
    if not any(quantities.values()):
        errors.append(FieldError("/quantities", "required", "Say how much to order."))
    if errors:
        raise Invalid(errors=errors)


def _rest(line: RequisitionLine, left: Decimal) -> Decimal:
    """What is left as a quantity; of a line by amount the part of its quantity that is not used."""
    if line.basis != line.Basis.AMOUNT or left == line.net:
        return line.quantity if line.basis == line.Basis.AMOUNT else left
    return round(line.quantity * left / line.net, 6)


def locked_to_order(requisition: Requisition) -> Requisition:
    """A request as it is now, locked. Raises IllegalTransition unless it was approved."""
    requisition = locked_requisitions({requisition.pk})[0]
    if requisition.status not in drafting.ORDERABLE:
        state = requisition.get_status_display().lower()
        raise IllegalTransition(f"{requisition.reference} is {state}: only approved is ordered.")
    return requisition


_locked_requisitions = Composed[Requisition](
    lambda ids: (
        Requisition.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor")
        .filter(pk__in=ids)
        .order_by("pk")
    )
)


def locked_requisitions(ids: set[UUID]) -> list[Requisition]:
    """Requisitions as they are now, locked in key order until the transaction ends."""
    return _locked_requisitions(ids)


def _store(
    order: PurchaseOrder,
    data: OrderInput,
    *,
    actor: User | None,
    at: datetime,
    event: str,
    orderable: Mapping[UUID, Decimal] | None = None,
) -> PurchaseOrder:
    """Judge the input and write header, lines and shares in place of what was there.

    `orderable` is what the requisitions have left, where the caller has locked and asked them.
    """
    data = replace(data, lines=[_coded(line) for line in data.lines])
    tax_codes = tax.tax_codes(order.entity)
    if orderable is None:
        orderable = _orderable(order, data)
    validation.check(order.entity, data, tax_codes=tax_codes, orderable=orderable)
    _require_same_agreement(order, data)
    was = order.kind
    _set_header(order, data)
    lines, parts = drafting.build(order, data, tax_codes)
    if errors := list(agreement_validation.minimum_above_lines(data.terms, order.net)):
        raise Invalid(errors=errors)
    if order.contract_id is None:
        order.contract_id = contracts.covering(order, lines, on=order.entity.day_of(at))
    if not order._state.adding:
        order.lines.all().delete()
    order._history_user = actor
    order.save()
    rows.insert(lines)
    rows.insert(parts)
    _store_terms(order, data, was=was)
    if event:
        facts = {"vendor": order.vendor.name, "total": str(order.total)}
        events.publish(event, order, actor=actor, at=at, data=facts | {"currency": order.currency})
    return order


def _require_same_agreement(order: PurchaseOrder, data: OrderInput) -> None:
    """A release stays one of its blanket order."""
    wanted = data.agreement.pk if data.agreement is not None else None
    if not order._state.adding and order.agreement_id != wanted:
        words = "What an order draws on is decided when it is made."
        raise Invalid(errors=[FieldError("/agreement", "fixed", words)])


def _store_terms(order: PurchaseOrder, data: OrderInput, *, was: str) -> None:
    """The limits of a blanket order; an order that is none any more has none."""
    if PurchaseOrder.Kind.BLANKET not in (was, order.kind):
        return
    kept = Agreement.objects.filter(order=order)
    if order.kind != PurchaseOrder.Kind.BLANKET:
        kept.delete()
        return
    said = data.terms or AgreementInput()
    terms = (kept.first() if was == order.kind else None) or Agreement(order=order)
    for each in fields(said):
        setattr(terms, each.name, getattr(said, each.name))
    if terms.limit_by == terms.LimitBy.QUANTITY:
        terms.limit = order.net
    terms.save()
    order.agreement_terms = terms


def _orderable(order: PurchaseOrder, data: OrderInput) -> dict[UUID, Decimal]:
    asked = {line.requisition_line.requisition_id for line in data.lines if line.requisition_line}
    if not asked:
        return {}
    return drafting.orderable(locked_requisitions(asked), apart_from=order)


def _coded(line: OrderLineInput) -> OrderLineInput:
    """A line for a requisition line takes its approved coding and service period when the buyer
    states none; a line of a release the coding of the blanket order."""
    if line.agreement_line and not line.requisition_line and not line.distributions:
        return replace(line, distributions=drafting.approved_coding(line.agreement_line))
    requested = line.requisition_line
    if requested is None:
        return line
    if line.period_from is None and line.period_to is None:
        line = replace(line, period_from=requested.period_from, period_to=requested.period_to)
    if line.distributions:
        return line
    return replace(line, distributions=drafting.approved_coding(requested))


def _set_header(order: PurchaseOrder, data: OrderInput) -> None:
    order.vendor = data.vendor
    for name in (
        *("title", "kind", "currency", "delivery_terms", "ship_to", "bill_to"),
        *("note", "contract", "valid_from", "valid_to", "agreement"),
    ):
        setattr(order, name, getattr(data, name))
    letterhead = f"{order.entity.name}\n{order.entity.address}".strip()
    order.ship_to = data.ship_to or letterhead
    order.bill_to = data.bill_to or letterhead
    days = data.payment_terms_days
    order.payment_terms_days = data.vendor.payment_terms_days if days is None else days


def _facts(order: PurchaseOrder) -> dict[str, Any]:
    """The header and the lines as text, for the trail's record of an edit."""
    names = (
        *("title", "kind", "currency", "delivery_terms", "ship_to", "bill_to", "note"),
        *("payment_terms_days", "contract", "valid_from", "valid_to"),
    )
    facts = {name: str(getattr(order, name) or "") for name in names}
    for name in ("net", "total"):
        facts[name] = str(round_amount(getattr(order, name), order.currency))
    facts["vendor"] = order.vendor.name
    terms = drafting.stored_terms(order) if order.kind == PurchaseOrder.Kind.BLANKET else None
    for each in fields(AgreementInput):
        facts[each.name] = str(getattr(terms, each.name, None) or "")
    facts["lines"] = [
        f"{line.line_number}: {line.quantity.normalize():f} {line.unit} {line.description} "
        f"at {line.unit_price.normalize():f}"
        for line in order.lines.all()
    ]
    return facts
