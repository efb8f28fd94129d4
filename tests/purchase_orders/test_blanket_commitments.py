"""Blanket orders that commit their limit or a minimum: it goes over to releases and back (C24)."""

from decimal import Decimal

import pytest

from accounts.models import Control
from budgets.ledger import BudgetExceeded
from budgets.models import Commitment, LedgerEntry
from invoicing import services as invoicing
from invoicing.models import Invoice, MatchException
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW
from tests.peer_cases.play import Stage
from tests.purchase_orders.blankets import Blankets, log, terms
from tests.purchase_orders.making import Maker, held, line_of, run_worker


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


def encumbered(make) -> Decimal:
    return make.org.cell("CC100", "6600").encumbered


def ended(make, order, verb="cancel", worker=True):
    getattr(services, verb)(order=order, actor=make.org.bea, at=NOW, reason="Enough")
    if worker:
        run_worker("release_unused")
    order.refresh_from_db()
    return order


def test_the_limit_is_committed_and_goes_over_to_releases(make, blankets):
    """Limit 150 000: ENC 150 000 at once; 20 000 released: 130 000 on the blanket, 20 000 there."""
    blanket = blankets.issued(commits="limit")
    assert held(blanket.pk) == Decimal(150_000)
    release = blankets.release(blanket, "200")
    assert (held(blanket.pk), held(release.pk)) == (Decimal(130_000), Decimal(20_000))
    assert encumbered(make) == Decimal(150_000)
    assert LedgerEntry.objects.filter(document_id=release.pk).count() == 2  # one posting


def test_the_minimum_is_committed_until_releases_reach_it(make, blankets):
    """Minimum 50 000: releases of 20 000 and 40 000 leave 30 000, then nothing of it."""
    blanket = blankets.issued(commits="minimum", minimum="50000")
    assert held(blanket.pk) == Decimal(50_000)
    first = blankets.release(blanket, "200")
    assert (held(blanket.pk), held(first.pk)) == (Decimal(30_000), Decimal(20_000))
    second = blankets.release(blanket, "400")
    assert (held(blanket.pk), held(second.pk)) == (0, Decimal(40_000))
    assert encumbered(make) == Decimal(60_000)
    ended(make, first)  # 40 000 are released: 10 000 of the minimum are not
    assert (held(blanket.pk), held(first.pk)) == (Decimal(10_000), 0)
    assert encumbered(make) == Decimal(50_000)


def test_the_budget_is_asked_for_the_limit_when_it_is_issued(make, blankets):
    blankets.budget("149999.99")
    draft = blankets.draft(commits="limit")
    with pytest.raises(BudgetExceeded):
        make.issue(draft)
    assert encumbered(make) == 0
    make.issue(blankets.draft(commits="releases"))


def test_a_release_asks_the_budget_only_beyond_what_is_committed(make, blankets):
    """The whole budget is committed by the limit, and still all of it can be released."""
    blankets.budget("150000")
    blanket = blankets.issued(("157500000", "0.001"), commits="limit", allowance_percent="5")
    blankets.release(blanket, "150000000")
    assert encumbered(make) == Decimal(150_000)
    with pytest.raises(BudgetExceeded):
        blankets.release(blanket, "10")
    assert [row[1:] for row in log(blanket)] == [("issued", "150000.00")]
    blankets.budget("150000", control=Control.TRACK)
    assert held(blankets.release(blanket, "10").pk) == Decimal("0.01")


def test_a_cancelled_release_gives_back_to_the_limit(make, blankets):
    blankets.budget("150000")
    blanket = blankets.issued(commits="limit")
    one, two = blankets.release(blanket, "500"), blankets.release(blanket, "1000")
    assert held(blanket.pk) == 0
    ended(make, one, worker=False)
    ended(make, two, worker=False)  # both wait for the worker: each gives back its own only
    run_worker("release_unused")
    assert (held(blanket.pk), held(one.pk), held(two.pk)) == (Decimal(150_000), 0, 0)
    assert encumbered(make) == Decimal(150_000)


def test_a_release_closed_short_gives_back_what_was_not_billed(make, blankets):
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    bill(make, release, "50", "100")
    ended(make, release, "close")
    assert terms(blanket).released == Decimal(5_000)
    assert (held(blanket.pk), held(release.pk)) == (Decimal(145_000), 0)
    services.reopen(order=release, actor=make.org.bea, at=NOW, reason="More")
    assert (held(blanket.pk), held(release.pk)) == (Decimal(130_000), Decimal(15_000))


def test_what_was_not_billed_is_counted_at_the_agreed_price(make, blankets):
    """50 of 200 billed at 80 instead of 100: 150 at 100 go back, what was saved is free."""
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    bill(make, release, "50", "80")
    ended(make, release, "close")
    assert terms(blanket).released == Decimal(5_000)
    assert held(blanket.pk) == Decimal(145_000)


def bill(make, release, quantity, price):
    """A cleared invoice for a part of the release's one line."""
    make.receive(release, quantity)
    invoice = Stage(make.org).bill(release, (1, quantity), price=price)
    assert invoice.status == Invoice.Status.CLEARED
    return invoice


