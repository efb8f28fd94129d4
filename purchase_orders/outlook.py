"""What would happen to an order, or to a change of one, that is not sent yet. Reads only."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import approvals.services
from accounts.models import User
from budgets.ledger import Demand, FundsCheck, check_funds
from budgets.ledger.forward import this_years
from budgets.rates import rate_on
from core.errors import DomainError
from core.money import to_base
from purchase_orders import (
    agreement_changes,
    change_facts,
    changed,
    differences,
    order_facts,
    reapproval,
)
from purchase_orders.models import ChangeOrder, PurchaseOrder, PurchaseOrderLine
from requisitions.facts import budget_state
from requisitions.outlook import Prospect
from requisitions.presentation import route


@dataclass(frozen=True, kw_only=True)
class Outlook(Prospect):
    """`needs` is why somebody has to agree; without one nobody is asked and `steps` is empty.

    `problem` says why nothing can be told: no rate, no fiscal year.
    """

    needs: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def route(self) -> str:
        """Whom it goes to and how long that usually takes, in one sentence."""
        return route(self.steps)


def of_order(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    user: User,
    *,
    needs: list[str],
    at: datetime,
) -> Outlook:
    """An order that is about to be issued, or sent where it `needs` an approval of its own.

    `lines` come with their coded distributions. Statements: as many for any number of lines.
    """
    on, order = order.entity.day_of(at), copy.copy(order)
    for line in lines:
        line.parts = list(line.distributions.all())
    try:
        order.rate = rate_on(currency=order.currency, base=order.entity.currency, day=on)
        checks = order_facts.checks(order, lines, on=on)
        facts = order_facts.approval_facts(order, lines, checked=checks, at=at) if needs else {}
    except DomainError as problem:
        return Outlook(checks=[], steps=[], needs=needs, problem=problem.detail)
    return _told(order, order.buyer or user, checks, facts, needs)


def of_change(change: ChangeOrder, *, at: datetime) -> Outlook:
    """A drafted change of an order. It comes with order, entity, vendor and buyer."""
    lines, changes = changed.lines_of(change.order), changed.changes_of(change)
    needs = reapproval.needs(change, first=differences.first_approved(change))
    try:
        checks = _checks(change, lines, changes, at)
    except DomainError as problem:
        return Outlook(checks=[], steps=[], needs=needs, problem=problem.detail)
    facts = (
        change_facts.approval_facts(change, changes, budget_state=budget_state(checks))
        if needs
        else {}
    )
    return _told(change, change.buyer, checks, facts, needs)


def _told(
    document: Any,
    requester: User,
    checks: list[FundsCheck],
    facts: dict[str, Any],
    needs: list[str],
) -> Outlook:
    if not needs:
        return Outlook(checks=checks, steps=[])
    steps, nobody = approvals.services.expected(
        entity=document.entity,
        applies_to=document.document_type,
        requester=requester,
        facts=facts,
    )
    return Outlook(checks=checks, steps=steps, approvers_problem=nobody, needs=needs)


def _checks(
    change: ChangeOrder, lines: list[PurchaseOrderLine], changes: Iterable[Any], at: datetime
) -> list[FundsCheck]:
    """What the budgets say to what it would cost more, cell by cell; of a blanket order to what it
    commits itself."""
    on = change.entity.day_of(at)
    if change.order.is_blanket:
        asked = agreement_changes.demands(change, lines, changes)
    else:
        asked = [
            *_demands(change, changes, 1, on),
            *_demands(change, _standing(lines, changes), -1, on),
        ]
    found = check_funds(entity=change.entity, on=on, demands=asked)
    return [check for check in found if check.requested > 0]


def _standing(
    lines: list[PurchaseOrderLine], changes: Iterable[Any]
) -> Iterable[PurchaseOrderLine]:
    touched = {each.order_line_id for each in changes}
    return (line for line in lines if line.pk in touched)


def _demands(change: ChangeOrder, lines: Iterable[Any], sign: int, on: Any) -> list[Demand]:
    entity, order = change.entity, change.order
    return [
        Demand(
            part.cost_center_id,
            part.gl_account_id,
            part.project_id,
            sign
            * to_base(
                this_years(
                    part.amount, entity=entity, period=line.period, currency=order.currency, on=on
                ),
                rate=order.rate,
                base_currency=entity.currency,
            ),
        )
        for line in lines
        for part in line.parts
    ]
