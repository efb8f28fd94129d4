"""What an approver reads beside the document: prices, changes, words, people; at a fixed cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

import requisitions.services
from approvals import item, services, subjects
from approvals.models import ApprovalStep
from core import attachments, comments
from purchase_orders import services as orders
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import step_of
from tests.factories import NOW, Organisation, item_input, line_input, submitted
from tests.purchase_orders.making import Maker


def shown(requisition: Requisition, person: Any, *, links: bool = True) -> str:
    """The facts as the inbox and the page behind a mail's link show them."""
    step = ApprovalStep.objects.select_related("request__policy", "entity").get(
        pk=step_of(requisition, person).pk
    )
    description = subjects.of("requisition").describe(requisition.pk)
    context = {
        "step": step,
        "description": description,
        "links": links,
        **item.context(step, description),
    }
    return render_to_string("approvals/facts.html", context)


def words(html: str) -> str:
    """Without tags and with one space between words."""
    text = "".join(part.partition(">")[2] if i else part for i, part in enumerate(html.split("<")))
    return " ".join(text.split())


def ordered(org: Organisation, price: str) -> None:
    org.bea.approval_limit = 10_000
    org.bea.save()
    make = Maker(org)
    thing = org.items["NB-14"]
    data = make.order_data(
        make.line("1", price, catalog_item=thing, sku=thing.sku, unit=thing.unit)
    )
    make.issue(orders.create(entity=org.entity, data=data, actor=org.bea, at=NOW))


def quote(requisition: Requisition, org: Organisation) -> None:
    attachments.attach(
        document=requisition,
        data=b"%PDF-1.7 quote",
        name="quote.pdf",
        actor=org.rita,
        at=NOW + timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("1000", "Last ordered 1,000.00 EUR, 2 Mar 2026, PO-2026-000001: 18 % more now"),
        ("1180", "Last ordered 1,180.00 EUR, 2 Mar 2026, PO-2026-000001: the same"),
        ("2360", "Last ordered 2,360.00 EUR, 2 Mar 2026, PO-2026-000001: 50 % less now"),
    ],
)
def test_a_price_is_held_against_the_catalog_and_the_last_one(
    org: Organisation, before: str, says: str
) -> None:
    ordered(org, before)
    requisition = submitted(org, item_input(org, "NB-14"), at=NOW + timedelta(hours=1))
    page = words(shown(requisition, org.axel))
    assert "Catalog 1,180.00 EUR: the same" in page
    assert says in page
    assert "PO-2026-000001" not in shown(requisition, org.axel, links=False)


def test_prices_in_another_unit_are_not_compared(org: Organisation) -> None:
    ordered(org, "1000")
    requisition = submitted(org, item_input(org, "NB-14"), at=NOW + timedelta(hours=1))
    thing = org.items["NB-14"]
    thing.unit = "HUR"
    thing.save()
    assert "Catalog 1,180.00 EUR, not comparable" in words(shown(requisition, org.axel))


def test_what_changed_since_the_last_round_is_said_field_by_field(org: Organisation) -> None:
    requisition = submitted(org, line_input(org), title="Cables", justification="Old")
    services.decide(
        step=step_of(requisition, org.axel),
        decision="return",
        actor=org.axel,
        at=NOW,
        comment="Fewer of them",
    )
    data = factories.requisition_input(
        org,
        line_input(org, 6, "10.00"),
        line_input(org, 1, "3.00", description="Label"),
        title="Cables",
        justification="New",
    )
    requisitions.services.edit(requisition=requisition, data=data, actor=org.rita, at=NOW)
    quote(requisition, org)
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    step = step_of(requisition, org.axel)
    found = [(each.field, each.old, each.new) for each in item.changes(step.request)]
    assert found == [
        ("File", "–", "quote.pdf"),
        ("Reason given", "Old", "New"),
        ("Line 1, quantity", "10", "6"),
        ("Line 2", "–", "Label, 1 × 3"),
    ]
    page = words(shown(requisition, org.axel))
    assert "Changed since the last round" in page
    assert "Fewer of them" in page


