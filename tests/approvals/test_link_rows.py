"""Deciding from a mail, requirement by requirement (E1 to E12 of the reliability rows).

What a script-running browser does (E2) and what a phone shows stands in
tests/browser/test_approving_by_mail.py.
"""

import logging
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

import requisitions.services
from approvals import links, services
from approvals.models import ActionToken, ApprovalRequest, ApprovalStep
from core import attachments, outbox
from core.models import OutboxItem, TrailEvent
from core.outbox import _handlers
from requisitions.models import Requisition
from tests.approvals.conftest import input_of, round_of, step_of
from tests.approvals.proving import signed_in, stale
from tests.approvals.test_decide import Submit
from tests.approvals.test_links import SECRETS, choice, facts, opened, page, sent
from tests.factories import NOW, PASSWORD, Organisation
from tests.racing import race

SCANNERS = (
    {"User-Agent": "Mozilla/5.0 (SafeLinks; Microsoft Office 365 ATP)"},
    {"User-Agent": "BarracudaCentral.org LinkProtect"},
    {"User-Agent": "Mimecast URL Protect", "X-Purpose": "preview"},
    {"User-Agent": "GoogleImageProxy", "Purpose": "prefetch", "Sec-Purpose": "prefetch"},
    {"User-Agent": "Mozilla/5.0 Slackbot-LinkExpanding 1.0", "Sec-Fetch-Mode": "no-cors"},
)


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


def refusals() -> list[tuple[str, Any, str]]:
    found = TrailEvent.objects.filter(type="approval.refused").order_by("sequence")
    return [(event.data["why"], event.actor, event.channel) for event in found]


def digest_of(requisition: Requisition) -> str:
    return round_of(requisition).digest


# --- E1 -----------------------------------------------------------------------------------------


def test_e01_looking_never_decides_consumes_or_extends(
    org: Organisation, submitted: Submit
) -> None:
    """50 scanners of five kinds, who look at everything, beside a person who looks as often."""
    requisition = submitted()
    raw = sent(requisition, org.axel)
    client, address = opened(raw)
    before = facts()
    for turn in range(50):
        scanner = Client(headers=SCANNERS[turn % len(SCANNERS)])
        scanner.head(page(raw))
        scanner.options(page(raw))
        assert portal.SESSION_COOKIE_NAME not in scanner.cookies  # nothing was looked at yet
        scanner.get(page(raw))
        for method in ("get", "head", "options"):
            getattr(scanner, method)(address)
        getattr(client, ("get", "head", "options")[turn % 3])(address)
    assert facts() == before
    assert choice(client, address, decision="approve").status_code == 200


# --- E2 -----------------------------------------------------------------------------------------


def test_e02_a_form_sent_as_it_stands_decides_nothing(org: Organisation, submitted: Submit) -> None:
    client, address = opened(sent(submitted(), org.axel))
    shown = client.get(address).content.decode()
    assert "checked" not in shown
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
    before = facts()
    answer = client.post(address, fields)
    assert answer.status_code == 422
    assert "Choose what you decide" in answer.content.decode()
    assert facts() == before


# --- E3 -----------------------------------------------------------------------------------------


