"""The form asks for no more than it must, says where a request goes, and what stands beside it."""

from typing import Any

import pytest
from django.test import Client

import approvals.services
import requisitions.services
from approvals.models import ApprovalStep
from requisitions.models import Requisition
from requisitions.presentation import route
from tests import factories
from tests.factories import NOW, Organisation, line_input
from tests.pages import signed_in, text_of, value_of
from tests.requisitions.asking import asked_by, demand
from tests.requisitions.test_pages import CHECK, LIST, NEW, a_line, page_of, posted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
DPIA = "reference_dpia"


@pytest.fixture
def web(org: Organisation) -> Client:
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    return signed_in(org.rita)


# --- references --------------------------------------------------------------------------------


def test_a_reference_is_asked_for_only_where_policy_wants_it(
    org: Organisation, web: Client
) -> None:
    assert value_of(web.get(NEW), DPIA) is None
    assert value_of(web.post(CHECK, posted(org)), DPIA) is None
    asked = web.post(CHECK, posted(org, personal_data="on"))
    assert value_of(asked, DPIA) == ""
    assert "Policy asks for this reference" not in text_of(asked), "nothing was refused yet"


def test_a_missing_reference_stops_sending_at_its_field(org: Organisation, web: Client) -> None:
    answer = web.post(NEW, posted(org, personal_data="on", send="1"))
    assert answer.status_code == 422
    assert answer.context["form"].errors == {DPIA: ["Policy asks for this reference."]}
    assert value_of(answer, DPIA) == ""
    made = Requisition.objects.get()
    assert (made.status, made.personal_data) == ("draft", True)
    # The live answer takes the place of that field: it must go on saying what is missing.
    again = web.post(CHECK, posted(org, personal_data="on", refused="1"))
    assert "Policy asks for this reference" in text_of(again)
    given = posted(org, personal_data="on", send="1", **{DPIA: "DPIA-7"})
    assert web.post(page_of(made, "edit"), given)["Location"] == page_of(made)
    made.refresh_from_db()
    assert (made.status, made.references) == ("submitted", {"dpia": "DPIA-7"})
    assert "Data protection impact assessment DPIA-7" in text_of(web.get(page_of(made)))


def test_a_reference_that_nobody_asks_for_survives_an_edit(org: Organisation, web: Client) -> None:
    """What came over the API is shown, so that sending the form again keeps it."""
    made = factories.draft(org, references={"project": "ATLAS"}, data_residency="FR")
    form = web.get(page_of(made, "edit"))
    assert value_of(form, "reference_project") == "ATLAS"
    kept = posted(org, keep="1", data_residency="FR", reference_project="ATLAS")
    web.post(page_of(made, "edit"), kept)
    made.refresh_from_db()
    assert (made.references, made.data_residency) == ({"project": "ATLAS"}, "FR")


def test_a_country_that_is_none_is_refused_at_its_field(org: Organisation, web: Client) -> None:
    answer = web.post(NEW, posted(org, data_residency="XX", keep="1"))
    assert "data_residency" in answer.context["form"].errors
    assert not Requisition.objects.exists()


# --- where it goes -----------------------------------------------------------------------------


def test_the_form_says_to_whom_it_goes(org: Organisation, web: Client) -> None:
    found = text_of(web.post(CHECK, posted(org, a_line(org, quantity="200"))))
    assert "This goes to Axel Brandt, then Dora Lindqvist" in found


def test_the_preview_asks_whom_submission_asks(org: Organisation, web: Client) -> None:
    """Tax that is lost and what was asked lately count before sending as they do after it."""
    factories.submitted(org, line_input(org, 1, "4000"))
    line = a_line(org, quantity="1", unit_price="950", tax_code="DE19N")
    before = [step.person for step in web.post(CHECK, posted(org, line)).context["outlook"].steps]
    web.post(NEW, posted(org, line, send="1"))
    made = Requisition.objects.latest("id")
    steps = ApprovalStep.objects.filter(request__subject_id=made.pk).order_by("stage", "group")
    assert before == [step.assignee for step in steps] == [org.axel, org.dora]


def test_how_long_it_usually_takes_is_said_once_it_was_measured(
    org: Organisation, web: Client
) -> None:
    assert "usually" not in text_of(web.post(CHECK, posted(org)))
    made = factories.submitted(org)
    factories.decide_all(made, at=NOW.replace(hour=13))
    assert "This goes to Axel Brandt – usually 3 h." in text_of(web.post(CHECK, posted(org)))


def test_a_route_that_asks_nobody_is_no_route() -> None:
    assert route([]) == ""


def test_holder_and_due_time_stand_on_list_and_page(org: Organisation, web: Client) -> None:
    made = factories.submitted(org)
    for path in (LIST, page_of(made)):
        found = text_of(web.get(path))
        assert "Axel Brandt" in found and "due tomorrow" in found, path


