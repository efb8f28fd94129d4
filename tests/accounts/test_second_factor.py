"""A second factor: what opens, what is refused, what is kept sealed and recorded."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import second_factor
from accounts.models import ApiToken
from accounts.tasks import reseal_factors
from core import sealed
from core.errors import Conflict, Invalid, NotAllowed
from core.models import TrailEvent
from tests.accounts import factors
from tests.approvals.proving import signed_in, stale


def trail(person, *kinds):
    rows = TrailEvent.objects.filter(document_id=person.pk, type__in=kinds)
    return list(rows.values_list("type", flat=True))


def is_signed_in(client):
    return "_auth_user_id" in client.session


@pytest.fixture
def axel(org):
    return factors.enrolled(org.axel)


def test_the_password_alone_opens_nothing(axel, client):
    answer = factors.password(client, axel)
    assert (answer.status_code, answer.url) == (302, reverse("mfa_authenticate"))
    assert not is_signed_in(client)
    assert client.get("/").status_code == 302


def test_the_code_page_is_nothing_without_the_password(axel, client):
    assert factors.show(client, factors.code()).url == reverse("account_login")


def test_password_and_code_sign_in_and_the_session_is_another(axel, client):
    """X50: a session that somebody planted before is not the one that is signed in."""
    client.get(reverse("account_login"))
    factors.password(client, axel)
    before = client.session.session_key
    assert factors.show(client, factors.code()).url == "/"
    assert is_signed_in(client)
    assert client.session.session_key != before


def test_a_wrong_code_is_refused_and_recorded_by_nobody_s_name(axel, client):
    factors.password(client, axel)
    answer = factors.show(client, factors.wrong())
    assert b"does not fit" in answer.content
    assert not is_signed_in(client)
    event = TrailEvent.objects.get(type=second_factor.REFUSED)
    assert (event.document_id, event.actor, event.channel) == (axel.pk, None, "web")
    assert factors.wrong() not in str(event.data)


def test_five_wrong_codes_pause_even_the_right_one_for_a_quarter_of_an_hour(axel, client):
    factors.password(client, axel)
    for _ in range(second_factor.MOST_WRONG):
        factors.show(client, factors.wrong())
    assert b"Too many wrong codes" in factors.show(client, factors.code()).content
    assert not is_signed_in(client)
    assert len(trail(axel, second_factor.REFUSED)) == second_factor.MOST_WRONG
    later = timezone.now() + second_factor.PAUSE
    assert second_factor.check(person=axel, code=factors.code(), at=later)


def test_a_pause_is_of_one_person_whatever_browser_tries(axel, org, client):
    other = factors.enrolled(org.dora)
    factors.password(client, axel)
    for _ in range(second_factor.MOST_WRONG):
        factors.show(client, factors.wrong())
    elsewhere = Client()
    factors.password(elsewhere, axel)
    assert b"Too many" in factors.show(elsewhere, factors.code()).content
    assert is_signed_in(factors.signed_in(other))


def test_a_right_code_forgives_the_wrong_ones_before(axel):
    now = timezone.now()
    for _ in range(second_factor.MOST_WRONG - 1):
        second_factor.check(person=axel, code=factors.wrong(), at=now)
    assert second_factor.check(person=axel, code=factors.code(), at=now)
    assert not second_factor.check(person=axel, code=factors.wrong(), at=now + timedelta(seconds=1))
    assert second_factor.check(
        person=axel, code=factors.code(ahead=1), at=now + timedelta(seconds=2)
    )


def test_a_code_opens_once_and_an_older_one_never_after_it(axel):
    now = timezone.now()
    assert second_factor.check(person=axel, code=factors.code(), at=now)
    assert second_factor.check(person=axel, code=factors.code(), at=now) is None
    assert second_factor.check(person=axel, code=factors.code(ahead=-1), at=now) is None


def test_a_recovery_code_opens_once_and_is_recorded(axel, client):
    one = factors.recovery_codes(axel)[0]
    factors.password(client, axel)
    assert factors.show(client, f"{one[:4]} {one[4:]}").url == "/"
    event = TrailEvent.objects.get(type="person.recovery_code_used")
    assert event.data == {"codes_left": 9}
    again = Client()
    factors.password(again, axel)
    assert b"does not fit" in factors.show(again, one).content


def test_what_codes_are_reckoned_from_stands_sealed_in_the_database(axel):
    rows = Authenticator.objects.filter(user=axel)
    kept = str([each.data for each in rows])
    assert factors.SECRET not in kept
    assert all(each not in kept for each in factors.recovery_codes(axel))
    assert {each.data.get("secret", each.data.get("seed"))[:5] for each in rows} == {"demo:"}


@pytest.mark.parametrize(
    ("method", "page"),
    [
        *(("get", each) for each in ("enrol", "picture", "codes", "remove")),
        *(("post", each) for each in ("enrol", "remove", "codes_kept", "codes_download")),
        ("post", "codes_renew"),
    ],
)
def test_what_concerns_the_factor_asks_for_a_proof_first(org, page, method):
    client = stale(org.axel)
    answer = getattr(client, method)(reverse(f"security_{page}"))
    assert answer.url.startswith(reverse("account_reauthenticate"))


def test_who_has_a_factor_proves_it_with_that_and_not_with_the_password(axel):
    client = signed_in(axel)
    answer = client.get(reverse("security_remove"), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
    said = {"next": reverse("security_remove")}
    answer = client.post(reverse("account_reauthenticate"), {"password": "demo", **said})
    assert answer.url.startswith(reverse("mfa_reauthenticate"))
    answer = factors.show(client, factors.code(), to="mfa_reauthenticate", **said)
    assert answer.url == reverse("security_remove")
    assert client.get(answer.url).status_code == 200


def test_a_wrong_proof_is_recorded_in_the_name_of_who_is_signed_in(axel):
    client = signed_in(axel)
    answer = factors.show(client, factors.wrong(), to="mfa_reauthenticate")
    assert b"does not fit" in answer.content
    assert TrailEvent.objects.get(type=second_factor.REFUSED).actor == axel


def test_setting_up_shows_a_picture_and_the_secret_and_a_code_confirms(org, monkeypatch):
    client = signed_in(org.axel)
    page = client.get(reverse("security_enrol"))
    kept = client.session["second_factor_secret"]
    secret = sealed.unseal(kept)
    assert secret not in kept
    assert secret[:4].encode() in page.content
    picture = client.get(reverse("security_picture"))
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"style=" not in picture.content
    assert not second_factor.has(org.axel)
    monkeypatch.setattr(factors, "SECRET", secret)
    answer = client.post(reverse("security_enrol"), {"code": factors.code()})
    assert answer.url == reverse("security_codes")
    assert second_factor.has(org.axel)
    assert trail(org.axel, "person.second_factor_added")
    assert client.get(reverse("security_picture"), follow=False).status_code == 404


def test_a_code_that_does_not_fit_sets_nothing_up(org):
    client = signed_in(org.axel)
    client.get(reverse("security_enrol"))
    answer = client.post(reverse("security_enrol"), {"code": "12"})
    assert answer.status_code == 422
    assert not second_factor.has(org.axel)
    assert trail(org.axel, second_factor.REFUSED)
    with pytest.raises(Invalid):
        second_factor.enrol(person=org.axel, secret=factors.SECRET, code="12", at=timezone.now())
    assert not Authenticator.objects.exists()


def test_nobody_has_two(axel):
    with pytest.raises(Conflict):
        second_factor.enrol(
            person=axel, secret=factors.SECRET, code=factors.code(), at=timezone.now()
        )


def test_recovery_codes_are_shown_until_they_are_kept(axel):
    client = factors.signed_in(axel)
    first = factors.recovery_codes(axel)[0]
    assert first[4:].encode() in client.get(reverse("security_codes")).content
    file = client.post(reverse("security_codes_download"))
    assert first[4:].encode() in file.content
    assert file["Content-Disposition"].startswith("attachment")
    client.post(reverse("security_codes_kept"))
    assert first[4:].encode() not in client.get(reverse("security_codes")).content
    assert client.post(reverse("security_codes_download")).status_code == 302


def test_recovery_codes_are_shown_for_a_quarter_of_an_hour_at_most(axel):
    now = timezone.now()
    assert second_factor.codes_to_show(person=axel, at=now + second_factor.CODES_SHOWN / 2)
    later = now + second_factor.CODES_SHOWN + timedelta(seconds=1)
    assert second_factor.codes_to_show(person=axel, at=later) == []


def test_new_recovery_codes_make_the_old_ones_worthless(axel):
    client = factors.signed_in(axel)
    old = factors.recovery_codes(axel)
    client.post(reverse("security_codes_renew"))
    assert not set(old) & set(factors.recovery_codes(axel))
    assert second_factor.check(person=axel, code=old[0], at=timezone.now()) is None
    assert trail(axel, "person.recovery_codes_renewed")


def test_removed_it_is_gone_with_its_codes_and_tokens(axel):
    client = factors.signed_in(axel)
    ApiToken.objects.create(user=axel, scopes=["read"], second_factor=True)
    ApiToken.objects.create(user=axel, scopes=["read"])
    client.post(reverse("security_remove"))
    assert not Authenticator.objects.exists()
    assert not ApiToken.objects.filter(second_factor=True).exists()
    assert ApiToken.objects.count() == 1
    assert trail(axel, "person.second_factor_removed")
    with pytest.raises(Conflict):
        second_factor.remove(person=axel, at=timezone.now())


@pytest.mark.parametrize(
    ("proposer", "approver"), [("ada", "ada"), ("axel", "cora"), ("ada", "axel"), ("cora", "ada")]
)
def test_it_is_reset_by_two_others_only(org, axel, proposer, approver):
    said = {"proposed_by": org.people[proposer], "actor": org.people[approver]}
    with pytest.raises(NotAllowed):
        second_factor.reset(person=axel, at=timezone.now(), **said)
    assert second_factor.has(axel)


def test_reset_by_two_others_it_is_gone(org, axel):
    said = {"proposed_by": org.ada, "actor": org.cora, "reason": "Phone lost"}
    second_factor.reset(person=axel, at=timezone.now(), **said)
    assert not second_factor.has(axel)
    event = TrailEvent.objects.get(type="person.second_factor_reset")
    assert (event.actor, event.reason) == (org.cora, "Phone lost")
    assert event.data == {"proposed_by": str(org.ada.pk)}


def test_a_new_key_seals_what_an_older_one_sealed_and_the_older_one_can_go(axel, settings):
    old, new = settings.SEALING_KEYS, {"k2": "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="}
    codes = factors.recovery_codes(axel)
    settings.SEALING_KEYS = {**new, **old}
    assert len(second_factor.sealed_long_ago()) == 2
    reseal_factors(at=timezone.now())
    assert second_factor.sealed_long_ago() == []
    settings.SEALING_KEYS = new
    assert factors.recovery_codes(axel) == codes
    assert second_factor.check(person=axel, code=factors.code(), at=timezone.now())
