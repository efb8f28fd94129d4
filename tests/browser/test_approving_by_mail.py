"""Deciding from a mail on a phone: the letter, the page behind it, scripts that press buttons."""

from collections.abc import Callable
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

import purchase_orders.services
import requisitions.services
from approvals import links, services
from core import attachments, comments
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import step_of, submitted  # noqa: F401
from tests.browser.test_approving import portal, worked  # noqa: F401
from tests.factories import NOW, PASSWORD, Organisation, item_input, line_input
from tests.purchase_orders.making import Maker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 780}
GRAVE = ("serious", "critical")
Submit = Callable[..., Requisition]


@pytest.fixture
def phone(clean_page: tuple[Page, list[str]]) -> tuple[Page, list[str]]:
    page, faults = clean_page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return page, faults


def full_of_facts(org: Organisation) -> Requisition:
    """A second round with everything that an approver's page can show."""
    org.bea.approval_limit = 10_000
    org.bea.save()
    make, notebook = Maker(org), org.items["NB-14"]
    bought = make.line("1", "1100", catalog_item=notebook, sku=notebook.sku, unit=notebook.unit)
    make.issue(make_order(org, make.order_data(bought)))
    risk = {"personal_data": True, "data_residency": "US", "references": {"dpia": "DPIA-2026-07"}}
    said = {"title": "Notebooks for the data platform team in Hamburg", **risk}
    lines = [item_input(org, "NB-14", 2), line_input(org, 3, "19.90", description="USB-C cable")]
    at = NOW + timedelta(minutes=5)
    asked = factories.submitted(
        org, *lines, at=at, justification="Three people start in April.", **said
    )
    services.decide(
        step=step_of(asked, org.axel),
        decision="return",
        actor=org.axel,
        at=at,
        comment="One notebook fewer, please.",
    )
    fewer = factories.requisition_input(
        org, item_input(org, "NB-14", 1), lines[1], justification="Two people start.", **said
    )
    requisitions.services.edit(requisition=asked, data=fewer, actor=org.rita, at=at)
    attachments.attach(
        document=asked, data=b"%PDF-1.7 quote", name="Quote 4711.pdf", actor=org.rita, at=at
    )
    requisitions.services.submit(requisition=asked, actor=org.rita, at=at)
    comments.comment(document=asked, words="The quote is attached.", actor=org.rita, at=at)
    return asked


def make_order(org: Organisation, data: Any) -> Any:
    return purchase_orders.services.create(entity=org.entity, data=data, actor=org.bea, at=NOW)


def graves(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in GRAVE]


def letter(folder: Path, person: Any) -> str:
    for path in folder.glob("*.eml"):
        mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        if mail["To"] == person.email:
            return mail.get_body(("html",)).get_content()  # type: ignore[attr-defined]
    raise AssertionError(f"no mail to {person}")


SCRIPTS = {
    "submits the first form": "document.forms[0].submit()",
    "submits it as a person would": "document.forms[0].requestSubmit()",
    "clicks every button": "document.querySelectorAll('button').forEach(each => each.click())",
    "posts every form": """Promise.all([...document.forms].map(async form => {
        const answer = await fetch(form.action, {method: 'POST', body: new FormData(form)});
        await answer.text();
    }))""",
}


@pytest.mark.parametrize("habit", list(SCRIPTS))
def test_e02_a_visitor_that_runs_scripts_decides_nothing(
    org: Organisation,
    submitted: Submit,  # noqa: F811
    portal: str,  # noqa: F811
    page: Page,
    habit: str,
) -> None:
    requisition = submitted("900")
    raw = links.issue(step=step_of(requisition, org.axel), at=timezone.now())
    page.goto(links.address(raw))
    page.evaluate(SCRIPTS[habit])
    page.wait_for_load_state("networkidle")
    step = step_of(requisition, org.axel)
    assert (step.status, step.decided_at) == ("active", None)
    page.goto(links.address(raw))
    expect(page.get_by_role("button", name="Confirm decision")).to_be_visible()
    page.get_by_text("Approve", exact=True).click()
    page.get_by_role("button", name="Confirm decision").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()


