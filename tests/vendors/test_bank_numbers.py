"""Bank account numbers are read however they are spelled, and checked by their own digits."""

import pytest

from vendors import bank

IBAN = "DE89370400440532013000"


def codes(said, routing="", country=""):
    return [(each.pointer, each.code) for each in bank.number_errors(said, routing, country)]


@pytest.mark.parametrize(
    "said", [IBAN, "de89 3704 0044 0532 0130 00", "DE89-3704-0044-0532-0130-00", f" {IBAN}\u00a0"]
)
def test_one_account_however_it_is_spelled(said):
    number = bank.read(said)
    assert (number.number, number.is_iban, number.country) == (IBAN, True, "DE")
    assert number.index == bank.read(IBAN).index
    assert number.last_four == "3000"
    assert IBAN not in repr(number)


def test_another_account_has_another_index():
    assert bank.read(IBAN).index != bank.read("DE02120300000000202051").index
    here, elsewhere = (bank.read("12345678", routing) for routing in ("026009593", "021000021"))
    assert here.index != elsewhere.index  # the same number at another bank
    assert here.index == bank.read("026009593/1234-5678").index


@pytest.mark.parametrize(
    ("said", "routing", "country", "faults"),
    [
        ("", "", "DE", [("/number", "required")]),
        ("DE89370400440532013001", "", "", [("/number", "check_digits")]),
        ("DE8937040044053201300", "", "", [("/number", "check_digits")]),
        ("XX89370400440532013000", "", "", [("/number", "check_digits")]),
        (IBAN, "", "FR", [("/country", "other_country")]),
        ("0532013000", "37040044", "DE", [("/number", "invalid")]),
        ("0532013000", "37040044", "XX", [("/country", "required")]),
        ("12345678", "", "GB", [("/routing", "required")]),
        ("123", "200000", "GB", [("/number", "invalid")]),
        ("12345678", "026009594", "US", [("/routing", "check_digits")]),
        ("1" * 65, "200000", "GB", [("/number", "max_length")]),
    ],
)
def test_what_is_no_account_is_refused_at_its_field(said, routing, country, faults):
    assert codes(said, routing, country) == faults


@pytest.mark.parametrize(
    ("said", "routing", "country"),
    [
        (IBAN, "", "DE"),
        ("GB82 WEST 1234 5698 7654 32", "", "GB"),
        ("12345678", "20-00-00", "GB"),
        ("12345678", "026009593", "US"),
        ("026009593/12345678", "", "US"),
    ],
)
def test_what_is_one_passes(said, routing, country):
    assert codes(said, routing, country) == []


@pytest.mark.parametrize(
    ("bic", "faults"),
    [("", 0), ("COBADEFFXXX", 0), ("COBADEFF", 0), ("COBADE", 1), ("12345678", 1)],
)
def test_bank_codes(bic, faults):
    assert len(bank.bic_errors(bic)) == faults
