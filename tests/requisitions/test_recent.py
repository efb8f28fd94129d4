"""What was asked for lately counts: the rolling total, twins, and purchases cut in parts (X37)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Role
from requisitions import services
from requisitions.asked import stored
from requisitions.content import lines_of
from requisitions.inputs import DistributionInput
from requisitions.presentation import flags as flags_of
from requisitions.recent import recent
from requisitions.subjects import describe
from tests.factories import (
    NOW,
    approved_vendor,
    coded,
    decide_all,
    draft,
    item_input,
    line_input,
    person,
    submitted,
)
from tests.requisitions.asking import asked_by, chain_of, facts_of


def rolling(requisition):
    facts = facts_of(requisition)
    return Decimal(facts["rolling_total"]), Decimal(facts["tier_amount"])


def flag(requisition, kind):
    return next((each for each in describe(requisition.pk).flags if each.kind == kind), None)


@pytest.fixture
def twin(org):
    """Another company of the same group."""
    org.vendor.family = "ELBE"
    org.vendor.save()
    made = approved_vendor(org.entity, "V-1001", "Elbe IT Services GmbH")
    made.family = "ELBE"
    made.save()
    return made


# --- the rolling total -------------------------------------------------------------------------


def test_a_first_request_counts_alone(org):
    assert rolling(submitted(org, line_input(org, 1, "3000"))) == (3000, 3000)


def test_the_second_request_to_a_vendor_decides_by_the_sum(org):
    """3 × 4 900 under Axel's 5 000: the second and third need Dora."""
    chains = [chain_of(submitted(org, line_input(org, 1, "4900"))) for _ in range(3)]
    assert "dora" in chains[1] and "dora" in chains[2]
    last = submitted(org, line_input(org, 1, "4900"))
    assert rolling(last) == (19_600, 19_600)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, {"description": "Something quite different"}),
        ({"at": NOW + timedelta(days=6)}, {}),
        ({"title": "Other title", "service_type": "services"}, {}),
    ],
    ids=["other words", "another day", "another title"],
)
def test_words_and_days_change_nothing(org, fields, line):
    submitted(org, line_input(org, 1, "4900"))
    fields["service_type"] = "hardware"
    made = submitted(org, line_input(org, 1, "4000", **line), **fields)
    assert rolling(made)[0] == 8900


def test_a_twin_vendor_is_the_same_family(org, twin):
    submitted(org, line_input(org, 1, "4900"))
    made = submitted(org, line_input(org, 1, "4900"), vendor=twin)
    assert rolling(made)[0] == 9800
    assert facts_of(made)["vendor_family"] == "ELBE"
    assert "dora" in chain_of(made)


def test_whoever_shares_a_tax_id_is_the_same_family(org):
    twin = approved_vendor(org.entity, "V-1001", "Elbe IT Services GmbH")
    for vendor in (org.vendor, twin):
        vendor.tax_id = "DE136695976"
        vendor.save()
    submitted(org, line_input(org, 1, "4900"))
    assert rolling(submitted(org, line_input(org, 1, "4900"), vendor=twin))[0] == 9800


def test_another_currency_counts_in_base_currency(org, twin):
    twin.currency = "USD"
    twin.save()
    submitted(org, line_input(org, 1, "3000"))
    made = submitted(org, line_input(org, 1, "1000"), vendor=twin, currency="USD")
    assert rolling(made)[0] == 3900


def test_another_family_does_not_count(org):
    submitted(org, line_input(org, 1, "4900"))
    made = submitted(org, line_input(org, 1, "4900"), vendor=org.other_vendor)
    assert rolling(made)[0] == 4900
    assert flag(made, "split") is None


def test_the_tax_that_is_lost_counts(org):
    submitted(org, line_input(org, 1, "1000", tax_code="DE19N"))
    assert rolling(submitted(org, line_input(org, 1, "1000", tax_code="DE19N")))[0] == 2380


def test_each_request_is_rounded_by_itself(org, twin):
    """Added up before they are rounded, three times 0.37 USD and 0.02 with lost tax are 1.07."""
    twin.currency = "USD"
    twin.save()
    for _ in range(3):
        submitted(org, line_input(org, 1, "0.02", tax_code="DE19N"))
        made = submitted(org, line_input(org, 1, "0.37"), vendor=twin, currency="USD")
    assert rolling(made)[0] == Decimal("1.05")
    assert recent(stored(made, lines_of(made)), at=NOW, pk=made.pk).total == Decimal("1.05")


def test_the_family_with_most_decides_where_lines_have_several_vendors(org):
    submitted(org, line_input(org, 1, "4000"))
    lines = [
        line_input(org, 1, "900", vendor=org.vendor),
        line_input(org, 1, "2000", vendor=org.other_vendor),
    ]
    made = submitted(org, *lines)
    assert rolling(made) == (4900, 4900)
    assert facts_of(made)["vendor_family"] == "V-1000"


