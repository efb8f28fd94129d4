"""Rules of allocation: made by controllers, changed by a further revision, never edited."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import Entity, User
from accounts.permissions import role
from chargeback.inputs import RuleInput, ShareInput
from chargeback.models import AllocationRule, RuleRevision, RuleShare
from chargeback.models.rules import MAKERS
from core import events, text
from core.decimals import NotADecimal, parse, places
from core.errors import FieldError, Invalid, NotAllowed
from core.money import HUNDRED, ZERO
from core.transactions import atomic

MOST_SHARES = 500
_MAKES = role(*MAKERS)
_FACTS = ("kind", "basis", "cost_center", "gl_account", "project", "unit", "service_owner")


@atomic
def create_rule(
    *, entity: Entity, name: str, data: RuleInput, actor: User | None, at: datetime
) -> AllocationRule:
    """Say by which rule a shared cost is borne. Its name stays.

    Raises NotAllowed for all but controllers and the portal itself, Invalid.
    """
    rule = AllocationRule(entity=entity, name=name.strip(), created_at=at)
    _require_maker(rule, actor)
    errors = [
        *text.check(name, "/name", most=120, required=True, name=True),
        *_faults(entity, data),
    ]
    if not errors and AllocationRule.objects.filter(entity=entity, name=rule.name).exists():
        errors.append(FieldError("/name", "taken", "Another rule has this name."))
    if errors:
        raise Invalid(errors=errors)
    rule.save()
    _store(rule, 1, data, actor=actor, at=at, reason="")
    events.publish("allocation_rule.created", rule, actor=actor, at=at)
    return rule


@atomic
def revise_rule(
    *,
    rule: AllocationRule,
    data: RuleInput,
    actor: User,
    at: datetime,
    reason: str,
    expected_version: int | None = None,
) -> AllocationRule:
    """Let a rule say something else from the revision's first month on.

    What was shared keeps the revision that it was shared by. Raises NotAllowed, StaleVersion,
    Invalid.
    """
    rule = locked_rule(rule)
    _require_maker(rule, actor)
    rule.require_version(expected_version)
    errors = [
        *text.check(reason, "/reason", most=2000, required=True, multiline=True),
        *_faults(rule.entity, data),
    ]
    if errors:
        raise Invalid(errors=errors)
    before = rule.revisions.order_by("revision").last()
    assert before is not None
    after = _store(rule, before.revision + 1, data, actor=actor, at=at, reason=reason)
    rule.save()
    events.publish(
        "allocation_rule.revised",
        rule,
        actor=actor,
        at=at,
        reason=reason,
        changes=events.differences(_said(before), _said(after)),
    )
    return rule


def locked_rule(rule: AllocationRule) -> AllocationRule:
    rows = AllocationRule.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("entity").get(pk=rule.pk)


def _require_maker(rule: AllocationRule, actor: User | None) -> None:
    if actor is not None and not _MAKES(rule, actor):
        raise NotAllowed("Only a controller makes rules of allocation.")


def _store(
    rule: AllocationRule,
    revision: int,
    data: RuleInput,
    *,
    actor: User | None,
    at: datetime,
    reason: str,
) -> RuleRevision:
    made = RuleRevision.objects.create(
        rule=rule,
        revision=revision,
        valid_from=data.valid_from,
        valid_to=data.valid_to,
        reason=reason,
        made_by=actor,
        made_at=at,
        **{name: getattr(data, name) for name in _FACTS},
    )
    RuleShare.objects.bulk_create(
        RuleShare(revision=made, position=place, cost_center=each.cost_center, percent=each.percent)
        for place, each in enumerate(data.shares, 1)
    )
    return made


def _faults(entity: Entity, data: RuleInput) -> Iterator[FieldError]:
    if data.kind not in RuleRevision.Kind.values:
        yield FieldError("/kind", "unknown", "Choose chargeback or showback.")
    if data.basis not in RuleRevision.Basis.values:
        yield FieldError("/basis", "unknown", "Choose a fixed split or consumption.")
    sources = {name: getattr(data, name) for name in ("cost_center", "gl_account", "project")}
    if not any(sources.values()):
        yield FieldError("/cost_center", "required", "Say whose spend is shared.")
    for name, coding in sources.items():
        if coding is not None and coding.entity_id != entity.pk:
            yield FieldError(f"/{name}", "foreign", f"{coding} does not belong to {entity}.")
    owner = data.service_owner
    if owner is None or owner.entity_id != entity.pk or not owner.is_active:
        yield FieldError("/service_owner", "required", "Choose who answers for the service.")
    yield from _validity_faults(data.valid_from, data.valid_to)
    if data.basis == RuleRevision.Basis.CONSUMPTION:
        yield from text.check(data.unit, "/unit", most=32, required=True, name=True)
        if data.shares:
            yield FieldError("/shares", "unexpected", "Consumption says who bears what.")
    elif data.basis == RuleRevision.Basis.FIXED:
        yield from text.check(data.unit, "/unit", most=32, name=True)
        yield from _share_faults(entity, data.shares)


def _validity_faults(first: date | None, last: date | None) -> Iterator[FieldError]:
    if first is None:
        yield FieldError("/valid_from", "required", "Say its first month.")
    elif first.day != 1:
        yield FieldError("/valid_from", "invalid", "A rule begins on the first day of a month.")
    if last is not None and (last + timedelta(days=1)).day != 1:
        yield FieldError("/valid_to", "invalid", "A rule ends on the last day of a month.")
    elif first and last and last < first:
        yield FieldError("/valid_to", "min_value", "It ends before it begins.")


def _share_faults(entity: Entity, shares: list[ShareInput]) -> Iterator[FieldError]:
    if not shares or len(shares) > MOST_SHARES:
        yield FieldError("/shares", "required", f"Name 1 to {MOST_SHARES} cost centres.")
        return
    seen: set[Any] = set()
    sum_of, is_whole = ZERO, True
    for place, share in enumerate(shares):
        pointer = f"/shares/{place}"
        center = share.cost_center
        if center is None or center.entity_id != entity.pk or not center.is_active:
            yield FieldError(f"{pointer}/cost_center", "required", "Choose a cost centre.")
        elif center.pk in seen:
            yield FieldError(f"{pointer}/cost_center", "taken", "It stands above already.")
        seen.add(center and center.pk)
        percent = _percent(share.percent)
        if percent is None:
            is_whole = False
            message = "Above 0 up to 100, at most 6 decimals."
            yield FieldError(f"{pointer}/percent", "invalid", message)
        else:
            sum_of += percent
    if is_whole and sum_of != HUNDRED:
        said = f"{sum_of.normalize():f}"
        yield FieldError("/shares", "sum", f"The shares add up to {said} %, not 100 %.")


def _percent(value: Any) -> Decimal | None:
    try:
        percent = parse(value)
    except NotADecimal:
        return None
    return percent if ZERO < percent <= HUNDRED and places(percent) <= 6 else None


def _said(revision: RuleRevision) -> dict[str, Any]:
    """What a revision says, as the trail keeps it."""
    shares = revision.shares.select_related("cost_center").order_by("position")
    return {
        **{name: str(getattr(revision, name) or "") for name in _FACTS},
        "valid_from": str(revision.valid_from),
        "valid_to": str(revision.valid_to or ""),
        "shares": [f"{each.cost_center.code} {each.percent.normalize():f} %" for each in shares],
    }
