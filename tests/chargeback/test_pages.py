"""The pages: rules are made and run, statements read, taken along, disputed and answered."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chargeback.models import Allocation, AllocationRule, Consumption, Statement, StatementLine
from core import outbox
from core.models import OutboxItem, TrailEvent
from notifications.models import OutgoingMail
from tests.chargeback.sharing import AT, consumption_input, make_rule, run, spend
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("present")


def as_(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user, name, *args, **query):
    return as_(user).get(reverse(f"chargeback:{name}", args=args), query)


def form(**said):
    return {
        "name": "Cloud",
        "kind": "chargeback",
        "basis": "fixed",
        "valid_from": "2026-01",
        "valid_to": "",
        "unit": "",
        "project": "",
        "shares-TOTAL_FORMS": "2",
        "shares-INITIAL_FORMS": "0",
        **said,
    }


@pytest.fixture
def filled(org):
    return form(
        **{
            "cost_center": org.cost_centers["CC100"].pk,
            "gl_account": org.gl_accounts["6300"].pk,
            "service_owner": org.axel.pk,
            "shares-0-cost_center": org.cost_centers["CC200"].pk,
            "shares-0-percent": "60",
            "shares-1-cost_center": org.cost_centers["CC300"].pk,
            "shares-1-percent": "40",
        }
    )


def test_only_controllers_get_the_form(org, filled):
    for who in ("rita", "axel", "olga", "ada"):
        client = as_(org.people[who])
        assert client.get(reverse("chargeback:rule_new")).status_code == 403
        assert client.post(reverse("chargeback:rule_new"), filled).status_code == 403
    assert not AllocationRule.objects.exists()


def test_a_split_that_does_not_add_up_comes_back_as_typed(cora, filled):
    filled["shares-1-percent"] = "39"
    answer = as_(cora).post(reverse("chargeback:rule_new"), filled)
    assert answer.status_code == 422
    assert "add up to 99 %" in answer.content.decode()
    assert 'value="39"' in answer.content.decode()
    assert not AllocationRule.objects.exists()


def test_a_rule_is_made_and_revised_by_form(org, cora, filled):
    answer = as_(cora).post(reverse("chargeback:rule_new"), filled)
    rule = AllocationRule.objects.get()
    assert answer.headers["Location"] == reverse("chargeback:rule", args=[rule.pk])
    assert 'value="60"' in page(cora, "rule_revise", rule.pk).content.decode()
    again = {**filled, "reason": "Until summer", "valid_to": "2026-06"}
    as_(cora).post(reverse("chargeback:rule_revise", args=[rule.pk]), again)
    newest = rule.revisions.latest("revision")
    assert (newest.revision, f"{newest.valid_to}") == (2, "2026-06-30")
    assert "June 2026" in page(cora, "rule", rule.pk).content.decode()


def test_a_button_asks_for_more_rows_without_scripts(cora, filled):
    answer = as_(cora).post(reverse("chargeback:rule_new"), {**filled, "add_line": "1"})
    assert answer.status_code == 200
    assert 'name="shares-2-percent"' in answer.content.decode()
    assert not AllocationRule.objects.exists()


def test_a_month_is_looked_at_run_and_reversed(org, cora, rule):
    spend(org.cell("CC100", "6300"), "1000.01", at=AT)
    shown = page(cora, "rule", rule.pk, month="2026-02").content.decode()
    assert "600.01" in shown
    assert "Share February 2026" in shown
    client = as_(cora)
    client.post(reverse("chargeback:rule_run", args=[rule.pk]), {"month": "2026-02"})
    outbox.drain()
    allocation = Allocation.objects.get()
    assert allocation.status == "posted"
    shown = page(cora, "allocation", allocation.pk).content.decode()
    assert "AL-2026-000001" in shown
    assert "400.00" in shown
    address = reverse("chargeback:reverse", args=[allocation.pk])
    as_(org.axel).post(address, {"reason": "No"})
    assert Allocation.objects.get().status == "posted"
    client.post(address, {"reason": "Wrong split"})
    assert Allocation.objects.get().status == "reversed"


def test_consumption_is_taken_in_by_file(org, axel):
    rule = make_rule(org, consumption_input(org))
    file = SimpleUploadedFile("u.csv", b"month,cost_center,units\n2026-02,CC200,3\n")
    as_(axel).post(reverse("chargeback:consumption", args=[rule.pk]), {"file": file})
    assert Consumption.objects.get().units == 3
    assert "3 GB" not in page(axel, "rule", rule.pk, month="2026-01").content.decode()


@pytest.fixture
def statement(posted):
    return Statement.objects.get(cost_center__code="CC200")


def test_a_statement_is_its_owners_the_services_and_oversights(org, statement):
    for who in ("dora", "axel", "cora", "olga"):
        assert "600.01" in page(org.people[who], "statement", statement.pk).content.decode()
    for who in ("rita", "sven", "ada", "nils"):
        assert page(org.people[who], "statement", statement.pk).status_code == 404
        assert page(org.people[who], "file", statement.pk, "csv").status_code == 404
    assert "CC200" in page(org.dora, "statements").content.decode()
    assert "No statements here" in page(org.rita, "statements").content.decode()


@pytest.mark.parametrize(
    ("kind", "begins"), [("pdf", b"%PDF-"), ("csv", b"line,service"), ("xlsx", b"PK")]
)
def test_a_statement_is_taken_along(dora, statement, kind, begins):
    answer = page(dora, "file", statement.pk, kind)
    assert answer.content.startswith(begins)
    assert f"statement-CC200-2026-02.{kind}" in answer.headers["Content-Disposition"]


def test_no_transaction_is_open_while_a_statement_is_printed(dora, statement):
    client = as_(dora)
    with CaptureQueriesContext(connection) as seen:
        client.get(reverse("chargeback:file", args=[statement.pk, "pdf"]))
    assert not [each for each in seen.captured_queries if "SAVEPOINT" in each["sql"]]


def test_a_line_is_disputed_and_answered_and_both_are_told(org, statement):
    line = statement.lines.get()

    def address(action: str) -> str:
        return reverse("chargeback:answer", args=[line.pk, action])

    missing = as_(org.dora).post(address("dispute"), {"words": ""})
    assert missing.status_code == 422
    assert f'href="#dispute-{line.pk}-words"' in missing.content.decode()  # stands at its field
    assert StatementLine.objects.get(pk=line.pk).status == "stands"
    as_(org.axel).post(address("dispute"), {"words": "Mine"})
    assert StatementLine.objects.get(pk=line.pk).status == "stands"
    as_(org.dora).post(address("dispute"), {"words": "We left in January"})
    assert StatementLine.objects.get(pk=line.pk).status == "disputed"
    assert "We left in January" in page(org.axel, "statement", statement.pk).content.decode()
    assert "CC200" in page(org.axel, "statements", show="disputed").content.decode()
    outbox.drain()
    for amount, why in (
        ("many", "Enter a number"),
        ("12.345", "Not an amount in EUR: 12.345."),
        ("9999", "more was not to be shared"),
    ):
        typed = {"words": "Only January", "amount": amount}
        refused = as_(org.axel).post(address("correct"), typed)
        assert (refused.status_code, why in text_of(refused)) == (422, True)
        assert f'value="{amount}"' in refused.content.decode()  # nothing typed is lost
        assert "Only January" in text_of(refused)
        assert StatementLine.objects.get(pk=line.pk).status == "disputed"
    as_(org.axel).post(address("correct"), {"words": "Only January", "amount": "100"})
    assert StatementLine.objects.get(pk=line.pk).status == "corrected"
    outbox.drain()
    told = [(mail.recipient, mail.subject) for mail in OutgoingMail.objects.order_by("pk")]
    assert told == [
        ("axel@demo.example", "CC200 disputes Cloud for February 2026"),
        ("dora@demo.example", "Corrected: Cloud for February 2026, CC200"),
    ]
    OutboxItem.objects.filter(handler__startswith="notifications").update(done_at=None)
    outbox.drain()
    assert OutgoingMail.objects.count() == 2
    assert TrailEvent.objects.filter(type="statement_line.resolved").exists()


def test_pages_cost_the_same_however_long(org, posted, statement):
    def cost() -> int:
        client = as_(org.cora)
        with CaptureQueriesContext(connection) as seen:
            for name, args in (
                ("statements", []),
                ("statement", [statement.pk]),
                ("rules", []),
                ("allocation", [posted.pk]),
            ):
                assert client.get(reverse(f"chargeback:{name}", args=args)).status_code == 200
        return len(seen)

    first = cost()
    for number in range(4):
        rule = make_rule(org, name=f"Further {number}")
        spend(org.cell("CC100", "6300"), "10.00")
        run(rule, at=AT + timedelta(days=1))
    assert cost() == first
