"""Matching in the worker: judge under locks, keep every check, clear or ask a person."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django_fsm import can_proceed, has_transition_perm

from accounts.duties import require_apart
from accounts.models import Duty, User
from budgets.ledger import BudgetExceeded
from core import events
from core.composed import Composed
from core.errors import Conflict, IllegalTransition, NotAllowed, RuleBroken
from core.models import TrailEvent
from core.transactions import atomic
from core.transitions import perform
from invoicing import matching as engine
from invoicing import queries
from invoicing.facts import lock_order, match_input
from invoicing.matching.types import BLOCK, EXCEPTION, WAITING
from invoicing.models import Invoice, MatchException, MatchRun
from invoicing.models.invoices import PAYABLES
from invoicing.services.clearing import post_cleared
from invoicing.services.raising import in_words, locked_exceptions, not_yet_accepted, reconcile
from invoicing.services.rates import set_rate
from vendors.models import BankAccount

RECEIPT_WINDOW = timedelta(days=14)  # then an invoice without its receipt is an exception
REQUESTED = "invoice.match_requested"
_MATCHABLE = (
    Invoice.Status.CAPTURED,
    Invoice.Status.MATCHED,
    Invoice.Status.IN_EXCEPTION,
    Invoice.Status.DISPUTED,
)
_BY_ITSELF = tuple(status for status in _MATCHABLE if status != Invoice.Status.DISPUTED)


@atomic
def request_match(*, invoice: Invoice, actor: User | None, at: datetime) -> Invoice:
    """Ask for a fresh judgement by the worker.

    Raises NotAllowed for people outside accounts payable, IllegalTransition once it is settled.
    """
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    if actor is not None and not PAYABLES(invoice, actor):
        raise NotAllowed("Only accounts payable has invoices matched again.")
    if invoice.status not in _MATCHABLE:
        raise IllegalTransition(f"Invoice {invoice.number} is settled; it is not matched again.")
    events.publish(REQUESTED, invoice, actor=actor, at=at)
    return invoice


@atomic
def rematch_order(
    *, order_id: UUID, actor: User | None, at: datetime, since: TrailEvent | None = None
) -> int:
    """A receipt of an order has its unsettled invoices judged again, oldest first.

    What was settled meanwhile is passed over; what is disputed is held until a person asks. With
    `since`, the event of the receipt, so is what a judgement after it knows or will know it by.
    """
    waiting = Invoice.objects.filter(order_id=order_id, status__in=_BY_ITSELF)
    aware = partial(_judged_after, since) if since is not None else _nobody
    return _ask_for_all(waiting, actor=actor, at=at, aware=aware)


@atomic
def rematch_vendor(*, vendor_id: UUID, at: datetime, since: TrailEvent) -> int:
    """A vendor that may be paid again has judged again what had stopped for it, but once."""
    about = MatchException.objects.unresolved().filter(check_name="vendor")
    stopped = Invoice.objects.filter(
        vendor=vendor_id,
        status=Invoice.Status.IN_EXCEPTION,
        pk__in=about.order_by().values("invoice"),
    )
    return _ask_for_all(stopped, actor=None, at=at, aware=partial(_judged_after, since))


@atomic
def rematch_overdue(*, at: datetime) -> int:
    """Invoices whose time to wait for a receipt is over are judged again, once."""
    waiting = Invoice.objects.filter(
        status=Invoice.Status.CAPTURED, waiting_until__lte=at.date()
    ).select_related("entity")
    overdue = [each.pk for each in waiting if each.waiting_until < each.entity.day_of(at)]
    still = Invoice.objects.filter(pk__in=overdue, status=Invoice.Status.CAPTURED)
    return _ask_for_all(still, actor=None, at=at)


@atomic
def rematch_cooled(*, at: datetime) -> int:
    """Invoices that were stopped for an account that counts by now are judged again, once each."""
    remit_to = MatchException.objects.unresolved().filter(check_name="remit_to")
    account = "vendor__bank_accounts"
    stopped = Invoice.objects.filter(
        **{f"{account}__valid_from__lte": at, f"{account}__status": BankAccount.Status.VERIFIED},
        status=Invoice.Status.IN_EXCEPTION,
        pk__in=remit_to.order_by().values("invoice"),
    ).values_list("pk", "payee_accounts", f"{account}__index", f"{account}__valid_from")
    since: dict[UUID, datetime] = {}
    for pk, named, index, valid_from in stopped.order_by(f"{account}__valid_from"):
        if index in {each["index"] for each in named}:
            since[pk] = valid_from
    still = Invoice.objects.filter(pk__in=since, status=Invoice.Status.IN_EXCEPTION)
    return _ask_for_all(still, actor=None, at=at, aware=partial(_judged_from, since))


def _nobody(invoice_ids: list[UUID]) -> set[UUID]:
    return set()


def _ask_for_all(
    invoices: Any,
    *,
    actor: User | None,
    at: datetime,
    aware: Callable[[list[UUID]], set[UUID]] = _nobody,
) -> int:
    """Under the lock the condition is looked at again: who was settled meanwhile is left out, and
    who is `aware` of what happened."""
    locked = list(invoices.select_for_update(no_key=True).order_by("pk"))
    known = aware([each.pk for each in locked])
    asked = [each for each in locked if each.pk not in known]
    for invoice in asked:
        events.publish(REQUESTED, invoice, actor=actor, at=at)
    return len(asked)


def _judgements(invoice_ids: list[UUID]) -> QuerySet[TrailEvent]:
    """What was written of invoices when they were judged, or were promised to be."""
    promised = Q(type__in=["invoice.captured", REQUESTED])
    return TrailEvent.objects.filter(
        promised | Q(data__run__isnull=False), document_id__in=invoice_ids
    )


def _judged_from(since: Mapping[UUID, datetime], invoice_ids: list[UUID]) -> set[UUID]:
    """Which invoices were judged, or will be, at their moment of `since` or after it."""
    told = _judgements(invoice_ids).order_by().values("document_id").annotate(last=Max("at"))
    return {pk for pk, last in told.values_list("document_id", "last") if last >= since[pk]}


def _judged_after(event: TrailEvent, invoice_ids: list[UUID]) -> set[UUID]:
    """Which invoices were judged, or had a judgement promised, after an event of their order.

    The order of the trail is the order of what was seen: a judgement holds the order's locks to
    its end, and writes its own event under them, as a receipt does.
    """
    later = _judgements(invoice_ids).filter(sequence__gt=event.sequence)
    return set(later.values_list("document_id", flat=True))


@atomic
def match(*, invoice_id: UUID, key: str, at: datetime, asked: bool = True) -> MatchRun | None:
    """Judge an invoice once per key; a second delivery, or a settled invoice, changes nothing.

    A disputed one is judged only when a person `asked`.
    """
    invoice = _locked(invoice_id)
    if invoice.status not in (_MATCHABLE if asked else _BY_ITSELF):
        return None
    runs = _keys_of_runs(invoice.pk)
    if key in runs:
        return None
    return _judge(invoice, key=key, actor=None, at=at, first=not runs)


_keys_of_runs = Composed[str](
    lambda invoice: MatchRun.objects.filter(invoice=invoice).values_list("key", flat=True)
)


@atomic
def clear(*, invoice: Invoice, actor: User, at: datetime, reason: str = "") -> Invoice:
    """Release an invoice for payment whose every exception a person has resolved.

    `reason` stands in the ledger: why what runs over was accepted. Raises IllegalTransition,
    NotAllowed, DutiesConflict, BudgetExceeded, Conflict while something stops it, also what is
    new.
    """
    invoice = clear_accepted(invoice=invoice, actor=actor, at=at, reason=reason)
    if invoice.status != Invoice.Status.CLEARED:
        raise Conflict(
            f"The order of invoice {invoice.number} changed since it was judged: match it again."
        )
    return invoice


@atomic
def clear_accepted(*, invoice: Invoice, actor: User, at: datetime, reason: str) -> Invoice:
    """Clear what was accepted, as things stand now.

    It is judged once more under the order's locks: other invoices may have billed the same lines,
    or receipts gone back, since the person looked. What was accepted at the very same figures
    stands; what is new stops it again. Raises as `clear` does.
    """
    invoice = _locked(invoice.pk)
    if invoice.order is None:
        raise Conflict(f"Invoice {invoice.number} has no order: it cannot be cleared.")
    if invoice.exceptions.unresolved().exists():
        raise Conflict(f"Invoice {invoice.number} still has open exceptions.")
    if not can_proceed(invoice.clear):
        state = invoice.get_status_display().lower()
        raise IllegalTransition(f"{invoice.number} is {state}: it cannot clear now.")
    if has_transition_perm(invoice.clear, actor):  # whoever may not at all is told so below
        require_apart(
            entity=invoice.entity,
            person=actor,
            duty=Duty.RESOLVE,
            performed=queries.performed_on(invoice.order),
            at=at,
            about=invoice,
        )
    key = f"accepted:{invoice.pk}:{invoice.version}"
    _judge(invoice, key=key, actor=actor, at=at, reason=reason)
    return invoice


_locked_invoice = Composed[Invoice](
    lambda pk: (
        Invoice.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor", "order")
        .prefetch_related("lines", "charges", "taxes")
        .filter(pk=pk)
    )
)


def _locked(pk: UUID) -> Invoice:
    return _locked_invoice.one(pk)


def _judge(
    invoice: Invoice,
    *,
    key: str,
    actor: User | None,
    at: datetime,
    reason: str = "",
    first: bool = False,
) -> MatchRun:
    """Judge a locked invoice. Only a run stops one, so that nothing did before its `first`."""
    order_lines = lock_order(invoice)
    today = invoice.entity.day_of(at)
    until = invoice.waiting_until or today + RECEIPT_WINDOW
    perform(invoice.match, actor=actor, at=at)
    given = match_input(invoice, order_lines=order_lines, today=today, waiting_until=until, at=at)
    verdict = engine.match(given)
    if invoice.rate is None:
        set_rate(invoice, today=today)
    run = _store_run(invoice, given, verdict, key=key, at=at)
    before = [] if first else locked_exceptions(invoice)
    stopping = not_yet_accepted(before, verdict) + _without_rate(invoice)
    if not stopping and verdict.outcome == WAITING:
        perform(invoice.wait, actor=None, at=at, until=until)
    elif not stopping:
        perform(invoice.pass_match, actor=None, at=at)
        stopping = _try_to_clear(invoice, order_lines, actor=actor, at=at, reason=reason)
        if stopping:
            perform(invoice.match, actor=None, at=at)
    if stopping:
        perform(invoice.stop, actor=None, at=at)
    reconcile(invoice, before, run, stopping, at=at)
    invoice.save()
    event = f"invoice.{_EVENT[Invoice.Status(invoice.status)]}"
    events.publish(event, invoice, actor=actor, at=at, data={"run": str(run.pk)})
    return run


_EVENT = {
    Invoice.Status.CAPTURED: "waiting",
    Invoice.Status.CLEARED: "cleared",
    Invoice.Status.IN_EXCEPTION: "stopped",
}


def _try_to_clear(
    invoice: Invoice,
    order_lines: list[Any],
    *,
    actor: User | None,
    at: datetime,
    reason: str,
) -> list[engine.CheckResult]:
    """Clear what may be paid.

    The worker makes an exception of what the books refuse (no budget for an excess, a closed
    year): a person must see it. A person who accepts is told at once.
    """
    try:
        with atomic():
            post_cleared(invoice, order_lines, actor=actor, at=at, reason=reason)
    except (BudgetExceeded, RuleBroken) as refusal:
        if actor is not None:
            raise
        return [_budget_result(str(refusal))]
    perform(invoice.clear, actor=actor, at=at)
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
    inputs = engine.canonical(given)
    return MatchRun.objects.create(
        invoice=invoice,
        key=key,
        inputs_hash=engine.hash_of(inputs),
        inputs=inputs,
        results=[_stored(result) for result in verdict.results],
        outcome=verdict.outcome,
        at=at,
    )


_FIGURES = ("line_number", "expected", "actual", "variance", "variance_percent")


def _stored(result: engine.CheckResult) -> dict[str, str]:
    kept = result._asdict()
    for name in _FIGURES:  # the others are words already
        kept[name] = in_words(kept[name])
    return kept
