"""How far invoices may be off changes from a day on, by two people, and rewrites no judgement."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Entity
from core.errors import Invalid, NotAllowed
from core.models import OutboxItem, TrailEvent
from invoicing import limits, matching, preview, services
from invoicing.models import Invoice, MatchRun, Tolerance
from invoicing.services import ToleranceInput
from invoicing.services.tolerances import REMATCH, faults
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
TWO = ToleranceInput(check="unit_price", percent=Decimal(2), valid_from=TODAY)


def change(org, wanted=TWO, *, at=NOW, **people):
    people = {"proposed_by": org.fay, "actor": org.cora, **people}
    return services.set_tolerance(
        entity=org.entity, wanted=wanted, at=at, reason="Freight is dearer", **people
    )


def state():
    return (
        list(Tolerance.objects.order_by("pk").values_list()),
        Tolerance.history.count(),
        OutboxItem.objects.count(),
        TrailEvent.objects.count(),
    )


def test_nobody_alone_and_nobody_else_changes_one(org):
    before = state()
    for proposed_by, actor in (
        ("fay", "fay"), ("cora", "cora"), ("finn", "cora"), ("ada", "cora"), ("nils", "cora"),
        ("fay", "nils"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            change(org, proposed_by=org.people[proposed_by], actor=org.people[actor])
    with pytest.raises(NotAllowed):
        change(org, proposed_by=None)
    with pytest.raises(NotAllowed):
        change(org, actor=None)
    assert state() == before


def test_what_makes_no_sense_is_refused_at_its_field(org):
    planned = {"valid_from": TOMORROW, "check": "tax"}
    change(org, replace(TWO, **planned))
    before = state()
    for given, pointer in (
        ({"check": "colour"}, "/check"),
        ({"check": "blanket_cap"}, "/check"),
        ({"direction": "beside"}, "/direction"),
        ({"check": "charges", "direction": "under"}, "/direction"),
        ({"vendor": org.uk_vendor}, "/vendor"),
        ({"category": "flowers"}, "/category"),
        ({"percent": Decimal(-1)}, "/percent"),
        ({"percent": Decimal("100.0001")}, "/percent"),
        ({"percent": None}, "/percent"),
        ({"absolute": Decimal("-0.01")}, "/absolute"),
        ({"absolute": Decimal(10) ** 10}, "/absolute"),
        ({"check": "rounding"}, "/percent"),
        ({"combine": "XOR"}, "/combine"),
        ({"action": "shrug"}, "/action"),
        ({"check": "tax"}, "/valid_from"),  # what is agreed for tomorrow is not overlapped
        ({"ends": True}, "/valid_from"),
        ({**planned, "valid_from": TOMORROW}, "/percent"),  # it is so already
    ):
        wanted = replace(TWO, **given)
        with pytest.raises(Invalid) as caught:
            change(org, wanted)
        assert caught.value.errors[0].pointer == pointer, given
    assert state() == before
    (past,) = faults(org.entity, replace(TWO, valid_from=YESTERDAY), at=NOW)
    assert past.pointer == "/valid_from"


def test_rows_follow_each_other_without_gap_or_overlap(org, bills):
    old = bills.tolerance("unit_price", percent=1)
    new = change(org)
    change(org, replace(TWO, percent=Decimal(3), valid_from=TOMORROW))
    change(org, replace(TWO, ends=True, valid_from=TODAY + timedelta(days=9)))
    rows = list(Tolerance.objects.order_by("pk").values_list("percent", "valid_from", "valid_to"))
    assert rows == [
        (1, None, YESTERDAY),
        (2, TODAY, TODAY),
        (3, TOMORROW, TODAY + timedelta(days=8)),
    ]
    assert [each.history_user for each in new.history.all()] == [org.cora, org.cora]
    assert old.history.count() == 2
    told = TrailEvent.objects.filter(type="entity.tolerance_set").first()
    assert (told.actor, told.reason) == (org.cora, "Freight is dearer")
    assert told.changes[0]["old"] == "1 %, else exception"


def test_one_set_today_may_be_put_right_today_and_one_planned_be_called_off(org):
    wrong = change(org, replace(TWO, percent=Decimal(20)))
    change(org)
    planned = change(org, replace(TWO, percent=Decimal(5), valid_from=TOMORROW))
    change(org, replace(TWO, ends=True, valid_from=TOMORROW))
    for row in (wrong, planned):
        row.refresh_from_db()
        assert row.valid_to == row.valid_from - timedelta(days=1)
    assert [each.percent for each in Tolerance.objects.holding(TODAY)] == [2]
    change(org, replace(TWO, percent=Decimal(4)))  # what was called off is overlapped by nothing


def test_agreed_after_its_day_it_holds_from_the_day_it_was_agreed(org):
    row = change(org, replace(TWO, valid_from=YESTERDAY))
    assert row.valid_from == TODAY


def test_what_waits_is_judged_again_on_the_day_and_what_is_settled_never(org, make, bills):
    order = make.issued(("10", "10"), ("10", "10"))
    make.receive(order, "10", "10")
    cleared = bills.billed(order, ("5", "10"))
    waits = bills.billed(order, ("5", "10.10"))
    assert waits.status == Invoice.Status.IN_EXCEPTION
    run = waits.match_runs.get()
    assert matching.inputs_hash(matching.restored(run.inputs)) == run.inputs_hash
    wide = replace(TWO, vendor=order.vendor, valid_from=TOMORROW)
    change(org, wide)
    change(org, replace(wide, check="line_amount"))
    promised = OutboxItem.objects.filter(handler=REMATCH).order_by("pk")
    assert {each.run_at.astimezone(org.entity.zone).isoformat() for each in promised} == {
        "2026-03-03T00:00:00+01:00"
    }
    then = NOW + timedelta(days=1)
    before = TrailEvent.objects.count()
    scope = {"entity_id": org.entity.pk, "category": ""}
    assert not services.rematch_scope(vendor_id=org.other_vendor.pk, at=then, **scope)
    hardware = {**scope, "category": "hardware", "vendor_id": order.vendor_id}
    assert not services.rematch_scope(at=then, **hardware)
    assert TrailEvent.objects.count() == before
    assert services.rematch_scope(vendor_id=order.vendor_id, at=then, **scope) == 1
    assert bills.match(waits, at=then).status == Invoice.Status.CLEARED
    assert cleared.match_runs.count() == 1
    assert list(MatchRun.objects.filter(pk=run.pk).values_list("inputs", "outcome")) == [
        (run.inputs, "in_exception")  # it keeps what it was judged by
    ]


def test_the_preview_judges_what_waits_on_paper(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    near = bills.billed(order, ("2", "10.10"))
    bills.billed(order, ("2", "12"))
    both = replace(TWO, check="line_amount")  # the price follows the percentage of the line
    before = state()
    seen = preview.would_match(org.entity, both)
    assert ([each.pk for each in seen.passing], seen.looked_at, seen.more) == ([near.pk], 2, False)
    assert not preview.would_match(org.entity, replace(both, percent=Decimal("0.9"))).passing
    assert not preview.would_match(org.entity, replace(both, vendor=org.other_vendor)).passing
    assert not preview.would_match(org.entity, replace(both, category="saas")).passing
    assert state() == before
    bills.tolerance("line_amount", percent=2)
    assert not preview.would_match(org.entity, replace(both, ends=True)).passing


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"absolute": Decimal(15)}, "may be 2 % or 15.00 over, whichever is less; more stops"),
        ({"absolute": Decimal(15), "combine": "OR"}, "2 % or 15.00 over, whichever is more;"),
        ({"action": "block"}, "The price of a unit may be 2 % over; more blocks the invoice."),
        ({"direction": "under", "action": "pass"}, "may be 2 % under; more is only flagged."),
        ({"percent": Decimal(0)}, "The price of a unit may not be over;"),
        ({"absolute": Decimal(0)}, "may not be over;"),
        (
            {"check": "quantity_received", "percent": None, "absolute": Decimal(5)},
            "be 5 units over;",
        ),
        ({"check": "rounding", "absolute": Decimal("0.05")}, "off by 0.05 from rounding."),
        ({"percent": None}, "may be over by any amount;"),
    ],
)
def test_each_row_says_itself_in_one_sentence(given, said):
    assert said in limits.sentence(replace(TWO, **given).row(Entity()))
