"""Home and search: what waits for a person, what is with others, and finding a document."""

import pytest
from django.test import Client
from django.urls import reverse

import administration.services
import approvals.services
import purchase_orders.services
import vendors.services
from tests import factories
from tests.approvals.conftest import step_of
from tests.budgets.postings import D, Desk
from tests.factories import NOW, PASSWORD, Organisation
from tests.pages import said_by, signed_in, statements, text_of
from tests.purchase_orders.making import Maker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
HOME, SEARCH = reverse("home"), reverse("search")


def groups(person) -> dict[str, int]:
    return {each.title: each.count for each in signed_in(person).get(HOME).context["work"]}


def test_it_greets_by_the_first_name_and_counts_what_waits(org: Organisation):
    factories.submitted(org, title="Racks")
    shown = text_of(signed_in(org.axel).get(HOME))
    assert "Good to see you, Axel Monday, 2 March · 1 thing waits for you" in shown


def test_signing_in_says_nothing_beside_the_greeting(org: Organisation):
    answer = Client().post(
        reverse("account_login"), {"login": org.rita.email, "password": PASSWORD}, follow=True
    )
    assert "Good to see you, Rita" in text_of(answer)
    assert said_by(answer) == ""


def test_each_role_sees_its_own_work(org: Organisation):
    factories.draft(org, title="Racks")
    approved = factories.approved(org, title="Switches")
    assert groups(org.rita) == {"Drafts to finish": 1}
    assert groups(org.bea) == {"Approved, to be ordered": 1}
    [order] = purchase_orders.services.create_from_requisition(
        requisition=approved, actor=org.bea, at=NOW
    )
    assert groups(org.bea)["Drafts to issue"] == 1
    purchase_orders.services.issue(order=order, actor=org.bea, at=NOW)
    assert groups(org.bea) == {}
    assert groups(org.rob) == {"Deliveries expected": 1}
    vendors.services.submit(vendor=org.prospect, actor=org.vera, at=NOW)
    assert groups(org.vera) == {"Vendors to review": 1}
    assert groups(org.nils) == {}


def test_requests_with_others_say_with_whom(org: Organisation):
    factories.submitted(org, title="Racks")
    shown = text_of(signed_in(org.rita).get(HOME))
    assert "Racks with Axel Brandt" in shown
    assert "None of your requests" in text_of(signed_in(org.nils).get(HOME))


def test_what_else_one_proposed_is_with_others_too(org: Organisation):
    """It costs nothing, and says so nowhere; whoever decides finds the item itself."""
    change = administration.services.propose(
        entity=org.entity, kind="limits", person=org.sven, after={"approval_limit": "9000"},
        reason="Fewer escalations", actor=org.ada, at=NOW,
    )  # fmt: skip
    shown = text_of(signed_in(org.ada).get(HOME))
    assert "Limits of Sven Aydin with Cora Neumann" in shown
    page = signed_in(org.cora).get(HOME)
    assert "0.00" not in text_of(page)
    [row] = page.context["work"][0].rows
    assert row.url == f"{reverse('approvals:inbox')}?step={step_of(change, org.cora).pk}"


def test_policies_wait_for_a_second_person(org: Organisation):
    standard = org.policies["standard"]
    approvals.services.retire(policy=standard, actor=org.cora, at=NOW, reason="Too strict")
    assert groups(org.ada)["Policies that need a second person"] == 1
    approvals.services.new_version(policy=standard, actor=org.ada, at=NOW)
    assert groups(org.cora) == {"Policies that need a second person": 1}  # the draft alone
    assert groups(org.ada)["Policies that need a second person"] == 1
    assert groups(org.olga) == groups(org.nils) == {}


@pytest.mark.parametrize(
    ("who", "label"),
    [
        ("rita", "New requisition"),
        ("rob", "Receive a delivery"),
        ("finn", "Drop invoices"),
        ("vera", "Vendors"),
        ("olga", "Audit trail"),
        ("cora", "Commitments"),
        ("ada", "People"),
    ],
)
def test_the_main_button_is_what_one_may_do(org: Organisation, who: str, label: str):
    page = signed_in(org.people[who])
    beginnings = page.get(HOME).context["beginnings"]
    assert beginnings[0].label == label
    assert [page.get(each.url).status_code for each in beginnings] == [200] * len(beginnings)


def test_owners_see_their_budgets(org: Organisation):
    Desk(org, org.cells["CC300", "6400", None]).order("1", "400")
    [own] = [b for b in signed_in(org.sven).get(HOME).context["budgets"] if "CC300" in b.name]
    assert (own.budget, own.committed) == (D(1000), D(400))
    assert signed_in(org.sven).get(own.url).status_code == 200
    assert signed_in(org.rita).get(HOME).context["budgets"] == []


def test_search_finds_by_number_title_and_vendor_what_one_may_see(org: Organisation):
    requisition = factories.submitted(org, title="Racks for Lübeck")
    page = signed_in(org.bea)
    for words in (requisition.number, "lübeck", "racks"):
        shown = page.get(SEARCH, {"q": words}).context["found"]
        assert [(hits.title, hits.rows[0].title) for hits in shown] == [
            ("Requisitions", "Racks for Lübeck")
        ]
    assert signed_in(org.nils).get(SEARCH, {"q": requisition.number}).context["found"] == []
    assert "Nothing found" in text_of(page.get(SEARCH, {"q": "zeppelin"}))
    assert "Find a document" in text_of(page.get(SEARCH))


@pytest.mark.parametrize("who", ["rita", "axel", "bea", "rob"])
def test_home_takes_as_many_statements_with_more_work(org: Organisation, who: str):
    person, page = org.people[who], signed_in(org.people[who])

    def work(number: int) -> None:
        for _ in range(number):
            factories.draft(org)
            factories.submitted(org)
            [order] = purchase_orders.services.create_from_requisition(
                requisition=factories.approved(org), actor=org.bea, at=NOW
            )
            purchase_orders.services.issue(order=order, actor=org.bea, at=NOW)
            factories.approved(org)

    work(5)
    assert groups(person)
    before = statements(page, HOME)
    work(4)
    assert statements(page, HOME) == before


def test_search_takes_as_many_statements_with_more_hits(org: Organisation):
    page = signed_in(org.bea)
    for _ in range(3):
        factories.submitted(org, title="Racks")
    before = statements(page, f"{SEARCH}?q=racks")
    for _ in range(12):
        factories.submitted(org, title="Racks")
    assert statements(page, f"{SEARCH}?q=racks") == before
    assert "10+" in text_of(page.get(SEARCH, {"q": "racks"}))


def test_search_finds_orders_by_vendor_and_item_and_receipts_by_number(org: Organisation):
    make = Maker(org)
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "4")
    page = signed_in(make.org.bea)
    line = order.lines.get()
    for words, kind in (
        (order.number, "Orders"),
        (order.vendor.name.split()[0], "Orders"),
        (line.description, "Orders"),
        (receipt.number.lower(), "Receipts"),
    ):
        found = {hits.title: hits.rows for hits in page.get(SEARCH, {"q": words}).context["found"]}
        assert len(found[kind]) == 1, words
    assert signed_in(make.org.nils).get(SEARCH, {"q": receipt.number}).context["found"] == []
