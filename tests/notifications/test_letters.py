"""Who is told what, and that nobody is told twice or too late."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.test import Client
from django.utils import timezone

import requisitions.services
from approvals import links, services
from approvals.models import ActionToken, ApprovalRequest, Delegation
from core import outbox
from core.models import OutboxItem, TrailEvent
from notifications import tasks
from notifications.models import OutgoingMail
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import step_of
from tests.factories import NOW, Organisation

Submit = Callable[..., Requisition]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return tmp_path / "mail"


def worked() -> None:
    """Everything that is promised is done, and nothing failed."""
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()
    assert list(OutboxItem.objects.filter(done_at=None).values_list("handler", "error")) == []


def mails(folder: Path) -> list[Any]:
    return [
        BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        for path in sorted(folder.glob("*.eml"))
    ]


def subjects_to(folder: Path, person: Any) -> list[str]:
    return [str(mail["Subject"]).strip() for mail in mails(folder) if mail["To"] == person.email]


def text_of(mail: Any) -> str:
    return mail.get_body(("plain",)).get_content()


def html_of(mail: Any) -> str:
    return mail.get_body(("html",)).get_content()


def test_the_approver_gets_one_mail_that_says_it_all(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    submitted()
    worked()
    mail = mails(folder)[0]
    # folding may put a long subject on a line of its own; the space before it is not part of it
    assert mail["Subject"].strip() == "Approve 4,820.00 EUR Contoso laptops – Rita Sommer"
    assert mail["To"] == org.axel.email
    for body in (text_of(mail), html_of(mail)):
        for words in (
            "4,820.00", "Rita Sommer", "Elbe IT", "CC100", "100,000.00", "95,180.00", "1 pcs",
            "72 hours",
        ):  # fmt: skip
            assert words in re.sub(r"<[^>]+>", "", body), words
    assert html_of(mail).count("Review and decide") == 1
    found = re.findall(rf"{portal.PORTAL_URL}/a/([\w-]+)/", html_of(mail))
    assert found == re.findall(rf"{portal.PORTAL_URL}/a/([\w-]+)/", text_of(mail))
    assert Client().get(f"/a/{found[0]}/").status_code == 302


def test_only_the_person_whose_turn_it_is_is_told(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    requisition = submitted("20000")
    worked()
    assert [mail["To"] for mail in mails(folder)] == [org.axel.email]
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.axel, at=NOW)
    worked()
    assert [mail["To"] for mail in mails(folder)] == [org.axel.email, org.dora.email]


def test_an_item_that_runs_again_sends_nothing_and_kills_no_link(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    submitted()
    worked()
    for item in OutboxItem.objects.filter(handler__startswith="notifications."):
        for _ in range(3):
            tasks.approval_requested(**item.arguments)
    assert len(mails(folder)) == 1
    assert ActionToken.objects.filter(void_reason="").count() == 1


def test_too_late_is_no_mail(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    requisition = submitted()
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    worked()
    assert mails(folder) == []
    assert ActionToken.objects.count() == 0


def test_a_closed_account_gets_no_mail(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    submitted()
    org.axel.is_active = False
    org.axel.save()
    worked()
    assert mails(folder) == []


def test_a_mail_that_failed_is_tried_again_with_a_fresh_link(
    org: Organisation,
    submitted: Submit,
    folder: Path,
    settings: Any,
) -> None:
    submitted()
    settings.EMAIL_FILE_PATH = "/dev/null/nowhere"
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()
    waiting = OutboxItem.objects.get(handler="notifications.approval_requested")
    assert "nowhere" in waiting.error
    assert OutgoingMail.objects.get().status == "failed"
    settings.EMAIL_FILE_PATH = folder
    worked()
    raw = re.search(r"/a/([\w-]+)/", text_of(mails(folder)[0]))[1]
    assert links.resolve(raw, at=timezone.now()).person == org.axel
    assert ActionToken.objects.filter(void_reason="").count() == 1


@pytest.mark.parametrize(
    ("decision", "word"),
    [("approve", "Approved"), ("reject", "Rejected"), ("return", "Returned for changes")],
)
def test_the_requester_hears_how_it_ended(
    org: Organisation,
    submitted: Submit,
    folder: Path,
    decision: str,
    word: str,
) -> None:
    requisition = submitted("900")
    services.decide(
        step=step_of(requisition, org.axel),
        decision=decision,
        actor=org.axel,
        at=NOW,
        comment="Because <of> this",
    )
    worked()
    requisition.refresh_from_db()
    assert subjects_to(folder, org.rita) == [f"{word}: Contoso laptops ({requisition.number})"]
    mail = next(mail for mail in mails(folder) if mail["To"] == org.rita.email)
    assert "Axel Brandt" in text_of(mail)
    assert "Because <of> this" in text_of(mail)
    assert "Because &lt;of&gt; this" in html_of(mail)


def test_an_approval_by_policy_writes_to_nobody(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    factories.policy(org.entity, "Test", [("all", {}, [])], priority=1)
    submitted("900")
    worked()
    assert mails(folder) == []


def test_reminders_and_escalation_carry_fresh_links(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    submitted("900")
    worked()
    for days in (1, 2, 3):
        services.nudge(at=NOW + timedelta(days=days))
        services.nudge(at=NOW + timedelta(days=days))
        worked()
    asked = "Approve 900.00 EUR Contoso laptops – Rita Sommer"
    assert subjects_to(folder, org.axel) == [asked, f"Reminder: {asked}", f"Reminder: {asked}"]
    assert subjects_to(folder, org.dora) == [f"Escalated: {asked}"]
    last = mails(folder)[-1]
    assert "waited too long for Axel Brandt" in text_of(last)
    tokens = [re.search(r"/a/([\w-]+)/", text_of(mail))[1] for mail in mails(folder)]
    assert len(set(tokens)) == 4
    statuses = [Client().get(f"/a/{token}/").status_code for token in tokens]
    assert statuses == [410, 410, 410, 302]


def test_a_new_link_is_mailed_on_request(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    requisition = submitted("900")
    worked()
    step = step_of(requisition, org.axel)
    raw = links.issue(step=step, at=NOW)
    assert links.ask_for_new(token=links.find(raw), at=timezone.now())
    worked()
    assert len(subjects_to(folder, org.axel)) == 2


def test_a_title_with_line_breaks_stays_one_header(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    requisition = submitted("900")
    Requisition.objects.filter(pk=requisition.pk).update(title="Evil\r\nBcc: x@evil.example")
    worked()
    mail = mails(folder)[0]
    assert mail["Bcc"] is None
    assert "Evil Bcc: x@evil.example" in mail["Subject"]


def test_no_event_or_outbox_row_holds_a_token(
    org: Organisation,
    submitted: Submit,
    folder: Path,
) -> None:
    submitted()
    worked()
    raw = re.search(r"/a/([\w-]+)/", text_of(mails(folder)[0]))[1]
    stored = [
        *TrailEvent.objects.values_list("data", flat=True),
        *OutboxItem.objects.values_list("arguments", flat=True),
        *OutgoingMail.objects.values_list("key", flat=True),
        *OutgoingMail.objects.values_list("subject", flat=True),
    ]
    assert raw not in str(stored)


def lent(org: Organisation, to: Any, at: Any = NOW) -> None:
    """Axel lets somebody decide as well, for three days."""
    services.delegate(
        from_user=org.axel,
        to_user=to,
        duties=[],
        valid_from=at,
        valid_to=at + timedelta(days=3),
        max_amount=None,
        reason="Away",
        actor=org.axel,
        at=at,
    )


def test_who_may_decide_as_well_gets_a_letter_without_a_link_of_its_own(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    lent(org, org.sven, timezone.now())
    requisition = submitted("900")
    worked()
    worked()
    to_axel, to_sven = (
        [mail for mail in mails(folder) if mail["To"] == person.email]
        for person in (org.axel, org.sven)
    )
    assert (len(to_axel), len(to_sven)) == (1, 1)
    assert "For Axel Brandt: Approve 900.00 EUR" in to_sven[0]["Subject"]
    last = Delegation.objects.get().last_day
    assert f"in their place until {last:%-d %b %Y}." in text_of(to_sven[0])
    step = step_of(requisition, org.axel)
    for body in (text_of(to_sven[0]), html_of(to_sven[0])):
        assert f"/approvals/?step={step.pk}" in body
        assert "/a/" not in body
    assert "You will be asked to sign in" in text_of(to_axel[0])
    assert ActionToken.objects.get(void_reason="").person == org.axel


def test_who_may_decide_less_than_this_is_not_told(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    org.axel.approval_limit = 800
    lent(org, org.sven, timezone.now())
    org.axel.save()
    submitted("900")
    worked()
    assert subjects_to(folder, org.sven) == []


def test_the_requester_hears_of_no_decision_on_their_own_request(
    org: Organisation, folder: Path
) -> None:
    lent(org, org.dora, timezone.now())
    draft = requisitions.services.create(
        requester=org.dora, data=factories.requisition_input(org), at=NOW
    )
    requisitions.services.submit(requisition=draft, actor=org.dora, at=NOW)
    worked()
    assert not [subject for subject in subjects_to(folder, org.dora) if "Approve" in subject]


def test_what_is_forwarded_says_from_whom_and_why(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    requisition = submitted("900")
    step = step_of(requisition, org.axel)
    services.forward(step=step, to=org.cora, actor=org.axel, at=NOW, comment="You know this vendor")
    worked()
    assert subjects_to(folder, org.axel) == []
    (mail,) = mails(folder)
    assert mail["To"] == org.cora.email
    for words in ("Forwarded by Axel Brandt", "You know this vendor", "Review and decide"):
        assert words in text_of(mail)
        assert words in html_of(mail)


def test_a_question_and_its_answer_reach_whom_they_are_for(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    requisition = submitted("900")
    worked()
    step = step_of(requisition, org.axel)
    asked = services.ask(step=step, of=org.rita, question="Why <so>?", actor=org.axel, at=NOW)
    worked()
    assert subjects_to(folder, org.rita) == ["Question about Contoso laptops – Axel Brandt"]
    assert "Why <so>?" in text_of(mails(folder)[-1])
    assert "Why &lt;so&gt;?" in html_of(mails(folder)[-1])
    assert f"/approvals/questions/{asked.pk}/" in text_of(mails(folder)[-1])
    services.answer(question=asked, answer="They broke", actor=org.rita, at=NOW)
    worked()
    assert subjects_to(folder, org.axel)[-1] == "Answer about Contoso laptops – Rita Sommer"
    last = text_of(mails(folder)[-1])
    assert "They broke" in last
    assert f"/approvals/?step={step.pk}" in last
    assert "/a/" not in last


def test_who_does_not_answer_is_reminded_and_who_asked_is_told(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    step = step_of(submitted("900"), org.axel)
    services.ask(step=step, of=org.rita, question="Why <so>?", actor=org.axel, at=NOW)
    worked()
    for days in range(7):
        services.remind_unanswered(at=NOW + timedelta(days=days))
        worked()
    question = "Question about Contoso laptops – Axel Brandt"
    assert subjects_to(folder, org.rita) == [question, *[f"Reminder: {question}"] * 2]
    assert subjects_to(folder, org.axel)[-1] == "No answer about Contoso laptops – Rita Sommer"
    last = mails(folder)[-1]
    assert "goes on" in text_of(last) and "Why &lt;so&gt;?" in html_of(last)
    assert f"/approvals/?step={step.pk}" in text_of(last)


def test_a_question_that_was_answered_or_overtaken_is_no_letter(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    step = step_of(submitted("900"), org.axel)
    asked = services.ask(step=step, of=org.rita, question="Why?", actor=org.axel, at=NOW)
    services.answer(question=asked, answer="Because", actor=org.rita, at=NOW)
    services.decide(step=step, decision="approve", actor=org.axel, at=NOW)
    worked()
    assert not [each for each in subjects_to(folder, org.rita) if "Question" in each]
    assert subjects_to(folder, org.axel) == []


def test_an_emergency_asks_for_the_look_afterwards(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    only_sven = factories.step(("person", org.sven.email))
    factories.policy(org.entity, "Only Sven", [("all", {}, [only_sven])], priority=1)
    requisition = submitted("900")
    ApprovalRequest.objects.filter(subject_id=requisition.pk).update(emergency=True)
    services.decide(step=step_of(requisition, org.sven), decision="approve", actor=org.sven, at=NOW)
    worked()
    assert "Ratify 900.00 EUR Contoso laptops – Rita Sommer" in subjects_to(folder, org.axel)
    (mail,) = (mail for mail in mails(folder) if mail["To"] == org.axel.email)
    assert "3 Mar 2026, 11:00" in text_of(mail)
    assert "/approvals/emergencies/" in text_of(mail)
    assert "/a/" not in text_of(mail)


def test_a_mail_reads_well_on_a_phone_and_in_the_dark(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    submitted("900")
    worked()
    html = html_of(mails(folder)[0])
    assert "prefers-color-scheme: dark" in html
    assert 'name="color-scheme" content="light dark"' in html
    assert "max-width: 560px" in html
    assert "<img" not in html
    assert not re.search(r'(src|href)="(?!http://127\.0\.0\.1)', html)
    assert re.search(
        r'<a class="button" href="[^"]+" style="[^"]*display: block[^"]*">Review', html
    )
