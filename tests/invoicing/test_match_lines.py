"""The match of single lines: the oracle tables, to the cent."""

from datetime import date

import pytest

from invoicing.matching import CHECKS, Charge, Tolerance, match

from .facts import (
    billed,
    d,
    failing,
    given,
    invoice,
    order,
    order_line,
    result,
    results,
    two_percent_and_fifteen,
)


def test_exact_invoice_matches_and_every_check_says_so():
    outcome = match(given(invoice(billed(100))))
    assert outcome.outcome == "matched"
    assert {r.outcome for r in outcome.results} == {"pass"}
    seen = [r.check for r in outcome.results]
    assert seen == sorted(seen, key=CHECKS.index)
    assert set(CHECKS) - set(seen) == {
        *("quantity_accepted", "tax", "invoice_total", "blanket_cap")
    }


# ---- price, line amount, cumulative (tolerance 2 % AND 15.00 per line)


def test_hundred_at_10_20_breaks_the_absolute_part():
    outcome = match(given(invoice(billed(100, "10.20")), tolerances=two_percent_and_fifteen()))
    assert outcome.outcome == "in_exception"
    line = result(outcome, "line_amount")
    assert (line.outcome, line.variance, line.variance_percent) == ("exception", d(20), d(2))
    assert line.limit == "2 % and 15"
    assert line.rule == "lines 2 %/15"
    assert result(outcome, "unit_price").outcome == "pass"
    assert line.sentence == (
        "Net 1,020.00 EUR for 100 pcs; at the order price that is 1,000.00 EUR: "
        "20.00 EUR (2 %) more (tolerance 2 % and 15)."
    )


def test_sixty_at_10_20_is_matched():
    outcome = match(given(invoice(billed(60, "10.20")), tolerances=two_percent_and_fifteen()))
    assert outcome.outcome == "matched"
    assert result(outcome, "line_amount").variance == d(12)
    assert result(outcome, "line_amount").variance_percent == d(2)


def test_then_forty_at_10_20_breaks_the_cumulative_amount():
    before = order(order_line(billed_quantity=d(60), billed_amount=d(612), price_variance=d(12)))
    outcome = match(
        given(invoice(billed(40, "10.20")), before, tolerances=two_percent_and_fifteen())
    )
    assert failing(outcome) == {"cumulative_amount"}
    assert result(outcome, "line_amount").variance == d(8)
    assert result(outcome, "cumulative_amount").variance == d(20)


@pytest.mark.parametrize(("price", "expected"), [("10.50", "pass"), ("10.51", "exception")])
def test_price_tolerance_of_five_percent_includes_its_edge(price, expected):
    five = (Tolerance("unit_price", percent=d(5)), Tolerance("line_amount"))
    outcome = match(given(invoice(billed(1, price)), tolerances=five))
    assert result(outcome, "unit_price").outcome == expected


def test_variance_is_compared_unrounded():
    five = (Tolerance("unit_price", percent=d(5)), Tolerance("line_amount"))
    outcome = match(given(invoice(billed(1, "10.500001")), tolerances=five))
    assert result(outcome, "unit_price").outcome == "exception"
    assert result(outcome, "unit_price").variance == d("0.500001")


def test_without_a_rule_dearer_is_an_exception_for_the_buyer():
    outcome = match(given(invoice(billed(100, "10.01"))))
    price = result(outcome, "unit_price")
    assert (price.outcome, price.route, price.limit) == ("exception", "buyer", "0")
    assert price.sentence == (
        "Billed at 10.01 EUR per piece, ordered at 10.00 EUR: 0.01 EUR (0.1 %) dearer (tolerance 0)."  # noqa: E501
    )


@pytest.mark.parametrize(
    ("combine", "price", "expected"),
    [
        ("AND", "10.16", "exception"),  # 16.00 is over 15.00, though 1.6 % is under 2 %
        ("OR", "10.16", "pass"),
        ("OR", "10.21", "exception"),  # 21.00 and 2.1 %: over both
    ],
)
def test_and_asks_for_both_parts_or_for_one(combine, price, expected):
    rule = (Tolerance("line_amount", percent=d(2), absolute=d(15), combine=combine),)
    outcome = match(given(invoice(billed(100, price)), tolerances=rule))
    assert result(outcome, "line_amount").outcome == expected


def test_where_an_amount_may_do_instead_the_price_alone_stops_nothing():
    """2 % or 15.00 for a line: a single piece may be dearer by half, for it is 5.00."""
    rule = (Tolerance("line_amount", percent=d(2), absolute=d(15), combine="OR"),)
    assert match(given(invoice(billed(1, "15.00")), tolerances=rule)).outcome == "matched"


