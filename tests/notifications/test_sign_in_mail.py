"""A person hears of every change in how they sign in, once, and never reads a secret there."""

import pytest
from django.utils import timezone

from accounts import second_factor
from core.models import TrailEvent
from notifications import passwords
from tests.accounts import factors
from tests.notifications.test_letters import folder, mails, text_of, worked  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(folder):  # noqa: F811
    return folder


def subjects(box):
    return [mail["Subject"] for mail in mails(box)]


def test_set_up_used_renewed_and_removed_are_each_told_once(org, box):
    axel, now = factors.enrolled(org.axel), timezone.now()
    second_factor.check(person=axel, code=factors.recovery_codes(axel)[0], at=now)
    second_factor.renew_codes(person=axel, at=now)
    second_factor.remove(person=axel, at=now)
    worked()
    assert sorted(subjects(box)) == sorted(
        passwords.CHANGED[f"person.{each}"]
        for each in (
            *("second_factor_added", "recovery_code_used", "recovery_codes_renewed"),
            "second_factor_removed",
        )
    )
    assert {mail["To"] for mail in mails(box)} == {axel.email}
    for event in TrailEvent.objects.filter(document_id=axel.pk):
        passwords.sign_in_changed(event_id=str(event.pk), document_id=str(axel.pk))
    assert len(mails(box)) == 4


def test_a_reset_names_who_agreed_and_no_mail_holds_a_secret(org, box):
    axel = factors.enrolled(org.axel)
    codes = factors.recovery_codes(axel)
    said = {"proposed_by": org.ada, "actor": org.cora, "reason": "Phone lost"}
    second_factor.reset(person=axel, at=timezone.now(), **said)
    worked()
    words = " ".join(text_of(mail) for mail in mails(box))
    assert "by Cora Neumann" in words
    assert not [each for each in (*codes, factors.SECRET) if each in words]