def test_e03_a_token_is_256_random_bits_kept_as_a_hash_only(
    org: Organisation, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    real = secrets.token_urlsafe

    def spy(size: int | None = None) -> str:
        asked.append(size)
        return real(size)

    monkeypatch.setattr(secrets, "token_urlsafe", spy)
    requisition = submitted()
    raw = sent(requisition, org.axel)
    assert asked == [32]
    stored = str([list(model.objects.values()) for model in (ActionToken, TrailEvent, OutboxItem)])
    assert raw not in stored
    for kept in ActionToken.objects.values_list("token_hash", "id", "digest"):
        for value in kept:
            assert Client().get(page(str(value))).status_code == 404


def test_e03_it_is_bound_to_its_step_its_person_and_its_content(
    org: Organisation, submitted: Submit
) -> None:
    one, two = submitted(title="One"), submitted(title="Two")
    client, _ = opened(sent(one, org.axel))
    other = reverse("approvals:link_decide", args=[step_of(two, org.axel).pk])
    decision = {"decision": "approve", "digest": digest_of(two)}
    assert client.get(other).status_code == 404
    assert client.post(other, decision).status_code == 404
    assert step_of(two, org.axel).status == "active"
    raw = sent(two, org.axel)
    ApprovalStep.objects.filter(pk=step_of(two, org.axel).pk).update(assignee=org.cora)
    assert Client().get(page(raw)).status_code == 410


# --- E4 -----------------------------------------------------------------------------------------


def test_e04_it_opens_no_session_and_nothing_but_its_step(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    client, address = opened(sent(requisition, org.axel))
    assert client.get(address).status_code == 200
    assert "_auth_user_id" not in client.session
    for path in (
        reverse("approvals:inbox"),
        reverse("requisitions:detail", args=[requisition.pk]),
        reverse("home"),
    ):
        assert client.get(path).status_code == 302
    assert client.get("/api/v1/approvals/").status_code == 401


def test_e04_somebody_else_sees_whose_it_is_and_no_more(
    org: Organisation, submitted: Submit
) -> None:
    raw = sent(submitted(), org.axel)
    for person in (org.dora, org.rita, org.nils):
        client = signed_in(person)
        answer = client.get(page(raw))
        shown = answer.content.decode()
        assert answer.status_code == 403
        assert "Axel Brandt" in shown
        assert not [secret for secret in SECRETS if secret in shown]
    assert [(why, actor) for why, actor, _ in refusals()] == [
        ("somebody-elses", org.dora),
        ("somebody-elses", org.rita),
        ("somebody-elses", org.nils),
    ]
    with pytest.raises(links.SomebodyElses):
        links.decide_by_link(
            token=links.find(raw), decision="approve", signed_in=org.dora, at=timezone.now()
        )
    client, address = opened(raw)
    assert choice(client, address, decision="approve").status_code == 200


def test_e04_its_files_and_no_others_can_be_read(org: Organisation, submitted: Submit) -> None:
    mine, other = submitted(title="Mine"), submitted(title="Other")
    quote, secret = (
        attachments.attach(
            document=each, data=b"%PDF-1.7 quote", name="quote.pdf", actor=org.rita, at=NOW
        )
        for each in (mine, other)
    )
    step = step_of(mine, org.axel)
    client, address = opened(sent(mine, org.axel))

    def file(pk: Any, browser: Client) -> Any:
        return browser.get(reverse("approvals:link_file", args=[step.pk, pk]))

    assert (
        reverse("approvals:link_file", args=[step.pk, quote.pk])
        in client.get(address).content.decode()
    )
    answer = file(quote.pk, client)
    assert (answer.status_code, answer.content) == (200, b"%PDF-1.7 quote")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert file(secret.pk, client).status_code == 404
    assert file(quote.pk, Client()).status_code == 404
    assert file(quote.pk, signed_in(org.dora, client)).status_code == 403
    client.logout()
    client, _ = opened(sent(mine, org.axel))
    services.decide(step=step, decision="approve", actor=org.axel, at=NOW)
    assert file(quote.pk, client).status_code == 410


# --- E5 -----------------------------------------------------------------------------------------


def delegated(org: Organisation) -> None:
    services.delegate(
        from_user=org.axel,
        to_user=org.sven,
        duties=[],
        valid_from=timezone.now(),
        valid_to=timezone.now() + timedelta(days=3),
        max_amount=None,
        reason="Away",
        actor=org.axel,
        at=timezone.now(),
    )


def limited(org: Organisation) -> None:
    org.entity.email_decision_limit = Decimal("4819.99")
    org.entity.save()


def with_facts(**facts: Any) -> Callable[[Organisation], None]:
    def change(org: Organisation) -> None:
        for round_ in ApprovalRequest.objects.all():
            round_.facts |= facts
            round_.save()

    return change


CAREFUL = {
    "above the limit": limited,
    "emergency": with_facts(emergency=True),
    "over budget": with_facts(budget_state="over"),
    "new vendor": with_facts(vendor_status="other"),
    "what it is about": with_facts(sign_in="it changes who is paid"),
}


@pytest.mark.parametrize("why", [*CAREFUL, "delegation"])
def test_e05_where_a_mail_is_too_little_sign_in_is_asked_and_leads_back(
    org: Organisation, submitted: Submit, why: str
) -> None:
    requisition = submitted()
    {**CAREFUL, "delegation": delegated}[why](org)
    client, address = opened(sent(requisition, org.axel))
    shown = client.get(address).content.decode()
    assert "Please sign in to decide" in shown
    assert 'name="decision"' not in shown
    before = facts()
    decision = {"decision": "approve", "digest": digest_of(requisition), "comment": "Agreed"}
    answer = client.post(address, decision)
    assert answer["Location"] == f"{reverse('account_login')}?next={address}"
    assert facts() == before
    signing_in = {"login": org.axel.email, "password": PASSWORD, "next": address}
    assert client.post(answer["Location"], signing_in)["Location"] == address
    assert "Agreed" in client.get(address).content.decode()
    assert choice(client, address, decision="approve").status_code == 200
    assert step_of(requisition, org.axel).status == "approved"


def test_e05_below_all_of_them_the_mail_suffices(org: Organisation, submitted: Submit) -> None:
    org.entity.email_decision_limit = Decimal(4820)
    org.entity.save()
    client, address = opened(sent(submitted(), org.axel))
    assert choice(client, address, decision="approve").status_code == 200


# --- E6 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", list(CAREFUL))
def test_e06_an_old_session_proves_itself_again_and_the_form_is_kept(
    org: Organisation, submitted: Submit, why: str
) -> None:
    requisition = submitted()
    CAREFUL[why](org)
    client, address = opened(sent(requisition, org.axel), stale(org.axel))
    before = facts()
    answer = choice(client, address, decision="return", comment="Two of them suffice")
    assert answer["Location"].startswith(f"{reverse('account_reauthenticate')}?next=")
    assert facts() == before
    assert client.post(answer["Location"], {"password": "wrong"}).status_code == 200
    assert client.post(answer["Location"], {"password": PASSWORD})["Location"] == address
    shown = client.get(address).content.decode()
    assert "Two of them suffice" in shown
    assert re.search(r'value="return"[^>]*checked', shown)
    assert choice(client, address, decision="return", comment="Two of them").status_code == 200
    assert step_of(requisition, org.axel).status == "returned"


@pytest.mark.parametrize("why", list(CAREFUL))
def test_e06_the_inbox_asks_for_the_same_proof(
    org: Organisation, submitted: Submit, why: str
) -> None:
    requisition = submitted()
    CAREFUL[why](org)
    step = step_of(requisition, org.axel)
    address, inbox = reverse("approvals:decide", args=[step.pk]), reverse("approvals:inbox")
    client = stale(org.axel)
    said = {"decision": "approve", "digest": digest_of(requisition), "comment": "My words"}
    before = facts()
    answer = client.post(address, said)
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert facts() == before
    back = client.post(answer["Location"], {"password": PASSWORD})["Location"]
    assert back == f"{inbox}?step={step.pk}"
    assert "My words" in client.get(back).content.decode()
    assert client.post(address, said).status_code == 302
    assert step_of(requisition, org.axel).status == "approved"


def test_e06_what_is_small_and_ordinary_needs_no_proof(
    org: Organisation, submitted: Submit
) -> None:
    org.entity.email_decision_limit = Decimal(4820)
    org.entity.save()
    requisition = submitted()
    address = reverse("approvals:decide", args=[step_of(requisition, org.axel).pk])
    stale(org.axel).post(address, {"decision": "approve", "digest": digest_of(requisition)})
    assert step_of(requisition, org.axel).status == "approved"


def test_e06_a_choice_made_on_other_content_is_not_handed_back(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    limited(org)
    client, address = opened(sent(requisition, org.axel), stale(org.axel))
    answer = client.post(
        address, {"decision": "approve", "digest": "0" * 64, "comment": "Kept words"}
    )
    client.post(answer["Location"], {"password": PASSWORD})
    shown = client.get(address).content.decode()
    assert "Kept words" in shown
    assert "checked" not in shown


# --- E7 -----------------------------------------------------------------------------------------


def die_of_a_decision(org: Organisation, requisition: Requisition) -> None:
    step = step_of(requisition, org.axel)
    services.decide(step=step, decision="approve", actor=org.axel, at=NOW)


def die_of_recall(org: Organisation, requisition: Requisition) -> None:
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)


def die_of_an_edit(org: Organisation, requisition: Requisition) -> None:
    Requisition.objects.filter(pk=requisition.pk).update(justification="Another reason")


def die_of_reassignment(org: Organisation, requisition: Requisition) -> None:
    step = step_of(requisition, org.axel)
    services.forward(step=step, to=org.cora, actor=org.axel, at=NOW)


def die_of_a_delegation(org: Organisation, requisition: Requisition) -> None:
    delegated(org)


def die_of_a_closed_account(org: Organisation, requisition: Requisition) -> None:
    org.axel.is_active = False
    org.axel.save()


def die_of_age(org: Organisation, requisition: Requisition) -> None:
    long_ago = timezone.now() - links.LIFE
    ActionToken.objects.update(created_at=long_ago, expires_at=long_ago + links.LIFE)


DEATHS = {
    # how it dies: (what happens, what the page says, whether a new link can be asked for)
    "decision": (die_of_a_decision, "Axel Brandt approved this already", False),
    "recall": (die_of_recall, "took the request back", True),
    "edit": (die_of_an_edit, "changed after this link was sent", True),
    "reassignment": (die_of_reassignment, "forwarded to Cora Neumann", False),
    "delegation change": (die_of_a_delegation, "Who may decide for you was changed", True),
    "user disabled": (die_of_a_closed_account, "account this link was sent to is closed", False),
    "72 hours": (die_of_age, "The link worked for 72 hours", True),
}


@pytest.mark.parametrize("cause", list(DEATHS))
def test_e07_it_dies_of_each_cause_says_which_and_shows_the_way_on(
    org: Organisation, submitted: Submit, cause: str
) -> None:
    happens, words, can_renew = DEATHS[cause]
    requisition = submitted("900")
    raw = sent(requisition, org.axel)
    client, address = opened(raw)
    happens(org, requisition)
    before = facts()[:-1]
    decision = {"decision": "approve", "digest": "0" * 64}
    answers = [Client().get(page(raw)), client.get(address), client.post(address, decision)]
    for answer in answers:
        shown = answer.content.decode()
        assert answer.status_code == 410
        assert words in shown
        assert ("Request new link" in shown) is can_renew
        assert reverse("approvals:inbox") in shown
        assert not [secret for secret in (*SECRETS, "900.00") if secret in shown]
    assert facts()[:-1] == before
    traced = [] if cause == "decision" else [("link-dead", None, "email")]
    assert refusals() == traced


def test_e07_a_new_link_comes_by_mail_for_whatever_waits_now(
    org: Organisation, submitted: Submit, settings: Any, tmp_path: Any
) -> None:
    requisition = submitted("900")
    client, address = opened(sent(requisition, org.axel))
    die_of_recall(org, requisition)
    said = input_of(org, "910")
    requisitions.services.edit(requisition=requisition, data=said, actor=org.rita, at=NOW)
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    assert client.get(address).status_code == 410
    assert client.post(f"{address}new-link/").status_code == 200
    asked = TrailEvent.objects.get(type="approval.link_requested")
    assert asked.document_id == step_of(requisition, org.axel).pk


# --- E8 -----------------------------------------------------------------------------------------


def test_e08_the_second_press_sees_who_decided_and_when(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    (one, address), (two, _) = opened(raw), opened(raw)
    digest = digest_of(requisition)
    assert one.post(address, {"decision": "approve", "digest": digest}).status_code == 200
    before = facts()
    second = two.post(address, {"decision": "reject", "comment": "No", "digest": digest})
    shown = second.content.decode()
    assert second.status_code == 410
    assert "Axel Brandt approved this already (email link)" in shown
    assert "<time" in shown
    assert facts() == before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_e08_of_two_presses_at_once_one_decides(org: Organisation, submitted: Submit) -> None:
    for turn in range(20):
        requisition = submitted("900", title=f"Turn {turn}")
        raw = sent(requisition, org.axel)
        digest = digest_of(requisition)
        browsers = [opened(raw), opened(raw)]
        said = ({"decision": "approve"}, {"decision": "reject", "comment": "No"})

        def press(place: int) -> Any:
            client, address = browsers[place]  # noqa: B023
            return client.post(address, {**said[place], "digest": digest})  # noqa: B023

        answers = race([lambda: press(0), lambda: press(1)])
        assert sorted(answer.status_code for answer in answers) == [200, 410]
        decided = TrailEvent.objects.filter(
            document_id=step_of(requisition, org.axel).pk,
            type__in=["approval.approved", "approval.rejected"],
        )
        assert decided.count() == 1


# --- E9 -----------------------------------------------------------------------------------------


def test_e09_the_token_is_in_no_address_header_page_or_log(
    org: Organisation, submitted: Submit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw = sent(submitted(), org.axel)
    client = Client()
    first = client.get(page(raw))
    second = client.get(first["Location"], headers={"Referer": f"{portal.PORTAL_URL}{page(raw)}"})
    third = choice(client, first["Location"])
    fourth = choice(client, first["Location"], decision="approve")
    dead = client.get(page(raw))
    assert (first.status_code, second.status_code) == (302, 200)
    assert (third.status_code, fourth.status_code, dead.status_code) == (422, 200, 410)
    for answer in (first, second, third, fourth, dead):
        assert raw not in answer.content.decode()
        assert raw not in str(answer.headers)
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in answer["X-Robots-Tag"]
        assert not re.search(r"""(src|href|action)=["'](https?:)?//""", answer.content.decode())
    assert raw not in str(dict(client.session))
    assert raw not in caplog.text
    assert raw not in str(list(TrailEvent.objects.values()))


# --- E10 ----------------------------------------------------------------------------------------


def test_e10_the_page_shows_what_is_signed(org: Organisation, submitted: Submit) -> None:
    requisition = submitted(justification="The old ones broke")
    client, address = opened(sent(requisition, org.axel))
    shown = client.get(address).content.decode()
    for words in (
        "Contoso laptops", "4,820.00", "Rita Sommer", "Elbe IT", "CC100", "Why you",
        "The old ones broke", "100,000.00", "95,180.00", requisition.number or "no number",
    ):  # fmt: skip
        assert words in shown, words
    assert f'name="digest" value="{digest_of(requisition)}"' in shown


def test_e10_an_edit_between_look_and_press_asks_to_review_again(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    client, address = opened(sent(requisition, org.axel))
    shown = digest_of(requisition)
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    said = input_of(org, "4820", title="Contoso laptops, better ones")
    requisitions.services.edit(requisition=requisition, data=said, actor=org.rita, at=NOW)
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    before = facts()[:-1]
    answer = client.post(address, {"decision": "approve", "digest": shown})
    words = answer.content.decode()
    assert answer.status_code == 409
    assert "please review it again" in words
    for change in ("Title", "Contoso laptops, better ones", "Line 1, unit price", "900", "4820"):
        assert change in words, change
    assert "Request new link" in words
    assert facts()[:-1] == before
    assert refusals() == [("document-changed", None, "email")]


def test_e10_who_has_no_say_any_more_does_not_learn_what_changed(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted("900")
    client, address = opened(sent(requisition, org.axel))
    shown = digest_of(requisition)
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    said = input_of(org, "4820", title="Secret title")
    requisitions.services.edit(requisition=requisition, data=said, actor=org.rita, at=NOW)
    answer = client.post(address, {"decision": "approve", "digest": shown})
    assert answer.status_code == 409
    assert "Secret title" not in answer.content.decode()
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    again = client.post(address, {"decision": "approve", "digest": shown})
    assert "Secret title" in again.content.decode()  # it waits for Axel once more
    type(org.axel).objects.filter(pk=org.axel.pk).update(is_active=False)
    closed = client.post(address, {"decision": "approve", "digest": shown})
    assert "Secret title" not in closed.content.decode()


def test_e10_a_digest_of_something_else_decides_nothing(
    org: Organisation, submitted: Submit
) -> None:
    client, address = opened(sent(submitted(), org.axel))
    before = facts()[:-1]
    answer = client.post(address, {"decision": "approve", "digest": "0" * 64})
    assert answer.status_code == 409
    assert "review it again" in answer.content.decode()
    assert facts()[:-1] == before
    assert [why for why, _, _ in refusals()] == ["document-changed"]


# --- E11 ----------------------------------------------------------------------------------------


def test_e11_a_mail_is_no_way_in(
    org: Organisation, submitted: Submit, settings: Any, tmp_path: Any
) -> None:
    """Nothing reads mail: no address takes one, no worker fetches one, and letters say so."""
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    requisition = submitted()
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()
    letter = next(tmp_path.glob("*.eml"))
    words = letter.read_text(encoding="utf-8")
    assert "Answers to this mail are not read" in words
    assert "Reply-To" not in words
    forged = letter.with_name("20260101T000000000000-00000000.eml")
    forged.write_text(f"From: {org.axel.email}\nSubject: Re: Approve\n\nAPPROVE\n")
    before = step_of(requisition, org.axel).status
    outbox.drain()
    assert step_of(requisition, org.axel).status == before == "active"
    assert not [name for name in _handlers if "inbound" in name or "receive_mail" in name]
    assert not [path for path in addresses() if re.search("inbound|incoming|mailgun|imap", path)]


def addresses(patterns: Any = None, before: str = "") -> list[str]:
    found: list[str] = []
    for each in get_resolver().url_patterns if patterns is None else patterns:
        path = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            found += addresses(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            found.append(path)
    return found


# --- E12 ----------------------------------------------------------------------------------------


def test_e12_links_carry_the_configured_host_whatever_was_asked(
    org: Organisation, submitted: Submit, settings: Any, tmp_path: Any
) -> None:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    settings.PORTAL_URL = "https://portal.example.com"
    draft = requisitions.services.create(requester=org.rita, data=input_of(org, "900"), at=NOW)
    forged = Client(headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    client = signed_in(org.rita, forged)
    client.post(reverse("requisitions:perform", args=[draft.pk, "submit"]))
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()
    words = "".join(letter.read_text(encoding="utf-8") for letter in tmp_path.glob("*.eml"))
    assert "https://portal.example.com/a/" in words
    assert "evil.example" not in words
    raw = sent(draft, org.axel)
    assert links.address(raw) == f"https://portal.example.com/a/{raw}/"
    answer = Client(headers={"Host": "evil.example"}).get(page(raw))
    assert answer.status_code == 400


# --- bad tokens in the trail --------------------------------------------------------------------


def test_bad_tokens_are_remembered_and_cannot_fill_the_trail(org: Organisation) -> None:
    for turn in range(15):
        Client().get(page(f"guess-{turn}"))
    found = TrailEvent.objects.filter(type="link.refused")
    assert found.count() == 10
    assert {event.data["why"] for event in found} == {"unknown-link"}
    assert not [event for event in found if "guess" in str(event.__dict__)]
