"""Who used how much: taken in any number of times, until the month is shared."""

from datetime import date
from decimal import Decimal

import pytest

from chargeback import services
from chargeback.inputs import UnitsInput
from chargeback.models import Consumption
from chargeback.services.consumption import MonthShared
from core.errors import Invalid, NotAllowed
from core.models import TrailEvent
from tests.chargeback.sharing import (
    AT,
    FEBRUARY,
    borne,
    consumption_input,
    make_rule,
    room,
    run,
    spend,
    units,
)


@pytest.fixture
def metered(org):
    room(org, "CC200", "CC300", "CC500")
    return make_rule(org, consumption_input(org))


def take_in(rule, rows, actor):
    return services.import_consumption(rule=rule, rows=rows, actor=actor, at=AT)


@pytest.mark.parametrize("who", ["rita", "dora", "olga", "ada", "nils"])
def test_strangers_take_in_nothing(org, metered, who):
    with pytest.raises(NotAllowed):
        take_in(metered, units(org, {"CC200": 1}), org.people[who])
    assert not Consumption.objects.exists()


def test_wrong_rows_are_named_and_nothing_is_taken_in(org, cora, metered):
    rows = [
        *units(org, {"CC200": 1}),
        UnitsInput(date(2026, 2, 3), org.cost_centers["CC300"], Decimal(1)),
        UnitsInput(FEBRUARY, org.uk_cost_center, Decimal(1)),
        UnitsInput(FEBRUARY, org.cost_centers["CC500"], Decimal(-1)),
        *units(org, {"CC200": 2}),
    ]
    with pytest.raises(Invalid) as refusal:
        take_in(metered, rows, cora)
    assert [error.pointer for error in refusal.value.errors] == [
        "/rows/1/month",
        "/rows/2/cost_center",
        "/rows/3/units",
        "/rows/4",
    ]
    assert not Consumption.objects.exists()


def test_the_same_rows_again_change_nothing(org, axel, metered):
    rows = units(org, {"CC200": "1.5", "CC300": 3})
    assert take_in(metered, rows, axel) == services.ImportReport(2, 0, 0)
    assert take_in(metered, rows, axel) == services.ImportReport(0, 0, 2)
    assert TrailEvent.objects.filter(type="allocation_rule.consumption_imported").count() == 1


def test_a_correction_before_the_run_is_kept_in_the_trail(org, cora, metered):
    take_in(metered, units(org, {"CC200": 1}), cora)
    assert take_in(metered, units(org, {"CC200": 2}), cora).changed == 1
    event = TrailEvent.objects.order_by("-sequence").first()
    assert event.changes == [{"field": "2026-02 CC200", "old": "1", "new": "2"}]


def test_a_month_that_was_shared_stays_as_it_was_shared(org, cora, metered):
    spend(org.cell("CC100", "6300"), "100.00")
    take_in(metered, units(org, {"CC200": 1, "CC300": 1, "CC500": 1}), cora)
    allocation = run(metered)
    assert [*borne(allocation).values()] == ["33.33", "33.33", "33.34"]
    with pytest.raises(MonthShared):
        take_in(metered, units(org, {"CC400": 1}), cora)  # whoever comes late has no part in it
    with pytest.raises(MonthShared):
        take_in(metered, units(org, {"CC200": 2}), cora)
    assert take_in(metered, units(org, {"CC200": 1}), cora).unchanged == 1
    assert take_in(metered, units(org, {"CC200": 2}, date(2026, 3, 1)), cora).created == 1


def test_who_used_nothing_bears_nothing(org, cora, metered):
    spend(org.cell("CC100", "6300"), "100.00")
    take_in(metered, units(org, {"CC200": 2, "CC300": 1, "CC500": 0}), cora)
    allocation = run(metered)
    assert borne(allocation) == {
        "CC200": "66.67",
        "CC300": "33.33",
    }
    line = allocation.lines.get(line_number=1)
    assert (line.units, str(line.percent)) == (Decimal(2), "66.666667")