# --- what stands beside it ---------------------------------------------------------------------


def test_a_twin_is_shown_before_and_after_sending(org: Organisation, web: Client) -> None:
    first = factories.submitted(org)
    line = f"{first.number} · Rita Sommer · 100.00 EUR · 2 Mar 2026"
    before = web.post(CHECK, posted(org))
    assert "Possibly asked for twice" in text_of(before) and line in text_of(before)
    assert f'href="{page_of(first)}"' in before.content.decode()
    second = factories.submitted(org)
    after = web.get(page_of(second))
    assert "Possibly asked for twice" in text_of(after) and line in text_of(after)
    assert "Possibly asked for twice" in text_of(signed_in(org.axel).get(page_of(second)))


def test_parts_of_one_purchase_are_shown_before_sending(org: Organisation, web: Client) -> None:
    asked_by(org, org.bea, line_input(org, 1, "4900"))
    answer = web.post(CHECK, posted(org, a_line(org, quantity="1", unit_price="4900")))
    found = text_of(answer)
    assert "one purchase in parts" in found and "9,800.00 EUR" in found
    assert "Bea Hoffmann · 4,900.00 EUR" in found
    assert answer.content.decode().count('href="/requisitions/') == 0, "Rita may not open Bea's"


def test_what_was_kept_from_the_last_round_is_said(org: Organisation, web: Client) -> None:
    made = factories.submitted(org, line_input(org, 300))
    first = ApprovalStep.objects.get(request__subject_id=made.pk, status="active")
    approvals.services.decide(step=first, decision="approve", actor=org.axel, at=NOW)
    second = ApprovalStep.objects.get(request__subject_id=made.pk, status="active")
    approvals.services.decide(
        step=second, decision="return", actor=org.dora, at=NOW, comment="Is it urgent?"
    )
    made.refresh_from_db()
    requisitions.services.submit(requisition=made, actor=org.rita, at=NOW)
    found = text_of(web.get(page_of(made)))
    assert "now with Dora Lindqvist" in found
    assert "Kept from the round before, as the change does not touch it: Axel Brandt." in found


# --- emergencies -------------------------------------------------------------------------------


def emergency(org: Organisation, **more: Any) -> dict[str, Any]:
    said = {"emergency": "on", "emergency_reason": "It is down", "reference_incident": "INC-1"}
    return posted(org, **{**said, **more})


def test_an_emergency_asks_for_its_incident_and_says_who_decides(
    org: Organisation, web: Client
) -> None:
    assert "Up to 10,000.00 EUR" in text_of(web.get(NEW))
    answer = web.post(CHECK, emergency(org, reference_incident=""))
    assert value_of(answer, "reference_incident") == ""
    assert "This goes to Sven Aydin." in text_of(answer)


def test_an_emergency_without_incident_and_reason_is_refused_at_the_fields(
    org: Organisation, web: Client
) -> None:
    answer = web.post(NEW, emergency(org, emergency_reason="", reference_incident="", send="1"))
    errors = answer.context["form"].errors
    assert set(errors) == {"emergency_reason", "reference_incident"}


def test_an_emergency_above_the_cap_is_refused_at_the_switch(
    org: Organisation, web: Client
) -> None:
    line = a_line(org, quantity="1", unit_price="10001")
    data = emergency(org, send="1") | line
    assert "at most 10,000.00 EUR" in text_of(web.post(CHECK, data))
    answer = web.post(NEW, data)
    assert set(answer.context["form"].errors) == {"emergency"}
    assert Requisition.objects.get().status == "draft"


def test_an_emergency_is_marked_on_list_and_page(org: Organisation, web: Client) -> None:
    web.post(NEW, emergency(org, send="1"))
    made = Requisition.objects.get()
    assert made.status == "submitted"
    for path in (LIST, page_of(made)):
        assert 'pill-bad">Emergency<' in web.get(path).content.decode(), path
    assert "It is down" in text_of(web.get(page_of(made)))


def test_there_is_no_switch_where_there_is_no_such_path(org: Organisation, web: Client) -> None:
    org.entity.emergency_cap = 0
    org.entity.save()
    assert 'name="emergency"' not in web.get(NEW).content.decode()
    answer = web.post(NEW, emergency(org, send="1"))
    assert set(answer.context["form"].errors) == {"emergency"}
    assert 'name="emergency"' in answer.content.decode(), "so that it can be switched off"


# --- before the form ---------------------------------------------------------------------------


def test_what_needs_no_approval_is_said_before_the_form(org: Organisation, web: Client) -> None:
    assert "from the catalog up to 500.00 EUR are yours at once" in text_of(web.get(NEW))
    found = text_of(signed_in(org.bea).get(NEW))
    assert "yours at once" not in found, "Bea has no limit of her own"
