"""Exact decimal columns: `numeric` on PostgreSQL, a scaled integer on SQLite.

SQLite keeps decimals as floats and loses cents; a scaled integer is exact on every path (sums,
filters, constraints). Multiplying two such columns in SQL is not supported: compute products in
Python.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, cast

from django import forms
from django.core import exceptions
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Value
from django.db.models.expressions import Combinable, register_combinable_fields


class ExactDecimalField(models.Field):
    """Base of the concrete fields below; `scale` is the number of decimals kept.

    Raises ValueError when a value carries more decimals than the column keeps: rounding is
    a business decision and happens in `core.money`, never on the way to the database.
    """

    scale: ClassVar[int]
    digits: ClassVar[int] = 18
    limit: ClassVar[Decimal]  # the least number that is too large for the column

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.limit = Decimal(10) ** (cls.digits - cls.scale)

    def get_internal_type(self) -> str:
        return "ExactDecimalField"

    def db_type(self, connection: Any) -> str:
        if connection.vendor == "postgresql":
            return f"numeric({self.digits}, {self.scale})"
        return "bigint"

    def db_check(self, connection: Any) -> str:
        """What the column refuses by itself: `numeric` would take NaN, SQLite any word."""
        column = connection.ops.quote_name(self.column)
        if connection.vendor == "postgresql":
            return f"{column} <> 'NaN'"
        return f"typeof({column}) IN ('integer', 'null') AND abs({column}) < {10**self.digits}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        if value is None:
            return None
        if connection.vendor == "postgresql":
            return Decimal(value)
        return Decimal(int(value)).scaleb(-self.scale)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, float):
            raise exceptions.ValidationError("Floats are not exact; pass a Decimal or a string.")
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise exceptions.ValidationError(f"“{value}” is not a decimal number.") from error

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        number = cast(Decimal, self.to_python(value))
        if not number.is_finite():
            raise ValueError(f"not a finite number: {value}")
        if number != round(number, self.scale):
            raise ValueError(f"more than {self.scale} decimals: {value}")
        if abs(number) >= self.limit:
            raise ValueError(f"out of range: {value}")
        return number + 0  # −0 becomes 0

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if connection.vendor == "postgresql":
            return value
        return int(value.scaleb(self.scale))

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        options = {
            "form_class": forms.DecimalField,
            "decimal_places": self.scale,
            "max_digits": self.digits,
            "validators": [MinValueValidator(-self.limit), MaxValueValidator(self.limit)],
        }
        return super().formfield(**{**options, **kwargs})


class AmountField(ExactDecimalField):
    """Money. Four decimals hold the minor units of every ISO 4217 currency."""

    scale = 4


class QuantityField(ExactDecimalField):
    """A quantity in its unit, up to six decimals."""

    scale = 6


class PriceField(ExactDecimalField):
    """A unit price in the document's currency, up to six decimals."""

    scale = 6


class PercentField(ExactDecimalField):
    """A percentage such as 33.333333 (not a fraction), up to six decimals."""

    scale = 6


class RateField(ExactDecimalField):
    """An exchange rate: units of base currency for one unit of document currency."""

    scale = 8


for _field in (AmountField, QuantityField, PriceField, PercentField, RateField):
    for _connector in (Combinable.ADD, Combinable.SUB):
        register_combinable_fields(_field, _connector, _field, _field)


def amount(value: Decimal | int) -> Value:
    """An amount as an SQL value, scaled like an AmountField column on either database."""
    return Value(Decimal(value), output_field=AmountField())
