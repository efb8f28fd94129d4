"""Form fields shared by every page."""

from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

# Templates of Django's widgets that write one <input> and nothing else.
_PLAIN = frozenset(
    f"django/forms/widgets/{kind}.html"
    for kind in ("text", "number", "date", "datetime", "email", "hidden", "url", "time")
)


class Renderer(DjangoTemplates):
    """Plain inputs are written without a template each: a grid holds thousands of them."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> Any:
        if template_name not in _PLAIN:
            return super().render(template_name, context, request)
        widget = context["widget"]
        value = widget["value"]
        said = "" if value is None else format_html(' value="{}"', value)
        start = format_html('<input type="{}" name="{}"{}', widget["type"], widget["name"], said)
        return format_html("{}{}>", start, flatatt(widget["attrs"]))


def rows_of(data: Any, prefix: str) -> int:
    """How many rows a posted grid says that it has; 0 for what is no sensible number."""
    count: str = data.get(f"{prefix}-TOTAL_FORMS", "")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 5 else 0


def one_more_row(data: Any, prefix: str) -> Any:
    """The posted grid with an empty row at its end: without scripts “Add line” sends the form."""
    longer = data.copy()
    longer[f"{prefix}-TOTAL_FORMS"] = str(rows_of(data, prefix) + 1)
    return longer


class GridSelect(forms.Select):
    """A drop-down drawn without a template per option: a grid holds thousands of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = {str(each) for each in self.format_value(value)}
        options = [
            f'<option value="{conditional_escape(key)}"'
            f"{' selected' if str(key) in chosen else ''}>{conditional_escape(label)}</option>"
            for key, label in self.choices
        ]
        given = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        return format_html("<select{}>{}</select>", given, mark_safe("".join(options)))


class LinesField(forms.CharField):
    """Words in several lines. Browsers send line breaks their own way; kept is "\\n", so that an
    address that nobody touched is no change of a document."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


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
