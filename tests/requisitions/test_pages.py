"""The list, the form with its live answer, and the page of one requisition."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

import approvals.services
import requisitions.services
from approvals.models import ApprovalStep
from core.models import Attachment
from requisitions.models import Requisition
from tests import factories
from tests.factories import NOW, Organisation, coded, line_input
from tests.pages import said_by, signed_in, statements, text_of, value_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, NEW = reverse("requisitions:list"), reverse("requisitions:create")
CHECK = reverse("requisitions:check")


def page_of(requisition: Requisition, name: str = "detail", *more: str) -> str:
    return reverse(f"requisitions:{name}", args=[requisition.pk, *more])


def a_line(org: Organisation, number: int = 0, **said: str) -> dict[str, str]:
    """A line of the grid as a browser posts it: 10 cables at 10.00, paid by CC100 · 6600."""
    fields = {
        "description": "Patch cable",
        "quantity": "10",
        "unit": "C62",
        "unit_price": "10.00",
        "tax_code": "DE19",
        "kind": "goods",
        "basis": "quantity",
        "cost_center_1": str(org.cost_centers["CC100"].pk),
        "gl_account_1": str(org.gl_accounts["6600"].pk),
        "percent_1": "100",
        **said,
    }
    return {f"lines-{number}-{name}": value for name, value in fields.items()}


def posted(org: Organisation, *lines: dict[str, str], **head: Any) -> dict[str, Any]:
    lines = lines or (a_line(org),)
    return {
        "title": "Cables",
        "currency": "EUR",
        "service_type": "goods",
        "vendor": str(org.vendor.pk),
        "lines-TOTAL_FORMS": str(len(lines)),
        "lines-INITIAL_FORMS": "0",
        **{name: value for line in lines for name, value in line.items()},
        **head,
    }


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.rita)


def test_nobody_sees_them_without_signing_in(org: Organisation) -> None:
    for path in (LIST, NEW, page_of(factories.draft(org))):
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_the_list_holds_mine_and_says_who_has_them(org: Organisation, web: Client) -> None:
    factories.submitted(org, title="Switches")
    factories.draft(org, title="Racks")
    found = text_of(web.get(LIST))
    assert "Switches" in found and "Racks" in found
    assert "Axel Brandt" in found, "the list says with whom a request is"
    assert "Racks" not in text_of(web.get(f"{LIST}?show=submitted"))


def test_a_search_looks_at_number_title_and_vendor(org: Organisation, web: Client) -> None:
    wanted = factories.submitted(org, title="Switches for rack 7")
    factories.submitted(org, title="Racks")
    for words in (wanted.number, "rack 7", "elbe switch"):
        found = text_of(web.get(LIST, {"q": words}))
        assert "Switches for rack 7" in found and "Racks" not in found, words


def test_the_list_takes_as_many_statements_for_thirty_as_for_three(org: Organisation) -> None:
    client = signed_in(org.rita)
    for _ in range(3):
        factories.submitted(org)
    few = statements(client, LIST)
    for _ in range(27):
        factories.submitted(org)
    assert statements(client, LIST) == few


@pytest.mark.parametrize("name", ["detail", "edit"])
def test_a_page_takes_as_many_statements_for_thirty_lines_as_for_three(
    org: Organisation, web: Client, name: str
) -> None:
    small = factories.draft(org, *[line_input(org)] * 3)
    large = factories.draft(org, *[line_input(org)] * 30)
    assert statements(web, page_of(small, name)) == statements(web, page_of(large, name))


def test_what_is_kept_is_a_draft(org: Organisation, web: Client) -> None:
    answer = web.post(NEW, posted(org, keep="1"))
    made = Requisition.objects.get()
    assert answer["Location"] == page_of(made, "edit")
    assert (made.status, made.title, made.total) == ("draft", "Cables", Decimal("100.00"))


def test_what_is_sent_is_with_its_approvers(org: Organisation, web: Client) -> None:
    answer = web.post(NEW, posted(org, send="1"))
    made = Requisition.objects.get()
    assert answer["Location"] == page_of(made)
    assert made.status == "submitted"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("12,5", "12.5"), ("1,234.5", "1234.5"), ("1.234,5", "1234.5"), ("1 000", "1000")],
)
def test_figures_are_read_as_people_write_them(
    org: Organisation, web: Client, typed: str, stored: str
) -> None:
    web.post(NEW, posted(org, a_line(org, quantity=typed), keep="1"))
    assert Requisition.objects.get().lines.get().quantity == Decimal(stored)


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("quantity", "ten", "Enter a number"),
        ("quantity", "-1", "Must be more than 0"),
        ("quantity", "0.0000001", "6 decimal places"),
        ("description", "", "required"),
        ("percent_1", "90", "add up to 90 %"),
        ("cost_center_1", "nothing", "valid choice"),
    ],
)
def test_a_refused_line_says_so_at_its_field_and_keeps_what_was_typed(
    org: Organisation, web: Client, name: str, typed: str, says: str
) -> None:
    lines = a_line(org), a_line(org, 1, **{name: typed})
    answer = web.post(NEW, posted(org, *lines, justification="Why not", send="1"))
    assert answer.status_code == 422
    assert not Requisition.objects.exists()
    (errors,) = [form.errors for form in answer.context["lines"] if form.errors]
    assert name in errors and says in str(errors[name])
    assert value_of(answer, "lines-1-quantity") == (typed if name == "quantity" else "10")
    assert "Why not" in answer.content.decode()


def test_a_faulty_head_keeps_the_lines(org: Organisation, web: Client) -> None:
    answer = web.post(NEW, posted(org, title="", currency="XYZ", send="1"))
    assert answer.status_code == 422
    assert "title" in answer.context["form"].errors
    assert value_of(answer, "lines-0-description") == "Patch cable"


def test_a_catalog_price_cannot_be_typed_over(org: Organisation, web: Client) -> None:
    item = str(org.items["DOCK"].pk)
    line = a_line(org, catalog_item=item, description="USB-C dock", unit_price="9.90")
    answer = web.post(NEW, posted(org, line, keep="1"))
    assert "catalog price is 149.90" in str(answer.context["lines"][0].errors["unit_price"])
    assert not Requisition.objects.exists()


def test_another_entitys_item_is_no_item(org: Organisation, web: Client) -> None:
    line = a_line(org, catalog_item=str(org.uk_item.pk))
    answer = web.post(NEW, posted(org, line, keep="1"))
    assert "no such catalog item" in str(answer.context["lines"][0].errors["catalog_item"])


def test_an_untouched_line_and_a_removed_one_are_no_lines(org: Organisation, web: Client) -> None:
    untouched = a_line(org, 1, description="", quantity="", unit_price="")
    removed = a_line(org, 2, quantity="rubbish", DELETE="on")
    web.post(NEW, posted(org, a_line(org), untouched, removed, keep="1"))
    assert Requisition.objects.get().lines.count() == 1


def test_add_line_works_without_scripts_and_carries_the_coding(
    org: Organisation, web: Client
) -> None:
    project = str(org.projects["ATLAS"].pk)
    data = posted(org, a_line(org, project_1=project), add_line="1")
    answer = web.post(NEW, data)
    first, second = answer.context["lines"]
    assert value_of(answer, "lines-0-description") == "Patch cable"
    assert second["project_1"].value() == project == first["project_1"].value()
    assert second["cost_center_1"].value() == str(org.cost_centers["CC100"].pk)
    assert not second["description"].value()
    assert not Requisition.objects.exists()


def test_a_new_form_begins_with_the_cost_centre_of_the_last_request(
    org: Organisation, web: Client
) -> None:
    factories.draft(org, line_input(org, distributions=[coded(org, "CC500", "6400", "ATLAS")]))
    (line,) = web.get(NEW).context["lines"]
    assert line["cost_center_1"].value() == str(org.cost_centers["CC500"].pk)
    assert line["tax_code"].value() == "DE19"


def test_a_catalog_item_can_be_asked_for_by_address(org: Organisation, web: Client) -> None:
    answer = web.get(NEW, {"item": str(org.items["DOCK"].pk)})
    assert value_of(answer, "lines-0-description") == "USB-C dock"
    assert value_of(answer, "lines-0-unit_price") == "149.90"
    assert value_of(web.get(NEW, {"item": str(org.uk_item.pk)}), "lines-0-description") == ""


def test_a_refused_sending_leaves_a_draft_and_names_the_line(
    org: Organisation, web: Client
) -> None:
    answer = web.post(NEW, posted(org, vendor="", send="1"))
    made = Requisition.objects.get()
    assert (answer.status_code, made.status) == (422, "draft")
    assert "Say who sells it" in text_of(answer)
    assert "kept as a draft" in said_by(answer)
    assert f'action="{page_of(made, "edit")}"' in answer.content.decode(), (
        "what is sent again changes this draft and makes no second one"
    )


def test_a_budget_that_warns_asks_for_a_reason_at_its_field(org: Organisation, web: Client) -> None:
    coding = {
        "cost_center_1": str(org.cost_centers["CC200"].pk),
        "gl_account_1": str(org.gl_accounts["6310"].pk),
    }
    line = a_line(org, quantity="1", unit_price="6000", **coding)
    answer = web.post(NEW, posted(org, line, send="1"))
    assert "budget_reason" in answer.context["form"].errors
    made = Requisition.objects.get()
    again = web.post(
        page_of(made, "edit"), posted(org, line, send="1", budget_reason="Agreed with dora")
    )
    assert again["Location"] == page_of(made)
    made.refresh_from_db()
    assert (made.status, made.budget_reason) == ("submitted", "Agreed with dora")


def test_files_come_with_the_draft(org: Organisation, web: Client) -> None:
    quote = SimpleUploadedFile("quote.pdf", b"%PDF-1.7 quote")
    web.post(NEW, posted(org, keep="1", files=[quote]))
    assert Attachment.objects.get(document_id=Requisition.objects.get().pk).name == "quote.pdf"


def test_a_refused_file_leaves_no_draft(org: Organisation, web: Client) -> None:
    program = SimpleUploadedFile("quote.pdf", b"MZ not a PDF")
    answer = web.post(NEW, posted(org, keep="1", files=[program]))
    assert answer.status_code == 422
    assert not Requisition.objects.exists()
    assert "not pdf" in text_of(answer)


def test_changing_a_draft_keeps_what_the_form_folds_away(org: Organisation, web: Client) -> None:
    """What came over the API must survive an edit in the browser."""
    parts = [coded(org, center, percent="20") for center in list(org.cost_centers)[:5]]
    line = replace(
        line_input(org, distributions=parts),
        kind="service",
        basis="amount",
        sku="X-1",
        vendor=org.other_vendor,
        need_by=NOW.date() + timedelta(days=9),
    )
    made = factories.draft(org, line)
    form = web.get(page_of(made, "edit"))
    data = posted(org, *({},), title="Other title", keep="1", vendor=str(org.vendor.pk))
    for field in form.context["lines"][0]:
        value = field.value()
        data[field.html_name] = "" if value in (None, False) else str(value)
    assert web.post(page_of(made, "edit"), data).status_code == 302
    made.refresh_from_db()
    stored = made.lines.get()
    assert made.title == "Other title"
    assert (stored.kind, stored.basis, stored.sku) == ("service", "amount", "X-1")
    assert (stored.vendor, stored.need_by) == (org.other_vendor, NOW.date() + timedelta(days=9))
    assert [part.percent for part in stored.distributions.all()] == [Decimal(20)] * 5


@pytest.mark.parametrize("persona", ["axel", "bea", "dora", "finn", "olga", "nils"])
def test_only_its_requester_edits_a_draft(org: Organisation, persona: str) -> None:
    made = factories.draft(org)
    client = signed_in(org.people[persona])
    assert client.get(page_of(made, "edit")).status_code == 404
    assert client.post(page_of(made, "edit"), posted(org, title="Mine")).status_code == 404
    made.refresh_from_db()
    assert made.title == "Cables"


def test_what_is_in_approval_is_withdrawn_before_it_is_changed(
    org: Organisation, web: Client
) -> None:
    made = factories.submitted(org)
    answer = web.get(page_of(made, "edit"), follow=True)
    assert answer.redirect_chain == [(page_of(made), 302)]
    assert "Withdraw it first" in said_by(answer)


def test_an_auditor_requests_nothing(org: Organisation) -> None:
    answer = signed_in(org.olga).post(NEW, posted(org, keep="1"))
    assert answer.status_code == 422
    assert "not allowed" in text_of(answer)
    assert not Requisition.objects.exists()


@pytest.mark.parametrize(
    ("persona", "status"),
    [("rita", 200), ("axel", 200), ("dora", 200), ("bea", 200), ("rob", 404), ("nils", 404)],
)
def test_a_request_is_seen_by_those_it_concerns(
    org: Organisation, persona: str, status: int
) -> None:
    made = factories.submitted(org)
    assert signed_in(org.people[persona]).get(page_of(made)).status_code == status


def test_the_page_shows_holder_budget_chain_and_life(org: Organisation, web: Client) -> None:
    found = text_of(web.get(page_of(factories.submitted(org, line_input(org, 300)))))
    assert "now with Axel Brandt" in found
    assert "CC100 · 6600 · 2026" in found, "the budget's answer stands on the page"
    assert "Requisition submitted by Rita Sommer" in found


def test_buttons_move_it_and_a_refusal_is_said(org: Organisation, web: Client) -> None:
    made = factories.submitted(org)
    answer = web.post(page_of(made, "perform", "withdraw"), follow=True)
    assert "Withdrawn" in said_by(answer)
    again = web.post(page_of(made, "perform", "withdraw"), follow=True)
    assert "cannot withdraw now" in said_by(again)
    made.refresh_from_db()
    assert made.status == "withdrawn"


@pytest.mark.parametrize("action", ["submit", "withdraw", "cancel", "close"])
def test_a_stranger_presses_no_button(org: Organisation, action: str) -> None:
    made = factories.submitted(org)
    answer = signed_in(org.nils).post(page_of(made, "perform", action), {"reason": "Mine"})
    assert answer.status_code == 404
    made.refresh_from_db()
    assert made.status == "submitted"


def test_an_unknown_button_is_not_found_and_a_get_presses_none(
    org: Organisation, web: Client
) -> None:
    made = factories.submitted(org)
    assert web.post(page_of(made, "perform", "explode")).status_code == 404
    assert web.get(page_of(made, "perform", "withdraw")).status_code == 405


def test_a_copy_opens_as_a_draft(org: Organisation, web: Client) -> None:
    made = factories.submitted(org)
    answer = web.post(page_of(made, "perform", "copy"))
    copy = Requisition.objects.exclude(pk=made.pk).get()
    assert answer["Location"] == page_of(copy, "edit")


def test_the_check_says_budget_and_approvers_and_keeps_nothing(
    org: Organisation, web: Client
) -> None:
    found = text_of(web.post(CHECK, posted(org, a_line(org, quantity="200"), title="")))
    assert "98,000.00 EUR left of 100,000.00" in found
    assert "Axel Brandt" in found and "Dora Lindqvist" in found
    assert not Requisition.objects.exists()


def test_the_check_counts_complete_lines_only(org: Organisation, web: Client) -> None:
    lines = a_line(org), a_line(org, 1, quantity=""), a_line(org, 2, quantity="-3")
    found = text_of(web.post(CHECK, posted(org, *lines)))
    assert "This request 100.00 EUR" in found
    assert "2 lines are not complete yet" in found


def test_the_check_of_an_empty_form_says_what_it_waits_for(org: Organisation, web: Client) -> None:
    for data in ({}, posted(org, a_line(org, quantity="", description="", unit_price=""))):
        answer = web.post(CHECK, data)
        assert answer.status_code == 200
        assert "As soon as a line has a quantity" in text_of(answer)


def test_the_check_refuses_what_the_budget_does(org: Organisation, web: Client) -> None:
    found = text_of(web.post(CHECK, posted(org, a_line(org, quantity="20000"))))
    assert found.startswith("Not enough budget")  # beside the total, on a phone
    assert "100,000.00 EUR over" in found and "Choose another cost centre" in found


def test_suggestions_fill_the_line(org: Organisation, web: Client) -> None:
    found = web.get(reverse("requisitions:catalog_search"), {"lines-3-description": "dock"})
    (row,) = found.context["rows"]
    assert row["item"] == org.items["DOCK"]
    assert '"unit_price": "149.90"' in row["fill"]
    assert str(org.gl_accounts["6600"].pk) in row["fill"]
    assert str(org.uk_item.pk) not in found.content.decode()


def test_one_letter_suggests_nothing(org: Organisation, web: Client) -> None:
    answer = web.get(reverse("requisitions:catalog_search"), {"lines-0-description": "d"})
    assert not answer.content.strip()


def test_a_withdrawn_request_can_be_changed_and_sent_again(org: Organisation, web: Client) -> None:
    made = factories.submitted(org)
    requisitions.services.withdraw(requisition=made, actor=org.rita, at=NOW)
    line = a_line(org, quantity="5")
    assert web.post(page_of(made, "edit"), posted(org, line, send="1")).status_code == 302
    made.refresh_from_db()
    assert (made.status, made.total) == ("submitted", Decimal("50.00"))


def test_a_form_sent_twice_makes_one_request(org: Organisation, web: Client) -> None:
    said = posted(org, send="1", form_key=value_of(web.get(NEW), "form_key"))
    first, second = (web.post(NEW, said) for _ in range(2))
    made = Requisition.objects.get()
    assert first["Location"] == second["Location"] == page_of(made)
    assert made.status == "submitted"


def test_a_comment_sent_twice_is_one(org: Organisation, web: Client) -> None:
    requisition = factories.draft(org)
    path = reverse("core:comment", args=["requisition", requisition.pk])
    said = {"text": "Which colour?", "next": page_of(requisition), "form_key": "c0ffee"}
    for _ in range(2):
        assert web.post(path, said)["Location"] == page_of(requisition)
    assert text_of(web.get(page_of(requisition))).count("Which colour?") == 1


@pytest.mark.parametrize(
    ("decision", "words"), [("return", "sent it back"), ("reject", "rejected it")]
)
def test_why_it_came_back_stands_above_all(
    org: Organisation, web: Client, decision: str, words: str
) -> None:
    requisition = factories.submitted(org)
    step = ApprovalStep.objects.get(request__subject_id=requisition.pk, status="active")
    approvals.services.decide(
        step=step, decision=decision, comment="One will do.", actor=step.assignee, at=NOW
    )
    assert f"Axel Brandt {words} One will do." in text_of(web.get(page_of(requisition)))
    if decision == "return":
        assert "sent it back One will do." in text_of(web.get(page_of(requisition, "edit")))
        requisition.refresh_from_db()
        requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
        assert words not in text_of(web.get(page_of(requisition)))


def test_a_draft_that_was_never_sent_does_not_decide_who_pays(
    org: Organisation, web: Client
) -> None:
    factories.submitted(org, line_input(org, distributions=[coded(org, "CC100", "6600")]))
    factories.draft(org, line_input(org, distributions=[coded(org, "CC500", "6400", "ATLAS")]))
    (line,) = web.get(NEW).context["lines"]
    assert line["cost_center_1"].value() == str(org.cost_centers["CC100"].pk)