def test_empty_tolerance_is_no_limit_and_zero_is_exact():
    dear = invoice(billed(100, "99.00"))
    free = (Tolerance("line_amount"), Tolerance("unit_price"))
    assert match(given(dear, tolerances=free)).outcome == "matched"
    exact = (Tolerance("line_amount", absolute=d(0)), Tolerance("unit_price", percent=d(0)))
    cent = invoice(billed(100, "10.01"))
    assert failing(match(given(cent, tolerances=exact))) >= {"unit_price", "line_amount"}


def test_cheaper_passes_and_is_flagged_beyond_its_own_limit():
    cheap = invoice(billed(100, "9.80"))
    assert match(given(cheap)).flags == ()
    rule = (Tolerance("unit_price", "under", percent=d(10), action="pass", name="wrong item?"),)
    assert match(given(cheap, tolerances=rule)).flags == ()
    outcome = match(given(invoice(billed(100, "5.00")), tolerances=rule))
    assert outcome.outcome == "matched"
    assert [(f.check, f.rule) for f in outcome.flags] == [("unit_price", "wrong item?")]
    assert "5.00 EUR (50 %) cheaper" in outcome.flags[0].sentence


def test_rule_for_some_lines_is_not_lent_to_others_and_documents_keep_to_all():
    lines = order_line(), order_line(id="other", line_number="2")
    rules = (
        *(
            Tolerance(check, percent=d(20), lines=("other",))
            for check in ("line_amount", "charges")
        ),
        *(Tolerance(check, percent=d(1)) for check in ("line_amount", "charges")),
    )
    both = invoice(
        billed(10, "10.10"),
        billed(10, "10.10", number="2", order_line="other"),
        charges=(Charge(charge=True, amount=d("0.01")),),
    )
    facts = given(both, order(*lines), tolerances=rules)
    assert failing(match(facts)) == {"charges"}
    only = (Tolerance("line_amount", percent=d(20), lines=("other",)),)
    facts = given(invoice(*both.lines), order(*lines), tolerances=only)
    stopped = {(each.check, each.line_number) for each in match(facts).exceptions}
    assert stopped >= {("unit_price", "1"), ("line_amount", "1")}
    assert "2" not in {number for _, number in stopped}


def test_two_rules_for_one_check_apply_the_graver():
    rules = (
        Tolerance("unit_price", percent=d(2), name="ask"),
        Tolerance("unit_price", percent=d(10), action="block", name="stop"),
        Tolerance("line_amount"),
    )
    asked = match(given(invoice(billed(100, "10.50")), tolerances=rules))
    assert (asked.outcome, result(asked, "unit_price").rule) == ("in_exception", "ask")
    stopped = match(given(invoice(billed(100, "11.50")), tolerances=rules))
    assert (stopped.outcome, result(stopped, "unit_price").rule) == ("blocked", "stop")


def test_rounding_of_a_line_is_no_difference():
    line = order_line(quantity=d(3), unit_price=d("33.333"), net=d("100.00"), received=d(3))
    outcome = match(given(invoice(billed(3, "33.333", net="100.00")), order(line)))
    assert outcome.outcome == "matched"


def test_price_base_quantities_are_compared_per_unit():
    line = order_line(unit_price=d("1000"), price_base_quantity=d(100))
    per_ten = billed(100, "100", net="1000", price_base_quantity=d(10))
    assert match(given(invoice(per_ten), order(line))).outcome == "matched"


# ---- quantities


def test_more_than_received_names_the_figures():
    beeswax = order_line(unit="KGM", unit_price=d(1), net=d(100), received=d(90))
    outcome = match(given(invoice(billed(100, "1.00", unit="KGM")), order(beeswax)))
    assert failing(outcome) == {"quantity_received"}
    short = result(outcome, "quantity_received")
    assert (short.expected, short.actual, short.variance) == (d(90), d(100), d(10))
    assert short.route == "receiver"
    assert short.sentence == (
        "Billed 100 kg, received 90 kg: 10 kg more than received (tolerance 0)."
    )


def test_receipt_of_the_missing_rest_matches():
    beeswax = order_line(unit="KGM", unit_price=d(1), net=d(100), received=d(100))
    assert (
        match(given(invoice(billed(100, "1.00", unit="KGM")), order(beeswax))).outcome == "matched"
    )


@pytest.mark.parametrize(
    ("match_type", "expected"), [("2-way", set()), ("3-way", {"quantity_received"})]
)
def test_two_way_does_not_ask_for_a_receipt(match_type, expected):
    line = order_line(match_type=match_type, received=d(0))
    assert failing(match(given(invoice(billed(100)), order(line)))) == expected


