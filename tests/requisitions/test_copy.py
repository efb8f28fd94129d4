"""A copy is a new draft of whoever copies, at today's prices."""

from decimal import Decimal

import pytest

from core.errors import Missing, NotAllowed
from requisitions import services
from tests.factories import NOW, approved, draft, item_input, line_input
from tests.requisitions.watching import events_of, nothing_changes


def test_a_copy_starts_anew(org, rita):
    made = approved(
        org,
        line_input(org, 3, "7.00"),
        external_reference="CHG-1",
        need_by=NOW.date(),
        budget_reason="once",
    )
    twin = services.copy(requisition=made, actor=rita, at=NOW)
    assert (twin.status, twin.number, twin.requester) == ("draft", None, rita)
    assert (twin.title, twin.total, twin.vendor) == (made.title, 21, org.vendor)
    assert (twin.external_reference, twin.budget_reason, twin.need_by) == ("", "", None)
    line = twin.lines.get()
    assert line.pk != made.lines.get().pk
    assert line.distributions.get().cost_center == org.cost_centers["CC100"]
    assert events_of(twin) == ["requisition.created"]


def test_catalog_lines_take_today_s_price_and_free_text_keeps_its_own(org, rita):
    made = draft(org, item_input(org, "DOCK", 2), line_input(org, 1, "10.00"))
    org.items["DOCK"].unit_price = Decimal("159.90")
    org.items["DOCK"].save()
    twin = services.copy(requisition=made, actor=rita, at=NOW)
    assert [line.unit_price for line in twin.lines.all()] == [Decimal("159.90"), 10]


def test_a_colleague_copies_what_they_may_see(org, bea):
    assert services.copy(requisition=approved(org), actor=bea, at=NOW).requester == bea


@pytest.mark.parametrize("persona", ["bea", "axel", "nils"])
def test_refused_where_one_may_not_even_look(org, persona):
    made = draft(org)
    with nothing_changes(), pytest.raises(Missing):
        services.copy(requisition=made, actor=org.people[persona], at=NOW)


def test_refused_for_those_who_do_not_request(org, olga):
    made = approved(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        services.copy(requisition=made, actor=olga, at=NOW)
