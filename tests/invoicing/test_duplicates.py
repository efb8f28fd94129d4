"""Invoices that look like one that came before: the tiers D1 to D6, and what is none."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing import duplicates, services
from invoicing.linking import number_key
from invoicing.models import Invoice
from tests.factories import NOW, TODAY
from vendors import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(make):
    return make.issued(("10", "100"), ("10", "100"))


@pytest.fixture
def first(bills, order):
    """Number 4711-05 over 1,190.00 for line 1."""
    return bills.captured(order, ("10", "100"), number="INV-4711-05")


def tiers(invoice):
    known = standing.Standing()
    if invoice.vendor is not None:
        known = standing.of(invoice.vendor, at=NOW)
    return [(twin.tier, twin.number) for twin in duplicates.twins(invoice, known)]


@pytest.mark.parametrize(
    "disguise", ["inv 4711 05", "INV4711-05 ", "INV-004711-05", "INV/4711/05.", "ＩＮＶ-4711-05"]
)
def test_the_same_number_in_another_spelling_does_not_come_in_twice(bills, order, first, disguise):
    with pytest.raises(services.DuplicateInvoice):
        bills.captured(order, ("1", "7"), number=disguise)
    assert Invoice.objects.get() == first


@given(st.lists(st.tuples(st.from_regex(r"[A-Z]{1,4}", fullmatch=True), st.integers(0, 10**6)),
                min_size=1, max_size=3), st.randoms(use_true_random=False))  # fmt: skip
def test_m14_a_number_is_the_same_whatever_its_case_spaces_zeros_and_punctuation(runs, dice):
    def spelled(letters, digits):
        gap = dice.choice(["", " ", "-", "/", ".", "#", "\t", "–"])
        case = dice.choice([str.upper, str.lower, str.title])
        zeros = "0" * dice.randint(0, 3)
        wide = str.maketrans("0123456789", "０１２３４５６７８９")
        figures = str(digits).translate(wide) if dice.random() < 0.3 else str(digits)
        return case(letters) + gap + zeros + figures + dice.choice(["", " ", "-", "."])

    plain = "".join(f"{letters}{digits}" for letters, digits in runs)
    assert number_key("".join(spelled(*run) for run in runs)) == number_key(plain) == plain


@pytest.mark.parametrize("named", ["both", "first", "other"])
def test_a_company_of_the_family_with_the_same_number_is_d1(org, bills, order, first, named):
    """A vendor that names no family is one by its own code."""
    families = {
        "both": ("Elbe", "Elbe"),
        "first": (org.other_vendor.code, ""),
        "other": ("", org.vendor.code),
    }
    for vendor, family in zip((org.vendor, org.other_vendor), families[named], strict=True):
        vendor.family = family
        vendor.save()
    twin = bills.captured(None, ("1", "7"), number="INV-4711-05", vendor=org.other_vendor)
    assert tiers(twin) == [("D1", "INV-4711-05")]


@pytest.mark.parametrize(
    ("number", "days", "lines", "found"),
    [
        ("INV-4711-05", -365, ("1", "7"), "D2"),  # another year
        ("R-9", 0, ("10", "100"), "D3"),  # same amount and day
        ("R-9", 45, ("10", "100"), "D4"),  # same order line and amount
        ("R-9", 46, ("10", "100"), ""),
        ("R-9", -1, ("10", "100.01"), ""),
        ("INV-4711-O5", 9, ("1", "7"), "D4"),  # one slip of the eye, whatever the amount
        ("lNV-4711-05", 9, ("1", "7"), "D4"),
        ("INV-47I1-05", 9, ("1", "7"), "D4"),
        ("INV-4711-0S", 9, ("1", "7"), "D4"),
        ("INV-4711-05A", 9, ("1", "7"), "D4"),
        ("INV-4711-05-1", 9, ("1", "7"), "D4"),
        ("INV-4711-051", 9, ("1", "7"), ""),  # a number further on
        ("INV-47II-05", 9, ("1", "7"), ""),  # two slips
        ("INV-4712-05", 9, ("1", "7"), ""),
        ("INV-471I-0S", 9, ("10", "100"), "D4"),  # two slips, same amount
    ],
)
def test_what_it_is_to_the_first_one(bills, order, first, number, days, lines, found):
    day = first.issue_date + timedelta(days=days)
    other = bills.captured(order, lines, number=number, issue_date=day)
    assert tiers(other) == ([(found, first.number)] if found else [])
    if found != "D2":  # whichever came first
        assert [tier for tier, _ in tiers(first)] == ([found] if found else [])


def test_the_same_amount_for_another_line_of_the_order_is_none(bills, order, first):
    day = first.issue_date - timedelta(days=3)
    other = bills.captured(order, ("0", "0"), ("10", "100"), number="R-9", issue_date=day)
    assert tiers(other) == []
    for amount in ("currency", "kind"):
        said = {"currency": "USD"} if amount == "currency" else {"kind": "credit_note"}
        other = bills.captured(order, ("10", "100"), number=f"R-{amount}", issue_date=day, **said)
        assert first.number not in {number for _, number in tiers(other)}


@pytest.mark.parametrize("gone", ["reject", "return_to_vendor"])
def test_what_was_sent_back_may_come_again(org, bills, order, first, gone):
    code = {"code": "OTH"} if gone == "return_to_vendor" else {}
    getattr(services, gone)(invoice=first, reason="Wrong", actor=org.finn, at=NOW, **code)
    again = bills.captured(order, ("10", "100"), number="INV-4711-05")
    assert tiers(again) == []


def test_another_vendors_and_another_entitys_are_none(org, bills, order, first):
    other = bills.captured(None, ("10", "100"), number="INV-4711-05", vendor=org.other_vendor)
    assert tiers(other) == []
    assert tiers(bills.captured(None, ("10", "100"), number="INV-4711-05", vendor_name="X")) == []


def test_the_very_same_file_is_d6(org, documents, finn):
    """It may only have come in twice where the first was sent back and taken up again."""
    data = (documents / "invoice.xml").read_bytes()
    said = {"entity": org.entity, "data": data, "filename": "a.xml", "actor": finn, "at": NOW}
    first = services.import_file(**said)
    with pytest.raises(services.DuplicateInvoice, match="came before"):
        services.import_file(**said)
    Invoice.objects.filter(pk=first.pk).update(
        number="1", number_key="1", vendor=org.vendor, issue_date=date(2020, 1, 1), gross=1
    )
    other = Invoice.objects.get(pk=first.pk)
    other.pk, other._state.adding = None, True
    other.number = other.number_key = "7"
    other.pk = Invoice._meta.pk.get_default()
    other.save()
    assert tiers(other) == [("D6", "1")]


def test_as_many_statements_whatever_it_resembles(
    bills, order, first, django_assert_max_num_queries
):
    for number in range(4):
        day = TODAY - timedelta(days=number + 1)
        other = bills.captured(order, ("10", "100"), number=f"M-{number}", issue_date=day)
    other = Invoice.objects.prefetch_related("lines").select_related("vendor").get(pk=other.pk)
    known = standing.of(other.vendor, at=NOW)
    with django_assert_max_num_queries(2):
        assert len(duplicates.twins(other, known)) == 4


def test_a_crowd_over_the_same_amount_hides_nothing_that_stops_and_only_five_are_named(
    bills, order, first
):
    day = first.issue_date - timedelta(days=365)
    bills.captured(order, ("1", "7"), number="INV-9", issue_date=day)
    names = [each.attname for each in Invoice._meta.concrete_fields if each.attname != "id"]
    row = {name: getattr(first, name) for name in names}
    Invoice.objects.bulk_create(
        Invoice(**row | {"number": f"C{each}", "number_key": f"C{each}"})
        for each in range(duplicates.MOST_LOOKED_AT)
    )
    other = bills.captured(order, ("10", "100"), number="INV-9")
    newest = sorted(f"C{number}" for number in range(195, 200))
    assert tiers(other) == [("D2", "INV-9"), *(("D3", number) for number in newest)]
