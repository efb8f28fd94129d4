"""Every page in Chromium: nothing fails, nothing scrolls sideways, everybody can read and use it.

Each page of the demo is opened by a person who works with it, wide and light, then on a phone and
dark. Pictures are kept under test-results/.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from core import outbox
from tests.browser.pages import Opened, all_pages, session_of
from tests.conftest import RESULTS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = ((1280, "light"), (360, "dark"))
GRAVE = ("serious", "critical")
# A mail stands in a frame of its own: its text is not the page's.
OPTIONS = {"resultTypes": ["violations"], "iframes": False}


class Visitors:
    """A browser for each person, and the faults of the page that is open in it."""

    def __init__(self, browser: Browser, url: str, options: dict[str, Any]) -> None:
        self.browser, self.url, self.options = browser, url, options
        self.pages: dict[str, Page] = {}
        self.faults: list[str] = []

    def __call__(self, who: str) -> Page:
        if who not in self.pages:
            context = self.browser.new_context(base_url=self.url, **self.options)
            if who:
                person = User.objects.get(email=f"{who}@demo.example")
                context.add_cookies([session_of(person, self.url)])
            self.pages[who] = self._watched(context.new_page())
        return self.pages[who]

    def _watched(self, page: Page) -> Page:
        """Chromium reports an answer of 400 and more as a console error too: said once."""
        note = self.faults.append
        page.on(
            "console",
            lambda m: note(m.text) if m.type == "error" and "status of" not in m.text else None,
        )
        page.on("pageerror", lambda error: note(str(error)))
        page.on("requestfailed", lambda r: note(f"{r.method} {r.url}: {r.failure}"))
        page.on("response", lambda r: note(f"{r.status} {r.url}") if r.status >= 400 else None)
        return page


@pytest.fixture
def visitors(
    live_server: Any,
    browser: Browser,
    browser_context_args: dict[str, Any],
    settings: Any,
    tmp_path: Any,
) -> Iterator[Visitors]:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.PORTAL_URL = live_server.url
    call_command("load_demo", "--without-documents")
    outbox.drain()
    RESULTS.mkdir(parents=True, exist_ok=True)
    everybody = Visitors(browser, live_server.url, browser_context_args)
    yield everybody
    for page in everybody.pages.values():
        page.context.close()


def test_what_is_wrong_is_found(page: Page) -> None:
    page.set_content(
        "<main><div style='width: 3000px'><img src='data:,'></div>"
        "<p style='color: #eee; background: #fff'>pale</p>"
        "<div class='table-wrap' style='width: 9px; overflow: auto'><p>Wide</p></div></main>"
    )
    assert cut_off(page) == ["Wide"]
    assert "3000px" in str(sideways(page))
    kinds = {each.split(":")[0] for each in grave_violations(Axe(), page)}
    assert kinds >= {"image-alt", "color-contrast"}


@pytest.mark.timeout(900)
def test_every_page_works_for_everybody(visitors: Visitors, subtests: pytest.Subtests) -> None:
    axe = Axe()
    for opened in all_pages(timezone.now()):
        page = visitors(opened.who)
        for width, scheme in LOOKS:
            with subtests.test(page=opened.name, width=width, scheme=scheme):
                assert faults_of(visitors, page, opened, width, scheme) == []
                assert sideways(page) is None
                assert cut_off(page) == []
                assert grave_violations(axe, page) == []


def faults_of(visitors: Visitors, page: Page, opened: Opened, width: int, scheme: Any) -> list[str]:
    """Open the page and keep its picture; what went wrong on the way."""
    visitors.faults.clear()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    answer = page.goto(opened.path)
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.screenshot(path=RESULTS / f"page-{opened.name}-{width}-{scheme}.png", full_page=True)
    assert answer is not None
    assert answer.status == opened.status
    return [each for each in visitors.faults if each != f"{opened.status} {answer.url}"]


def sideways(page: Page) -> str | None:
    """The first thing that makes the page wider than the window."""
    return page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return null;
            const isOut = (each) => each.getBoundingClientRect().right > wide + 1;
            const out = [...document.body.querySelectorAll("*")].find(isOut);
            return out ? out.outerHTML.slice(0, 120) : "the page";
        }"""
    )


def cut_off(page: Page) -> list[str]:
    """Tables whose last columns can only be seen by scrolling them."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".table-wrap")]
            .filter((each) => each.scrollWidth > each.clientWidth + 1)
            .map((each) => each.textContent.trim().slice(0, 60))"""
    )


def grave_violations(axe: Axe, page: Page) -> list[str]:
    """What axe calls serious or critical, with the element it is about."""
    found = axe.run(page, options=OPTIONS).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"][:3]
    ]
