"""Pages of administration: who sees them, what they say, what a form leads to."""

from datetime import date

import pytest

import administration.services
from accounts.models import DutyPair, Mitigation, Role, User
from administration import queries
from administration.models import ChangeRequest
from notifications.models import BouncingAddress
from tests import factories, pages
from tests.administration.test_changes import decide, propose
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
START, PEOPLE = "/administration/", "/administration/people/"
CHANGES, SETTINGS = "/administration/changes/", "/administration/settings/"
DUTIES = "/administration/segregation/"
OVERSIGHT = ("ada", "cora", "olga")


def of(person):
    return f"{PEOPLE}{person.pk}/"


@pytest.mark.parametrize("path", [START, PEOPLE, CHANGES, DUTIES])
def test_oversight_sees_them_and_nobody_else(org, path):
    for name, person in org.people.items():
        if person.entity_id != org.entity.pk:
            continue
        status = pages.signed_in(person).get(path).status_code
        assert status == (200 if name in OVERSIGHT else 403), name


def test_the_list_finds_people_by_name_and_shows_roles_manager_and_limit(org, cora):
    said = pages.text_of(pages.signed_in(cora).get(f"{PEOPLE}?q=axel"))
    assert "Axel Brandt" in said
    assert "Approver, Requester Dora Lindqvist 5,000.00 EUR" in said
    assert "Rita" not in said


def test_the_list_takes_as_many_statements_for_many_people(org, cora):
    client = pages.signed_in(cora)
    few = pages.statements(client, PEOPLE)
    for number in range(20):
        factories.person(f"mia{number}", entity=org.entity, roles=[Role.REQUESTER, Role.AUDITOR])
    assert pages.statements(client, PEOPLE) == few


def test_a_person_s_page_holds_everything_about_what_they_may_do(org, ada):
    decide(propose(org, "mitigation"))
    propose(org, "limits", person=org.rob, after={"variance_limit": "5"})
    said = pages.text_of(pages.signed_in(ada).get(of(org.rob)))
    for words in (
        "Receiver",
        "Limits of Rob Jansen Proposed by Ada Okafor",
        "Order and receive Asked for by the team 30 Jun 2026 Cora Neumann",
        "Excepted from duties kept apart",
        "No delegation",
    ):
        assert words in said
    for day, holds in ((date(2026, 6, 30), True), (date(2026, 7, 1), False)):
        assert queries.standing_mitigations(org.entity, on=day).exists() == holds


def test_somebody_of_another_entity_is_not_found(org, ada):
    client = pages.signed_in(ada)
    assert client.get(of(org.nils)).status_code == 404
    assert client.get(f"{of(org.nils)}propose/roles/").status_code == 404


def test_roles_ticked_on_the_form_are_proposed_not_given(org, ada):
    client = pages.signed_in(ada)
    form = f"{of(org.rob)}propose/roles/"
    answer = client.post(form, {"roles": ["receiver", "auditor"], "reason": "Covers"}, follow=True)
    assert "Proposed" in pages.said_by(answer)
    change = ChangeRequest.objects.get()
    assert change.after == {"roles": ["auditor", "receiver"]}
    assert User.objects.get(pk=org.rob.pk).roles == {"receiver"}


def test_a_form_sent_twice_proposes_once(org, ada):
    client = pages.signed_in(ada)
    form = f"{of(org.rob)}propose/limits/"
    key = pages.value_of(client.get(form), "form_key")
    said = {
        "form_key": key,
        "approval_limit": "10",
        "delegated_order_limit": "0",
        "variance_limit": "0",
        "reason": "New task",
    }
    first, second = (client.post(form, said) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert ChangeRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        ("roles", {"roles": ["receiver", "buyer"], "reason": "x"}, "are not given to one person"),
        ("roles", {"roles": ["receiver"], "reason": "x"}, "Nothing would change"),
        ("limits", {"variance_limit": "-5", "delegated_order_limit": "0", "reason": "x"}, "Zero"),
        (
            "mitigation",
            {"pair": "order:receive", "valid_until": "2030-01-01", "reason": "x"},
            "a year ahead",
        ),
    ],
)
def test_a_refused_form_says_why_and_keeps_what_was_said(org, ada, kind, said, words):
    answer = pages.signed_in(ada).post(f"{of(org.rob)}propose/{kind}/", said)
    assert answer.status_code == 422
    assert words in pages.text_of(answer)
    assert not ChangeRequest.objects.exists()


def test_an_exception_and_a_manager_are_proposed_from_their_forms(org, ada):
    client = pages.signed_in(ada)
    client.post(
        f"{of(org.rob)}propose/mitigation/",
        {"pair": "order:receive", "valid_until": "2026-06-30", "reason": "Branch of one"},
    )
    client.post(f"{of(org.rob)}propose/manager/", {"manager": org.dora.pk, "reason": "Moved"})
    assert {each.kind for each in ChangeRequest.objects.all()} == {"mitigation", "manager"}


