"""Which tolerances hold for the lines of an order: the narrowest scope that says something."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from core.composed import Composed
from invoicing import matching
from invoicing.models import Tolerance
from vendors.models import Vendor

ROUNDING = "rounding"  # the name of the setting that stands among the checks


def resolve(
    order_lines: Iterable[Any],
    vendor: Vendor | None,
    entity_id: object,
    *,
    on: date,
) -> tuple[matching.Tolerance, ...]:
    """One tolerance per line, check and direction: that of vendor and category, category, vendor,
    entity.

    Each line goes by its own `category`, one without a catalog item by none. Only what holds on
    the day `on` counts. Statements: 1.
    """
    categories = {str(line.pk): line.category or "" for line in order_lines}
    rows = _held(entity_id, vendor and vendor.pk, on)
    for each in rows:
        if each.vendor_id:
            each.vendor = vendor
    return resolved(rows, categories, vendor and vendor.pk)


_held = Composed[Tolerance](
    lambda entity, vendor, on: (
        Tolerance.objects.holding(on)
        .filter(Q(vendor=None) | Q(vendor=vendor), entity=entity)
        .order_by("pk")
    )
)


def resolved(
    rows: Iterable[Tolerance], categories: Mapping[str, str], vendor_id: UUID | None
) -> tuple[matching.Tolerance, ...]:
    """As `resolve`, of rows at hand; `categories` are those of the order lines by their ids."""
    candidates = [each for each in rows if each.vendor_id in (None, vendor_id)]
    lines: dict[str, list[str]] = defaultdict(list)
    for line, category in categories.items():
        lines[category].append(line)
    scopes: dict[UUID, list[str]] = defaultdict(list)
    rules = {each.pk: each for each in candidates}
    for category in lines or [""]:
        for tolerance in _narrowest(candidates, category):
            scopes[tolerance.pk] += lines[category]
    return tuple(
        _as_rule(rules[pk], None if len(scope) == len(categories) else tuple(sorted(scope)))
        for pk, scope in scopes.items()
    )


def rounding(rules: Iterable[matching.Tolerance], *, default: Decimal) -> Decimal:
    """What a line may be off by rounding, in document currency: the least that is set."""
    said = [each.absolute for each in rules if each.check == ROUNDING and each.absolute is not None]
    return min(said, default=default)


def _narrowest(candidates: list[Tolerance], category: str) -> Iterable[Tolerance]:
    chosen: dict[tuple[str, str], tuple[int, Tolerance]] = {}
    for tolerance in candidates:
        if tolerance.category not in ("", category):
            continue
        rank = 2 * bool(tolerance.category) + bool(tolerance.vendor_id)
        key = (tolerance.check_name, tolerance.direction)
        if key not in chosen or chosen[key][0] < rank:
            chosen[key] = (rank, tolerance)
    return [tolerance for _, tolerance in chosen.values()]


def _as_rule(tolerance: Tolerance, lines: tuple[str, ...] | None) -> matching.Tolerance:
    scope = [str(tolerance.vendor or ""), tolerance.category]
    return matching.Tolerance(
        check=tolerance.check_name,
        direction=tolerance.direction,
        percent=tolerance.percent,
        absolute=tolerance.absolute,
        combine=tolerance.combine,
        action=tolerance.action,
        name=" · ".join(part for part in scope if part) or "default",
        lines=lines,
    )
