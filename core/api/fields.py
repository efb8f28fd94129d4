"""Serializer fields: money as string decimals, opaque ids, UTC moments, references."""

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import decimals, text
from core.money import minor_units

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


@extend_schema_field({"type": "string"})
class Reference(serializers.Field):
    """Another record, named by its id or its code, among those that the caller may see.

    What is unknown and what the caller may not see get the same answer.
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
        found: dict[Any, Any] = self.context.setdefault("references", {})
        key = (self.noun, data)
        if key not in found:
            found[key] = find(self.rows(self.context["request"].user), data, code=self.code)
        if found[key] is None:
            self.fail("does_not_exist", noun=self.noun)
        return found[key]

    def to_representation(self, value: Any) -> str:
        return str(value.pk)


def find(rows: models.QuerySet[Any], name: str, *, code: str | None = "code") -> Any:
    """The one row of this id or code, or None."""
    pk = as_id(name)
    if pk is not None:
        return rows.filter(pk=pk).first()
    if code is None or text.fault(name):
        return None
    return rows.filter(**{code: name}).order_by("pk").first()


@extend_schema_field(FIGURE)
class AmountText(serializers.CharField):
    """An amount that was put into words by `money` already."""


def money(value: Decimal, currency: str) -> str:
    """An amount as the API shows it: `1234.50`."""
    return plain(value, minor_units(currency))
