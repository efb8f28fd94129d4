"""Matching in the worker: judge under locks, keep every check, clear or ask a person."""

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Role, User
from accounts.permissions import role
from budgets.ledger import BudgetExceeded
from core import events
from core.errors import IllegalTransition, NotAllowed
from core.transactions import atomic
from core.transitions import perform
from invoicing import matching as engine
from invoicing.facts import lock_order_lines, match_input
from invoicing.matching.types import BLOCK, EXCEPTION, WAITING
from invoicing.models import Invoice, MatchRun
from invoicing.services.clearing import post_cleared
from invoicing.services.raising import in_words, not_yet_accepted, reconcile
from invoicing.services.rates import set_rate

RECEIPT_WINDOW = timedelta(days=14)  # then an invoice without its receipt is an exception
_MATCHABLE = (
    Invoice.Status.CAPTURED,
    Invoice.Status.MATCHED,
    Invoice.Status.IN_EXCEPTION,
    Invoice.Status.DISPUTED,
)

_AP = role(Role.AP_CLERK, Role.AP_MANAGER)


@atomic
def request_match(*, invoice: Invoice, actor: User | None, at: datetime) -> Invoice:
    """Ask for a fresh judgement by the worker.

    Raises NotAllowed for people outside accounts payable, IllegalTransition once it is settled.
    """
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    if actor is not None and not _AP(invoice, actor):
        raise NotAllowed("Only accounts payable has invoices matched again.")
    if invoice.status not in _MATCHABLE:
        raise IllegalTransition(f"Invoice {invoice.number} is settled; it is not matched again.")
    events.publish("invoice.match_requested", invoice, actor=actor, at=at)
    return invoice


@atomic
def rematch_order(*, order_id: UUID, actor: User | None, at: datetime) -> int:
    """A receipt or change of an order has its unsettled invoices judged again, oldest first."""
    waiting = Invoice.objects.filter(order_id=order_id, status__in=_MATCHABLE).order_by("pk")
    for invoice in waiting:
        request_match(invoice=invoice, actor=actor, at=at)
    return len(waiting)


@atomic
def rematch_overdue(*, at: datetime) -> int:
    """Invoices whose time to wait for a receipt is over are judged again, once."""
    overdue = Invoice.objects.filter(
        status=Invoice.Status.CAPTURED, waiting_until__lt=at.date()
    ).order_by("pk")
    for invoice in overdue:
        request_match(invoice=invoice, actor=None, at=at)
    return len(overdue)


@atomic
def match(*, invoice_id: UUID, key: str, at: datetime) -> MatchRun | None:
    """Judge an invoice once per key; a second delivery, or a settled invoice, changes nothing."""
    invoice = (
        Invoice.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor", "order__entity", "order__vendor")
        .prefetch_related("lines", "charges", "taxes")
        .get(pk=invoice_id)
    )
    if invoice.status not in _MATCHABLE or MatchRun.objects.filter(key=key).exists():
        return None
    order_lines = lock_order_lines(invoice.order)
    today = at.astimezone(invoice.entity.zone).date()
    until = invoice.waiting_until or today + RECEIPT_WINDOW
    perform(invoice.match, actor=None, at=at)
    given = match_input(invoice, order_lines=order_lines, today=today, waiting_until=until)
    verdict = engine.match(given)
    if invoice.rate is None:
        set_rate(invoice, today=today)
    run = _store_run(invoice, given, verdict, key=key, at=at)
    stopping = not_yet_accepted(invoice, verdict) + _without_rate(invoice)
    _act(invoice, run, verdict, stopping, order_lines, until=until, at=at)
    return run


def _act(
    invoice: Invoice,
    run: MatchRun,
    verdict: engine.MatchOutcome,
    stopping: list[engine.CheckResult],
    order_lines: list[Any],
    *,
    until: date,
    at: datetime,
) -> None:
    """Clear it, let it wait, or stop it for a person."""
    if not stopping and verdict.outcome == WAITING:
        perform(invoice.wait, actor=None, at=at, until=until)
    elif not stopping:
        perform(invoice.pass_match, actor=None, at=at)
        stopping = _try_to_clear(invoice, order_lines, at=at)
        if stopping:
            perform(invoice.match, actor=None, at=at)
    if stopping:
        perform(invoice.stop, actor=None, at=at)
    reconcile(invoice, run, stopping, at=at)
    invoice.save()
    outcome = invoice.status
    events.publish(
        f"invoice.{_EVENT[outcome]}", invoice, actor=None, at=at, data={"run": str(run.pk)}
    )


_EVENT = {
    Invoice.Status.CAPTURED: "waiting",
    Invoice.Status.CLEARED: "cleared",
    Invoice.Status.IN_EXCEPTION: "stopped",
}


def _try_to_clear(
    invoice: Invoice, order_lines: list[Any], *, at: datetime
) -> list[engine.CheckResult]:
    """Clear what matched; a budget that cannot bear an excess makes it an exception instead."""
    try:
        with atomic():
            post_cleared(invoice, order_lines, actor=None, at=at)
    except BudgetExceeded as refusal:
        return [_budget_result(str(refusal))]
    perform(invoice.clear, actor=None, at=at)
    return []


def _budget_result(sentence: str) -> engine.CheckResult:
    return _result("budget", EXCEPTION, "ap_manager", sentence)


def _without_rate(invoice: Invoice) -> list[engine.CheckResult]:
    if invoice.rate is not None:
        return []
    sentence = f"No exchange rate from {invoice.currency} to {invoice.entity.currency} is known."
    return [_result("exchange_rate", BLOCK, "ap", sentence)]


def _result(check: str, outcome: str, route: str, sentence: str) -> engine.CheckResult:
    return engine.CheckResult(
        check, None, outcome, None, None, None, None, "", "", "", route, sentence
    )


def _store_run(
    invoice: Invoice,
    given: engine.MatchInput,
    verdict: engine.MatchOutcome,
    *,
    key: str,
    at: datetime,
) -> MatchRun:
    return MatchRun.objects.create(
        invoice=invoice,
        key=key,
        inputs_hash=engine.inputs_hash(given),
        inputs=json.loads(json.dumps(asdict(given), default=str)),
        results=[
            {name: in_words(value) for name, value in result._asdict().items()}
            for result in verdict.results
        ],
        outcome=verdict.outcome,
        at=at,
    )