def test_four_way_asks_for_acceptance_too():
    line = order_line(match_type="4-way", accepted=d(98))
    outcome = match(given(invoice(billed(100)), order(line)))
    assert failing(outcome) == {"quantity_accepted"}
    assert "2 pcs more than accepted" in result(outcome, "quantity_accepted").sentence


def test_four_way_asks_for_the_receipt_as_well():
    line = order_line(match_type="4-way", received=d(98), accepted=d(98))
    outcome = match(given(invoice(billed(100)), order(line)))
    assert failing(outcome) == {"quantity_received", "quantity_accepted"}


def test_earlier_invoices_count():
    line = order_line(billed_quantity=d(50), billed_amount=d(500))
    outcome = match(given(invoice(billed(60)), order(line)))
    ordered = result(outcome, "quantity_ordered")
    assert ordered.variance == d(10)
    assert ordered.sentence == (
        "Billed 60 pcs after 50 pcs, 110 pcs together, ordered 100 pcs: "
        "10 pcs more than ordered (tolerance 0)."
    )


def test_two_invoice_lines_on_one_order_line_are_judged_together():
    line = order_line(quantity=d(5), net=d(50), received=d(5))
    both = match(given(invoice(billed(2), billed(3, number="2")), order(line)))
    assert both.outcome == "matched"
    over = match(given(invoice(billed(2), billed(4, number="2")), order(line)))
    assert failing(over) == {"quantity_ordered", "quantity_received"}
    assert result(over, "quantity_ordered").line_number == "2"


def test_over_billing_tolerance_of_quantity():
    two = (
        Tolerance("quantity_ordered", percent=d(2)),
        Tolerance("quantity_received", percent=d(2)),
    )
    assert match(given(invoice(billed(102)), tolerances=two)).outcome == "matched"
    assert failing(match(given(invoice(billed("102.01")), tolerances=two))) == {
        "quantity_ordered",
        "quantity_received",
    }


@pytest.mark.parametrize(
    ("before", "received", "now", "failed", "flagged"),
    [
        (0, 50, 30, set(), set()),
        (20, 60, 50, {"quantity_received"}, set()),
        (50, 120, 50, set(), {"quantity_received"}),  # received above ordered
        (50, 120, 60, {"quantity_ordered"}, set()),
        (50, 100, 80, {"quantity_ordered", "quantity_received"}, set()),
    ],
)
def test_what_to_say_when_a_bill_meets_receipts(before, received, now, failed, flagged):
    line = order_line(received=d(received), billed_quantity=d(before), billed_amount=d(before) * 10)
    outcome = match(given(invoice(billed(now)), order(line)))
    assert failing(outcome) == failed
    assert {flag.check for flag in outcome.flags} == flagged


def test_limit_below_holds_for_what_is_taken_back_as_well():
    """−5 for 51.00 instead of 50.00: 2 % of what it should be, whichever its sign."""
    rule = (Tolerance("line_amount", "under", percent=d(2)),)
    line = order_line(billed_quantity=d(5), billed_amount=d(50))
    for net, outcome in (("-51", "pass"), ("-51.01", "exception")):
        facts = given(invoice(billed(-5, net=net)), order(line), tolerances=rule)
        assert result(match(facts), "line_amount").outcome == outcome


def test_line_without_a_quantity_asks_for_one():
    outcome = match(given(invoice(billed(None, net="1000"))))
    assert failing(outcome) == {"quantity_ordered"}


def test_negative_line_may_not_take_back_more_than_was_billed():
    line = order_line(billed_quantity=d(5), billed_amount=d(50))
    assert match(given(invoice(billed(-5)), order(line))).outcome == "matched"
    assert failing(match(given(invoice(billed(-6)), order(line)))) == {"quantity_ordered"}


# ---- by amount


def test_services_by_amount_are_billed_against_the_amount():
    line = order_line(
        basis="amount", quantity=d(1), unit="C62", unit_price=d(1000), received=d(400)
    )
    outcome = match(given(invoice(billed(1, net="400")), order(line)))
    assert outcome.outcome == "matched"
    over = match(given(invoice(billed(1, net="400.01")), order(line)))
    assert failing(over) == {"quantity_received"}
    assert "0.01 EUR more than received" in result(over, "quantity_received").sentence


# ---- waiting


def test_invoice_before_its_receipt_waits_until_its_window_has_passed():
    nothing_yet = order(order_line(received=d(0)))
    facts = given(invoice(billed(100)), nothing_yet, waiting_until=date(2026, 3, 21))
    outcome = match(facts)
    assert (outcome.outcome, outcome.exceptions) == ("waiting", ())
    assert result(outcome, "quantity_received").sentence == (
        "Nothing received yet for what is billed; waits until 21 Mar 2026."
    )
    late = given(invoice(billed(100)), nothing_yet, waiting_until=date(2026, 3, 20))
    assert match(late).outcome == "in_exception"


