"""The requisition form in Chromium: what it asks for comes and goes, and nothing typed is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from requisitions.models import Requisition
from tests.browser.test_approving import portal, sign_in  # noqa: F401
from tests.factories import Organisation, submitted
from tests.requisitions.asking import demand

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def form(
    org: Organisation,
    portal: str,  # noqa: F811
    clean_page: tuple[Page, list[str]],
    tmp_path: Path,
) -> Page:
    """Rita's new request with one complete line, where policy wants a DPIA for personal data."""
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    page = clean_page[0]
    sign_in(page, portal, org.rita, "/requisitions/new/")
    fill(page)
    return page


def fill(page: Page) -> None:
    page.get_by_label("What do you need?").fill("Patch cables")
    page.get_by_label("Vendor", exact=False).first.select_option(label="Elbe IT Handel GmbH")
    line = page.locator("[data-line]").first
    line.get_by_label("Item").fill("Patch cable")
    line.locator("[data-role=quantity]").fill("10")
    line.locator("[data-role=price]").fill("12.00")
    page.locator("[name=lines-0-cost_center_1]").select_option(label="CC100 IT operations")
    page.locator("[name=lines-0-gl_account_1]").select_option(label="6600 Small hardware")
    expect(page.locator("#outlook")).to_contain_text("This goes to Axel Brandt", timeout=15_000)


def test_a_reference_comes_and_goes_with_what_asks_for_it(
    form: Page, clean_page: tuple[Page, list[str]]
) -> None:
    reference = form.get_by_label("Data protection impact assessment")
    expect(reference).to_have_count(0)
    form.get_by_label("Personal data is kept").check()
    expect(reference).to_be_visible(timeout=15_000)
    form.get_by_label("Personal data is kept").uncheck()
    expect(reference).to_have_count(0, timeout=15_000)
    assert clean_page[1] == []


def test_a_missing_reference_is_named_given_and_sent(form: Page, shot: Callable[..., None]) -> None:
    form.get_by_label("Personal data is kept").check()
    reference = form.get_by_label("Data protection impact assessment")
    expect(reference).to_be_visible(timeout=15_000)
    form.get_by_role("button", name="Send for approval").click()
    field = form.locator("#id_reference_dpia_field")
    expect(form.get_by_text("It is kept as a draft")).to_be_visible()
    expect(form.locator("#outlook")).to_contain_text("This goes to", timeout=15_000)
    expect(field).to_contain_text("Policy asks for this reference")
    shot(form, "request-reference")
    reference.fill("DPIA-7")
    form.get_by_label("Why", exact=False).first.fill("Told by the works council")
    form.get_by_label("Ticket or reference").fill("RITM-1")
    form.keyboard.press("Tab")
    form.wait_for_timeout(1200)
    expect(reference).to_have_value("DPIA-7")
    form.get_by_role("button", name="Send for approval").click()
    expect(form.get_by_role("heading", level=1)).to_contain_text("In approval")
    assert Requisition.objects.get().references == {"dpia": "DPIA-7"}


def test_an_emergency_stands_behind_its_switch(
    form: Page, shot: Callable[..., None], clean_page: tuple[Page, list[str]]
) -> None:
    switch, reason = form.get_by_role("switch"), form.get_by_label("Why it cannot wait")
    expect(reason).to_be_hidden()
    switch.check()
    expect(reason).to_be_visible()
    expect(form.locator("#outlook")).to_contain_text("This goes to Sven Aydin", timeout=15_000)
    expect(form.get_by_label("Incident")).to_be_visible()
    shot(form, "request-emergency")
    with form.expect_response(lambda answer: answer.url.endswith(reverse("requisitions:check"))):
        reason.fill("The core switch is down")
        form.get_by_label("Incident").fill("INC-1")
    expect(form.locator("#outlook.htmx-request")).to_have_count(0)  # pale while it is asked
    assert clean_page[1] == []
    # from here on the checker writes styles into the page, which the page forbids
    faults = Axe().run(form, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [each for each in faults if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in grave] == []
    form.get_by_role("button", name="Send for approval").click()
    expect(form.get_by_role("heading", level=1)).to_contain_text("Emergency")


def test_what_was_typed_comes_back_with_its_switches_and_references(
    form: Page,
    portal: str,  # noqa: F811
) -> None:
    form.get_by_label("Personal data is kept").check()
    form.get_by_label("Data protection impact assessment").fill("DPIA-7")
    form.get_by_label("Somebody outside gets access").check()
    form.get_by_label("Country where the data is kept").select_option(label="Germany")
    form.wait_for_timeout(800)
    form.goto(f"{portal}/requisitions/new/")
    form.get_by_role("button", name="Bring it back").click()
    expect(form.get_by_label("Personal data is kept")).to_be_checked()
    expect(form.get_by_label("Somebody outside gets access")).to_be_checked()
    expect(form.get_by_label("A regulated system")).not_to_be_checked()
    expect(form.get_by_label("Country where the data is kept")).to_have_value("DE")
    expect(form.get_by_label("Data protection impact assessment")).to_have_value(
        "DPIA-7", timeout=15_000
    )


def test_a_twin_is_shown_while_typing(
    org: Organisation, form: Page, shot: Callable[..., None]
) -> None:
    twin: Any = submitted(org, at=timezone.now())
    form.locator("[data-role=price]").first.fill("10.00")
    form.keyboard.press("Tab")
    link = form.locator("#outlook").get_by_role("link", name=twin.number)
    expect(link).to_be_visible(timeout=15_000)
    shot(form, "request-twin")
    link.click()
    expect(form.get_by_role("heading", level=1)).to_contain_text("Cables")