def test_the_page_behind_the_link_on_a_phone(
    org: Organisation,
    portal: str,  # noqa: F811
    phone: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = phone
    requisition = full_of_facts(org)
    raw = links.issue(step=step_of(requisition, org.axel), at=timezone.now())
    page.goto(links.address(raw))
    for words in (
        "Changed since the last round",
        "One notebook fewer, please.",
        "The quote is attached.",
        "Personal data",
        "DPIA-2026-07",
        "Quote 4711.pdf",
    ):
        expect(page.get_by_text(words).first).to_be_visible()
    expect(page.get_by_text("7.3 % more now")).to_be_visible()
    shot(page, "mail-decision-full")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_text("Approve", exact=True).click()
    page.get_by_role("button", name="Confirm decision").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    assert step_of(requisition, org.axel).channel == "email"
    assert faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_and_use_the_page_behind_the_link(
    org: Organisation,
    portal: str,  # noqa: F811
    phone: tuple[Page, list[str]],
    scheme: Any,
) -> None:
    page, faults = phone
    requisition = full_of_facts(org)
    page.emulate_media(color_scheme=scheme)
    page.goto(links.address(links.issue(step=step_of(requisition, org.axel), at=timezone.now())))
    assert faults == []
    assert graves(page) == []


def test_the_letter_on_a_phone(
    org: Organisation,
    portal: str,  # noqa: F811
    settings: Any,
    phone: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = phone
    full_of_facts(org)
    worked()
    page.set_content(letter(Path(settings.EMAIL_FILE_PATH), org.axel))
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    box = page.get_by_role("link", name="Review and decide").bounding_box()
    assert box is not None
    assert box["height"] >= 44  # a thumb's width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert graves(page) == []
    shot(page, "letter-full")
    assert faults == []


def test_proof_is_asked_and_what_was_typed_is_kept(
    org: Organisation,
    submitted: Submit,  # noqa: F811
    portal: str,  # noqa: F811
    phone: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    page, faults = phone
    org.entity.email_decision_limit = 100
    org.entity.save()
    requisition = submitted("900")
    raw = links.issue(step=step_of(requisition, org.axel), at=timezone.now())
    page.goto(links.address(raw))
    shot(page, "mail-sign-in-asked")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_role("link", name="Sign in and come back").click()
    page.fill("input[name=login]", org.axel.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Contoso laptops")).to_be_visible()
    page.goto(f"{portal}/accounts/reauthenticate/?next=/approvals/")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    shot(page, "reauthenticate")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{portal}/approvals/*")
    assert faults == []


def test_the_other_pages_of_a_link_on_a_phone(
    org: Organisation,
    submitted: Submit,  # noqa: F811
    portal: str,  # noqa: F811
    phone: tuple[Page, list[str]],
    shot: Callable[..., None],
) -> None:
    """Changed meanwhile, dead, unknown: each says what happened and what to do."""
    page, _ = phone
    requisition = submitted("900")
    address = links.address(links.issue(step=step_of(requisition, org.axel), at=timezone.now()))
    page.goto(address)
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    dearer = factories.requisition_input(org, line_input(org, 20), title="Cables instead")
    requisitions.services.edit(requisition=requisition, data=dearer, actor=org.rita, at=NOW)
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    page.get_by_text("Approve", exact=True).click()
    page.get_by_role("button", name="Confirm decision").click()
    expect(page.get_by_role("heading", name="please review it again")).to_be_visible()
    expect(page.get_by_text("Cables instead")).to_be_visible()
    shot(page, "mail-link-changed")
    assert graves(page) == []
    page.get_by_role("button", name="Request new link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("heading", name="does not work any more")).to_be_visible()
    assert graves(page) == []
    page.goto(f"{portal}/a/nothing/")
    expect(page.get_by_role("heading", name="This link is not known")).to_be_visible()
    assert graves(page) == []
