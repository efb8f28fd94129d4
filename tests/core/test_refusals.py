"""Refused acts in the trail: after the rollback, once, capped, and in the right chain."""

from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from core import events, provenance, refusals, trail, transactions
from core.errors import Conflict, DomainError, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests import pages
from tests.api.conftest import signed_in as by_token
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import Maker
from vendors.models import Vendor


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


def refused() -> list[tuple[str, Any, str]]:
    found = TrailEvent.objects.filter(type="vendor.refused").order_by("sequence")
    return [(event.data["why"], event.actor, event.reason) for event in found]


def service_that(raises: type[DomainError], detail: str = "") -> Any:
    @refusals.told("vendor.refused", about="vendor")
    @transactions.atomic
    def change(*, vendor: Vendor, actor: Any, at: Any) -> None:
        vendor.name = "Changed"
        vendor.save()
        events.publish("vendor.edited", vendor, actor=actor, at=at)
        raise raises(detail)

    return change


def test_it_survives_the_rollback_of_what_it_is_about(org: Organisation) -> None:
    change = service_that(NotAllowed, "Not yours.")
    with pytest.raises(NotAllowed):
        change(vendor=org.vendor, actor=org.rita, at=NOW)
    assert refused() == [("not-allowed", org.rita, "Not yours.")]
    assert not TrailEvent.objects.filter(type="vendor.edited").exists()
    assert Vendor.objects.get(pk=org.vendor.pk).name != "Changed"
    assert list(trail.verify_all()) == []


def test_it_survives_the_rollback_of_units_around_it(org: Organisation) -> None:
    change = service_that(StaleVersion, "Version 2 by now.")

    @transactions.atomic
    def around() -> None:
        change(vendor=org.vendor, actor=org.rita, at=NOW)

    with pytest.raises(StaleVersion):
        around()
    assert [why for why, _, _ in refused()] == ["stale-version"]


def test_it_is_written_when_the_unit_around_goes_on(org: Organisation) -> None:
    change = service_that(NotAllowed)
    with transactions.atomic():
        with pytest.raises(NotAllowed), transactions.atomic():
            change(vendor=org.vendor, actor=org.rita, at=NOW)
        assert refused() == []
        events.publish("vendor.viewed", org.vendor, actor=org.rita, at=NOW)
    assert len(refused()) == 1
    assert TrailEvent.objects.filter(type="vendor.viewed").exists()


def test_what_is_only_bad_luck_leaves_no_trace(org: Organisation) -> None:
    with pytest.raises(Conflict):
        service_that(Conflict)(vendor=org.vendor, actor=org.rita, at=NOW)
    assert refused() == []


def test_one_refusal_through_two_services_is_recorded_once(org: Organisation) -> None:
    inner = service_that(NotAllowed)

    @refusals.told("vendor.refused", about="vendor")
    @transactions.atomic
    def outer(**said: Any) -> None:
        inner(**said)

    with pytest.raises(NotAllowed):
        outer(vendor=org.vendor, actor=org.rita, at=NOW)
    assert len(refused()) == 1


def test_nobody_fills_the_trail_by_knocking(org: Organisation) -> None:
    change = service_that(NotAllowed)
    for _ in range(refusals.MOST_A_MINUTE + 15):
        with pytest.raises(NotAllowed):
            change(vendor=org.vendor, actor=org.rita, at=NOW)
    assert len(refused()) == refusals.MOST_A_MINUTE
    last = TrailEvent.objects.filter(type="vendor.refused").latest("sequence")
    assert "not recorded" in last.data["capped"]
    with pytest.raises(NotAllowed):
        change(vendor=org.vendor, actor=org.axel, at=NOW)
    assert refused()[-1][1] == org.axel


def test_t6_what_somebody_may_not_do_is_remembered_by_its_address(org: Organisation) -> None:
    """Closing an order without the right, by interface and button; an act on an old version."""
    order = Maker(org).issued(("1", "10"))
    address = f"/api/v1/orders/{order.pk}/close/"
    said = {"reason": "Enough"}
    answers = [
        by_token(org.dora).post(address, said, format="json"),
        by_token(org.bea).post(address, said, format="json", headers={"If-Match": '"0"'}),
        pages.signed_in(org.dora).post(
            reverse("purchase_orders:perform", args=[order.pk, "close"]), said
        ),
    ]
    assert [each.status_code for each in answers] == [403, 412, 302]
    order.refresh_from_db()
    assert order.status == "issued"
    found = TrailEvent.objects.filter(type="address.refused").order_by("sequence")
    assert [(each.actor, each.data["why"], each.channel) for each in found] == [
        (org.dora, "not-allowed", "api"),
        (org.bea, "stale-version", "api"),
        (org.dora, "not-allowed", "web"),
    ]
    assert {each.stream for each in found} == {str(org.entity.pk)}
    assert found[0].document_reference == address
    assert list(trail.verify_all()) == []


def test_what_belongs_to_no_document_has_a_chain_of_its_own(org: Organisation) -> None:
    with provenance.coming_from("email", address="203.0.113.9"):
        refusals.record(
            "link.refused", refusals.Door("approval link"), actor=None, at=NOW, why="unknown-link"
        )
    event = TrailEvent.objects.get(type="link.refused")
    assert (event.stream, event.channel, event.address) == ("portal", "email", "203.0.113.9")
    assert list(trail.verify("portal")) == []


def test_a_trace_that_cannot_be_written_hides_no_refusal(org: Organisation) -> None:
    with pytest.raises(NotAllowed, match="The reason"), transactions.atomic():
        transactions.afterwards(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        raise NotAllowed("The reason")
