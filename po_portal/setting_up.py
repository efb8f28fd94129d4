"""An organisation from a file: entities with their coding, tax codes, rates, people and duties.

Adds what is not there, by code or address, and alters nothing that is: the same file may grow and
be read again. What gives somebody more later is proposed and approved on the pages.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model

import accounts.services
from accounts import duties
from accounts.models import Entity, TaxCode, User
from budgets.models import CostCenter, ExchangeRate, FiscalYear, GLAccount, Project
from core import events
from core.errors import DomainError, FieldError, Invalid
from core.transactions import atomic

# in this order: a cost centre names its owner
CODING = {"tax_codes": TaxCode, "gl_accounts": GLAccount, "projects": Project}
PARTS = ("fiscal_years", "people", "cost_centers", "rates", *CODING)
OWN_LATER = ("fallback_approver", "on_call_approver")


@dataclass
class Added:
    """How many rows of each kind were added to an entity."""

    entity: Entity
    counts: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1


@atomic
def set_up(*, organisation: dict[str, Any], at: datetime) -> list[Added]:
    """Everything of the file, or nothing. Raises Invalid that names the first wrong place."""
    entities = organisation.get("entity")
    if set(organisation) != {"entity"} or not isinstance(entities, list):
        raise Invalid("The file must hold [[entity]] tables, and nothing else.")
    return [_entity(dict(facts), f"/entity/{place}", at) for place, facts in enumerate(entities)]


def _entity(facts: dict[str, Any], place: str, at: datetime) -> Added:
    parts = {name: _listed(facts.pop(name, []), f"{place}/{name}") for name in PARTS}
    later = {name: facts.pop(name) for name in OWN_LATER if name in facts}
    entity = Entity.objects.filter(code=facts.get("code")).first()
    added = Added(entity or _saved(Entity, facts, place))
    if entity is None:
        added.note("entity")
        pairs = duties.default_pairs()
        duties.set_pairs(entity=added.entity, pairs=pairs, actor=None, at=at)
    _fiscal_years(added, parts["fiscal_years"], f"{place}/fiscal_years")
    for spot, row in _rows(parts["people"], f"{place}/people"):
        _person(added, row, spot, at)
    for name, model in CODING.items():
        for spot, row in _rows(parts[name], f"{place}/{name}"):
            _once(added, name, model, {"code": row.get("code")}, row, spot)
    for spot, row in _rows(parts["cost_centers"], f"{place}/cost_centers"):
        row["owner"] = _colleague(added.entity, row.get("owner"), f"{spot}/owner")
        _once(added, "cost_centers", CostCenter, {"code": row.get("code")}, row, spot)
    _rates(added, parts["rates"], f"{place}/rates")
    if entity is None and later:
        for name, email in later.items():
            setattr(added.entity, name, _colleague(added.entity, email, f"{place}/{name}"))
        added.entity.save()
    if added.counts:
        events.publish("entity.set_up", added.entity, actor=None, at=at, data=dict(added.counts))
    return added


def _fiscal_years(added: Added, years: list[Any], place: str) -> None:
    month = added.entity.fiscal_year_starts_month
    for spot, year in enumerate(years):
        if not isinstance(year, int) or not 2000 <= year <= 2100:
            raise _wrong(f"{place}/{spot}", "Not a year.")
        day = date(year, month, 1)
        ends = date.fromordinal(date(year + 1, month, 1).toordinal() - 1)
        facts = {"year": year, "starts_on": day, "ends_on": ends}
        _once(added, "fiscal_years", FiscalYear, {"year": year}, facts, f"{place}/{spot}")


def _person(added: Added, row: dict[str, Any], place: str, at: datetime) -> None:
    email = str(row.get("email", "")).strip()
    if User.objects.filter(email__iexact=email).exists():
        return
    manager = _colleague(added.entity, row.pop("manager", None), f"{place}/manager")
    limits = {
        name: _figure(row.pop(name), f"{place}/{name}")
        for name in accounts.services.LIMITS
        if name in row
    }
    if unknown := set(row) - {"email", "name", "job_title", "roles"}:
        raise _wrong(f"{place}/{min(unknown)}", "Unknown.")
    try:
        person = accounts.services.add_person(
            entity=added.entity, email=email, name=str(row.get("name", "")), manager=manager,
            job_title=str(row.get("job_title", "")), roles=row.get("roles", ()), actor=None, at=at,
        )  # fmt: skip
        if limits:
            accounts.services.set_limits(person=person, limits=limits, actor=None, at=at)
    except DomainError as refusal:
        errors = [FieldError(f"{place}{e.pointer}", e.code, e.detail) for e in refusal.errors]
        raise Invalid(refusal.detail, errors=errors) from refusal
    added.note("people")


def _rates(added: Added, rows: list[Any], place: str) -> None:
    base = added.entity.currency
    for spot, row in _rows(rows, place):
        if ExchangeRate.objects.filter(
            base=base, currency=row.get("currency"), day=row.get("day")
        ).exists():
            continue
        _saved(ExchangeRate, {"base": base, **row}, spot)
        added.note("rates")


def _once(
    added: Added,
    kind: str,
    model: type[Model],
    key: dict[str, Any],
    facts: dict[str, Any],
    place: str,
) -> None:
    if not model._default_manager.filter(entity=added.entity, **key).exists():
        _saved(model, {"entity": added.entity, **facts}, place)
        added.note(kind)


def _saved(model: type[Model], facts: dict[str, Any], place: str) -> Any:
    """A checked row of the model; what the file says wrongly is named by its place."""
    for name in facts:
        try:
            model._meta.get_field(name)
        except FieldDoesNotExist:
            raise _wrong(f"{place}/{name}", "Unknown.") from None
    row = model(**facts)
    try:
        row.full_clean()
    except ValidationError as fault:
        name, words = next(iter(fault.message_dict.items()))
        raise _wrong(f"{place}/{name}", words[0]) from fault
    row.save()
    return row


def _colleague(entity: Entity, email: Any, place: str) -> User | None:
    if not email:
        return None
    person = User.objects.filter(entity=entity, email__iexact=str(email)).first()
    if person is None:
        raise _wrong(place, f"Nobody of {entity.code} has the address {email}.")
    return person


def _figure(value: Any, place: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong(place, "Not a number.")
    return Decimal(value)


def _listed(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(place, "Not a list.")
    return value


def _rows(rows: list[Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise _wrong(f"{place}/{number}", "Not a table.")
        yield f"{place}/{number}", dict(row)


def _wrong(place: str, words: str) -> Invalid:
    return Invalid(errors=[FieldError(place, "invalid", words)])
