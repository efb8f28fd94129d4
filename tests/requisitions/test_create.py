"""A draft is judged field by field; what is refused leaves nothing behind."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from accounts.models import TaxCode
from budgets.rates import RateMissing
from core.errors import Invalid, NotAllowed
from requisitions import services
from requisitions.models import Requisition
from tests import factories
from tests.factories import NOW, coded, item_input, line_input, requisition_input
from tests.requisitions.watching import events_of, nothing_changes
from vendors.models import Vendor


def refused(org, data):
    """Pointers and codes of what was wrong."""
    with nothing_changes(), pytest.raises(Invalid) as caught:
        services.create(requester=org.rita, data=data, at=NOW)
    return {(error.pointer, error.code) for error in caught.value.errors}


def test_a_draft_has_its_lines_figures_event_and_history_but_no_number(org, rita):
    lines = [
        line_input(org, 3, "33.333333", distributions=_thirds(org)),
        item_input(org, "DOCK", 2),
    ]
    made = services.create(requester=rita, data=requisition_input(org, *lines), at=NOW)
    made = Requisition.objects.get(pk=made.pk)
    assert (made.status, made.number, made.entity) == ("draft", None, org.entity)
    assert made.total == Decimal("399.80")
    first, second = made.lines.all()
    assert first.net == Decimal("100.00")
    assert [part.amount for part in first.distributions.all()] == [
        Decimal("33.33"),
        Decimal("33.33"),
        Decimal("33.34"),
    ]
    assert (second.line_number, second.net) == (2, Decimal("299.80"))
    assert events_of(made) == ["requisition.created"]
    row = made.history.get()
    assert (row.history_type, row.history_user) == ("+", rita)


def _thirds(org):
    return [
        coded(org, percent="33.333333"),
        coded(org, "CC200", "6310", percent="33.333333"),
        coded(org, "CC500", "6400", "ATLAS", percent="33.333334"),
    ]


def test_a_catalog_item_fixes_name_vendor_unit_price_and_tax(org, rita):
    data = requisition_input(org, item_input(org, "CONS-HR", 8, unit="C62"), vendor=None)
    line = services.create(requester=rita, data=data, at=NOW).lines.get()
    item = org.items["CONS-HR"]
    assert (line.description, line.vendor, line.unit) == (item.name, item.vendor, "HUR")
    assert (line.unit_price, line.tax_code, line.net) == (125, "DE19", 1000)


def test_the_rate_of_a_foreign_currency_is_stored(org, rita):
    org.vendor.currency = "USD"
    org.vendor.save()
    made = services.create(requester=rita, data=requisition_input(org, currency="USD"), at=NOW)
    assert made.rate == Decimal("0.90")


@pytest.mark.parametrize("persona", ["finn", "fay", "rob", "cora", "vera", "olga", "ada", "sven"])
def test_only_requesters_request(org, persona):
    with nothing_changes(), pytest.raises(NotAllowed):
        services.create(requester=org.people[persona], data=requisition_input(org), at=NOW)


def test_who_left_requests_nothing(org, rita):
    rita.is_active = False
    rita.save()
    with nothing_changes(), pytest.raises(NotAllowed):
        services.create(requester=rita, data=requisition_input(org), at=NOW)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"title": ""}, "/title", "required"),
        ({"title": " \t"}, "/title", "required"),
        ({"title": "x" * 201}, "/title", "max_length"),
        ({"title": "Cab\x00les"}, "/title", "nul"),
        ({"title": "Cab\ud800les"}, "/title", "surrogate"),
        ({"title": "Cab\u202eles"}, "/title", "bidi"),
        ({"title": "Cab\u200bles"}, "/title", "invisible"),
        ({"title": "Cab\nles"}, "/title", "control"),
        ({"justification": "be\u2066cause"}, "/justification", "bidi"),
        ({"justification": "x" * 5001}, "/justification", "max_length"),
        ({"ship_to": "dock\x07"}, "/ship_to", "control"),
        ({"external_reference": "x" * 65}, "/external_reference", "max_length"),
        ({"currency": "eur"}, "/currency", "unknown"),
        ({"currency": "XXX"}, "/currency", "unknown"),
        ({"currency": ""}, "/currency", "unknown"),
        ({"service_type": "anything"}, "/service_type", "unknown"),
        ({"need_by": date(2026, 3, 1)}, "/need_by", "past"),
    ],
)
def test_refused_header(org, fields, pointer, code):
    assert (pointer, code) in refused(org, requisition_input(org, **fields))


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"quantity": None}, "quantity", "required"),
        ({"quantity": Decimal(0)}, "quantity", "min_value"),
        ({"quantity": Decimal(-1)}, "quantity", "min_value"),
        ({"quantity": Decimal("NaN")}, "quantity", "invalid"),
        ({"quantity": Decimal("sNaN")}, "quantity", "invalid"),
        ({"quantity": Decimal("Infinity")}, "quantity", "invalid"),
        ({"quantity": Decimal("1.0000001")}, "quantity", "max_decimal_places"),
        ({"quantity": Decimal("1e10")}, "quantity", "max_value"),
        ({"quantity": "1_000"}, "quantity", "invalid"),
        ({"quantity": "１２"}, "quantity", "invalid"),
        ({"quantity": "١٢"}, "quantity", "invalid"),
        ({"quantity": "1e3"}, "quantity", "invalid"),
        ({"quantity": 1.5}, "quantity", "invalid"),
        ({"quantity": True}, "quantity", "invalid"),
        ({"unit_price": Decimal(0)}, "unit_price", "min_value"),
        ({"unit_price": Decimal("-9999")}, "unit_price", "min_value"),
        ({"unit_price": Decimal("0.0000001")}, "unit_price", "max_decimal_places"),
        ({"unit_price": Decimal("1e12")}, "unit_price", "max_value"),
        ({"quantity": Decimal("0.001"), "unit_price": Decimal("1")}, "quantity", "min_value"),
        ({"quantity": Decimal(10**9), "unit_price": Decimal(10**9)}, "quantity", "max_value"),
        ({"unit": "XYZ"}, "unit", "unknown"),
        ({"unit": ""}, "unit", "unknown"),
        ({"tax_code": "UK20"}, "tax_code", "unknown"),
        ({"kind": "gift"}, "kind", "unknown"),
        ({"basis": "gut feeling"}, "basis", "unknown"),
        ({"description": ""}, "description", "required"),
        ({"description": "x" * 501}, "description", "max_length"),
        ({"description": "\u202eelbac"}, "description", "bidi"),
        ({"need_by": date(2020, 1, 1)}, "need_by", "past"),
        ({"distributions": []}, "distributions", "required"),
    ],
)
def test_refused_line(org, fields, pointer, code):
    good, bad = line_input(org), replace(line_input(org), **fields)
    assert (f"/lines/1/{pointer}", code) in refused(org, requisition_input(org, good, bad))


def test_every_fault_is_named_at_once(org):
    data = requisition_input(
        org,
        replace(line_input(org), quantity=Decimal(0), unit="?"),
        replace(line_input(org), unit_price=None),
        title="",
    )
    assert {
        ("/title", "required"),
        ("/lines/0/quantity", "min_value"),
        ("/lines/0/unit", "unknown"),
        ("/lines/1/unit_price", "required"),
    } <= refused(org, data)


def test_refused_without_lines_and_with_too_many(org):
    data = requisition_input(org)
    assert ("/lines", "required") in refused(org, replace(data, lines=[]))
    assert ("/lines", "max_length") in refused(org, replace(data, lines=data.lines * 501))


def test_five_hundred_lines_pass(org, rita):
    data = replace(requisition_input(org), lines=[line_input(org, 1, "1.00")] * 500)
    assert services.create(requester=rita, data=data, at=NOW).total == 500


@pytest.mark.parametrize(
    ("percents", "pointer", "code"),
    [
        (["60", "39.999999"], "", "sum"),
        (["60", "60"], "", "sum"),
        (["100", "0"], "/1/percent", "min_value"),
        (["120", "-20"], "/0/percent", "max_value"),
        (["50", "NaN"], "/1/percent", "invalid"),
        (["50.0000001", "49.9999999"], "/0/percent", "max_decimal_places"),
    ],
)
def test_refused_split(org, percents, pointer, code):
    line = line_input(org, distributions=[coded(org, percent=percent) for percent in percents])
    assert (f"/lines/0/distributions{pointer}", code) in refused(org, requisition_input(org, line))


def test_refused_split_into_parts_smaller_than_a_cent(org):
    line = line_input(
        org, 1, "0.01", distributions=[coded(org, percent="50"), coded(org, percent="50")]
    )
    codes = refused(org, requisition_input(org, line))
    assert ("/lines/0/distributions/1/percent", "min_value") in codes


def test_refused_coding_of_another_entity(org):
    coding = coded(org)
    for name, foreign in (
        ("cost_center", org.uk_cost_center),
        ("gl_account", org.uk_gl_account),
        ("project", org.uk_project),
    ):
        line = line_input(org, distributions=[replace(coding, **{name: foreign})])
        codes = refused(org, requisition_input(org, line))
        assert (f"/lines/0/distributions/0/{name}", "unknown") in codes


def test_refused_coding_not_in_use_any_more(org):
    for name, table, code in (
        ("cost_center", org.cost_centers, "CC100"),
        ("gl_account", org.gl_accounts, "6600"),
    ):
        table[code].is_active = False
        table[code].save()
        codes = refused(org, requisition_input(org))
        assert (f"/lines/0/distributions/0/{name}", "inactive") in codes


def test_refused_coding_left_empty(org):
    line = line_input(org, distributions=[replace(coded(org), cost_center=None, gl_account=None)])
    assert {
        ("/lines/0/distributions/0/cost_center", "required"),
        ("/lines/0/distributions/0/gl_account", "required"),
    } == refused(org, requisition_input(org, line))


def test_refused_vendor_of_another_entity_not_approved_or_in_another_currency(org):
    assert refused(org, requisition_input(org, vendor=org.uk_vendor)) == {("/vendor", "unknown")}
    assert refused(org, requisition_input(org, vendor=org.prospect)) == {
        ("/vendor", "not_approved")
    }
    assert refused(org, requisition_input(org, currency="USD")) == {("/vendor", "currency")}
    line = line_input(org, vendor=org.prospect)
    assert refused(org, requisition_input(org, line)) == {("/lines/0/vendor", "not_approved")}


def test_refused_catalog_item_of_another_entity(org):
    line = replace(item_input(org, "NB-14"), catalog_item=org.uk_item)
    assert ("/lines/0/catalog_item", "unknown") in refused(org, requisition_input(org, line))


def test_refused_catalog_item_that_cannot_be_ordered(org):
    item = org.items["NB-14"]
    item.is_active = False
    item.save()
    assert refused(org, requisition_input(org, item_input(org, "NB-14"))) == {
        ("/lines/0/catalog_item", "not_orderable")
    }


def test_refused_catalog_item_of_a_suspended_vendor(org):
    Vendor.objects.filter(pk=org.vendor.pk).update(status="suspended")
    org.items["NB-14"].vendor.refresh_from_db()
    data = requisition_input(org, item_input(org, "NB-14"), vendor=None)
    assert refused(org, data) == {("/lines/0/catalog_item", "not_orderable")}


def test_refused_price_currency_or_vendor_other_than_the_catalog_says(org):
    line = item_input(org, "NB-14", unit_price=Decimal("1.00"), vendor=org.other_vendor)
    assert refused(org, requisition_input(org, line)) == {
        ("/lines/0/unit_price", "catalog_price"),
        ("/lines/0/vendor", "catalog_vendor"),
    }
    data = requisition_input(org, item_input(org, "NB-14"), vendor=None, currency="USD")
    assert refused(org, data) == {("/lines/0/catalog_item", "currency")}


def test_refused_currency_without_a_rate(org, rita):
    org.vendor.currency = "SEK"
    org.vendor.save()
    with nothing_changes(), pytest.raises(RateMissing) as caught:
        services.create(requester=rita, data=requisition_input(org, currency="SEK"), at=NOW)
    assert caught.value.errors[0].pointer == "/currency"


def test_refused_tax_code_of_another_entity_although_the_same_text_exists_there(org):
    TaxCode.objects.filter(entity=org.entity, code="DE7").delete()
    TaxCode.objects.create(entity=org.uk, code="DE7", name="Borrowed")
    line = line_input(org, tax_code="DE7")
    assert ("/lines/0/tax_code", "unknown") in refused(org, requisition_input(org, line))


def test_today_is_the_entity_s_day(org, rita):
    just_before_midnight = NOW.replace(hour=23, minute=30)  # 00:30 of the next day in Hamburg
    with pytest.raises(Invalid):
        services.create(
            requester=rita,
            data=requisition_input(org, need_by=factories.TODAY),
            at=just_before_midnight,
        )
