"""Deciding from a mail: what a link does, never does, and how it dies."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import requisitions.services
from accounts.models import User
from approvals import links, services
from approvals.models import ActionToken, ApprovalRequest, ApprovalStep
from core.errors import Missing
from core.models import TrailEvent
from requisitions.models import Requisition
from tests.approvals.conftest import input_of, round_of, step_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, PASSWORD, Organisation

SECRETS = ("4,820", "4820", "Contoso", "Elbe IT")


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


def sent(requisition: Requisition, person: User) -> str:
    """The raw token that a mail sent just now would carry."""
    return links.issue(step=step_of(requisition, person), at=timezone.now())


def page(raw: str) -> str:
    return reverse("approvals:link", args=[raw])


def opened(raw: str, client: Client | None = None) -> tuple[Client, str]:
    """A browser that followed the link, and the clean address it was led to."""
    client = client or Client()
    answer = client.get(page(raw))
    assert answer.status_code == 302, answer.content.decode()
    return client, answer["Location"]


def choice(client: Client, address: str, **said: str) -> Any:
    """Post the form as the page shows it, with what the person says."""
    shown = client.get(address).content.decode()
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    return client.post(address, {"digest": digest[1] if digest else "", **said})


def facts() -> list[Any]:
    return [
        list(ApprovalStep.objects.order_by("id").values()),
        list(ApprovalRequest.objects.order_by("id").values()),
        list(ActionToken.objects.order_by("id").values()),
        list(Requisition.objects.order_by("id").values()),
        TrailEvent.objects.count(),
    ]


def test_only_the_hash_is_stored(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    assert len(raw) >= 43
    kept = str(list(ActionToken.objects.values()))
    assert raw not in kept
    assert raw not in str(list(TrailEvent.objects.values()))


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_address_with_the_token_takes_no_other_method(
    org: Organisation, submitted: Submit, method: str
) -> None:
    raw = sent(submitted(), org.axel)
    before = facts()
    answer = getattr(Client(), method)(page(raw), {"decision": "approve"})
    assert answer.status_code == 405
    assert facts() == before


def test_the_token_leaves_the_address_at_once(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    client = Client()
    first = client.get(page(raw))
    assert (first.status_code, raw in first["Location"]) == (302, False)
    second = client.get(first["Location"])
    assert raw not in second.content.decode()
    for answer in (first, second):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in answer["X-Robots-Tag"]
    assert raw not in str(dict(client.session))


def test_the_page_shows_what_is_signed_and_preselects_nothing(
    org: Organisation, submitted: Submit
) -> None:
    client, address = opened(sent(submitted(), org.axel))
    shown = client.get(address).content.decode()
    for words in ("Contoso laptops", "4,820.00", "Rita Sommer", "Elbe IT", "CC100", "Why you"):
        assert words in shown
    assert "checked" not in shown
    assert not re.search(r'<button[^>]*name="decision"', shown)
    assert not re.search(r'(src|href)="(https?:)?//', shown)


def test_the_form_as_it_stands_decides_nothing(org: Organisation, submitted: Submit) -> None:
    client, address = opened(sent(submitted(), org.axel))
    before = facts()
    answer = choice(client, address)
    assert answer.status_code == 422
    assert "Choose what you decide" in answer.content.decode()
    assert choice(client, address, decision="").status_code == 422
    assert choice(client, address, decision="yes").status_code == 422
    assert facts() == before


def test_rejecting_without_a_reason_is_refused_at_the_field(
    org: Organisation, submitted: Submit
) -> None:
    client, address = opened(sent(submitted(), org.axel))
    before = facts()
    answer = choice(client, address, decision="reject")
    assert answer.status_code == 422
    assert "Say why it is rejected" in answer.content.decode()
    assert facts() == before


def test_a_post_without_the_forgery_token_is_refused(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    client, address = opened(raw, Client(enforce_csrf_checks=True))
    before = facts()
    assert client.post(address, {"decision": "approve"}).status_code == 403
    assert facts() == before


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"decision": "approve"}, "approved"),
        ({"decision": "reject", "comment": "Too dear"}, "rejected"),
        ({"decision": "return", "comment": "Cheaper ones"}, "returned"),
    ],
)
def test_an_explicit_choice_decides_once(
    org: Organisation, submitted: Submit, said: dict[str, str], status: str
) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    client, address = opened(raw)
    assert choice(client, address, **said).status_code == 200
    mine = step_of(requisition, org.axel)
    assert (mine.status, mine.channel, mine.decided_by) == (status, "email", org.axel)
    token = ActionToken.objects.get(token_hash=links._digest(raw))
    assert token.used_at is not None
    event = TrailEvent.objects.get(type=f"approval.{status}")
    assert (event.channel, event.actor) == ("email", org.axel)
    before = facts()
    again = client.post(address, {"decision": "reject", "comment": "No", "digest": "0" * 64})
    assert again.status_code == 410
    assert "Axel Brandt" in again.content.decode()
    assert Client().get(page(raw)).status_code == 410
    assert facts() == before


def test_the_link_signs_nobody_in(org: Organisation, submitted: Submit) -> None:
    client, address = opened(sent(submitted(), org.axel))
    client.get(address)
    assert "_auth_user_id" not in client.session
    for name in ("approvals:inbox", "notifications:mail"):
        answer = client.get(reverse(name))
        assert (answer.status_code, "login" in answer["Location"]) == (302, True)


def test_it_opens_nothing_but_its_step(org: Organisation, submitted: Submit) -> None:
    one, two = submitted(title="One"), submitted(title="Two")
    client, _ = opened(sent(one, org.axel))
    other = step_of(two, org.axel)
    address = reverse("approvals:link_decide", args=[other.pk])
    before = facts()[:-1]
    assert client.get(address).status_code == 404
    assert client.post(address, {"decision": "approve"}).status_code == 404
    assert facts()[:-1] == before
    assert TrailEvent.objects.filter(type="link.refused").count() == 2


def test_somebody_else_who_is_signed_in_learns_nothing(
    org: Organisation, submitted: Submit
) -> None:
    raw = sent(submitted(), org.axel)
    client, address = opened(raw)
    client.force_login(org.dora)
    before = facts()[:-1]
    for answer in (
        client.get(page(raw)),
        client.get(address),
        client.post(address, {"decision": "approve", "digest": "0" * 64}),
    ):
        shown = answer.content.decode()
        assert answer.status_code == 403
        assert "Axel Brandt" in shown
        assert not [secret for secret in SECRETS if secret in shown]
    assert facts()[:-1] == before
    refusals = TrailEvent.objects.filter(type="approval.refused")
    assert [event.actor for event in refusals] == [org.dora]


def test_the_requester_who_gets_the_link_cannot_use_it(
    org: Organisation, submitted: Submit
) -> None:
    raw = sent(submitted(), org.axel)
    client = Client()
    client.force_login(org.rita)
    assert client.get(page(raw)).status_code == 403


def test_its_person_may_be_signed_in(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    client = Client()
    client.force_login(org.axel)
    _, address = opened(sent(requisition, org.axel), client)
    assert choice(client, address, decision="approve").status_code == 200
    assert step_of(requisition, org.axel).channel == "email"


# --- how it dies --------------------------------------------------------------------------------


def dies(raw: str, words: str) -> None:
    before = facts()
    answer = Client().get(page(raw))
    assert answer.status_code == 410
    shown = answer.content.decode()
    assert words in shown
    assert not [secret for secret in SECRETS if secret in shown]
    assert facts() == before


def test_it_dies_after_72_hours(org: Organisation, submitted: Submit) -> None:
    mine = step_of(submitted(), org.axel)
    raw = links.issue(step=mine, at=NOW)
    assert links.resolve(raw, at=NOW + timedelta(hours=72) - timedelta(seconds=1))
    with pytest.raises(links.LinkDead) as dead:
        links.resolve(raw, at=NOW + timedelta(hours=72))
    assert (dead.value.cause, dead.value.status) == ("expired", 410)
    dies(raw, "72 hours")


def test_it_dies_with_a_decision_in_the_inbox(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.axel, at=NOW)
    dies(raw, "Axel Brandt approved this already")


def test_it_dies_when_the_request_is_taken_back(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    dies(raw, "took the request back")


def test_it_dies_with_an_edit_and_a_new_round(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    requisitions.services.edit(
        requisition=requisition, data=input_of(org, "9"), actor=org.rita, at=NOW
    )
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    dies(raw, "took the request back")


def test_it_dies_when_the_content_is_another(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    raw = sent(requisition, org.axel)
    Requisition.objects.filter(pk=requisition.pk).update(justification="Changed")
    dies(raw, "changed after this link was sent")


def test_it_dies_when_forwarded_and_when_escalated(org: Organisation, submitted: Submit) -> None:
    one, two = submitted("900", title="One"), submitted("900", title="Two")
    forwarded, escalated = sent(one, org.axel), sent(two, org.axel)
    services.forward(step=step_of(one, org.axel), to=org.cora, actor=org.axel, at=NOW)
    dies(forwarded, "forwarded to Cora Neumann")
    services.nudge(at=NOW + timedelta(days=3))
    dies(escalated, "escalated to Dora Lindqvist")


def test_it_dies_with_the_account(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    org.axel.is_active = False
    org.axel.save()
    dies(raw, "account")


def test_it_dies_when_a_newer_one_is_sent(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    older = sent(requisition, org.axel)
    newer = sent(requisition, org.axel)
    dies(older, "newer link")
    opened(newer)


def test_an_edit_between_look_and_choice_asks_to_review_again(
    org: Organisation, submitted: Submit
) -> None:
    client, address = opened(sent(submitted(), org.axel))
    before = facts()[:-1]
    answer = client.post(address, {"decision": "approve", "digest": "0" * 64})
    assert answer.status_code == 409
    assert "review it again" in answer.content.decode()
    assert facts()[:-1] == before


def test_a_new_link_can_be_asked_for_where_it_still_waits(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    older, _ = sent(requisition, org.axel), sent(requisition, org.axel)
    client = Client()
    shown = client.get(page(older)).content.decode()
    assert "Request new link" in shown
    address = reverse("approvals:new_link", args=[step_of(requisition, org.axel).pk])
    assert client.get(address).status_code == 405
    for _ in range(3):
        assert client.post(address).status_code == 200
    assert TrailEvent.objects.filter(type="approval.link_requested").count() == 1
    assert Client().post(address).status_code == 404


# --- sign-in ------------------------------------------------------------------------------------


def _needs_sign_in(org: Organisation, requisition: Requisition, person: User) -> None:
    client, address = opened(sent(requisition, person))
    shown = client.get(address).content.decode()
    assert "Please sign in to decide" in shown
    assert 'name="decision"' not in shown
    before = facts()
    answer = client.post(address, {"decision": "approve", "digest": round_of(requisition).digest})
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('account_login')}?next={address}"
    assert facts() == before
    signed_in = client.post(
        answer["Location"], {"login": person.email, "password": PASSWORD, "next": address}
    )
    assert signed_in["Location"] == address
    assert choice(client, address, decision="approve").status_code == 200
    assert step_of(requisition, person).channel == "email"


@pytest.mark.parametrize(("limit", "asked"), [("4819.99", True), ("4820", False)])
def test_above_the_entitys_limit_sign_in_is_asked(
    org: Organisation, submitted: Submit, limit: str, asked: bool
) -> None:
    org.entity.email_decision_limit = Decimal(limit)
    org.entity.save()
    requisition = submitted("4820")
    if asked:
        _needs_sign_in(org, requisition, org.axel)
    else:
        client, address = opened(sent(requisition, org.axel))
        assert choice(client, address, decision="approve").status_code == 200


@pytest.mark.parametrize(
    "fact", [{"budget_state": "over"}, {"budget_state": "warn"}, {"vendor_status": "other"}]
)
def test_over_budget_and_for_a_new_vendor_sign_in_is_asked(
    org: Organisation, submitted: Submit, fact: dict[str, str]
) -> None:
    requisition = submitted()
    round_ = round_of(requisition)
    round_.facts |= fact
    round_.save()
    _needs_sign_in(org, requisition, org.axel)


# --- links that never were ----------------------------------------------------------------------


def test_every_unknown_link_gives_the_same_page(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    pages = set()
    for bad in ("x", raw[:-1], raw + "x", raw.swapcase(), "0" * 43, "decide"):
        answer = Client().get(page(bad))
        assert answer.status_code == 404
        pages.add(
            re.sub(
                r'csrf[^"]*"[^"]*"|&quot;[^&]*&quot;|[A-Za-z0-9]{64}', "", answer.content.decode()
            )
        )
    assert len(pages) == 1
    with pytest.raises(Missing):
        links.resolve("x", at=NOW)


def test_guessing_is_slowed_per_source(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    for _ in range(10):
        assert Client().get(page("guess")).status_code == 404
    answer = Client().get(page("guess"))
    assert answer.status_code == 429
    assert answer["Retry-After"] == "60"
    assert Client().get(page(raw)).status_code == 429
    assert Client(REMOTE_ADDR="203.0.113.9").get(page(raw)).status_code == 302


def test_links_carry_the_configured_host_only(org: Organisation, submitted: Submit) -> None:
    raw = sent(submitted(), org.axel)
    assert links.address(raw) == f"{settings.PORTAL_URL}/a/{raw}/"
    answer = Client(headers={"Host": "evil.example"}).get(page(raw))
    assert answer.status_code == 400
