"""Changing how far invoices may be off: from a day on, by two people, with every old row kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q

from accounts.authority import require_two_people
from accounts.models import Entity, User
from core import events, outbox
from core.errors import FieldError, Invalid, NotAllowed
from core.transactions import atomic
from invoicing.models import Invoice, Tolerance
from invoicing.models.tolerances import KEEPERS
from invoicing.services.matching import REQUESTED
from vendors.models import ServiceType, Vendor

Check = Tolerance.Check
REMATCH = "invoicing.rematch_after_tolerance"
MOST = Decimal(1_000_000_000)
# Where too little is held against a limit too; elsewhere only too much is.
TWO_SIDED = (Check.UNIT_PRICE, Check.LINE_AMOUNT, Check.CUMULATIVE, Check.TAX, Check.INVOICE_TOTAL)
# What is judged before anybody else settles it; a disputed invoice is held until a person asks.
_WAITING = (Invoice.Status.CAPTURED, Invoice.Status.MATCHED, Invoice.Status.IN_EXCEPTION)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class ToleranceInput:
    """A limit as it is wanted from `valid_from` on; `ends`: that there is none any more."""

    check: str
    valid_from: date
    direction: str = Tolerance.Direction.OVER
    vendor: Vendor | None = None
    category: str = ""
    percent: Decimal | None = None
    absolute: Decimal | None = None
    combine: str = Tolerance.Combine.AND
    action: str = Tolerance.Action.EXCEPTION
    ends: bool = False

    def row(self, entity: Entity) -> Tolerance:
        """The limit as a row that is not stored."""
        return Tolerance(
            entity=entity,
            check_name=self.check,
            direction=self.direction,
            vendor=self.vendor,
            category=self.category,
            percent=self.percent,
            absolute=self.absolute,
            combine=self.combine,
            action=self.action,
            valid_from=self.valid_from,
        )

    def says(self, row: Tolerance) -> bool:
        """Whether a row says the very same."""
        mine = (self.percent, self.absolute, self.combine, self.action)
        return mine == (row.percent, row.absolute, row.combine, row.action)


def require_keeper(entity: Entity, actor: User) -> None:
    """Raise NotAllowed for all but heads of accounts payable and controllers of the entity."""
    works_here = actor.is_active and actor.entity_id == entity.pk
    if not (works_here and actor.has_role(*KEEPERS)):
        raise NotAllowed("Only the head of accounts payable and controllers change tolerances.")


def held(entity: Entity, wanted: ToleranceInput) -> Tolerance | None:
    """The row that holds for the very same scope on the day from which another is wanted."""
    scope = Tolerance.objects.of_scope(wanted.row(entity))
    return scope.holding(wanted.valid_from).first()


def faults(entity: Entity, wanted: ToleranceInput, *, at: datetime) -> list[FieldError]:
    """What is wrong with what is wanted, each at its field. Statements: 2."""
    found = list(_scope_faults(entity, wanted))
    if not wanted.ends:
        found += _limit_faults(wanted)
    if wanted.valid_from < entity.day_of(at):
        said = "Today or later: what was matched before keeps what it used."
        return [*found, FieldError("/valid_from", "past", said)]
    return found or list(_stretch_faults(entity, wanted))


def _scope_faults(entity: Entity, wanted: ToleranceInput) -> Iterator[FieldError]:
    if wanted.check not in Check.values:
        yield FieldError("/check", "invalid_choice", "There is no such check.")
    if wanted.direction not in Tolerance.Direction.values:
        yield FieldError("/direction", "invalid_choice", "Over or under.")
    elif wanted.direction == Tolerance.Direction.UNDER and wanted.check not in TWO_SIDED:
        yield FieldError("/direction", "one_sided", "Only too much is looked for here.")
    if wanted.vendor is not None and wanted.vendor.entity_id != entity.pk:
        yield FieldError("/vendor", "unknown", "There is no such vendor.")
    if wanted.category not in ("", *ServiceType.values):
        yield FieldError("/category", "invalid_choice", "There is no such category.")


def _limit_faults(wanted: ToleranceInput) -> Iterator[FieldError]:
    if wanted.combine not in Tolerance.Combine.values:
        yield FieldError("/combine", "invalid_choice", "AND or OR.")
    if wanted.action not in Tolerance.Action.values:
        yield FieldError("/action", "invalid_choice", "Exception, block or pass.")
    if wanted.percent is not None and not 0 <= wanted.percent <= 100:
        yield FieldError("/percent", "out_of_range", "From 0 to 100 %.")
    if wanted.absolute is not None and not 0 <= wanted.absolute <= MOST:
        yield FieldError("/absolute", "out_of_range", f"From 0 to {MOST:,}.")
    if wanted.check == Check.ROUNDING:
        if wanted.percent is not None:
            yield FieldError("/percent", "not_here", "Rounding is an amount.")
        if wanted.absolute is None:
            yield FieldError("/absolute", "required", "Say an amount; 0 allows none.")
    elif wanted.percent is None and wanted.absolute is None:
        said = "Say a percentage, an amount or both; 0 is exact."
        yield FieldError("/percent", "required", said)


def _stretch_faults(entity: Entity, wanted: ToleranceInput) -> Iterator[FieldError]:
    """One row of a scope on a day: what is planned later is not overlapped, only changed itself."""
    later = Tolerance.objects.of_scope(wanted.row(entity)).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
        valid_from__gt=wanted.valid_from,
    )
    if planned := later.order_by("valid_from").first():
        said = f"Another is agreed from {planned.valid_from:%-d %b %Y} on: change that one."
        yield FieldError("/valid_from", "overlaps", said)
        return
    now = held(entity, wanted)
    if wanted.ends and now is None:
        yield FieldError("/valid_from", "none", "None holds on that day.")
    elif now is not None and now.valid_to is None and not wanted.ends and wanted.says(now):
        yield FieldError("/percent", "unchanged", "It is so already.")


@atomic
def set_tolerance(
    *,
    entity: Entity,
    wanted: ToleranceInput,
    actor: User | None,
    at: datetime,
    proposed_by: User | None = None,
    reason: str = "",
) -> Tolerance | None:
    """Let a limit hold from its day on, or end it; a day that is over by now counts as today.

    The row that held says the same for ever, its last day is the one before. From the day on
    invoices that wait are judged again, by the worker. Returns the new row, None for an end.
    Raises NotAllowed without two people, Invalid.
    """
    require_two_people(entity, actor=actor, proposed_by=proposed_by, proposer=require_keeper)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    wanted = replace(wanted, valid_from=max(wanted.valid_from, entity.day_of(at)))
    if errors := faults(entity, wanted, at=at):
        raise Invalid(errors=errors)
    old = held(entity, wanted)
    if old is not None:
        old.valid_to = wanted.valid_from - _DAY
        old._history_user = actor
        old.save(update_fields=["valid_to"])
    row = wanted.row(entity)
    if not wanted.ends:
        row._history_user = actor
        row.save(force_insert=True)
    _tell(entity, wanted, old, None if wanted.ends else row, actor=actor, at=at, reason=reason)
    _promise_rematch(entity, wanted, at=at)
    return None if wanted.ends else row


def _tell(
    entity: Entity,
    wanted: ToleranceInput,
    old: Tolerance | None,
    new: Tolerance | None,
    *,
    actor: User | None,
    at: datetime,
    reason: str,
) -> None:
    """One event on the entity: which limit, of which scope, was what and is what."""
    scope = ", ".join(filter(None, [str(wanted.vendor or ""), wanted.category])) or "all"
    field = f"tolerance {wanted.check} {wanted.direction}, {scope}, from {wanted.valid_from}"
    entity.version += 1
    entity._history_user = actor
    entity.save()
    events.publish(
        "entity.tolerance_set",
        entity,
        actor=actor,
        at=at,
        reason=reason,
        changes=[{"field": field, "old": _figures(old), "new": _figures(new)}],
        data={"tolerances": [str(each.pk) for each in (old, new) if each is not None]},
    )


def _figures(row: Tolerance | None) -> str | None:
    if row is None:
        return None
    parts = [f"{row.percent.normalize():f} %" if row.percent is not None else ""]
    parts.append(f"{row.absolute.normalize():f}" if row.absolute is not None else "")
    return f" {row.combine} ".join(filter(None, parts)) + f", else {row.action}"


def _promise_rematch(entity: Entity, wanted: ToleranceInput, *, at: datetime) -> None:
    """On the day itself, after its first midnight where the entity is; at once if that is past."""
    begins = datetime.combine(wanted.valid_from, time.min, tzinfo=entity.zone)
    arguments = {
        "entity": str(entity.pk),
        "vendor": str(wanted.vendor.pk) if wanted.vendor else None,
        "category": wanted.category,
    }
    key = f"{REMATCH}:{entity.pk}:{entity.version}"
    outbox.enqueue(REMATCH, arguments, key=key, at=at, run_at=max(begins, at))


@atomic
def rematch_scope(*, entity_id: UUID, vendor_id: UUID | None, category: str, at: datetime) -> int:
    """Have judged again what waits in a scope whose tolerance changed, oldest first.

    Each is locked first, so a judgement that is under way ends before, and the one asked for reads
    what holds now. What is settled or disputed keeps its judgement.
    """
    waiting = Invoice.objects.filter(
        entity=entity_id, status__in=_WAITING, order__isnull=False
    ).order_by("pk")
    if vendor_id is not None:
        waiting = waiting.filter(vendor=vendor_id)
    if category:
        of_it = Q(lines__order_line__catalog_item__service_type=category)
        waiting = waiting.filter(pk__in=Invoice.objects.filter(of_it).order_by().values("pk"))
    invoices = list(waiting.select_for_update(no_key=True))
    for invoice in invoices:
        events.publish(REQUESTED, invoice, actor=None, at=at)
    return len(invoices)
