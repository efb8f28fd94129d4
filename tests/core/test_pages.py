"""The audit trail in the browser: who did what to which document, when, why; found and paged."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

import requisitions.services
from core.models import TrailEvent
from tests import factories
from tests.factories import NOW, Organisation
from tests.pages import signed_in, statements, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
AUDIT = reverse("core:audit")


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.olga)


def kinds(answer) -> list[str]:
    return [event.type for event, _, _ in answer.context["events"]]


def test_it_says_what_changed_and_leads_to_the_document(org: Organisation, page: Client):
    requisition = factories.draft(org, title="Racks")
    requisitions.services.cancel(
        requisition=requisition, reason="Not this year", actor=org.rita, at=NOW
    )
    answer = page.get(AUDIT)
    assert kinds(answer)[0] == "requisition.cancelled"
    shown = text_of(answer)
    assert "Status: Draft → Cancelled" in shown
    assert "Not this year" in shown
    assert "Rita Sommer" in shown
    assert "2 Mar 2026, 11:00:00" in shown, "as the clock in Hamburg says it"
    assert reverse("requisitions:detail", args=[requisition.pk]) in answer.content.decode()


def test_it_is_searched_by_document_person_and_day(org: Organisation, page: Client):
    requisition = factories.submitted(org, title="Racks")
    factories.draft(org, title="Switches", at=NOW + timedelta(days=3))
    assert set(kinds(page.get(f"{AUDIT}?q={requisition.number}"))) >= {"requisition.submitted"}
    assert kinds(page.get(f"{AUDIT}?q=switches")) == ["requisition.created"]
    assert "requisition.created" not in kinds(page.get(f"{AUDIT}?who=axel"))
    assert kinds(page.get(f"{AUDIT}?day=2026-03-05")) == ["requisition.created"]
    assert len(kinds(page.get(f"{AUDIT}?day=soon"))) == TrailEvent.objects.count()
    assert "Nothing found" in text_of(page.get(f"{AUDIT}?q=zeppelin"))


def test_older_events_are_one_page_away(org: Organisation, page: Client):
    for number in range(60):
        factories.draft(org, title=f"Rack {number}")
    first = page.get(AUDIT).context
    rest = page.get(f"{AUDIT}?after={first['next']}").context
    seen = [event.sequence for event, _, _ in [*first["events"], *rest["events"]]]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == TrailEvent.objects.count()


@pytest.mark.parametrize("who", ["rita", "axel", "bea", "rob", "finn", "fay", "vera", "sven"])
def test_others_are_refused(org: Organisation, who: str):
    assert signed_in(org.people[who]).get(AUDIT).status_code == 403


def test_events_of_another_entity_are_not_there(org: Organisation):
    factories.draft(org, title="Racks")
    shown = signed_in(org.nils).get(AUDIT)
    assert kinds(shown) == []


def test_it_takes_as_many_statements_with_more_events(org: Organisation, page: Client):
    factories.draft(org)
    before = statements(page, AUDIT)
    for number in range(30):
        factories.draft(org, title=f"Rack {number}")
    assert statements(page, AUDIT) == before


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "home", "a\0b", "--1", "", "https:/x"])
def test_a_form_that_names_no_address_here_leads_home(org: Organisation, elsewhere: str):
    path = reverse("core:comment", args=["requisition", factories.draft(org).pk])
    said = {"text": "Which colour?", "next": elsewhere, "form_key": "a\0b"}
    answer = signed_in(org.rita).post(path, said)
    assert (answer.status_code, answer["Location"]) == (302, "/")
