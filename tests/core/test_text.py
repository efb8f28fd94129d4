"""Characters that may not enter, figures that are none, names that only look different."""

from decimal import Decimal

import pytest

from core import decimals, text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\x00b", "nul"),
        ("a\ud800", "surrogate"),
        ("a\udfff", "surrogate"),
        ("a\uffff", "noncharacter"),
        ("a\ufdd0", "noncharacter"),
        ("a\U0001fffe", "noncharacter"),
        ("a\u202eb", "bidi"),
        ("a\u2066b", "bidi"),
        ("a\u200eb", "bidi"),
        ("a\u061cb", "bidi"),
        ("a\x07b", "control"),
        ("a\x1bb", "control"),
        ("a\x85b", "control"),
        ("a\x7fb", "control"),
        ("plain", ""),
        ("two\nlines\tand\r\n", ""),
        ("Łódź, 日本語, عربى, עברית", ""),
        ("family \U0001f469\u200d\U0001f469\u200d\U0001f467", ""),
        ("", ""),
    ],
)
def test_characters_of_free_text(value, code):
    assert text.fault(value) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("one\nline", "control"),
        ("zero\u200bwidth", "invisible"),
        ("soft\u00adhyphen", "invisible"),
        ("\ufeffmark", "invisible"),
        ("Zoë & Söhne", ""),
    ],
)
def test_characters_of_names(value, code):
    assert text.fault(value, multiline=False, name=True) == code


def test_json_is_looked_through_keys_and_all():
    value = {
        "title": "fine",
        "lines": [{"note": "a\x00b"}, {"bad\ud800key": 1}],
        "a/b~c": "\u202e",
    }
    assert {(error.pointer, error.code) for error in text.check_json(value)} == {
        ("/lines/0/note", "nul"),
        ("/lines/1", "surrogate"),
        ("/a~1b~0c", "bidi"),
    }


def test_json_nested_too_deep_is_refused_without_following_it():
    value: list = []
    for _ in range(500):
        value = [value]
    assert [error.code for error in text.check_json(value)] == ["too_deep"]


def test_names_that_only_look_different_are_one():
    assert text.folded("ACME  GmbH") == text.folded("ａｃｍｅ gmbh")
    assert text.folded("Ac\u200bme GmbH") == text.folded("Acme GmbH ")
    assert text.folded("Acme GmbH") != text.folded("Acne GmbH")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1250.00", "1250.00"),
        (" 7 ", "7"),
        ("-3.5", "-3.5"),
        ("+5", "5"),
        ("-0.00", "0.00"),
        (Decimal("-0"), "0"),
        (12, "12"),
    ],
)
def test_plain_figures_are_read(value, number):
    assert str(decimals.parse(value)) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1_000",
        "1e3",
        "1,000.00",
        "１２.５０",
        "١٢",
        "NaN",
        "Infinity",
        "\u22125",
        "0x10",
        "1.",
        ".5",
        "1\n",
        "1" * 16,
        1.5,
        True,
        None,
        Decimal("NaN"),
        Decimal("Infinity"),
    ],
)
def test_all_else_is_no_figure(value):
    with pytest.raises(decimals.NotADecimal):
        decimals.parse(value)


@pytest.mark.parametrize(("value", "count"), [("1.50", 1), ("100", 0), ("1E+3", 0), ("0.001", 3)])
def test_decimals_are_counted_without_trailing_zeros(value, count):
    assert decimals.places(Decimal(value)) == count


@pytest.mark.parametrize("nothing", ["", "  ", "\u200b", "\u00ad \u2060", "\ufeff", "\u00a0", "\n"])
def test_a_reason_that_nobody_can_see_is_none(nothing: str) -> None:
    assert [each.code for each in text.check(nothing, "/reason", most=9, required=True)] == [
        "required"
    ]


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        *((word, None) for word in ("", "-1", "１", "²")),
    ],
)
def test_whole_numbers_are_plain_digits(said: str, number: int | None) -> None:
    assert decimals.whole(said) == number
    assert decimals.whole("9" * 5000) is None
