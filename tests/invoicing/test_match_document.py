"""The match of the whole document: duplicates, parties, charges, tax, totals, dates."""

from dataclasses import replace
from datetime import date

import pytest

from invoicing.matching import Account, Cap, Charge, TaxRow, Tolerance, Twin, VendorFacts, match

from .facts import billed, d, failing, given, invoice, order, order_line, result, results


@pytest.mark.parametrize(
    ("tier", "outcome", "route"),
    [
        ("D1", "block", "ap"),
        ("D2", "exception", "ap"),
        ("D3", "flag", "ap"),
        ("D4", "flag", "ap"),
        ("D5", "exception", "ap_manager"),
        ("D6", "block", "ap"),
    ],
)
def test_duplicate_tiers(tier, outcome, route):
    found = result(
        match(given(invoice(billed(100)), duplicates=(Twin(tier, "R-76"),))), "duplicate"
    )
    assert (found.outcome, found.route, found.rule) == (outcome, route, tier)
    assert "R-76" in found.sentence


def test_block_outweighs_exceptions():
    outcome = match(given(invoice(billed(101)), duplicates=(Twin("D1", "R-77"),)))
    assert outcome.outcome == "blocked"
    assert failing(outcome) == {"duplicate", "quantity_ordered", "quantity_received"}


def test_other_vendor_than_ordered_goes_to_the_ap_manager():
    stranger = invoice(billed(100), vendor="suedwind")
    found = result(match(given(stranger)), "vendor")
    assert (found.outcome, found.route) == ("exception", "ap_manager")


@pytest.mark.parametrize(
    ("status", "expected"), [("blocked", "blocked"), ("suspended", "in_exception")]
)
def test_vendor_who_may_not_be_paid(status, expected):
    facts = given(invoice(billed(100)), vendor=VendorFacts(status=status))
    assert match(facts).outcome == expected


OURS, THEIRS = Account("a1", "DE ••••2051"), Account("b2", "DE ••••5030")


def test_account_that_is_not_approved_never_passes():
    vendor = VendorFacts(accounts=(OURS,))
    known = invoice(billed(100), remit_to=(OURS,))
    assert match(given(known, vendor=vendor)).outcome == "matched"
    strange = invoice(billed(100), remit_to=(OURS, THEIRS))
    found = result(match(given(strange, vendor=vendor)), "remit_to")
    assert (found.outcome, found.route) == ("exception", "ap_manager")
    assert (found.expected, found.actual) == ("DE ••••2051", "DE ••••5030")
    assert found.sentence == (
        "The invoice asks for payment to DE ••••5030, which is not an approved account of the "
        "vendor."
    )


def test_account_of_a_two_way_line_without_any_variance_is_compared_as_well():
    order_of_services = order(order_line(match_type="2-way", received=d(0)))
    wide = (Tolerance("invoice_total", percent=d(100), action="pass"),)
    facts = given(invoice(billed(100), remit_to=(THEIRS,)), order_of_services, tolerances=wide)
    assert failing(match(replace(facts, vendor=VendorFacts(accounts=(OURS,))))) == {"remit_to"}


def test_account_that_does_not_count_yet_waits_for_a_person():
    named = invoice(billed(100), remit_to=(THEIRS,))
    for day, sentence, actual in (
        (None, "does not count yet: it waits for its verification.", "DE ••••5030"),
        (
            date(2026, 3, 5),
            "counts from 5 Mar 2026 on; the invoice is judged again then by itself.",
            "DE ••••5030 from 5 Mar 2026",
        ),
    ):
        vendor = VendorFacts(accounts=(OURS,), later=(replace(THEIRS, counts_from=day),))
        found = result(match(given(named, vendor=vendor)), "remit_to")
        assert (found.outcome, found.actual) == ("exception", actual)
        assert found.sentence.endswith(sentence)


def test_vendor_without_any_account_stops_only_an_invoice_that_names_one():
    assert match(given(invoice(billed(100)))).outcome == "matched"
    found = result(match(given(invoice(billed(100), remit_to=(THEIRS,)))), "remit_to")
    assert (found.outcome, found.route, found.expected) == (
        "exception",
        "ap_manager",
        "none on file",
    )
    assert "no account of the vendor is on file" in found.sentence


def test_account_is_looked_at_right_after_the_vendor():
    names = [each.check for each in match(given(invoice(billed(100), remit_to=(OURS,)))).results]
    assert names[:4] == ["duplicate", "vendor", "remit_to", "currency"]


def test_other_currency():
    outcome = match(given(invoice(billed(100), currency="USD")))
    assert failing(outcome) == {"currency"}


@pytest.mark.parametrize("status", ["draft", "approved", "on_hold", "closed", "cancelled"])
def test_only_an_issued_order_is_billed(status):
    assert failing(match(given(invoice(billed(100)), order(status=status)))) == {"order_state"}


def test_invoice_without_an_order_says_which_reference_was_not_found():
    facts = replace(given(invoice(billed(100), order_reference="PO-9")), order=None)
    outcome = match(facts)
    assert failing(outcome) == {"order_state"}
    assert result(outcome, "order_state").sentence == "No order PO-9 was found."


# ---- charges


def test_charge_that_is_not_on_the_order():
    freight = (Charge(True, d("12.50"), reason="Freight"),)
    outcome = match(given(invoice(billed(90), charges=freight), order(order_line())))
    assert failing(outcome) == {"charges"}
    assert result(outcome, "charges").sentence == (
        "Charges of 12.50 EUR (Freight); the order allows 0.00 EUR: 12.50 EUR more (tolerance 0)."
    )
    agreed = order(order_line(), charges=d("12.50"))
    assert match(given(invoice(billed(100), charges=freight), agreed)).outcome == "matched"