def test_a_new_person_is_added_with_roles_waiting(org, ada):
    answer = pages.signed_in(ada).post(
        f"{PEOPLE}new/",
        {
            "name": "Mia Kern",
            "email": "mia@demo.example",
            "manager": org.axel.pk,
            "roles": ["requester"],
        },
        follow=True,
    )
    mia = User.objects.get(email="mia@demo.example")
    assert not mia.roles
    assert "Roles of Mia Kern" in pages.text_of(answer)


def test_deactivating_asks_for_an_administrator_and_marks_the_page(org, ada, cora):
    path = f"{of(org.rob)}deactivate/"
    pages.signed_in(cora).post(path, {"reason": "Left"})
    assert User.objects.get(pk=org.rob.pk).is_active
    answer = pages.signed_in(ada).post(path, {"reason": "Left"}, follow=True)
    assert not User.objects.get(pk=org.rob.pk).is_active
    assert "Left" in pages.text_of(answer)
    assert "Rob" in pages.text_of(pages.signed_in(ada).get(f"{PEOPLE}?show=left"))


def test_the_grid_proposes_exactly_the_pairs_it_shows(org, ada):
    client = pages.signed_in(ada)
    fields = {
        f"{each.first}__{each.second}": "roles" if each.at_grant else "apart"
        for each in DutyPair.objects.filter(entity=org.entity)
    }
    same = client.post(DUTIES, {**fields, "reason": "x"})
    assert "Nothing would change" in pages.text_of(same)
    client.post(DUTIES, {**fields, "approve__request": "", "reason": "Leeds"})
    change = ChangeRequest.objects.get()
    assert len(change.after["pairs"]) == len(change.before["pairs"]) - 1
    decide(change)
    assert not DutyPair.objects.filter(
        entity=org.entity, first="approve", second="request"
    ).exists()


def test_settings_are_proposed_by_name(org, ada):
    client = pages.signed_in(ada)
    page = client.get(SETTINGS)
    said = {
        "fallback_approver": org.cora.pk,
        "on_call_approver": org.dora.pk,
        "emergency_cap": "2.500,00",
        "email_decision_limit": pages.value_of(page, "email_decision_limit"),
        "splitting_window_days": "30",
        "unbudgeted_control": "stop",
        "change_order_percent": "7,5",
        "change_order_amount": pages.value_of(page, "change_order_amount"),
        "change_order_cumulative_percent": pages.value_of(page, "change_order_cumulative_percent"),
        "change_order_days": "0",
        "order_over_requisition_percent": "3",
        "bank_cooling_hours": "96",
        "people_kept_years": "12",
        "legal_hold": "on",
        "reason": "Nights",
    }
    assert client.post(SETTINGS, said).status_code == 302
    change = ChangeRequest.objects.get()
    differing = {name for name in change.after if change.after[name] != change.before[name]}
    assert differing == {
        "on_call_approver",
        "emergency_cap",
        "change_order_percent",
        "change_order_days",
        "order_over_requisition_percent",
        "bank_cooling_hours",
        "people_kept_years",
        "legal_hold",
    }


def test_changes_are_listed_open_and_decided_and_taken_back_by_their_proposer(org, ada, cora):
    change = propose(org, "limits")
    client = pages.signed_in(ada)
    assert "Limits of Axel Brandt" in pages.text_of(client.get(CHANGES))
    page = f"{CHANGES}{change.pk}/"
    assert "Approves up to 5,000 EUR 7,500 EUR" in pages.text_of(client.get(page))
    pages.signed_in(cora).post(f"{page}withdraw/")
    change.refresh_from_db()
    assert change.status == "proposed"
    client.post(f"{page}withdraw/")
    change.refresh_from_db()
    assert change.status == "withdrawn"
    assert "Limits of Axel Brandt" in pages.text_of(client.get(f"{CHANGES}?show=decided"))


def test_the_lists_take_as_many_statements_with_many_changes(org, ada):
    client = pages.signed_in(ada)
    propose(org, "limits")
    few = pages.statements(client, CHANGES)
    for number in range(6):
        mia = factories.person(f"mia{number}", entity=org.entity, roles=[Role.REQUESTER])
        propose(org, "limits", person=mia)
    assert pages.statements(client, CHANGES) == few


def test_the_start_page_shows_what_waits_and_whom_mail_does_not_reach(org, ada):
    administration.services.propose(
        entity=org.entity,
        kind="limits",
        person=org.rob,
        after={"variance_limit": "5"},
        reason="Counts",
        actor=ada,
        at=NOW,
    )
    BouncingAddress.objects.create(
        email=org.rita.email, since=NOW, last_at=NOW, refusals=3, error="550 no such mailbox"
    )
    said = pages.text_of(pages.signed_in(ada).get(START))
    assert "Limits of Rob Jansen" in said
    assert "Rita Sommer" in said
    assert "550 no such mailbox" in said
    assert not Mitigation.objects.exists()
