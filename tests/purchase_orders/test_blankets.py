"""Blanket orders: what is refused of a release, what it draws and what it gives back (C24, §8)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from purchase_orders import agreements, services
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.inputs import ReleaseLineInput
from purchase_orders.models import Agreement, DrawDown, PurchaseOrder
from tests.factories import NOW, TODAY
from tests.purchase_orders.blankets import Blankets, log, terms
from tests.purchase_orders.making import Maker, held, line_of, run_worker


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


def faults(refused) -> dict[str, str]:
    return {each.pointer: each.code for each in refused.value.errors}


def unchanged(blanket):
    """Nothing of a blanket order moved."""
    return (log(blanket), terms(blanket).released, terms(blanket).last_release)


# ---- making one


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"limit": None}, "/limit", "required"),
        ({"limit": "0"}, "/limit", "required"),
        ({"limit": "-1"}, "/limit", "min_value"),
        ({"limit": "10.001"}, "/limit", "max_decimal_places"),
        ({"limit": "1e12"}, "/limit", "max_value"),
        ({"limit_by": "weight"}, "/limit_by", "unknown"),
        ({"commits": "all"}, "/commits", "unknown"),
        ({"limit_by": "quantity", "limit": "10"}, "/limit", "not_here"),
        ({"limit_by": "price", "limit": "10"}, "/limit", "not_here"),
        ({"limit_by": "price", "commits": "limit"}, "/commits", "no_limit"),
        ({"commits": "minimum"}, "/minimum", "required"),
        ({"minimum": "150000.01"}, "/minimum", "max_value"),
        ({"limit_by": "quantity", "minimum": "150000.01"}, "/minimum", "max_value"),
        ({"allowance_percent": "100.1"}, "/allowance_percent", "max_value"),
        ({"release_minimum": "5", "release_maximum": "4"}, "/release_maximum", "min_value"),
    ],
)
def test_limits_that_say_nothing_are_refused(blankets, said, pointer, code):
    with pytest.raises(Invalid) as refused:
        blankets.draft(**said)
    assert faults(refused) == {pointer: code}
    assert not PurchaseOrder.objects.exists()
    assert not Agreement.objects.exists()


def test_only_a_blanket_order_has_limits(make, blankets):
    with pytest.raises(Invalid) as refused:
        blankets.draft(kind="standard")
    assert faults(refused) == {"/limit": "not_here"}


def test_a_release_needs_its_blanket_order(make):
    data = make.order_data(make.line("1", "1"), kind=PurchaseOrder.Kind.RELEASE)
    with pytest.raises(Invalid) as refused:
        services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    assert faults(refused) == {"/agreement": "required"}


def test_by_quantity_the_limit_is_what_the_lines_come_to(blankets):
    blanket = blankets.draft(("100", "50"), ("10", "7"), limit_by="quantity")
    assert terms(blanket).limit == Decimal(5070)


def test_an_order_that_is_no_blanket_any_more_has_no_limits(make, blankets):
    draft = blankets.draft()
    data = make.order_data(make.line("1", "1"))
    services.edit(order=draft, data=data, actor=make.org.bea, at=NOW)
    assert not Agreement.objects.exists()


def test_its_limit_is_what_its_buyer_decides(make, blankets):
    draft = blankets.draft(("1", "10"))
    make.org.bea.approval_limit = Decimal("149999.99")
    make.org.bea.save()
    with pytest.raises(services.NeedsRequisition):
        make.issue(draft)


# ---- the oracle


def test_only_what_is_released_is_committed(make, blankets):
    """150 000 limit, 20 000 released: ENC 20 000, unscheduled 130 000, one dated row."""
    blanket = blankets.issued()
    assert held(blanket.pk) == 0
    first = blankets.release(blanket, "200")
    assert held(blanket.pk) == 0
    assert held(first.pk) == Decimal(20_000)
    assert first.number == f"{blanket.number}/001"
    assert agreements.unscheduled(terms(blanket)) == Decimal(130_000)
    row = DrawDown.objects.get()
    assert (row.release_id, row.drawn_on, row.amount) == (first.pk, TODAY, Decimal(20_000))
    assert (row.cause, row.actor) == ("issued", make.org.bea)


def test_a_release_is_decided_with_its_blanket_order(make, blankets):
    blanket = blankets.issued()
    make.org.bea.approval_limit = None
    make.org.bea.save()
    assert blankets.release(blanket, "200").status == "issued"


def test_prices_alone_decide_no_amount(make, blankets):
    blanket = blankets.issued(limit_by="price")
    make.org.bea.approval_limit = Decimal(19_999)
    make.org.bea.save()
    with pytest.raises(services.NeedsRequisition):
        blankets.release(blanket, "200")


def test_prices_alone_have_no_limit(blankets):
    blanket = blankets.issued(("1", "100"), limit_by="price")
    blankets.release(blanket, "5000")
    assert agreements.unscheduled(terms(blanket)) is None
    assert terms(blanket).released == Decimal(500_000)


# ---- what a release must keep


def test_a_draft_draws_nothing(blankets):
    blanket = blankets.issued()
    blankets.release_draft(blanket, "200")
    assert unchanged(blanket) == ([], 0, 0)


def test_the_limit_counts_all_releases(blankets):
    blanket = blankets.issued()
    blankets.release(blanket, "1400")
    before = unchanged(blanket)
    with pytest.raises(BeyondAgreement) as refused:
        blankets.release_draft(blanket, "100.01")
    assert faults(refused) == {"/lines": "beyond_limit"}
    for figure in ("150,000.00", "140,000.00", "10,000.00 are left", "10,001.00"):
        assert figure in str(refused.value)
    assert unchanged(blanket) == before
    assert PurchaseOrder.objects.count() == 2
    blankets.release(blanket, "100")
    assert agreements.unscheduled(terms(blanket)) == 0


def test_the_limit_is_asked_again_when_it_is_issued(make, blankets):
    blanket = blankets.issued()
    one, two = blankets.release_draft(blanket, "800"), blankets.release_draft(blanket, "800")
    make.issue(one)
    before = unchanged(blanket)
    with pytest.raises(BeyondAgreement):
        make.issue(two)
    two.refresh_from_db()
    assert (two.status, two.number) == ("draft", None)
    assert held(two.pk) == 0
    assert unchanged(blanket) == before


def test_releases_in_approval_count(make, blankets):
    blanket = blankets.issued()
    waiting = blankets.release_draft(blanket, "1400")
    waiting.submit(at=NOW)
    waiting.save()
    with pytest.raises(BeyondAgreement, match=r"140,000\.00 wait for approval"):
        blankets.release_draft(blanket, "101")


def test_the_allowance_is_kept_to_the_cent(blankets):
    blanket = blankets.issued(("15750000", "0.01"), allowance_percent="5")
    with pytest.raises(BeyondAgreement):
        blankets.release(blanket, "15750001")
    blankets.release(blanket, "15750000")
    assert agreements.unscheduled(terms(blanket)) == Decimal(-7500)


def test_each_line_keeps_its_own_quantity(blankets):
    blanket = blankets.issued(("100", "50"), ("10", "7"), limit_by="quantity")
    blankets.release(blanket, "60", "10")
    with pytest.raises(BeyondAgreement) as refused:
        blankets.release_draft(blanket, "41", "1")
    assert faults(refused) == {
        "/lines/0/quantity": "beyond_limit",
        "/lines/1/quantity": "beyond_limit",
    }
    assert "limited to 100 C62; 60 are taken: 40 are left, this release takes 41" in str(
        refused.value
    )
    blankets.release(blanket, "40")


def test_lines_that_take_from_the_same_line_add_up(make, blankets):
    blanket = blankets.issued(("100", "50"), limit_by="quantity")
    line = line_of(blanket)
    with pytest.raises(BeyondAgreement, match=r"this release takes 110"):
        services.release(
            order=blanket,
            lines=[ReleaseLineInput(line, Decimal(60)), ReleaseLineInput(line, Decimal(50))],
            actor=make.org.bea,
            at=NOW,
        )


def test_a_line_by_amount_takes_amounts(blankets):
    blanket = blankets.issued(("1", "150000"), basis="amount", limit_by="quantity")
    release = blankets.release(blanket, "20000.01")
    assert release.net == Decimal("20000.01")
    with pytest.raises(BeyondAgreement, match=r"129,999\.99 are left"):
        blankets.release(blanket, "130000")


@pytest.mark.parametrize(("quantity", "code"), [("9.99", "min_value"), ("50.01", "max_value")])
def test_one_release_has_bounds(blankets, quantity, code):
    blanket = blankets.issued(release_minimum="1000", release_maximum="5000")
    with pytest.raises(BeyondAgreement) as refused:
        blankets.release_draft(blanket, quantity)
    assert faults(refused) == {"/lines": code}
    blankets.release(blanket, "10")
    blankets.release(blanket, "50")


ZONE_DAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (TODAY + timedelta(days=1), None, "not_yet_valid"),
        (None, TODAY - timedelta(days=1), "expired"),
    ],
)
def test_outside_its_days_nothing_is_released(blankets, first, last, code):
    blanket = blankets.issued(valid_from=first, valid_to=last)
    with pytest.raises(BeyondAgreement) as refused:
        blankets.release_draft(blanket, "1")
    assert faults(refused) == {"/agreement": code}


def test_both_days_are_inside(blankets):
    blanket = blankets.issued(valid_from=TODAY, valid_to=TODAY)
    assert blankets.release(blanket, "1").status == "issued"


def test_days_are_those_of_the_entity(make, blankets):
    """23:30 UTC of the last day is the day after in Berlin."""
    last = ZONE_DAY
    blanket = blankets.issued(valid_to=last)
    with pytest.raises(BeyondAgreement):
        blankets.release_draft(blanket, "1", at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    blankets.release_draft(blanket, "1", at=datetime(2026, 11, 20, 22, 30, tzinfo=UTC))


@pytest.mark.parametrize("verb", ["hold", "close"])
def test_nothing_is_released_from_one_that_does_not_go_on(make, blankets, verb):
    blanket = blankets.issued()
    draft = blankets.release_draft(blanket, "1")
    getattr(services, verb)(order=blanket, actor=make.org.bea, at=NOW, reason="Enough")
    with pytest.raises(BeyondAgreement, match="nothing more is released"):
        blankets.release_draft(blanket, "1")
    with pytest.raises(BeyondAgreement, match="nothing more is released"):
        make.issue(draft)


def test_a_draft_or_another_order_is_not_released_from(make, blankets):
    with pytest.raises(BeyondAgreement, match="is draft: nothing"):
        blankets.release_draft(blankets.draft(), "1")
    with pytest.raises(Conflict, match="no blanket order"):
        blankets.release_draft(make.issued(("1", "1")), "1")


def test_only_buyers_release(make, blankets):
    blanket = blankets.issued()
    with pytest.raises(NotAllowed):
        blankets.release_draft(blanket, "1", actor=make.org.rita)


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_release_takes_something(blankets, quantity):
    with pytest.raises(Invalid) as refused:
        blankets.release_draft(blankets.issued(), quantity)
    assert faults(refused) == {"/lines/0/quantity": "min_value"}


def test_a_release_has_lines_of_its_blanket_order_only(make, blankets):
    blanket, other = blankets.issued(), blankets.issued()
    with pytest.raises(Invalid) as refused:
        services.release(
            order=blanket,
            lines=[ReleaseLineInput(line_of(other), Decimal(1))],
            actor=make.org.bea,
            at=NOW,
        )
    assert faults(refused) == {"/lines/0/agreement_line": "unknown"}
    with pytest.raises(Invalid) as refused:
        services.release(order=blanket, lines=[], actor=make.org.bea, at=NOW)
    assert faults(refused) == {"/lines": "required"}


def edited(make, draft, blanket, **facts):
    line = {"agreement_line": line_of(blanket), **facts.pop("line", {})}
    data = make.order_data(
        make.line("1", "100", **line),
        **{"kind": PurchaseOrder.Kind.RELEASE, "agreement": blanket, **facts},
    )
    return services.edit(order=draft, data=data, actor=make.org.bea, at=NOW)


def test_vendor_currency_price_and_unit_are_agreed(make, blankets):
    blanket, other = blankets.issued(), blankets.issued()
    draft = blankets.release_draft(blanket, "1")
    wrong = [
        ({"vendor": make.org.other_vendor}, {"/vendor": "mismatch"}),
        ({"currency": "USD"}, {"/currency": "mismatch"}),
        ({"agreement": other}, {"/lines/0/agreement_line": "required"}),
        ({"agreement": other, "line": {"agreement_line": line_of(other)}}, {"/agreement": "fixed"}),
        ({"line": {"unit_price": Decimal("100.000001")}}, {"/lines/0/unit_price": "above_agreed"}),
        ({"line": {"unit": "KGM"}}, {"/lines/0/unit": "mismatch"}),
        ({"line": {"agreement_line": None}}, {"/lines/0/agreement_line": "required"}),
    ]
    for facts, expected in wrong:
        with pytest.raises(Invalid) as refused:
            edited(make, draft, blanket, **facts)
        assert faults(refused) == expected, facts
    cheaper = edited(make, draft, blanket, line={"unit_price": Decimal(99)})
    assert make.issue(cheaper).net == Decimal(99)


def test_a_price_that_was_lowered_meanwhile_counts(make, blankets):
    blanket = blankets.issued()
    draft = blankets.release_draft(blanket, "1")
    blanket.lines.update(unit_price=Decimal(90))
    with pytest.raises(BeyondAgreement) as refused:
        make.issue(draft)
    assert faults(refused) == {"/lines/0/unit_price": "above_agreed"}
    blanket.lines.update(unit_price=Decimal(100))


# ---- what is given back


def test_a_cancelled_release_gives_back_everything(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "200")
    services.cancel(order=release, actor=make.org.bea, at=NOW, reason="Wrong")
    run_worker("release_unused")
    assert log(blanket) == [
        (release.number, "issued", "20000.00"),
        (release.number, "cancelled", "-20000.00"),
    ]
    assert agreements.unscheduled(terms(blanket)) == Decimal(150_000)
    assert held(release.pk) == 0
    assert blankets.release(blanket, "1").number.endswith("/002")


def test_a_cancelled_draft_gives_back_nothing(make, blankets):
    blanket = blankets.issued()
    draft = blankets.release_draft(blanket, "200")
    services.cancel(order=draft, actor=make.org.bea, at=NOW, reason="Wrong")
    assert unchanged(blanket) == ([], 0, 0)


def test_closing_short_gives_back_what_was_not_billed_and_reopening_takes_it(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "200")
    bill = {line_of(release): (Decimal(50), Decimal(5_000), False)}
    services.bill(order=release, lines=bill, actor=make.org.bea, at=NOW)
    services.close(order=release, actor=make.org.bea, at=NOW, reason="Enough")
    assert terms(blanket).released == Decimal(5_000)
    run_worker("release_unused")
    release.refresh_from_db()
    services.reopen(order=release, actor=make.org.bea, at=NOW, reason="More")
    assert [row[1:] for row in log(blanket)] == [
        ("issued", "20000.00"),
        ("closed", "-15000.00"),
        ("reopened", "15000.00"),
    ]


def test_reopening_needs_room(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "1000")
    services.close(order=release, actor=make.org.bea, at=NOW, reason="Enough")
    run_worker("release_unused")
    blankets.release(blanket, "1000")
    before = unchanged(blanket)
    with pytest.raises(BeyondAgreement, match=r"50,000\.00 are left"):
        services.reopen(order=release, actor=make.org.bea, at=NOW, reason="More")
    assert unchanged(blanket) == before


def test_a_blanket_order_with_releases_is_closed_not_cancelled(make, blankets):
    blanket = blankets.issued()
    release = blankets.release(blanket, "1")
    with pytest.raises(Conflict, match="was released from"):
        services.cancel(order=blanket, actor=make.org.bea, at=NOW, reason="Wrong")
    services.cancel(order=release, actor=make.org.bea, at=NOW, reason="Wrong")
    run_worker("release_unused")
    services.cancel(order=blanket, actor=make.org.bea, at=NOW, reason="Wrong")


def test_goods_come_on_releases(make, blankets):
    blanket = blankets.issued()
    with pytest.raises((Conflict, IllegalTransition), match="on its releases"):
        make.receive(blanket, "1")
    make.receive(blankets.release(blanket, "1"), "1")
