"""The building blocks escape what people typed and speak in words, not in colour alone."""

from decimal import Decimal

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from core.errors import FieldError, Invalid
from core.templatetags.documents import bars, timeline_row
from core.templatetags.ui import avatar, pill

ATTACK = '<img src=x onerror="alert(1)">'


def render(source: str, **context: object) -> str:
    return Template("{% load ui figures documents %}" + source).render(Context(context))


class Asked(forms.Form):
    title = forms.CharField(help_text="In a few words.")
    amount = forms.DecimalField(required=False)


def test_a_pill_carries_its_word():
    assert pill("on_hold") == '<span class="pill pill-wait">On hold</span>'


def test_an_unknown_state_is_plain_and_not_an_error():
    assert "pill-plain" in pill("quite_new")


@pytest.mark.parametrize(
    "source",
    [
        "{% pill text %}",
        "{% person text %}",
        "{% alert text %}",
        "{% empty text %}",
        "{% tile text text %}",
        "{% timeline events %}",
        "{% life steps %}",
        "{% approval_chain steps %}",
        "{% comparison columns rows %}",
        '{% confirm "x" "/x/" text text text %}',
        "{% fact text %}{{ text }}{% endfact %}",
        "{% file_list files %}",
        "{% meter text total %}",
    ],
)
def test_what_people_typed_is_shown_and_never_run(source):
    html = render(
        source,
        text=ATTACK,
        total=Decimal(1),
        events=[{"type": "a.b", "reason": ATTACK, "changes": [{"field": "x", "new": ATTACK}]}],
        steps=[{"label": ATTACK, "status": "active", "comment": ATTACK}],
        columns=[ATTACK],
        rows=[{"label": ATTACK, "values": [ATTACK], "note": ATTACK}],
        files=[{"name": ATTACK, "url": "/f/", "size": 1}],
    )
    assert "<img" not in html
    assert "&lt;img" in html


def test_no_component_needs_a_style_or_handler_in_the_page():
    html = render(
        "{% meter 'A' total spent=total currency='EUR' %}{% confirm 'x' '/x/' 'a' 'b' 'c' %}",
        total=Decimal(7),
    )
    assert " style=" not in html
    assert "onclick" not in html


def test_an_error_stands_at_its_field_and_in_the_summary():
    form = Asked({"title": "", "amount": "12x"})
    html = render("{% form_errors form %}{% field form.title %}{% field form.amount %}", form=form)
    assert 'href="#id_title"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_title_errors"' in html
    assert 'aria-describedby="id_title_help id_title_errors"' in html
    assert 'value="12x"' in html


def test_a_broken_rule_joins_the_summary():
    problem = Invalid(
        "The budget does not hold this.", errors=[FieldError("/x", "x", "9 EUR over")]
    )
    html = render("{% form_errors problem=problem %}", problem=problem)
    assert "The budget does not hold this." in html
    assert "9 EUR over" in html


def test_a_form_without_errors_has_no_summary():
    assert render("{% form_errors form %}", form=Asked()).strip() == ""


def test_a_bare_control_has_a_name_for_screen_readers():
    assert 'aria-label="Title"' in render("{% control form.title %}", form=Asked())


def test_a_meter_never_leaves_its_frame():
    parts = bars(Decimal(100), [("spent", Decimal(80)), ("committed", Decimal(50))])
    assert [(bar.start, bar.width) for bar in parts] == [("0.00%", "80.00%"), ("80.00%", "20.00%")]


def test_a_budget_of_nothing_draws_nothing():
    assert bars(Decimal(0), [("spent", Decimal(5))]) == []


def test_an_overdrawn_budget_says_by_how_much():
    html = render(
        "{% meter 'A' total spent=spent currency='EUR' %}", total=Decimal(5), spent=Decimal(7)
    )
    assert "2.00 <abbr>EUR</abbr></span> over" in html


def test_tabs_and_pages_keep_the_other_filters():
    request = RequestFactory().get("/orders/", {"q": "cloud & more", "after": "old"})
    html = render(
        "{% tabs items 'mine' %}{% pager next='abc' %}",
        request=request,
        items=[("mine", "Mine", 3)],
    )
    assert "?q=cloud+%26+more&amp;show=mine" in html
    assert "?q=cloud+%26+more&amp;after=abc" in html
    assert "old" not in html


def test_an_event_is_told_in_words():
    row = timeline_row({"type": "purchase_order.issued", "changes": None})
    assert (row["text"], row["icon"]) == ("Purchase order issued", "shopping-cart")


def test_initials_come_from_the_first_and_last_name():
    assert ">BK<" in avatar("Bea van der Krause")
    assert ">R<" in avatar("Rita")
