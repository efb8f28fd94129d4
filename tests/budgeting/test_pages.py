"""Budget changes, imports and journals in the browser, by plain POST."""

import re
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from budgeting.models import BudgetChange, FileImport, Journal
from tests.budgeting.files import csv_of
from tests.budgeting.scene import TIGHT, A, B, asked, books, decide, drafted
from tests.budgeting.test_imports import BUDGETS, JOURNALS, PAY, PAY_2
from tests.budgeting.test_journals import line, post, told
from tests.budgets.postings import Desk
from tests.factories import budget_cell
from tests.pages import said_by, signed_in, statements, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, NEW = reverse("budgeting:changes"), reverse("budgeting:new")
GOOD = [2026, "", "CC400", "6600", "", "700", ""]
BAD = [2026, "", "CC999", "6600", "", "700", ""]


def form(org, *lines, reason="More hardware", **buttons):
    said = {"reason": reason, **(buttons or {"submit": "1"})}
    for number, (source, target, amount) in enumerate(lines):
        said |= {
            f"line-{number}-source": str(org.cells[source].pk) if source else "",
            f"line-{number}-target": str(org.cells[target].pk) if target else "",
            f"line-{number}-amount": amount,
        }
    return said


def change_page(change, *action):
    name = "budgeting:perform" if action else "budgeting:change"
    return reverse(name, args=[change.pk, *action])


def upload(client, kind, *rows, head=BUDGETS):
    file = SimpleUploadedFile("plan.csv", csv_of(head, *rows))
    return client.post(reverse(f"budgeting:import_{kind}"), {"file": file})


def test_a_transfer_begins_on_the_page_of_its_budget(org, present):
    next_year = budget_cell(
        org.entity, org.cost_centers["CC100"], org.gl_accounts["6300"], amount=1, year=2027
    )
    dora = signed_in(org.dora)
    cell = org.cells[A]
    page = text_of(dora.get(reverse("budgets:detail", args=[cell.pk])))
    assert "Transfer" in page
    shown = dora.get(f"{NEW}?from={cell.pk}").content.decode()
    assert f'<option value="{cell.pk}" selected' in shown
    offered = re.findall(r'<option value="(\d+)"', shown)
    assert offered.index(str(cell.pk)) < offered.index(str(next_year.pk))  # this year's first
    assert "Transfer" not in text_of(
        signed_in(org.bea).get(reverse("budgets:detail", args=[cell.pk]))
    )


def test_sent_for_approval_in_one_step_it_waits_on_the_page_of_its_budget(org):
    dora = signed_in(org.dora)
    answer = dora.post(NEW, form(org, (A, B, "1.250,50"), (A, TIGHT, "20")))
    change = BudgetChange.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, change_page(change))
    assert (change.status, change.kind, change.total) == (
        "in_approval",
        "transfer",
        Decimal("1270.50"),
    )
    page = text_of(dora.get(change_page(change)))
    for words in ("CC100 · 6300 · 2026", "−1,270.50", "Cora Neumann", "More hardware"):
        assert words in page, words
    assert change.number in text_of(dora.get(reverse("budgets:detail", args=[org.cells[B].pk])))


