"""The line grid counts as the server counts, takes a spreadsheet, and needs no mouse."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.money import line_net

pytestmark = pytest.mark.browser
SCRIPTS = Path(__file__).parents[2] / "static" / "js"
ROW = """
<tr data-line>
  <td><input name="lines-{n}-description" value="{text}"></td>
  <td><input name="lines-{n}-quantity" data-role="quantity" value="{quantity}"></td>
  <td><input name="lines-{n}-unit" value=""></td>
  <td><input name="lines-{n}-unit_price" data-role="price" value="{price}"></td>
  <td><output data-line-total></output></td>
  <td><button type="button" data-remove-line>Remove</button>
      <input type="checkbox" name="lines-{n}-DELETE" hidden></td>
</tr>
"""


def row(n, quantity="", price="", text=""):
    return ROW.format(n=n, quantity=quantity, price=price, text=text)


@pytest.fixture
def grid(clean_page):
    page, faults = clean_page

    def show(*rows, minor_units=2):
        page.set_content(
            f'<form data-line-grid="lines" data-minor-units="{minor_units}">'
            f'<input type="hidden" name="lines-TOTAL_FORMS" value="{len(rows)}">'
            f"<table><tbody>{''.join(rows)}</tbody></table>"
            f"<template data-line-template>{row('__prefix__')}</template>"
            '<button data-add-line name="add_line" value="1">Add</button>'
            "<output data-grid-total></output></form>"
        )
        page.add_script_tag(path=SCRIPTS / "line-grid.js")
        return page

    yield show
    assert faults == []


def paste(page, name, text):
    page.locator(f"[name={name}]").evaluate(
        """(field, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true,
                                                             cancelable: true}));
        }""",
        text,
    )


def values(page, name):
    return page.locator(f"[name$='-{name}']").evaluate_all(
        "fields => fields.map((field) => field.value)"
    )


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "minor_units"),
    [
        ("3", "33.333", "EUR", 2),
        ("0.5", "0.01", "EUR", 2),
        ("1", "1.005", "EUR", 2),
        ("-1", "1.005", "EUR", 2),
        ("7", "0.5", "JPY", 0),
        ("0.1", "0.005", "KWD", 3),
        ("999999999", "999999.999999", "EUR", 2),
    ],
)
def test_a_line_says_what_the_server_will_say(grid, quantity, price, currency, minor_units):
    page = grid(row(0, quantity, price), minor_units=minor_units)
    expected = line_net(quantity=Decimal(quantity), unit_price=Decimal(price), currency=currency)
    assert page.locator("[data-line-total]").inner_text() == f"{expected:,.{minor_units}f}"


def test_the_total_is_the_sum_of_rounded_lines(grid):
    page = grid(row(0, "1", "0.005"), row(1, "1", "0.005"))
    assert page.locator("[data-grid-total]").inner_text() == "0.02"


def test_what_is_no_number_counts_nothing_and_says_so(grid):
    page = grid(row(0, "2", "1e3"), row(1, "2", "5"))
    assert page.locator("[data-line-total]").first.inner_text() == "–"
    assert page.locator("[data-grid-total]").inner_text() == "10.00"


def test_cells_of_a_spreadsheet_become_lines(grid):
    page = grid(row(0))
    paste(page, "lines-0-description", "Laptop\t2\tEA\t1,234.50\r\nDock\t3\tEA\t99,90\r\n")
    assert values(page, "description") == ["Laptop", "Dock"]
    assert values(page, "unit_price") == ["1234.50", "99.90"]
    assert page.locator("[name=lines-TOTAL_FORMS]").input_value() == "2"
    assert page.locator("[data-grid-total]").inner_text() == "2,768.70"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("1.234,5", "1234.5"), ("1,234", "1234"), ("12.50", "12.50"), ("1e3", "1e3")],
)
def test_a_number_is_kept_as_the_server_reads_it(grid, typed, kept):
    page = grid(row(0, "1"))
    page.locator("[name=lines-0-unit_price]").fill(typed)
    page.locator("[name=lines-0-unit_price]").blur()
    assert values(page, "unit_price") == [kept]


def test_a_pasted_word_stays_in_its_cell(grid):
    page = grid(row(0))
    paste(page, "lines-0-description", "Laptop")
    assert page.locator("[data-line]").count() == 1


def test_enter_goes_down_and_opens_a_line_at_the_end(grid):
    page = grid(row(0, "1", "2"))
    page.locator("[name=lines-0-quantity]").press("Enter")
    assert page.evaluate("document.activeElement.name") == "lines-1-quantity"


def test_a_removed_line_is_marked_for_deletion_and_counts_nothing(grid):
    page = grid(row(0, "1", "2"), row(1, "1", "3"))
    page.get_by_text("Remove").first.click()
    assert page.locator("[name=lines-0-DELETE]").is_checked()
    assert page.locator("[data-grid-total]").inner_text() == "3.00"


def test_the_page_hears_of_a_new_total(grid):
    page = grid(row(0, "1", "2"))
    page.evaluate("document.addEventListener('lines:total', (e) => { window.heard = e.detail; })")
    page.locator("[name=lines-0-quantity]").fill("4")
    assert json.loads(page.evaluate("JSON.stringify(window.heard)")) == {"total": "8.00"}
