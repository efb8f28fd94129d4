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


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ("on_hold", set()),
        ("closed", set()),
        ("draft", {"order_state"}),
        ("cancelled", {"order_state"}),
    ],
)
def test_credit_is_taken_on_what_was_ordered_and_may_be_over(status, failed):
    credited = invoice(billed(10), kind="credit_note")
    line = order_line(billed_quantity=d(100), billed_amount=d(1000))
    assert failing(match(given(credited, order(line, status=status)))) == failed


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


def test_tax_is_rounded_half_up():
    """5 % of 100.50 is 5.025."""
    line = billed(1, net="100.50", tax_category="S", tax_percent=d(5))
    facts = invoice(line, tax_breakdown=(TaxRow("S", d(5), d("100.50"), d("5.03")),))
    assert result(match(given(facts)), "tax").expected == d("5.03")


def test_what_cannot_be_assigned_to_a_tax_row_leaves_its_stated_base():
    rows = (TaxRow("S", d(19), d(600), d(114)), TaxRow("AA", d(7), d(400), d(28)))
    lines = billed(60, **LINE), billed(40, number="2")
    outcome = match(given(invoice(*lines, tax_breakdown=rows)))
    assert [each.outcome for each in results(outcome, "tax")] == ["pass", "pass"]


def test_row_without_a_rate_takes_that_of_its_lines_where_they_agree():
    row = (TaxRow("S", None, d(1000), d(190)),)
    lines = billed(50, **LINE), billed(50, number="2", **LINE)
    assert result(match(given(invoice(*lines, tax_breakdown=row))), "tax").expected == d(190)
    mixed = billed(50, **LINE), billed(50, number="2", tax_category="S", tax_percent=d(7))
    found = result(match(given(invoice(*mixed, tax_breakdown=row))), "tax")
    assert (found.outcome, found.expected) == ("flag", None)


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


def test_the_amount_due_is_the_total_where_it_is_stated():
    for due, expected in (
        ("1190.01", set()),
        ("1190.02", {"invoice_total"}),
        ("9", {"invoice_total"}),
    ):
        facts = given(taxed(billed(100, **LINE), payable=d(due)))
        assert failing(match(facts)) == expected


def test_totals_keep_to_the_document_in_both_directions_whatever_a_rule_says_of_one():
    """Less than recomputed is as wrong as more, unless a rule speaks of less."""
    one_way = (Tolerance("invoice_total", percent=d(50)),)
    short = taxed(billed(100, **LINE), gross=d(1100))
    assert failing(match(given(short, tolerances=one_way))) == {"invoice_total"}


# ---- order total


def test_tolerated_line_differences_are_not_counted_again_against_the_order():
    rule = (Tolerance("line_amount", percent=d(2)),)
    assert match(given(invoice(billed(100, "10.20")), tolerances=rule)).outcome == "matched"


def test_with_a_rule_of_its_own_the_order_total_counts_everything():
    rules = (Tolerance("line_amount", percent=d(2)), Tolerance("order_total", percent=d(1)))
    outcome = match(given(invoice(billed(100, "10.20")), tolerances=rules))
    assert failing(outcome) == {"order_total"}
    assert result(outcome, "order_total").variance == d(20)


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


def test_order_lives_from_the_earlier_of_its_day_and_its_validity():
    """Taken on 2 March, valid from 15 February: what was delivered under the agreement counts."""
    lived = order(valid_from=date(2026, 2, 15))
    for day, failed in ((date(2026, 2, 15), set()), (date(2026, 2, 14), {"dates"})):
        assert failing(match(given(invoice(billed(100), issue_date=day), lived))) == failed


def test_date_that_is_still_to_come_is_flagged():
    found = result(match(given(invoice(billed(100), issue_date=date(2026, 3, 22)))), "dates")
    assert (found.outcome, found.sentence) == (
        "flag",
        "Dated 22 Mar 2026, which is still to come.",
    )
    today = invoice(billed(100), issue_date=date(2026, 3, 21))
    assert result(match(given(today)), "dates").outcome == "pass"