def test_one_side_only_is_a_revision_and_may_stay_a_draft(org):
    dora = signed_in(org.dora)
    dora.post(NEW, form(org, ("", B, "500"), save="1"))
    change = BudgetChange.objects.get()
    assert (change.kind, change.status) == ("revision", "draft")
    edit = reverse("budgeting:edit", args=[change.pk])
    assert 'value="500"' in dora.get(edit).content.decode()
    dora.post(edit, form(org, ("", B, "400")))
    change.refresh_from_db()
    assert (change.status, change.total) == ("in_approval", 400)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([(A, A, "5")], "Name another budget"),
        ([("", "", "5")], "Say from which budget"),
        ([(A, B, "")], "Say how much"),
        ([(A, B, "-5")], "the other way round"),
        ([(A, B, "0.001")], "Not an amount in EUR"),
        ([(TIGHT, A, "51")], "51.00 EUR cannot go out of 500.00 EUR"),
        ([], "at least one budget"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(org, lines, words):
    Desk(org, org.cells[TIGHT]).order("1", "450")
    before = books(org)
    answer = signed_in(org.dora).post(NEW, form(org, *lines))
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert text_of(answer).count(words) <= 2  # once above the form, once at its field
    assert not BudgetChange.objects.exists()
    assert books(org) == before


def test_more_lines_keep_what_was_typed(org):
    answer = signed_in(org.dora).post(NEW, form(org, (A, B, "77"), more="1"))
    assert answer.status_code == 200
    assert 'value="77"' in answer.content.decode()
    assert 'name="line-4-amount"' in answer.content.decode()
    assert not BudgetChange.objects.exists()


def test_the_same_form_twice_proposes_once(org):
    dora = signed_in(org.dora)
    body = {**form(org, (A, B, "5")), "form_key": "k-1"}
    assert dora.post(NEW, body)["Location"] == dora.post(NEW, body)["Location"]
    assert BudgetChange.objects.count() == 1


def test_buttons_send_withdraw_and_undo(org):
    dora = signed_in(org.dora)
    change = drafted(org, (A, -30), (B, 30))
    assert "Sent for approval" in said_by(dora.post(change_page(change, "submit"), follow=True))
    assert "Taken back" in said_by(dora.post(change_page(change, "withdraw"), follow=True))
    done = decide(asked(org, (A, -30), (B, 30)))
    assert "Undo" in text_of(dora.get(change_page(done)))
    dora.post(change_page(done, "reverse"), {"reason": "Not needed"})
    assert BudgetChange.objects.filter(reverses=done, status="in_approval").exists()
    assert dora.post(change_page(done, "destroy")).status_code == 404


def test_who_may_not_see_or_propose(org):
    change = asked(org, (A, -30), (B, 30))
    assert signed_in(org.rita).get(change_page(change)).status_code == 404
    assert signed_in(org.nils).get(change_page(change)).status_code == 404
    for name in ("rita", "bea", "fay"):
        assert signed_in(org.people[name]).get(NEW).status_code == 403
        assert signed_in(org.people[name]).get(LIST).status_code == 403
    assert signed_in(org.olga).get(LIST).status_code == 200
    assert signed_in(org.olga).get(NEW).status_code == 403


def test_the_approver_reads_what_each_budget_gets(org):
    asked(org, (A, -30), (B, 30))
    page = text_of(signed_in(org.cora).get(reverse("approvals:inbox"), follow=True))
    assert "CC100 · 6600 · 2026: +30.00 EUR (100,000.00 → 100,030.00)" in page


def test_a_list_costs_the_same_however_long(org):
    cora = signed_in(org.cora)
    asked(org, (A, -10), (B, 10))
    few = statements(cora, LIST)
    for _ in range(5):
        asked(org, (A, -10), (B, 10))
    assert statements(cora, LIST) == few


def test_a_file_is_looked_at_first_and_taken_in_then(org):
    cora = signed_in(org.cora)
    answer = upload(cora, "budgets", GOOD)
    found = FileImport.objects.get()
    page = reverse("budgeting:import", args=[found.pk])
    assert answer["Location"] == page
    shown = text_of(cora.get(page))
    assert "nothing is in yet" in shown
    assert "500.00 EUR, stop" in shown
    assert org.cell(*TIGHT).amount == 500
    cora.post(page, {"reason": "Plan 2026"})
    assert org.cell(*TIGHT).amount == 700
    assert "Taken in" in text_of(cora.get(page))
    assert cora.post(page, {}).status_code == 422


def test_bad_rows_are_shown_and_the_rest_goes_in_when_asked_for(org):
    cora = signed_in(org.cora)
    upload(cora, "budgets", GOOD, BAD)
    page = reverse("budgeting:import", args=[FileImport.objects.get().pk])
    shown = text_of(cora.get(page))
    assert "There is no cost centre 'CC999'." in shown
    assert cora.post(page, {}).status_code == 422
    assert org.cell(*TIGHT).amount == 500
    cora.post(page, {"partial": "1"})
    assert org.cell(*TIGHT).amount == 700


def test_a_file_is_for_who_brought_it(org):
    upload(signed_in(org.cora), "budgets", GOOD)
    page = reverse("budgeting:import", args=[FileImport.objects.get().pk])
    assert signed_in(org.dora).get(page).status_code == 403
    org.olga.role_assignments.create(entity=org.entity, role="controller")
    assert signed_in(org.olga).get(page).status_code == 404
    cora = signed_in(org.cora)
    bad = cora.post(
        reverse("budgeting:import_budgets"),
        {"file": SimpleUploadedFile("x.csv", b"\xff\xff")},
    )
    assert bad.status_code == 422
    assert "UTF-8" in text_of(bad)


def test_journals_come_in_by_file_and_open_from_the_entries_of_their_budget(org):
    cora = signed_in(org.cora)
    upload(cora, "journals", PAY, PAY_2, head=JOURNALS)
    cora.post(reverse("budgeting:import", args=[FileImport.objects.get().pk]), {})
    journal = Journal.objects.get()
    page = reverse("budgeting:journal", args=[journal.pk])
    cell = cora.get(reverse("budgets:detail", args=[org.cells[A].pk])).content.decode()
    assert f'<a href="{page}">JV-2026-000001</a>' in cell
    shown = text_of(cora.get(page))
    for words in ("PAY-1", "Payroll", "112.50 EUR", "CC400 / 6600"):
        assert words in shown, words
    assert "JV-2026-000001" in text_of(cora.get(reverse("budgeting:journals")))
    # the same file again says so, and that what it brought is out of the books meanwhile
    cora.post(reverse("budgeting:reverse", args=[journal.pk]), {"reason": "Wrong month"})
    upload(cora, "journals", PAY, PAY_2, head=JOURNALS)
    again = FileImport.objects.latest("pk").report
    assert (again["created"], again["unchanged"]) == (0, 2)
    assert {row["about"] for row in again["taken"]} == {"JV-2026-000001 PAY-1, reversed since"}


def test_a_journal_is_reversed_with_a_reason(org):
    journal, _ = post(org, told(org, line(org, 120)))
    cora, page = signed_in(org.cora), reverse("budgeting:journal", args=[journal.pk])
    reverse_it = reverse("budgeting:reverse", args=[journal.pk])
    cora.post(reverse_it, {"reason": ""})
    assert org.cell(*A).spent == 120
    cora.post(reverse_it, {"reason": "Wrong month"})
    assert org.cell(*A).spent == 0
    assert "Reversed" in text_of(cora.get(page))
    assert "Reverse…" not in text_of(signed_in(org.olga).get(page))
    assert signed_in(org.rita).get(page).status_code == 404
