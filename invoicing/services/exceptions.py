"""What a person decides about an exception: accept, return, or wait for the receipt."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.duties import conflict_words, require_apart
from accounts.models import Duty, Role, User
from core import events
from core.errors import FieldError, IllegalTransition, Invalid, NotAllowed
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform
from invoicing import queries
from invoicing.matching.types import BLOCK
from invoicing.models import Invoice, MatchException
from invoicing.services.clearing import unbillable
from invoicing.services.matching import clear_accepted
from invoicing.services.returning import RETURN_CODES, return_to_vendor

ACCEPT_REASONS = {
    "price_agreed": "Price agreed with the vendor",
    "quantity_agreed": "Quantity agreed with the vendor",
    "rounding": "Rounding",
    "freight_agreed": "Freight or charge agreed",
    "tax_checked": "Tax checked",
    "account_called": "Account confirmed by a call",
    "other": "Other, see comment",
}
WAIT = timedelta(days=30)
UNLINKED = ("line_link",)  # without an order line there is no budget to charge


@atomic
def assign(
    *, exception: MatchException, assignee: User, actor: User, at: datetime
) -> MatchException:
    """Give an exception to somebody of the same entity."""
    exception = _locked(exception)
    if assignee.entity_id != exception.entity_id or not assignee.is_active:
        raise Invalid(
            errors=[FieldError("/assignee", "unknown", "Choose somebody who works here.")]
        )
    perform(exception.assign, actor=actor, at=at, assignee=assignee)
    exception.save()
    events.publish("match_exception.assigned", exception, actor=actor, at=at)
    return exception


@atomic
def resolve(
    *,
    exception: MatchException,
    resolution: str,
    actor: User,
    at: datetime,
    reason_code: str = "",
    comment: str = "",
) -> MatchException:
    """Settle an exception.

    accept: pay the variance, within the person's limit, with a reason code; not by who keyed the
    invoice nor by the order's buyer; the last accepted one has the invoice judged as
    things stand now, and cleared. return: the invoice
    goes back to the vendor. wait_for_receipt: it waits, and the receipt has it judged again.
    """
    # Invoice before exception, as the match locks them.
    invoice = (
        Invoice.objects.select_for_update(of=("self",), no_key=True)
        .select_related("order")
        .get(pk=exception.invoice_id)
    )
    exception = _locked(exception)
    if exception.status not in (MatchException.Status.OPEN, MatchException.Status.ASSIGNED):
        raise IllegalTransition(
            f"This exception is already {exception.get_status_display().lower()}."
        )
    if resolution == MatchException.Resolution.ACCEPTED:
        _accept(exception, invoice, actor=actor, at=at, reason_code=reason_code, comment=comment)
    elif resolution == MatchException.Resolution.RETURNED:
        return_to_vendor(
            invoice=invoice,
            code=reason_code if reason_code in RETURN_CODES else "OTH",
            reason=comment,
            actor=actor,
            at=at,
        )
    elif resolution == MatchException.Resolution.WAITED:
        _wait(exception, invoice, actor=actor, at=at, comment=comment)
    else:
        raise Invalid(
            errors=[FieldError("/resolution", "invalid_choice", "Accept, return, or wait.")]
        )
    exception.refresh_from_db()
    return exception


@atomic
def resolve_all(*, exception: MatchException, **decision: Any) -> MatchException:
    """Settle every open exception of the invoice as this one: all of them, or none.

    `decision` as in `resolve`. Raises what it raises for any of them, also when this one is
    settled already.
    """
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=exception.invoice_id)
    others = invoice.exceptions.unresolved().exclude(pk=exception.pk).order_by("pk")
    for each in [exception, *others]:
        resolve(exception=each, **decision)
    exception.refresh_from_db()
    return exception


def _locked(exception: MatchException) -> MatchException:
    return MatchException.objects.select_for_update(no_key=True).get(pk=exception.pk)


def _accept(
    exception: MatchException,
    invoice: Invoice,
    *,
    actor: User,
    at: datetime,
    reason_code: str,
    comment: str,
) -> None:
    _require_may_accept(exception, invoice, actor, reason_code)
    require_apart(**_resolving(invoice, actor, at), about=invoice)
    _settle(
        exception,
        MatchException.Resolution.ACCEPTED,
        actor=actor,
        at=at,
        reason_code=reason_code,
        comment=comment,
    )
    if not invoice.exceptions.unresolved().exists():
        said = f": {comment}" if comment else ""
        reason = f"Invoice {invoice.number}: {ACCEPT_REASONS[reason_code].lower()}{said}."
        clear_accepted(invoice=invoice, actor=actor, at=at, reason=reason)


def _resolving(invoice: Invoice, actor: User, at: datetime) -> dict[str, Any]:
    """Accepting what differs, as a duty on the purchase."""
    return {
        "entity": invoice.entity,
        "person": actor,
        "duty": Duty.RESOLVE,
        "performed": queries.performed_on(invoice.order),
        "at": at,
    }


def accept_refusal(exception: MatchException, actor: User, at: datetime) -> str:
    """Why this person may not accept the variance; empty where they may. Changes nothing."""
    try:
        _require_may_accept(exception, exception.invoice, actor, next(iter(ACCEPT_REASONS)))
    except NotAllowed as refusal:
        return refusal.detail
    return conflict_words(**_resolving(exception.invoice, actor, at))


def _require_may_accept(
    exception: MatchException, invoice: Invoice, actor: User, reason_code: str
) -> None:
    if exception.outcome == BLOCK:
        raise NotAllowed("A blocked invoice cannot be accepted: return it or reject it.")
    if actor.pk == invoice.captured_by_id:
        raise NotAllowed("You captured this invoice; somebody else accepts its variance.")
    if invoice.order is not None and actor.pk == invoice.order.buyer_id:
        raise NotAllowed("You bought on this order; somebody else accepts its variance.")
    if exception.check_name in UNLINKED:
        raise NotAllowed("There is nothing to accept: name the order and line it bills.")
    if refusal := unbillable(invoice):
        raise NotAllowed(refusal)
    if exception.is_about_fraud and not actor.has_role(Role.AP_MANAGER):
        raise NotAllowed("Only the head of accounts payable says that this is no fraud.")
    value = _accepted_with(exception, invoice, actor)
    if value > actor.variance_limit:
        is_alone = value == exception.value_at_stake
        before = "" if is_alone else "With what you accepted on this invoice, "
        raise NotAllowed(
            f"{before}{value:,.2f} is above your limit of {actor.variance_limit:,.2f}; "
            "ask somebody of accounts payable with a higher one."
        )
    if reason_code not in ACCEPT_REASONS:
        raise Invalid(errors=[FieldError("/reason_code", "required", "Choose why it is accepted.")])


def _accepted_with(exception: MatchException, invoice: Invoice, actor: User) -> Decimal:
    """What the person has accepted on the invoice once this is accepted too, in base currency.

    Of one line the dearest counts, for its checks speak of the same money, and the lines add up: a
    limit is not passed by in parts. What a check of the whole says counts where it is more.
    """
    mine = invoice.exceptions.filter(
        resolution=MatchException.Resolution.ACCEPTED, resolved_by=actor
    )
    values: dict[Any, Decimal] = {exception.line_id: exception.value_at_stake}
    for line, value in mine.order_by().values_list("line", "value_at_stake"):
        values[line] = max(values.get(line, ZERO), value)
    whole = values.pop(None, ZERO)
    return max(whole, sum(values.values(), ZERO))


def _wait(
    exception: MatchException, invoice: Invoice, *, actor: User, at: datetime, comment: str
) -> None:
    """The invoice goes back to waiting; a receipt, or the end of the window, judges it again."""
    others = invoice.exceptions.unresolved().exclude(pk=exception.pk)
    for each in [exception, *others.select_for_update(no_key=True).order_by("pk")]:
        _settle(each, MatchException.Resolution.WAITED, actor=actor, at=at, comment=comment)
    perform(invoice.match, actor=actor, at=at)
    perform(invoice.wait, actor=None, at=at, until=invoice.entity.day_of(at) + WAIT)
    invoice._history_user = actor
    invoice.save()
    events.publish("invoice.waiting", invoice, actor=actor, at=at, reason=comment)


def _settle(
    exception: MatchException,
    resolution: str,
    *,
    actor: User,
    at: datetime,
    reason_code: str = "",
    comment: str = "",
) -> None:
    perform(
        exception.resolve,
        actor=actor,
        at=at,
        resolution=resolution,
        reason_code=reason_code,
        comment=comment,
    )
    exception.save()
    events.publish(
        "match_exception.resolved",
        exception,
        actor=actor,
        at=at,
        reason=comment,
        data={"resolution": resolution, "reason_code": reason_code},
    )
