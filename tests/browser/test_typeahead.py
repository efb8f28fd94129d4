"""A suggestion is chosen with the keyboard or the mouse and fills the fields of its own line."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.pages import session_of

pytestmark = pytest.mark.browser
SCRIPTS = Path(__file__).parents[2] / "static" / "js"
ANSWER = """
<button type="button" class="suggest-item" role="option"
        data-fill='{"description": "Laptop", "unit_price": "1234.50", "catalog_item": "7"}'
        data-focus="quantity">Laptop</button>
<button type="button" class="suggest-item" role="option"
        data-fill='{"description": "Dock", "unit_price": "99.90"}'>Dock</button>
"""


def line(n):
    return f"""<tr data-line>
      <td><div class="suggest" data-suggest data-forget="catalog_item">
        <input name="lines-{n}-description"><div class="suggest-list" role="listbox"></div></div>
        <input type="hidden" name="lines-{n}-catalog_item"></td>
      <td><input name="lines-{n}-quantity"></td><td><input name="lines-{n}-unit_price"></td></tr>"""


@pytest.fixture
def second_line(clean_page):
    """The page with suggestions open under the second line."""
    page, faults = clean_page
    page.set_content(f"<form><table><tbody>{line(0)}{line(1)}</tbody></table></form>")
    page.add_script_tag(path=SCRIPTS / "typeahead.js")
    page.locator("[name=lines-1-description]").focus()
    page.locator(".suggest-list").nth(1).evaluate(
        """(list, html) => {
            list.innerHTML = html;
            list.dispatchEvent(new CustomEvent("htmx:afterSwap", {bubbles: true}));
        }""",
        ANSWER,
    )
    yield page
    assert faults == []


def value(page, name):
    return page.locator(f"[name={name}]").input_value()


def test_arrow_and_enter_take_the_first_suggestion(second_line):
    second_line.keyboard.press("ArrowDown")
    second_line.keyboard.press("Enter")
    assert value(second_line, "lines-1-unit_price") == "1234.50"
    assert value(second_line, "lines-1-catalog_item") == "7"
    assert value(second_line, "lines-0-unit_price") == ""
    assert second_line.evaluate("document.activeElement.name") == "lines-1-quantity"
    assert second_line.locator(".suggest-item").count() == 0


def test_a_click_takes_a_suggestion(second_line):
    second_line.get_by_text("Dock").click()
    assert value(second_line, "lines-1-description") == "Dock"


def test_escape_closes_and_fills_nothing(second_line):
    second_line.keyboard.press("Escape")
    assert second_line.locator(".suggest-item").count() == 0
    assert value(second_line, "lines-1-unit_price") == ""


def test_a_text_changed_by_hand_is_no_longer_the_catalog_item(second_line):
    second_line.keyboard.press("ArrowDown")
    second_line.keyboard.press("Enter")
    second_line.locator("[name=lines-1-description]").press_sequentially(" used")
    assert value(second_line, "lines-1-catalog_item") == ""


@pytest.mark.django_db(transaction=True)
def test_what_was_chosen_is_not_searched_for_again(org, live_server, context, clean_page):
    page, faults = clean_page
    context.add_cookies([session_of(org.rita, live_server.url)])
    page.goto(f"{live_server.url}/requisitions/new/")
    asked = []
    page.on("request", lambda r: asked.append(r.url) if "/requisitions/catalog/" in r.url else None)
    page.locator("[name=lines-0-description]").press_sequentially("noteb")
    page.locator(".suggest-item").first.click()
    expect(page.locator("[name=lines-0-description]")).to_have_value("Notebook 14 inch")
    before = len(asked)
    page.wait_for_timeout(600)  # thrice as long as the form waits before it asks
    assert len(asked) == before
    assert page.locator(".suggest-item").count() == 0
    page.locator("[name=lines-0-description]").fill("Notebook 1")
    expect(page.locator(".suggest-item").first).to_be_visible()
    assert faults == []
