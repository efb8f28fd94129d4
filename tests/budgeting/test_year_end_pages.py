"""Year ends and release proposals in the browser: looked at, run, undone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from budgeting.models import YearEnd
from budgeting.services import year_ends
from purchase_orders import services
from purchase_orders.models import ReleaseBatch, ReleaseProposal
from tests.budgets.postings import Desk
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import Maker

JANUARY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def page(org: Organisation) -> Client:
    client = Client()
    client.force_login(org.cora)
    return client


def run(org: Organisation) -> YearEnd:
    Desk(org, org.cells["CC100", "6600", None]).order("10", "10")
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2026,
        policy="with_budget",
        reason="Books of 2026",
        actor=org.cora,
        at=JANUARY,
    )
    return year_ends.run(year_end=year_end, at=JANUARY)


def test_the_preview_writes_nothing(
    org: Organisation, page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk(org, org.cells["CC100", "6600", None]).order("10", "10")
    shown = page.get(reverse("budgeting:year_ends"), {"fiscal_year": "2026"})
    assert "1 line of 2026 would go over" in shown.content.decode()
    for now, offered in ((NOW, False), (JANUARY, True)):  # once the year is over
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        page.force_login(org.cora)
        shown = page.get(reverse("budgeting:year_ends"), {"fiscal_year": "2026"}).content.decode()
        assert ("Run the year end of 2026" in shown) == offered
        assert ("It can be run from" in shown) != offered
    assert not YearEnd.objects.exists()
    missing = page.get(reverse("budgeting:year_ends"), {"fiscal_year": "2031"})
    assert "There is no fiscal year 2031" in missing.content.decode()


def test_a_year_end_shows_its_lines_and_is_undone(org: Organisation, page: Client) -> None:
    year_end = run(org)
    address = reverse("budgeting:year_end", args=[year_end.pk])
    assert "paper order-1 · 1" in page.get(address).content.decode()
    undo = reverse("budgeting:perform_year_end", args=[year_end.pk, "reverse"])
    page.post(undo, {"reason": "Too early"})
    year_end.refresh_from_db()
    assert year_end.status == "reversed"


def test_a_year_end_that_was_run_is_shown_and_not_offered_again(
    org: Organisation, page: Client
) -> None:
    year_end = run(org)
    listed = page.get(reverse("budgeting:year_ends"), {"fiscal_year": "2026"}).content.decode()
    assert f'href="{reverse("budgeting:year_end", args=[year_end.pk])}">see what' in listed
    assert "Run the year end" not in listed


def test_lines_open_the_documents_and_budgets_they_name(org: Organisation, page: Client) -> None:
    order = Maker(org).issued(("10", "10"))
    shown = page.get(reverse("budgeting:year_ends"), {"fiscal_year": "2026"}).content.decode()
    assert f'href="{reverse("purchase_orders:detail", args=[order.pk])}">{order.number}' in shown
    year_end = run(org)
    shown = page.get(reverse("budgeting:year_end", args=[year_end.pk])).content.decode()
    assert f'href="{reverse("purchase_orders:detail", args=[order.pk])}">{order.number}' in shown


def test_a_refused_year_end_says_why(org: Organisation, page: Client) -> None:
    said = {"fiscal_year": "2027", "policy": "with_budget", "reason": "Now"}
    shown = page.post(reverse("budgeting:year_ends"), said, follow=True)
    assert "No fiscal year follows 2027" in shown.content.decode()


def test_proposals_are_chosen_closed_and_undone(org: Organisation, page: Client) -> None:
    make = Maker(org)
    order, other = make.issued(("10", "10")), make.issued(("10", "10"))
    services.propose(entity=org.entity, at=NOW + timedelta(days=91))
    address = reverse("purchase_orders:proposals")
    assert order.number in page.get(address).content.decode()
    chosen, kept = ReleaseProposal.objects.order_by("order_id")
    page.post(reverse("purchase_orders:accept_proposals"), {"proposal": [str(chosen.pk), "x"]})
    page.post(reverse("purchase_orders:keep_proposal", args=[kept.pk]), {"reason": "Needed"})
    assert list(ReleaseProposal.objects.order_by("order_id").values_list("status", flat=True)) == [
        "accepted",
        "kept",
    ]
    batch = ReleaseBatch.objects.get()
    assert "Undo…" in page.get(address, {"show": "all"}).content.decode()
    page.post(reverse("purchase_orders:undo_batch", args=[batch.pk]), {"reason": "Too eager"})
    order.refresh_from_db()
    other.refresh_from_db()
    assert (order.status, other.status) == ("issued", "issued")


def test_nothing_chosen_is_said(org: Organisation, page: Client) -> None:
    shown = page.post(reverse("purchase_orders:accept_proposals"), follow=True)
    assert "Choose 1 to 200 orders." in shown.content.decode()