def test_the_tier_is_never_below_the_amount(org):
    lines = [
        line_input(org, 1, "900", vendor=org.vendor),
        line_input(org, 1, "2000", vendor=org.other_vendor),
    ]
    assert rolling(submitted(org, *lines)) == (2000, 2900)


@pytest.mark.parametrize(("days", "counts"), [(29, True), (30, False), (31, False)])
def test_the_window_is_the_entity_s(org, days, counts):
    submitted(org, line_input(org, 1, "3000"))
    made = submitted(org, line_input(org, 1, "3000"), at=NOW + timedelta(days=days))
    assert rolling(made)[0] == (6000 if counts else 3000)


def test_the_window_can_be_shorter(org):
    org.entity.splitting_window_days = 7
    org.entity.save()
    submitted(org, line_input(org, 1, "3000"))
    late = submitted(org, line_input(org, 1, "3000"), at=NOW + timedelta(days=8))
    assert rolling(late)[0] == 3000


@pytest.mark.parametrize("ending", ["reject", "return", "withdraw", "cancel"])
def test_what_came_to_nothing_does_not_count(org, ending):
    made = submitted(org, line_input(org, 1, "3000"))
    if ending == "withdraw":
        services.withdraw(requisition=made, actor=org.rita, at=NOW)
    elif ending == "cancel":
        decide_all(made)
        services.cancel(requisition=made, actor=org.rita, at=NOW, reason="Not needed.")
    else:
        decide_all(made, ending)
    assert rolling(submitted(org, line_input(org, 1, "3000")))[0] == 3000


def test_what_is_sent_again_counts_with_what_came_meanwhile(org):
    made = submitted(org, line_input(org, 1, "3000"))
    decide_all(made, "return")
    submitted(org, line_input(org, 1, "3000"))
    again = services.submit(requisition=made, actor=org.rita, at=NOW)
    assert rolling(again)[0] == 6000


def test_an_approved_one_counts(org):
    """So does one that was closed: what was ordered from it was bought."""
    done = submitted(org, line_input(org, 1, "3000"))
    decide_all(done)
    assert rolling(submitted(org, line_input(org, 1, "3000")))[0] == 6000
    services.close(requisition=done, actor=org.bea, at=NOW, reason="The rest is not needed")
    assert rolling(submitted(org, line_input(org, 1, "3000")))[0] == 9000


def test_a_draft_counts_for_nothing(org):
    draft(org, line_input(org, 1, "3000"))
    assert rolling(submitted(org, line_input(org, 1, "3000")))[0] == 3000


def test_another_entity_s_vendor_of_the_same_code_is_another_family(org, nils):
    una = person("una", entity=org.uk, roles=[Role.REQUESTER], manager=nils)
    coding = [DistributionInput(org.uk_cost_center, org.uk_gl_account)]
    line = line_input(org, 1, "3000", tax_code="UK20", distributions=coding)
    asked_by(org, una, line, vendor=org.uk_vendor, currency="GBP")
    assert rolling(submitted(org, line_input(org, 1, "3000")))[0] == 3000


# --- colleagues --------------------------------------------------------------------------------


def test_a_colleague_s_part_of_the_same_purchase_counts(org, bea):
    """The same cost centre, the same vendor, nearly the same amount, other words."""
    asked_by(org, bea, line_input(org, 1, "4800", description="Notebooks, part one"))
    made = submitted(org, line_input(org, 1, "4900", description="Devices"))
    assert rolling(made)[0] == 9700
    assert "dora" in chain_of(made)
    split = flag(made, "split")
    assert "9,700.00 EUR" in split.words
    assert [each.words.split(" · ")[1] for each in split.more] == ["Bea Hoffmann"]


def test_a_colleague_s_own_business_does_not_count(org, bea):
    asked_by(org, bea, line_input(org, 1, "1200", description="Monitor arms"))
    made = submitted(org, line_input(org, 1, "4900", description="Notebooks"))
    assert rolling(made)[0] == 4900


def test_a_colleague_of_another_cost_centre_does_not_count(org, bea):
    coding = [coded(org, "CC500", "6400", "ATLAS")]
    asked_by(org, bea, line_input(org, 1, "4900", distributions=coding))
    assert rolling(submitted(org, line_input(org, 1, "4900")))[0] == 4900


# --- self-service must not be split ------------------------------------------------------------


def test_self_service_ends_where_the_sum_passes_the_limit(org):
    first = submitted(org, item_input(org, "DOCK", 2), vendor=None)  # 299.80 of 500
    second = submitted(org, item_input(org, "DOCK", 1), vendor=None)  # 449.70 together
    third = submitted(org, item_input(org, "DOCK", 1), vendor=None)  # 599.60 together
    assert [each.status for each in (first, second, third)] == ["approved", "approved", "submitted"]
    assert facts_of(third)["within_delegated_limit"] is False


# --- flags -------------------------------------------------------------------------------------


