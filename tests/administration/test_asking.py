"""How a change is put to whoever decides: what it says, what it leaves out, and where."""

import pytest
from django.core import mail

from administration import services
from approvals import safeguards, subjects
from approvals.models import ApprovalStep
from core import outbox
from tests import pages
from tests.administration.test_changes import propose
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def step_of(change):
    return ApprovalStep.objects.select_related("request", "entity").get(
        request__subject_id=change.pk
    )


def test_the_inbox_says_what_changes_and_shows_no_amount_vendor_or_lines(org, present):
    change = propose(org, "limits")
    answer = pages.signed_in(org.cora).get(f"/approvals/?step={step_of(change).pk}")
    said = pages.text_of(answer)
    assert "Approves up to: 5,000 EUR → 7,500 EUR" in said
    assert "Asked for by the team" in said
    for absent in ("Lines", "Vendor Not chosen", "vendor not approved", "Total, net"):
        assert absent not in said


def test_the_mail_says_it_all_and_a_decision_from_it_needs_sign_in(
    org, present, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    change = propose(org, "roles")
    outbox.drain()
    (letter,) = [each for each in mail.outbox if each.to == [org.cora.email]]
    assert letter.subject == f"Approve Roles of {org.rob} – {org.ada}"
    assert "Auditor: no → yes" in letter.body
    assert "0.00" not in letter.body
    step = step_of(change)
    assert safeguards.signin_reasons(step, org.cora, at=NOW) == ["it changes what somebody may do"]


def test_the_digest_changes_with_what_is_agreed_to(org):
    change = propose(org, "limits")
    before = subjects.of("setting_change").present_digest(change.pk)
    assert before == step_of(change).request.digest
    change.after = {**change.after, "approval_limit": "999999"}
    assert services.digest(change) != before