def test_a_first_round_and_an_unchanged_one_show_no_changes(org: Organisation) -> None:
    requisition = submitted(org, line_input(org))
    assert item.changes(step_of(requisition, org.axel).request) == []
    requisitions.services.withdraw(requisition=requisition, actor=org.rita, at=NOW)
    requisitions.services.edit(
        requisition=requisition,
        data=factories.requisition_input(org, line_input(org)),
        actor=org.rita,
        at=NOW,
    )
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    assert item.changes(step_of(requisition, org.axel).request) == []
    assert "came after it was sent" not in shown(requisition, org.axel)


def test_a_file_that_was_asked_for_is_a_change_though_the_content_is_the_same(
    org: Organisation,
) -> None:
    requisition = submitted(org, line_input(org))
    services.decide(
        step=step_of(requisition, org.axel),
        decision="return",
        actor=org.axel,
        at=NOW,
        comment="Where is the quote?",
    )
    quote(requisition, org)
    data = factories.requisition_input(org, line_input(org))
    requisitions.services.edit(requisition=requisition, data=data, actor=org.rita, at=NOW)
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    found = item.changes(step_of(requisition, org.axel).request)
    assert [(each.field, each.new) for each in found] == [("File", "quote.pdf")]
    assert "came after it was sent" in shown(requisition, org.axel)


def test_what_was_said_stands_in_order(org: Organisation) -> None:
    requisition = submitted(org, line_input(org))
    minutes = [NOW + timedelta(minutes=each) for each in range(5)]
    comments.comment(document=requisition, words="The quote follows", actor=org.rita, at=minutes[0])
    step = step_of(requisition, org.axel)
    asked = services.ask(step=step, of=org.rita, question="Why ten?", actor=org.axel, at=minutes[1])
    services.answer(question=asked, answer="One each", actor=org.rita, at=minutes[2])
    services.decide(
        step=step, decision="return", actor=org.axel, at=minutes[3], comment="Six suffice"
    )
    said = [(str(each.author), each.label, each.words) for each in item.thread(requisition.pk)]
    assert said == [
        ("Rita Sommer", "", "The quote follows"),
        ("Axel Brandt", "Asks Rita Sommer", "Why ten?"),
        ("Rita Sommer", "Answers Axel Brandt", "One each"),
        ("Axel Brandt", "Returned", "Six suffice"),
    ]


def test_risk_and_references_are_shown(org: Organisation) -> None:
    requisition = submitted(
        org,
        line_input(org),
        personal_data=True,
        data_residency="DE",
        references={"dpia": "DPIA-7"},
    )
    page = words(shown(requisition, org.axel))
    for said in ("Personal data", "Data kept in Germany", "DPIA-7", "100,000.00 EUR free before"):
        assert said in page, said


def test_who_decided_for_whom_is_shown(org: Organisation) -> None:
    requisition = submitted(org, line_input(org, 400, "10.00"))
    services.delegate(
        from_user=org.axel,
        to_user=org.sven,
        duties=[],
        valid_from=NOW,
        valid_to=NOW + timedelta(days=3),
        max_amount=None,
        reason="Away",
        actor=org.axel,
        at=NOW,
    )
    step = step_of(requisition, org.axel)
    services.decide(step=step, decision="approve", actor=org.sven, at=NOW)
    chain = item.context(step, subjects.of("requisition").describe(requisition.pk))["chain"]
    page = words(render_to_string("components/chain.html", {"steps": chain}))
    assert "Sven Aydin for Axel Brandt" in page


def test_it_costs_the_same_with_three_lines_and_with_sixty(org: Organisation) -> None:
    submitted(org, item_input(org, "NB-14", 1), at=NOW)  # both have one like it before them
    costs = []
    for count in (3, 60):
        lines = [item_input(org, "NB-14", 1) for _ in range(count)]
        requisition = submitted(org, *lines, at=NOW, title=f"{count} notebooks")
        assert requisition.total == Decimal(1180) * count
        step_of(requisition, org.axel)
        with CaptureQueriesContext(connection) as queries:
            shown(requisition, org.axel)
        costs.append(len(queries))
    assert costs[0] == costs[1]
