"""Form fields shared by every page."""

from typing import Any

from django import forms


class FigureField(forms.DecimalField):
    """A quantity, price or percentage as people write it: 1250.5, 1,250.50, 1.250,50, 1 250,5.

    A single comma before exactly three digits separates thousands, as in the line grid. Typed on a
    phone's number pad, six decimals at most. What is no number stays in the field as it was typed.
    """

    widget = forms.TextInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 6, **options})

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        return {"inputmode": "decimal", "autocomplete": "off"}

    def to_python(self, value: Any) -> Any:
        return super().to_python(plain(value) if isinstance(value, str) else value)


def plain(text: str) -> str:
    """A figure without thousands separators, its decimals after a dot."""
    text = "".join(text.replace("'", "").replace("’", "").split())
    comma, dot = text.rfind(","), text.rfind(".")
    is_decimal_comma = comma > dot and text.count(",") == 1
    if is_decimal_comma and (dot >= 0 or len(text) - comma - 1 != 3):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")
