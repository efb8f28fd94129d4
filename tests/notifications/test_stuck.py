"""A decision that nobody is left for is told to the administrators of its entity."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import requisitions.services
from accounts.models import Role
from approvals import services
from core.models import TrailEvent
from notifications import stuck
from tests import factories
from tests.factories import NOW, Organisation
from tests.notifications.test_letters import folder, html_of, mails, subjects_to, text_of, worked

__all__ = ["folder"]
Submit = Callable[..., Any]
SUBJECT = "Nobody is left to decide: Contoso laptops – Rita Sommer"


def left(*people: Any) -> None:
    for person in people:
        person.is_active = False
        person.save()


def stuck_by_leaving(org: Organisation, submitted: Submit) -> Any:
    """Axel is asked and leaves, as do all who could take his place."""
    made = submitted("900")
    left(org.axel, org.dora, org.cora)
    assert services.reroute_leaver(person=org.axel, at=NOW)["stuck"] == 1
    return made


def test_administrators_of_others_and_who_left_hear_nothing(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    gone = factories.person("gone", entity=org.entity, roles=[Role.ADMINISTRATOR])
    left(gone)
    stuck_by_leaving(org, submitted)
    worked()
    told = {str(mail["To"]) for mail in mails(folder) if SUBJECT in str(mail["Subject"])}
    assert told == {org.ada.email}


def test_nothing_is_said_of_what_does_not_wait_any_more(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    made = stuck_by_leaving(org, submitted)
    requisitions.services.withdraw(requisition=made, actor=org.rita, at=NOW)
    worked()
    assert subjects_to(folder, org.ada) == []


def test_it_says_who_why_and_what_to_do_once(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    made = stuck_by_leaving(org, submitted)
    worked()
    assert subjects_to(folder, org.ada) == [SUBJECT]
    mail = next(each for each in mails(folder) if each["To"] == org.ada.email)
    for body in (text_of(mail), html_of(mail)):
        asked = ("Axel Brandt", "Whoever was asked left")
        for words in (*asked, f"/requisitions/{made.pk}/", "/administration/settings/"):
            assert words in body
    event = TrailEvent.objects.get(type="approval.stuck")
    stuck.approval_stuck(event_id=str(event.pk), document_id=str(event.document_id))
    assert subjects_to(folder, org.ada) == [SUBJECT]


def test_a_step_that_nobody_answers_is_told_too(
    org: Organisation, submitted: Submit, folder: Path
) -> None:
    submitted("900")
    for day in range(40):
        services.nudge(at=NOW + timedelta(days=day))
    worked()
    assert subjects_to(folder, org.ada) == [SUBJECT]
    mail = next(each for each in mails(folder) if each["To"] == org.ada.email)
    assert "it waited three times its time" in text_of(mail)
