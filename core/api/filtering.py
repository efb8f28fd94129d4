"""Filters of lists as an allow-list: an unknown one is refused, none reaches across relations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from core import text
from core.api.errors import BadRequest
from core.api.fields import as_id
from core.api.pagination import PARAMETERS


@dataclass(frozen=True)
class Filter:
    """One query parameter: how its text becomes a condition, and how the schema shows it."""

    condition: Callable[[str], Q]
    schema: Mapping[str, Any]
    description: str = ""
    many: bool = False


class AllowedFilters(BaseFilterBackend):
    """Applies the view's `filters` and `search_fields`; anything else in the query is a 400."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        known = {*view.filters, *PARAMETERS}
        if view.search_fields:
            known.add("search")
        for name in request.query_params:
            if name not in known:
                raise BadRequest(f"There is no filter {name[:64]!r} here.", "unknown-filter")
        for name, each in view.filters.items():
            values = request.query_params.getlist(name)
            if values:
                queryset = queryset.filter(_any_of(name, each, values))
        for words in request.query_params.getlist("search"):
            queryset = queryset.filter(_search(view.search_fields, words))
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found = [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": each.description,
                "schema": {"type": "array", "items": dict(each.schema)}
                if each.many
                else dict(each.schema),
            }
            for name, each in view.filters.items()
        ]
        if view.search_fields:
            found.append(
                {
                    "name": "search",
                    "in": "query",
                    "required": False,
                    "description": "Part of the number, the title and the like.",
                    "schema": {"type": "string"},
                }
            )
        return found


def _any_of(name: str, each: Filter, values: list[str]) -> Q:
    if len(values) > 1 and not each.many:
        raise BadRequest(f"{name} may be given once.", "invalid-filter")
    found = Q()
    for value in values:
        if text.fault(value, multiline=False):
            raise BadRequest(f"{name} holds characters that are not accepted.", "invalid-filter")
        try:
            found |= each.condition(value)
        except ValueError as error:
            raise BadRequest(f"{name}: {error}", "invalid-filter") from None
    return found


def _search(fields: tuple[str, ...], words: str) -> Q:
    if text.fault(words, multiline=False) or len(words) > 200:
        raise BadRequest("search takes up to 200 plain characters.", "invalid-filter")
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": words})
    return found


def exact(field: str, description: str = "") -> Filter:
    """The text itself."""
    return Filter(lambda value: Q(**{field: value}), {"type": "string"}, description)


def choice(field: str, choices: Any) -> Filter:
    """One or several of a closed list."""
    values = list(choices.values)

    def condition(value: str) -> Q:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return Q(**{field: value})

    return Filter(condition, {"type": "string", "enum": values}, many=True)


def reference(field: str, *, code: str | None = None, description: str = "") -> Filter:
    """Another record by id, or by its code where it has one. An unknown one finds nothing."""

    def condition(value: str) -> Q:
        pk = as_id(value)
        if pk is not None:
            return Q(**{field: pk})
        return Q(**{f"{field}__{code}": value}) if code else Q(pk__in=[])

    return Filter(condition, {"type": "string"}, description or "An id, or a code.")


def flag(field: str) -> Filter:
    def condition(value: str) -> Q:
        if value not in ("true", "false"):
            raise ValueError("must be true or false")
        return Q(**{field: value == "true"})

    return Filter(condition, {"type": "boolean"})


def whole(field: str) -> Filter:
    """A whole number."""

    def condition(value: str) -> Q:
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise ValueError("must be a whole number")
        return Q(**{field: int(value)})

    return Filter(condition, {"type": "integer", "minimum": 0, "maximum": 999_999_999})


def day(field: str, lookup: str = "exact") -> Filter:
    """A date such as 2026-03-02."""

    def condition(value: str) -> Q:
        return Q(**{f"{field}__{lookup}": day_of(value)})

    return Filter(condition, {"type": "string", "format": "date"})


def moment(field: str, lookup: str) -> Filter:
    """A moment, or a date standing for its first moment in UTC."""

    def condition(value: str) -> Q:
        return Q(**{f"{field}__{lookup}": moment_of(value)})

    return Filter(condition, {"type": "string", "format": "date-time"})


def created() -> dict[str, Filter]:
    return {
        "created_after": moment("created_at", "gt"),
        "created_before": moment("created_at", "lt"),
    }


def day_of(value: str) -> date:
    """A date from its ISO form. Raises ValueError."""
    found = parse_date(value) if len(value) == 10 and value.isascii() else None
    if found is None:
        raise ValueError("must be a date such as 2026-03-02")
    return found


def moment_of(value: str) -> datetime:
    """A moment from its ISO form, UTC unless it says otherwise. Raises ValueError."""
    found = parse_datetime(value) if value.isascii() else None
    if found is None:
        at = day_of(value)
        found = datetime(at.year, at.month, at.day)  # noqa: DTZ001
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("must be a moment such as 2026-03-02T10:00:00Z") from None
