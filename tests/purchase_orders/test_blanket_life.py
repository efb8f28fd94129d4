"""Blanket orders and their releases later on: changed, over, proposed for release."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from accounts.models import Duty
from approvals.models import ApprovalStep
from approvals.services import decide
from core.errors import Invalid
from purchase_orders import presentation, queries, services
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.models import ReleaseProposal
from purchase_orders.pdf import _page
from reports.orders import aging
from tests.factories import NOW, TODAY
from tests.purchase_orders.blankets import Blankets, changed, log, terms, withdraw
from tests.purchase_orders.making import Maker, held, run_worker


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


def test_a_changed_release_draws_the_difference(make, blankets):
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    changed(make, release, quantity="250")
    changed(make, release, quantity="210")
    assert [row[1:] for row in log(blanket)] == [
        ("issued", "20000.00"),
        ("changed", "5000.00"),
        ("changed", "-4000.00"),
    ]
    assert terms(blanket).released == Decimal(21_000)
    assert (held(blanket.pk), held(release.pk)) == (Decimal(129_000), Decimal(21_000))


def test_a_changed_release_keeps_the_limit_and_the_price(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "200")
    before = log(blanket)
    with pytest.raises(BeyondAgreement, match=r"150,000\.00 are left"):
        changed(make, release, quantity="1500.01")
    withdraw(make, release)
    with pytest.raises(Invalid, match="attention") as refused:
        changed(make, release, price="100.01")
    assert [each.pointer for each in refused.value.errors] == ["/lines/0/unit_price"]
    with pytest.raises(Invalid):
        changed(make, release, new=[make.line("1", "1")])
    assert log(blanket) == before


def test_after_closing_a_release_may_shrink_but_not_grow(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "10")
    services.close(order=blanket, actor=make.org.bea, at=NOW, reason="Over")
    with pytest.raises(BeyondAgreement, match="is closed"):
        changed(make, release, quantity="20")
    withdraw(make, release)
    changed(make, release, quantity="5")
    assert terms(blanket).released == Decimal(500)


def test_the_limit_by_quantity_follows_its_lines(make, blankets):
    blanket = blankets.issued(("100", "50"), limit_by="quantity")
    release = blankets.release(blanket, "60")
    changed(make, blanket, quantity="120", price="40")
    assert terms(blanket).limit == Decimal(4_800)
    assert held(blanket.pk) == 0
    with pytest.raises(BeyondAgreement, match="60 C62 are released already"):
        changed(make, blanket, quantity="59")
    assert terms(blanket).limit == Decimal(4_800)
    assert held(release.pk) == Decimal(3_000)  # what was released keeps its price


def test_its_validity_is_prolonged_by_a_change(make, blankets):
    over = TODAY - timedelta(days=1)
    blanket = blankets.issued(valid_to=over)
    with pytest.raises(BeyondAgreement):
        blankets.release_draft(blanket, "1")
    changed(make, blanket, terms={"valid_to": TODAY})
    blankets.release(blanket, "1")


@pytest.mark.parametrize(("commits", "rest"), [("releases", 0), ("limit", 130_000)])
def test_at_its_end_the_rest_is_proposed_for_release(make, blankets, commits, rest):
    blanket = blankets.issued(commits=commits, valid_to=TODAY)
    release = blankets.release(blanket, "200")
    services.propose(entity=make.org.entity, at=NOW)
    assert not ReleaseProposal.objects.exists()  # the last day counts
    at = NOW + timedelta(days=1)
    services.propose(entity=make.org.entity, at=at)
    proposal = ReleaseProposal.objects.get()
    assert (proposal.order, proposal.kind, proposal.since) == (blanket, "expired", TODAY)
    assert proposal.amount == Decimal(rest)
    services.accept(proposals=[proposal], actor=make.org.bea, at=at)
    run_worker("release_unused")
    blanket.refresh_from_db()
    assert (blanket.status, held(blanket.pk), held(release.pk)) == ("closed", 0, Decimal(20_000))


def test_a_valid_blanket_order_is_never_stale(make, blankets):
    blankets.issued(commits="limit")
    services.propose(entity=make.org.entity, at=NOW + timedelta(days=200))
    assert not ReleaseProposal.objects.exists()


def test_whoever_approved_a_blanket_order_approved_its_releases(make, blankets):
    make.org.bea.approval_limit = None
    make.org.bea.save()
    blanket = services.submit(order=blankets.draft(("1", "100")), actor=make.org.bea, at=NOW)
    while step := ApprovalStep.objects.filter(
        request__subject_id=blanket.pk, status=ApprovalStep.Status.ACTIVE
    ).first():
        decide(step=step, decision="approve", actor=step.assignee, at=NOW)
    approvers = {
        step.decided_by_id for step in ApprovalStep.objects.filter(request__subject_id=blanket.pk)
    }
    blanket.refresh_from_db()
    release = blankets.release(make.issue(blanket), "1")
    performed = queries.performed_on(release)
    assert approvers
    assert set(performed[Duty.APPROVE]) >= approvers


def test_nothing_is_received_or_billed_of_a_blanket_order_itself(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "1")
    assert list(queries.to_receive(make.org.rob)) == [release]
    for tab in ("to_receive", "to_bill"):
        assert list(presentation.listed(make.org.bea, tab=tab)) == [release]
    assert [row.order_id for row in aging(entity=make.org.entity, today=TODAY).rows] == [release.pk]


def test_documents_name_each_other(make, blankets):
    blanket = blankets.issued(commits="limit", limit="150000")
    release = blankets.release(blanket, "1")
    frame, drawn = (
        render_to_string("pdf/order.html", _page(each.revisions.get().content))
        for each in (blanket, release)
    )
    assert "150,000.00 EUR net" in frame
    assert f"{blanket.number}/001 and so on" in frame
    assert f"<dt>Released from</dt><dd>{blanket.number}</dd>" in drawn
    # A blanket order is never billed, and what its lines come to is no total that was ordered.
    assert f"such as <strong>{blanket.number}/001</strong>" in frame
    assert ("Total EUR" in frame, "Total EUR" in drawn) == (False, True)
    assert ("Expected</th>" in frame, "Quantity</th>" in drawn) == (True, True)
    assert f"the order number <strong>{release.number}</strong>" in drawn
    prices = blankets.issued(limit_by="price").revisions.get().content
    listed = render_to_string("pdf/order.html", _page(prices))
    assert "None; each release orders at these prices" in listed
    assert "Expected</th>" not in listed