def test_small_charges_pass_within_their_tolerance():
    rules = (Tolerance("charges", absolute=d(20)), Tolerance("order_total", absolute=d(20)))
    freight = (Charge(True, d(20)),)
    assert match(given(invoice(billed(100), charges=freight), tolerances=rules)).outcome == (
        "matched"
    )


def test_allowance_is_welcome():
    discount = (Charge(False, d(10)),)
    assert match(given(invoice(billed(100), charges=discount))).outcome == "matched"


# ---- tax and totals


def taxed(*lines, **changes):
    facts = {
        "tax_breakdown": (TaxRow("S", d(19), d(1000), d(190)),),
        "net": d(1000),
        "tax": d(190),
        "gross": d(1190),
        "payable": d(1190),
    }
    return invoice(*lines, **{**facts, **changes})


LINE = {"tax_category": "S", "tax_percent": d(19)}


def test_tax_and_totals_are_recomputed():
    outcome = match(given(taxed(billed(100, **LINE))))
    assert outcome.outcome == "matched"
    assert [r.outcome for r in results(outcome, "tax")] == ["pass", "pass"]
    assert [r.expected for r in results(outcome, "invoice_total")] == [d(1000), d(1190), d(1190)]


def test_wrong_tax_goes_to_ap_with_figures():
    rows = (TaxRow("S", d(19), d(1000), d(200)),)
    outcome = match(
        given(
            taxed(
                billed(100, **LINE), tax_breakdown=rows, tax=d(200), gross=d(1200), payable=d(1200)
            )
        )
    )
    assert failing(outcome) == {"tax"}
    wrong = outcome.exceptions[0]
    assert (wrong.expected, wrong.actual, wrong.route) == (d(190), d(200), "ap")
    assert wrong.sentence == (
        "Tax S 19 % on 1,000.00 EUR: 200.00 EUR, recomputed 190.00 EUR: "
        "10.00 EUR more (rounding 0.01 EUR)."
    )


def test_tax_on_the_amount_before_the_allowance_is_wrong():
    """The OASIS chain: 17.50 is 17.5 % of 100.00, not of the 90.00 left."""
    line = order_line(unit="KGM", unit_price=d(1), net=d(100))
    facts = invoice(
        billed(100, "1.00", unit="KGM", tax_category="A", tax_percent=d("17.5")),
        charges=(Charge(False, d(10)),),
        tax_breakdown=(TaxRow("A", None, d(100), d("17.50")),),
        net=d(90),
        tax=d("17.50"),
        payable=d("107.50"),
    )
    outcome = match(given(facts, order(line)))
    assert failing(outcome) == {"tax"}
    assert (outcome.exceptions[0].expected, outcome.exceptions[0].variance) == (
        d("15.75"),
        d("1.75"),
    )


def test_totals_that_do_not_add_up():
    outcome = match(given(taxed(billed(100, **LINE), gross=d(1191), payable=d(1191))))
    assert failing(outcome) == {"invoice_total"}


def test_a_cent_of_rounding_per_line_is_allowed_and_two_are_not():
    one = taxed(billed(100, **LINE), gross=d("1190.01"), payable=d("1190.01"))
    assert match(given(one)).outcome == "matched"
    two = taxed(billed(100, **LINE), gross=d("1190.02"), payable=d("1190.02"))
    assert failing(match(given(two))) == {"invoice_total"}


def test_prepayment_and_rounding_count_into_the_amount_due():
    facts = taxed(billed(100, **LINE), prepaid=d(190), rounding=d("0.30"), payable=d("1000.30"))
    assert match(given(facts)).outcome == "matched"


# ---- order total


def test_tolerated_line_differences_are_not_counted_again_against_the_order():
    rule = (Tolerance("line_amount", percent=d(2)),)
    assert match(given(invoice(billed(100, "10.20")), tolerances=rule)).outcome == "matched"


def test_cap_of_a_blanket_order_counts_everything():
    release = order(
        order_line(quantity=d(1000), net=d(10000), received=d(1000)),
        cap=Cap("PO-2026-000009", limit=d(2000), billed=d(1500)),
    )
    outcome = match(given(invoice(billed(51)), release))
    assert failing(outcome) == {"blanket_cap"}
    assert result(outcome, "blanket_cap").sentence == (
        "Billed 2,010.00 EUR in all under PO-2026-000009; its limit is 2,000.00 EUR: 10.00 EUR "
        "more (tolerance 0)."
    )
    assert match(given(invoice(billed(50)), release)).outcome == "matched"


def test_a_blanket_order_itself_is_not_billed():
    outcome = match(given(invoice(billed(50)), order(releases=("PO-2026-000001/001",))))
    assert failing(outcome) == {"order_state"}
    assert "PO-2026-000001/001" in result(outcome, "order_state").sentence


# ---- dates


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 1), {"dates"}),
        (date(2026, 3, 2), set()),
        (date(2026, 6, 30), set()),
        (date(2026, 7, 1), {"dates"}),
    ],
)
def test_dated_within_the_life_of_the_order_both_days_included(day, expected):
    facts = given(invoice(billed(100), issue_date=day), order(valid_to=date(2026, 6, 30)))
    assert failing(match(facts)) == expected
