"""Contracts: draft, edit, activate, terminate, and what their last day does by itself."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from accounts.models import Entity, Role, User
from accounts.permissions import role
from core import events, numbering, text
from core.decimals import NotADecimal, parse, places
from core.errors import Conflict, FieldError, IllegalTransition, Invalid, NotAllowed
from core.money import UnknownCurrency, minor_units
from core.transactions import atomic
from core.transitions import perform
from core.units import UNITS
from vendors.inputs import ContractInput, PriceInput
from vendors.models import Contract, ContractPrice, Vendor
from vendors.models.contracts import DRAFTERS

KIND = "CT"
EARLIEST, LATEST = date(1950, 1, 1), date(2200, 12, 31)
MOST_PRICES = 5000
MOST_TERMS = 50
MOST_NOTICE_DAYS = 3650
MOST_PRICE = 10**10
MOST_CAP = 10**12
_DRAFTS = role(*DRAFTERS)
_FACTS = ("number", "title", "valid_from", "valid_to", "notice_days", "currency", "spend_cap")


@atomic
def draft(*, entity: Entity, data: ContractInput, actor: User | None, at: datetime) -> Contract:
    """Write down what was agreed; it covers nothing before somebody else activates it.

    Raises NotAllowed for all but vendor managers, buyers and the portal itself, Invalid.
    """
    contract = Contract(entity=entity, drafted_by=actor, created_at=at)
    _require_drafter(contract, actor)
    _judge(contract, data)
    if not data.number:
        year = entity.fiscal_year_of(entity.day_of(at))
        contract.number = numbering.take(stream=contract.stream, kind=KIND, fiscal_year=year)
    _store(contract, data, actor)
    events.publish("contract.drafted", contract, actor=actor, at=at)
    return contract


@atomic
def edit(
    *,
    contract: Contract,
    data: ContractInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> Contract:
    """Replace what a draft says. What holds is not edited: another contract follows it.

    Raises NotAllowed, StaleVersion, IllegalTransition once it was activated, Invalid.
    """
    contract = _locked(contract)
    _require_drafter(contract, actor)
    contract.require_version(expected_version)
    if contract.status != Contract.Status.DRAFT:
        state = contract.get_status_display().lower()
        raise IllegalTransition(f"{contract.number} is {state}: it cannot be edited any more.")
    _judge(contract, data)
    before = _said(contract)
    contract.edited_by = actor
    contract.prices.all().delete()
    _store(contract, data, actor)
    changes = events.differences(before, _said(contract))
    events.publish("contract.edited", contract, actor=actor, at=at, changes=changes)
    return contract


@atomic
def activate(*, contract: Contract, actor: User | None, at: datetime, reason: str = "") -> Contract:
    """It holds from its first day on.

    Raises IllegalTransition, NotAllowed for who drafted it or changed it last, Conflict when its
    vendor is not approved or its last day is over.
    """
    contract = _locked(contract)
    perform(contract.activate, actor=actor, at=at)
    _check_reason(reason, required=False)
    if contract.vendor.status != Vendor.Status.APPROVED:
        state = contract.vendor.get_status_display().lower()
        raise Conflict(f"{contract.vendor} is {state}; contracts hold with approved vendors only.")
    if contract.valid_to and contract.valid_to < contract.entity.day_of(at):
        raise Conflict(f"{contract.number} ended on {contract.valid_to}: it cannot hold any more.")
    contract.save()
    events.publish("contract.activated", contract, actor=actor, at=at, reason=reason)
    return contract


@atomic
def terminate(*, contract: Contract, actor: User, at: datetime, reason: str) -> Contract:
    """End it now; what is ordered under it goes on.

    Raises IllegalTransition, NotAllowed, Invalid without a reason.
    """
    contract = _locked(contract)
    perform(contract.terminate, actor=actor, at=at)
    _check_reason(reason, required=True)
    contract.save()
    events.publish("contract.terminated", contract, actor=actor, at=at, reason=reason)
    return contract


def present(contract: Contract) -> ContractInput:
    """The contract as it stands, as the input it could have come from."""
    prices = contract.prices.order_by("sku")
    return ContractInput(
        **{name: getattr(contract, name) for name in (*_FACTS, "vendor", "sla_terms")},
        prices=[PriceInput(each.sku, each.unit_price, each.unit) for each in prices],
    )


def watch_ends(*, at: datetime) -> int:
    """Say of each contract that its day of notice has come, or that its last day is over.

    Each in a transaction of its own, by the calendar of its entity; safe to run any number of
    times. Returns how many moved.
    """
    ending = Contract.objects.filter(status__in=Contract.LIVE, valid_to__isnull=False)
    found = ending.select_related("entity").order_by("pk")
    return sum(_age(each, at) for each in found if _due(each, at))


@atomic
def _age(contract: Contract, at: datetime) -> bool:
    contract = _locked(contract)
    verb = _due(contract, at)
    if not verb:
        return False
    perform(getattr(contract, verb), actor=None, at=at)
    contract.save()
    event = "contract.expired" if verb == "expire" else "contract.expiring"
    events.publish(event, contract, actor=None, at=at)
    return True


def _due(contract: Contract, at: datetime) -> str:
    """What its end asks for today: expire, near_end, or nothing."""
    today = contract.entity.day_of(at)
    if contract.status not in Contract.LIVE or contract.valid_to is None:
        return ""
    if contract.valid_to < today:
        return "expire"
    is_near = contract.decide_by is not None and contract.decide_by <= today
    return "near_end" if is_near and contract.status == Contract.Status.ACTIVE else ""


def _locked(contract: Contract) -> Contract:
    rows = Contract.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("entity", "vendor").get(pk=contract.pk)


def _require_drafter(contract: Contract, actor: User | None) -> None:
    if actor is not None and not _DRAFTS(contract, actor):
        who = " and ".join(f"{Role(each).label.lower()}s" for each in DRAFTERS)
        raise NotAllowed(f"Contracts are drafted by {who}.")


def _check_reason(reason: str, *, required: bool) -> None:
    if faults := text.check(reason, "/reason", most=2000, required=required, multiline=True):
        raise Invalid(errors=faults)


def _judge(contract: Contract, data: ContractInput) -> None:
    """Raise Invalid naming every fault."""
    errors = [*_header_errors(contract, data), *_price_errors(data)]
    if not errors and data.number:
        others = Contract.objects.filter(entity=contract.entity, number=data.number)
        if others.exclude(pk=contract.pk).exists():
            errors.append(FieldError("/number", "taken", "Another contract has this number."))
    if errors:
        raise Invalid(errors=errors)


def _header_errors(contract: Contract, data: ContractInput) -> Iterator[FieldError]:
    if data.vendor is None or data.vendor.entity_id != contract.entity_id:
        yield FieldError("/vendor", "required", "Choose the vendor.")
    yield from text.check(data.number, "/number", most=64, name=True)
    yield from text.check(data.title, "/title", most=200, required=True, name=True)
    try:
        minor_units(data.currency)
    except UnknownCurrency:
        yield FieldError("/currency", "unknown", "Not a currency of ISO 4217.")
    for name in ("valid_from", "valid_to"):
        day = getattr(data, name)
        if day is not None and not EARLIEST <= day <= LATEST:
            yield FieldError(f"/{name}", "range", f"Between {EARLIEST} and {LATEST}.")
    if data.valid_from is None:
        yield FieldError("/valid_from", "required", "Say its first day.")
    elif data.valid_to and data.valid_to < data.valid_from:
        yield FieldError("/valid_to", "min_value", "It ends before it begins.")
    if not 0 <= data.notice_days <= MOST_NOTICE_DAYS:
        yield FieldError("/notice_days", "range", f"From 0 to {MOST_NOTICE_DAYS} days.")
    if data.spend_cap is not None:
        yield from _figure_errors(data.spend_cap, "/spend_cap", most=MOST_CAP, scale=4, zero=False)
    if len(data.sla_terms) > MOST_TERMS:
        yield FieldError("/sla_terms", "max_length", f"At most {MOST_TERMS}.")
    for index, term in enumerate(data.sla_terms[:MOST_TERMS]):
        yield from text.check(term, f"/sla_terms/{index}", most=500, required=True)


def _price_errors(data: ContractInput) -> Iterator[FieldError]:
    if len(data.prices) > MOST_PRICES:
        yield FieldError("/prices", "max_length", f"At most {MOST_PRICES} prices.")
    seen: set[str] = set()
    for index, price in enumerate(data.prices[:MOST_PRICES]):
        at = f"/prices/{index}"
        yield from text.check(price.sku, f"{at}/sku", most=64, required=True, name=True)
        if price.sku in seen:
            yield FieldError(f"{at}/sku", "taken", "This article number stands above already.")
        seen.add(price.sku)
        if price.unit not in ("", *UNITS):
            yield FieldError(f"{at}/unit", "unknown", "Not one of the known units.")
        yield from _figure_errors(price.unit_price, f"{at}/unit_price", most=MOST_PRICE, scale=6)


def _figure_errors(
    value: Any, pointer: str, *, most: int, scale: int, zero: bool = True
) -> Iterator[FieldError]:
    try:
        figure = parse(value)
    except NotADecimal:
        yield FieldError(pointer, "invalid", "Write a plain number such as 1250.00.")
        return
    if figure < 0 or (figure == 0 and not zero):
        yield FieldError(pointer, "min_value", "Not below 0." if zero else "Must be above 0.")
    elif figure > most:
        yield FieldError(pointer, "max_value", f"At most {most:,}.")
    elif places(figure) > scale:
        yield FieldError(pointer, "max_decimal_places", f"At most {scale} decimals.")


def _store(contract: Contract, data: ContractInput, actor: User | None) -> None:
    for name in (*_FACTS, "vendor", "sla_terms"):
        if name != "number" or data.number:
            setattr(contract, name, getattr(data, name))
    contract._history_user = actor
    contract.save()
    ContractPrice.objects.bulk_create(
        ContractPrice(contract=contract, **asdict(each)) for each in data.prices
    )


def _said(contract: Contract) -> dict[str, Any]:
    """What it says, as the trail keeps it."""
    prices = contract.prices.order_by("sku")
    return {
        **{name: _plain(getattr(contract, name)) for name in _FACTS},
        "vendor": contract.vendor.name,
        "sla_terms": list(contract.sla_terms),
        "prices": [_price_words(PriceInput(p.sku, p.unit_price, p.unit)) for p in prices],
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)


def _price_words(price: PriceInput) -> str:
    unit = f" per {UNITS[price.unit]}" if price.unit else ""
    assert price.unit_price is not None
    return f"{price.sku}: {price.unit_price.normalize():f}{unit}"
