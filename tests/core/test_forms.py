"""Inputs written without a template are those of Django; a posted grid grows by a row."""

from datetime import date

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.http import QueryDict
from django.test import SimpleTestCase

from core.forms import Renderer, one_more_row

_SAME = SimpleTestCase().assertHTMLEqual


@pytest.mark.parametrize(
    "widget",
    [
        forms.TextInput(attrs={"placeholder": 'A "quoted" <word>', "data-a": "1"}),
        forms.NumberInput(attrs={"min": 0, "step": "any"}),
        forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        forms.EmailInput(),
        forms.HiddenInput(),
        forms.URLInput(),
        forms.CheckboxInput(),
        forms.Textarea(attrs={"rows": 2}),
        forms.PasswordInput(),
    ],
    ids=lambda widget: type(widget).__name__,
)
@pytest.mark.parametrize(
    "value",
    [None, "", "é & <b>'\"", 0, date(2026, 2, 3)],
    ids=["none", "empty", "text", "0", "day"],
)
def test_every_input_is_written_the_same(widget, value):
    given = {"required": True, "disabled": False, "id": "id_one", "maxlength": 5}
    if isinstance(value, date) and not isinstance(widget, forms.DateInput):
        value = str(value)
    drawn = (
        widget.render("one", value, attrs=given, renderer=each)
        for each in (Renderer(), DjangoTemplates())
    )
    _SAME(*drawn)


def test_forms_use_it(settings):
    assert isinstance(forms.renderers.get_default_renderer(), Renderer)


@pytest.mark.parametrize(
    ("posted", "rows"),
    [
        ("2", "3"),
        ("", "1"),
        ("sNaN", "1"),
        ("-1", "1"),
        ("２", "1"),
        ("9" * 5000, "1"),
        (None, "1"),
    ],
)
def test_a_grid_gets_one_more_row_whatever_it_says_to_have(posted: str | None, rows: str) -> None:
    data = QueryDict(mutable=True)
    if posted is not None:
        data["lines-TOTAL_FORMS"] = posted
    assert one_more_row(data, "lines")["lines-TOTAL_FORMS"] == rows
    assert data.get("lines-TOTAL_FORMS") == posted