def test_what_a_rule_only_flags_does_not_wait():
    rule = (Tolerance("quantity_received", absolute=d(0), action="pass"),)
    facts = given(
        invoice(billed(100)),
        order(order_line(received=d(0))),
        waiting_until=date(2026, 4, 30),
        tolerances=rule,
    )
    assert match(facts).outcome == "matched"


def test_part_receipt_does_not_wait():
    part = order(order_line(received=d(90)))
    facts = given(invoice(billed(100)), part, waiting_until=date(2026, 4, 30))
    assert match(facts).outcome == "in_exception"


def test_second_invoice_before_the_second_receipt_waits():
    half = order(order_line(received=d(50), billed_quantity=d(50), billed_amount=d(500)))
    facts = given(invoice(billed(50)), half, waiting_until=date(2026, 4, 30))
    assert match(facts).outcome == "waiting"


def test_price_difference_is_an_exception_even_while_waiting():
    facts = given(
        invoice(billed(100, "11.00")),
        order(order_line(received=d(0))),
        waiting_until=date(2026, 4, 30),
    )
    assert match(facts).outcome == "in_exception"


# ---- link and unit


def test_line_without_an_order_line_goes_to_ap():
    outcome = match(given(invoice(billed(100), billed(1, "30", number="2", order_line=None))))
    assert failing(outcome) == {"line_link", "order_total"}
    assert [r.route for r in outcome.exceptions if r.check == "line_link"] == ["ap"]


def test_unit_must_agree_and_a_missing_one_is_flagged():
    other = match(given(invoice(billed(100, unit="KGM"))))
    assert failing(other) == {"unit"}
    assert match(given(invoice(billed(100, unit="ea")))).outcome == "matched"
    silent = match(given(invoice(billed(100, unit=""))))
    assert [flag.check for flag in silent.flags] == ["unit"]


# ---- credit notes


def credit(*lines, **changes):
    return invoice(*lines, kind="credit_note", **changes)


BILLED = {"billed_quantity": d(100), "billed_amount": d(1000)}


def test_credit_for_returned_goods_at_the_billed_price():
    outcome = match(given(credit(billed(10)), order(order_line(**BILLED, received=d(90)))))
    assert outcome.outcome == "matched"
    assert result(outcome, "quantity_ordered").sentence == (
        "Credited 10 pcs, billed before 100 pcs."
    )


def test_credit_of_more_than_was_billed_is_an_exception():
    outcome = match(given(credit(billed(101)), order(order_line(**BILLED))))
    assert failing(outcome) == {"quantity_ordered", "cumulative_amount"}


def test_credit_at_less_than_the_billed_price_is_an_exception():
    outcome = match(given(credit(billed(10, "9.00")), order(order_line(**BILLED))))
    assert failing(outcome) == {"unit_price", "line_amount"}


def test_credit_is_compared_with_what_was_billed_on_average_not_with_what_was_ordered():
    line = order_line(billed_quantity=d(100), billed_amount=d(950))
    price = result(match(given(credit(billed(10, "9.50")), order(line))), "unit_price")
    assert (price.outcome, price.expected, price.variance) == ("pass", d("9.5"), 0)


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ({"percent": d(10)}, "pass"),  # 1.00 of 10.00 a piece, however many pieces
        ({"percent": d("9.9")}, "exception"),
        ({"absolute": d(1)}, "pass"),
        ({"absolute": d("0.99")}, "exception"),
    ],
)
def test_credit_price_is_held_against_its_limit_by_the_piece(rule, outcome):
    rules = (Tolerance("unit_price", **rule), Tolerance("line_amount"))
    facts = given(credit(billed(10, "9.00")), order(order_line(**BILLED)), tolerances=rules)
    assert result(match(facts), "unit_price").outcome == outcome


@pytest.mark.parametrize(
    ("net", "failed"), [("1000.01", set()), ("1000.02", {"cumulative_amount"})]
)
def test_credit_of_more_money_than_was_billed_is_an_exception(net, failed):
    line = billed(100, net=net, credits="price")
    assert failing(match(given(credit(line), order(order_line(**BILLED))))) == failed


def test_price_only_credit_leaves_quantities_alone():
    line = billed(100, "0.20", credits="price")
    outcome = match(given(credit(line), order(order_line(**BILLED))))
    assert outcome.outcome == "matched"
    assert results(outcome, "unit_price") == []
    assert result(outcome, "quantity_ordered").actual == d(0)


def test_credit_on_a_closed_order_is_allowed_and_an_invoice_is_not():
    closed = order(order_line(**BILLED), status="closed")
    assert match(given(credit(billed(10)), closed)).outcome == "matched"
    assert "order_state" in failing(match(given(invoice(billed(10)), closed)))