def test_a_twin_is_named_to_who_decides(org):
    first = submitted(org, line_input(org, 10, "10.00"))
    second = submitted(org, line_input(org, 10, "10.50"), at=NOW + timedelta(days=2))
    twin = flag(second, "duplicate")
    assert first.number in twin.words
    assert [each.words for each in twin.more] == [
        f"{first.number} · Rita Sommer · 100.00 EUR · 2 Mar 2026"
    ]
    assert [each.url for each in twin.more] == [f"/requisitions/{first.pk}/"]
    assert [each.url for each in flag(first, "duplicate").more] == [f"/requisitions/{second.pk}/"]


@pytest.mark.parametrize(
    "line", [{"description": "Rope"}, {"price": "20.00"}], ids=["other item", "other amount"]
)
def test_no_twin_when_item_or_amount_differ(org, line):
    submitted(org, line_input(org, 10, "10.00"))
    assert flag(submitted(org, line_input(org, 10, **line)), "duplicate") is None


def test_the_same_catalog_item_is_the_same_whatever_it_is_called(org):
    submitted(org, item_input(org, "NB-14", 1), vendor=None)
    made = submitted(org, item_input(org, "NB-14", 1, description="My machine"), vendor=None)
    assert flag(made, "duplicate") is not None


def test_parts_are_named_where_the_sum_crosses_a_tier(org):
    first = submitted(org, line_input(org, 1, "4900"))
    assert flag(first, "split") is None
    second = submitted(org, line_input(org, 1, "3000", description="Cabinets"))
    split = flag(second, "split")
    assert "7,900.00 EUR" in split.words and "within 5,000.00 EUR" in split.words
    assert [first.number in each.words for each in split.more] == [True]
    assert flag(first, "split") is not None, "whoever decides the first sees the second"


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "with {1} it"), (2, "with {2} and {1} it"), (3, "with {3}, {2} and {1} it"),
     (5, "with {5}, {4}, {3} and 2 more it")],
)  # fmt: skip
def test_the_newest_parts_are_named_by_number(org, count, said):
    """A mail shows the sentence alone."""
    numbers = [submitted(org, line_input(org, 1, "4900")).number for _ in range(count)]
    split = flag(submitted(org, line_input(org, 1, "4900")), "split")
    assert said.format("", *numbers) in split.words


def test_a_long_list_ends_with_how_many_more_there_are(org):
    numbers = [submitted(org, line_input(org, 1, "900")).number for _ in range(12)]
    more = flag(submitted(org, line_input(org, 1, "900")), "split").more
    assert [each.words.split(" · ")[0] for each in more] == [*numbers[:1:-1], "and 2 more"]


def test_nothing_is_said_where_no_tier_is_crossed(org):
    submitted(org, line_input(org, 1, "1200"))
    made = submitted(org, line_input(org, 1, "1300", description="Cabinets"))
    assert flag(made, "split") is None


def test_nothing_is_said_where_one_reaches_the_tier_alone(org):
    submitted(org, line_input(org, 1, "6000"))
    made = submitted(org, line_input(org, 1, "2000", description="Cabinets"))
    assert flag(made, "split") is None


def test_a_tier_from_a_rule_includes_its_first_amount(org):
    """“From 1 000”: 400 and 600 together reach it, 400 and 599.99 do not."""
    submitted(org, line_input(org, 1, "400"))
    assert flag(submitted(org, line_input(org, 1, "600", description="Ropes")), "split")


def test_what_somebody_may_approve_just_so_is_no_tier_crossed(org):
    """2 500 and 2 500 are Axel's 5 000."""
    submitted(org, line_input(org, 1, "2500"))
    made = submitted(org, line_input(org, 1, "2500", description="Cabinets"))
    assert flag(made, "split") is None
    assert flag(submitted(org, line_input(org, 1, "2500.01", description="Racks")), "split")


def test_a_tier_is_not_crossed_by_a_cent_less(org):
    submitted(org, line_input(org, 1, "550"))
    made = submitted(org, line_input(org, 1, "449.99", description="Ropes"))
    assert flag(made, "split") is None


def test_links_lead_only_to_what_one_may_see(org, rita, bea):
    other = asked_by(org, bea, line_input(org, 1, "4900"))
    made = submitted(org, line_input(org, 1, "4900"))
    asked = stored(made, lines_of(made))
    said = flags_of(made, asked, at=NOW, seen_by=rita)
    assert {one.url for each in said for one in each.more} == {""}
    said = flags_of(made, asked, at=NOW, seen_by=org.dora)
    assert {one.url for each in said for one in each.more} == {f"/requisitions/{other.pk}/"}


@pytest.mark.parametrize("count", [2, 20])
def test_looking_around_costs_the_same_however_many_there_are(
    org, rita, count, django_assert_num_queries
):
    for _ in range(count):
        made = submitted(org)
    asked = stored(made, lines_of(made))
    assert rita.roles
    with django_assert_num_queries(6):
        flags_of(made, asked, at=NOW, seen_by=rita)