def void(make, invoice):
    invoicing.void(invoice=invoice, reason="Wrong", actor=make.org.people["fay"], at=NOW)


@pytest.mark.parametrize(("commits", "rest"), [("releases", 0), ("limit", 150_000)])
@pytest.mark.parametrize("worker", [True, False])
def test_what_is_voided_after_closing_goes_back(make, blankets, commits, rest, worker):
    """50 of 200 billed, closed: 5 000 drawn; voided, the release draws nothing any more."""
    blanket = blankets.issued(commits=commits)
    release = blankets.release(blanket, "200")
    invoice = bill(make, release, "50", "100")
    ended(make, release, "close", worker=worker)
    void(make, invoice)
    run_worker("release_unused")
    assert [row[1:] for row in log(blanket)] == [
        ("issued", "20000.00"),
        ("closed", "-15000.00"),
        ("billed", "-5000.00"),
    ]
    assert terms(blanket).released == 0
    assert (held(blanket.pk), held(release.pk), encumbered(make)) == (rest, 0, rest)


def test_a_void_that_finds_no_room_changes_nothing(make, blankets):
    """50 billed at 80: voided, 50 at 100 are committed again, which others have spent."""
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    invoice = bill(make, release, "50", "80")
    ended(make, release, "close")
    blankets.budget("149999.99")
    before = log(blanket), held(blanket.pk), encumbered(make)
    with pytest.raises(BudgetExceeded):
        void(make, invoice)
    assert (log(blanket), held(blanket.pk), encumbered(make)) == before
    blankets.budget("150000")
    void(make, invoice)
    assert (terms(blanket).released, held(blanket.pk)) == (0, Decimal(150_000))


@pytest.mark.parametrize("commits", ["releases", "limit"])
def test_what_is_billed_after_closing_is_drawn_again(make, blankets, commits):
    """The limit pays for it, although no budget is left beside it."""
    blankets.budget("150000")
    blanket = blankets.issued(commits=commits)
    release = blankets.release(blanket, "200")
    make.receive(release, "50")
    ended(make, release, "close", worker=False)
    invoice = Stage(make.org).bill(release, (1, "50"))
    for each in invoice.exceptions.unresolved():
        invoicing.resolve(
            exception=each,
            resolution=MatchException.Resolution.ACCEPTED,
            reason_code="other",
            actor=make.org.people["fay"],
            at=NOW,
        )
    run_worker("release_unused")
    assert terms(blanket).released == Decimal(5_000)
    rest = Decimal(145_000) if commits == "limit" else 0
    assert (held(blanket.pk), held(release.pk)) == (rest, 0)
    void(make, Invoice.objects.get(pk=invoice.pk))
    assert terms(blanket).released == 0


def test_the_end_of_a_blanket_order_frees_the_rest(make, blankets):
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    ended(make, blanket, "close")
    assert (held(blanket.pk), held(release.pk)) == (0, Decimal(20_000))
    ended(make, release)  # nothing comes back to what has ended
    assert (held(blanket.pk), held(release.pk), encumbered(make)) == (0, 0, 0)
    services.reopen(order=blanket, actor=make.org.bea, at=NOW, reason="It goes on")
    assert held(blanket.pk) == Decimal(150_000)


def test_a_cancelled_blanket_order_frees_all_of_it_in_any_order_of_work(make, blankets):
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    ended(make, release, worker=False)
    ended(make, blanket, worker=False)
    services.release_unused(order=blanket, at=NOW)
    services.release_unused(order=release, at=NOW)
    services.release_unused(order=blanket, at=NOW)
    assert (held(blanket.pk), held(release.pk), encumbered(make)) == (0, 0, 0)


def test_lines_that_a_release_takes_from_give_first(make, blankets):
    """By line 60 000 and 40 000: 70 000 of the second take its 40 000, then 30 000."""
    blanket = blankets.issued(("60", "1000"), ("40", "1000"), commits="limit", limit="100000")
    release = blankets.release_draft(blanket, "0.000001", "70")
    data = make.order_data(
        make.line("70", "1000", agreement_line=line_of(blanket, 2)),
        kind=PurchaseOrder.Kind.RELEASE,
        agreement=blanket,
    )
    release = make.issue(services.edit(order=release, data=data, actor=make.org.bea, at=NOW))
    rows = Commitment.objects.filter(document_id=blanket.pk).order_by("line_number")
    rest = [row.document_open for row in rows]
    assert rest == [Decimal(30_000), 0]
    assert held(release.pk) == Decimal(70_000)


def test_a_foreign_limit_moves_at_its_own_rate(make, blankets):
    """USD 1000 at 0.9: ENC 900; USD 333 released and taken back, to the cent."""
    blanket = blankets.issued(("10", "100"), currency="USD", commits="limit", limit="1000")
    whole, rate = held(blanket.pk), blanket.rate
    assert whole == round(Decimal(1000) * rate, 2)
    release = blankets.release(blanket, "3.33")
    assert held(blanket.pk) == whole - round(Decimal(333) * rate, 2)
    ended(make, release)
    assert held(blanket.pk) == whole
