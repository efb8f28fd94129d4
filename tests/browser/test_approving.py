"""An approver in a real browser: the mail, its link, the decision; and the inbox by keyboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from approvals import links
from core import outbox
from core.models import OutboxItem
from requisitions.models import Requisition
from tests.approvals.conftest import step_of, submitted  # noqa: F401
from tests.factories import PASSWORD, Organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def portal(live_server: Any, settings: Any, tmp_path: Path) -> str:
    """The address of a running portal whose mail goes to a folder."""
    settings.PORTAL_URL = live_server.url
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return live_server.url


def worked() -> None:
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()


def sign_in(page: Page, portal: str, person: Any, to: str) -> None:
    page.goto(f"{portal}/accounts/login/?next={to}")
    page.fill("input[name=login]", person.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{portal}{to}")


def test_the_link_in_the_demo_mail_leads_to_a_decision(
    org: Organisation,
    submitted: Callable[..., Requisition],  # noqa: F811
    portal: str,
    clean_page: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = clean_page
    requisition = submitted("900")
    worked()
    sign_in(page, portal, org.axel, "/mail/")
    expect(page.get_by_role("heading", name="Approve 900.00 EUR")).to_be_visible()
    shot(page, "demo-mail")
    page.frame_locator("iframe.mail-frame").get_by_role("link", name="Review and decide").click()
    expect(page.get_by_role("heading", name="Contoso laptops")).to_be_visible()
    assert "/a/decide/" in page.url
    shot(page, "mail-decision")
    page.get_by_role("button", name="Confirm decision").click()
    assert step_of(requisition, org.axel).status == "active"
    page.get_by_text("Approve", exact=True).click()
    page.get_by_role("button", name="Confirm decision").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    shot(page, "mail-decided")
    assert step_of(requisition, org.axel).channel == "email"
    assert faults == []


def test_the_link_works_without_sign_in_and_dies_after_use(
    org: Organisation,
    submitted: Callable[..., Requisition],  # noqa: F811
    portal: str,
    clean_page: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = clean_page
    requisition = submitted("900")
    raw = links.issue(step=step_of(requisition, org.axel), at=timezone.now())
    page.goto(links.address(raw))
    assert raw not in page.url
    page.get_by_text("Reject", exact=True).click()
    page.get_by_label("Comment").fill("Too dear")
    page.get_by_role("button", name="Confirm decision").click()
    expect(page.get_by_role("heading", name="Rejected")).to_be_visible()
    assert faults == []
    assert page.goto(links.address(raw)).status == 410
    shot(page, "mail-link-dead")


def test_the_inbox_is_worked_by_keyboard(
    org: Organisation,
    submitted: Callable[..., Requisition],  # noqa: F811
    portal: str,
    clean_page: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = clean_page
    one, two = submitted("900", title="One"), submitted("4820", title="Two")
    sign_in(page, portal, org.axel, "/approvals/")
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    shot(page, "approvals-inbox")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Two")).to_be_visible()
    assert step_of(one, org.axel).status == "approved"
    page.keyboard.press("d")
    expect(page.get_by_text("Say why it is rejected.").first).to_be_visible()
    assert step_of(two, org.axel).status == "active"
    page.get_by_label("Comment").first.fill("Cheaper ones, please")
    page.get_by_role("button", name="Return").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert step_of(two, org.axel).status == "returned"
    assert [fault for fault in faults if "422" not in fault] == []
