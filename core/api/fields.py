"""Serializer fields: money as string decimals, opaque ids, UTC moments, references."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import decimals, text
from core.money import minor_units

_WHOLE = re.compile(r"-?[0-9]{1,9}")
FIGURE = {"type": "string", "format": "decimal", "examples": ["1234.50"]}


def plain(value: Decimal, least: int = 0) -> str:
    """A figure without exponent and with at least `least` decimals: `0.5`, `10.00`."""
    return f"{value:.{max(least, decimals.places(value))}f}"


def as_id(text: Any) -> UUID | None:
    """The id that a text stands for; None when it can be none."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


@extend_schema_field({"type": "string"})
class Id(serializers.Field):
    """An opaque identifier."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, **kwargs})

    def to_representation(self, value: Any) -> str:
        return str(value)


@extend_schema_field(FIGURE)
class AmountField(serializers.Field):
    """Money in the minor units of its currency, found at the dotted path `currency`."""

    def __init__(self, *, currency: str = "currency", **kwargs: Any) -> None:
        self.currency = currency.split(".")
        super().__init__(**{"read_only": True, **kwargs})

    def get_attribute(self, instance: Any) -> Any:
        value = super().get_attribute(instance)
        if value is None:
            return None
        currency = instance
        for name in self.currency:
            currency = currency[name] if isinstance(currency, dict) else getattr(currency, name)
        return value, currency

    def to_representation(self, value: tuple[Decimal, str]) -> str:
        return money(*value)


@extend_schema_field(FIGURE)
class FigureField(serializers.Field):
    """A quantity, price, percentage or rate, without needless zeros."""

    def __init__(self, *, least: int = 0, **kwargs: Any) -> None:
        self.least = least
        super().__init__(**{"read_only": True, **kwargs})

    def to_representation(self, value: Decimal) -> str:
        return plain(value, self.least)


class MomentField(serializers.DateTimeField):
    """A moment in UTC, ending with `Z`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **{"read_only": True, **kwargs})


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"},
            {"type": "number"},
        ],
        "examples": ["12.50"],
    }
)
class DecimalInput(serializers.Field):
    """A decimal from the client: a plain string such as `"12.50"`, or a JSON number.

    Refuses grouping, exponents, other scripts' digits, and more decimals than `scale`.
    """

    default_error_messages = {
        "invalid": "Send a decimal such as “12.50”.",
        "max_decimal_places": "At most {scale} decimals are kept.",
        "max_digits": "This figure is too large.",
    }

    def __init__(self, *, scale: int = 6, whole_digits: int = 12, **kwargs: Any) -> None:
        self.scale, self.whole_digits = scale, whole_digits
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, str | Decimal) and len(str(data)) > 60:
            self.fail("invalid")
        try:
            value = decimals.parse(data)
        except decimals.NotADecimal:
            self.fail("invalid")
        if value.is_zero():
            return Decimal(0)
        if value.adjusted() >= self.whole_digits:
            self.fail("max_digits")
        if decimals.places(value) > self.scale:
            self.fail("max_decimal_places", scale=self.scale)
        return value

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


class WholeInput(serializers.IntegerField):
    """A whole number from the client: plain digits, as a JSON number or a string.

    Refuses what `int` would take: grouping, other scripts' digits, figures with a point.
    """

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not _WHOLE.fullmatch(str(data)):
            self.fail("invalid")
        return int(data)


@extend_schema_field({"type": "string"})
class Reference(serializers.Field):
    """Another record, named by its id or its code, among those that the caller may see.

    What is unknown and what the caller may not see get the same answer. All lines of a body that
    name one in the same place are answered by one statement.
    """

    default_error_messages = {"does_not_exist": "There is no such {noun}."}

    def __init__(
        self,
        rows: Callable[[Any], models.QuerySet[Any]],
        *,
        noun: str,
        code: str | None = "code",
        **kwargs: Any,
    ) -> None:
        self.rows, self.noun, self.code = rows, noun, code
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not data:
            self.fail("does_not_exist", noun=self.noun)
        known: dict[Any, Any] = self.context.setdefault("references", {})
        if (self.noun, data) not in known:
            rows = self.rows(self.context["request"].user)
            named = {data, *self._named_alike()} - {
                name for noun, name in known if noun == self.noun
            }
            found = find(rows, named, code=self.code)
            known.update({(self.noun, name): found.get(name) for name in named})
        if known[self.noun, data] is None:
            self.fail("does_not_exist", noun=self.noun)
        return known[self.noun, data]

    def _named_alike(self) -> Iterator[str]:
        """What the whole body says where this field stands: `lines/*/cost_center`, say."""
        path: list[str] = []
        field: Any = self
        while field.parent is not None:
            path.append(field.field_name)
            field = field.parent
        values: list[Any] = [field.initial_data]
        for name in reversed(path):
            if name:
                values = [each[name] for each in values if _has(each, name)]
            else:  # the members of a list have no name of their own
                values = [each for value in values if isinstance(value, list) for each in value]
        return (each for each in values if isinstance(each, str) and each)

    def to_representation(self, value: Any) -> str:
        return str(value.pk)


def _has(value: Any, name: str) -> bool:
    return isinstance(value, Mapping) and name in value


def find(
    rows: models.QuerySet[Any], names: Iterable[str], *, code: str | None = "code"
) -> dict[str, Any]:
    """The rows of these ids or codes, by the names given; of several with a code the oldest."""
    ids = {name: as_id(name) for name in names}
    codes = [name for name, pk in ids.items() if code and pk is None and not text.fault(name)]
    by_id = {row.pk: row for some in _parts([*ids.values()]) for row in rows.filter(pk__in=some)}
    found = {name: by_id[pk] for name, pk in ids.items() if pk in by_id}
    for some in _parts(codes):
        for row in rows.filter(**{f"{code}__in": some}).order_by("pk"):
            found.setdefault(getattr(row, str(code)), row)
    return found


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    """A database takes only so many parameters at once."""
    wanted = list({value for value in values if value is not None})
    return (wanted[start : start + 500] for start in range(0, len(wanted), 500))


@extend_schema_field(FIGURE)
class AmountText(serializers.CharField):
    """An amount that was put into words by `money` already."""


def money(value: Decimal, currency: str) -> str:
    """An amount as the API shows it: `1234.50`."""
    return plain(value, minor_units(currency))
