"""Submitting asks for approval: checked once more, numbered once, nothing reserved."""

from decimal import Decimal

import pytest

from approvals.models import ApprovalRequest
from budgets.ledger import BudgetExceeded, BudgetReasonRequired
from core.errors import IllegalTransition, Invalid, NotAllowed
from requisitions import queries, services
from tests.factories import (
    NOW,
    approved,
    coded,
    decide_all,
    draft,
    item_input,
    line_input,
    requisition_input,
    submitted,
)
from tests.requisitions.watching import events_of, last_event, nothing_changes
from vendors.models import Vendor


def submit(org, requisition, actor=None):
    return services.submit(requisition=requisition, actor=actor or org.rita, at=NOW)


def test_submitting_takes_a_number_asks_the_approver_and_reserves_nothing(org, rita, axel):
    made = submit(org, draft(org))
    assert (made.status, made.number, made.submitted_at) == ("submitted", "REQ-2026-000001", NOW)
    assert org.cell("CC100", "6600").used == 0
    round_ = ApprovalRequest.objects.get(subject_id=made.pk)
    assert round_.digest == queries.digest(made)
    assert (round_.amount, round_.requester) == (100, rita)
    assert queries.holder(made).people == (axel,)


def test_submitting_is_told_and_kept_in_history(org, rita):
    made = submit(org, draft(org))
    assert events_of(made) == ["requisition.created", "requisition.submitted"]
    event = last_event(made)
    assert event.actor == rita
    assert event.changes == [{"field": "status", "old": "draft", "new": "submitted"}]
    assert event.data["digest"] == queries.digest(made)
    assert event.data["content"]["lines"][0]["unit_price"] == "10"
    newest = made.history.first()
    assert (newest.status, newest.history_user) == ("submitted", rita)


def test_numbers_follow_each_other_per_entity_and_year(org):
    assert [submit(org, draft(org)).number for _ in range(3)] == [
        "REQ-2026-000001",
        "REQ-2026-000002",
        "REQ-2026-000003",
    ]


def test_a_returned_one_keeps_its_number_when_submitted_again(org):
    made = submitted(org)
    decide_all(made, "return")
    assert made.status == "returned"
    again = submit(org, made)
    assert (again.status, again.number) == ("submitted", "REQ-2026-000001")


def test_facts_tell_policy_what_is_asked(org):
    line = line_input(
        org,
        100,
        "5.00",
        tax_code="DE19N",
        distributions=[coded(org, percent=50), coded(org, "CC200", "6310", percent=50)],
    )
    made = submitted(org, line, service_type="saas")
    facts = ApprovalRequest.objects.get(subject_id=made.pk).facts
    assert facts["amount"] == "595.00"  # net plus the tax that cannot be recovered
    assert facts["cost_centers"] == ["CC100", "CC200"]
    assert facts["gl_accounts"] == ["6310", "6600"]
    assert facts["budget_owners"] == [str(org.dora.pk)]
    assert (facts["service_type"], facts["vendor_status"]) == ("saas", "approved")
    assert (facts["catalog_only"], facts["within_delegated_limit"]) == (False, False)
    assert (facts["currency"], facts["budget_state"]) == ("EUR", "ok")
    whole = submitted(org, line_input(org, 1, "100000"))  # all that the budget has, and no more
    assert ApprovalRequest.objects.get(subject_id=whole.pk).facts["budget_state"] == "ok"


def test_amounts_are_compared_in_base_currency_at_the_submission_day(org):
    org.vendor.currency = "USD"
    org.vendor.save()
    made = submitted(org, line_input(org, 10, "100.00"), currency="USD")
    assert ApprovalRequest.objects.get(subject_id=made.pk).amount == 900
    assert made.rate == Decimal("0.90")


# --- self-service -----------------------------------------------------------------------------


def test_catalog_items_within_the_limit_are_approved_at_once(org):
    made = submit(org, draft(org, item_input(org, "DOCK", 3), vendor=None))  # 449.70 of 500
    assert made.status == "approved"
    assert org.cell("CC100", "6600").pre_encumbered == Decimal("449.70")
    assert events_of(made)[-2:] == ["requisition.submitted", "requisition.approved"]


def test_catalog_items_above_the_limit_go_to_the_approver(org):
    made = submit(org, draft(org, item_input(org, "DOCK", 4), vendor=None))  # 599.60
    assert made.status == "submitted"


def test_one_free_text_line_ends_self_service(org):
    lines = [item_input(org, "DOCK", 1), line_input(org, 1, "10.00")]
    assert submit(org, draft(org, *lines)).status == "submitted"


# --- budgets ----------------------------------------------------------------------------------


def test_refused_over_a_budget_that_stops(org):
    made = draft(org, line_input(org, 1, "500.01", distributions=[coded(org, "CC400")]))
    with nothing_changes(), pytest.raises(BudgetExceeded) as caught:
        submit(org, made)
    assert "500.01 EUR requested" in caught.value.detail
    assert caught.value.errors[0].pointer == "/lines"


def test_exactly_the_budget_fits(org):
    line = line_input(org, 1, "500.00", distributions=[coded(org, "CC400")])
    assert submit(org, draft(org, line)).status == "submitted"


def test_two_lines_that_fit_alone_are_refused_when_their_sum_does_not(org):
    line = line_input(org, 1, "300.00", distributions=[coded(org, "CC400")])
    made = draft(org, line, line)
    with nothing_changes(), pytest.raises(BudgetExceeded):
        submit(org, made)


def test_refused_where_no_budget_was_set(org):
    line = line_input(org, distributions=[coded(org, "CC600", "6400")])
    made = draft(org, line)
    with nothing_changes(), pytest.raises(BudgetExceeded, match="No budget was set"):
        submit(org, made)


def test_a_budget_that_warns_wants_a_reason(org):
    line = line_input(org, 1, "5000.01", distributions=[coded(org, "CC200", "6310")])
    silent = draft(org, line)
    with nothing_changes(), pytest.raises(BudgetReasonRequired) as caught:
        submit(org, silent)
    assert caught.value.errors[0].pointer == "/budget_reason"
    assert submit(org, draft(org, line, budget_reason="Audit finding")).status == "submitted"


def test_a_budget_that_tracks_lets_pass_and_says_so(org):
    made = submitted(org, line_input(org, 1, "1500", distributions=[coded(org, "CC300", "6400")]))
    assert ApprovalRequest.objects.get(subject_id=made.pk).facts["budget_state"] == "over"


# --- what changed since the draft --------------------------------------------------------------


def test_refused_when_the_vendor_is_not_approved_any_more(org):
    made = draft(org)
    Vendor.objects.filter(pk=org.vendor.pk).update(status="suspended")
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, made)
    assert caught.value.errors[0].pointer == "/vendor"


def test_refused_when_the_cost_centre_was_closed(org):
    made = draft(org)
    org.cost_centers["CC100"].is_active = False
    org.cost_centers["CC100"].save()
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, made)
    assert caught.value.errors[0].code == "inactive"


def test_refused_when_the_catalog_price_rose(org):
    made = draft(org, item_input(org, "DOCK"))
    org.items["DOCK"].unit_price = Decimal("159.90")
    org.items["DOCK"].save()
    with nothing_changes(), pytest.raises(Invalid, match="attention") as caught:
        submit(org, made)
    assert caught.value.errors[0].code == "catalog_price"
    assert "159.90" in caught.value.errors[0].detail


def test_refused_when_the_day_it_is_needed_has_passed(org):
    made = draft(org, need_by=NOW.date())
    with nothing_changes(), pytest.raises(Invalid):
        services.submit(requisition=made, actor=org.rita, at=NOW.replace(day=3))


def test_refused_while_nobody_is_named_to_sell_it(org):
    made = draft(org, vendor=None)
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, made)
    assert caught.value.errors[0].pointer == "/lines/0/vendor"


# --- who and when ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "persona", ["axel", "dora", "bea", "finn", "fay", "cora", "olga", "ada", "nils"]
)
def test_only_the_requester_submits(org, persona):
    made = draft(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        submit(org, made, org.people[persona])


def test_refused_a_second_time(org):
    made = submitted(org)
    with nothing_changes(), pytest.raises(IllegalTransition):
        submit(org, made)
    done = approved(org)
    with nothing_changes(), pytest.raises(IllegalTransition):
        submit(org, done)


def test_a_refused_submission_takes_no_number(org):
    line = line_input(org, 1, "9999", distributions=[coded(org, "CC400")])
    with pytest.raises(BudgetExceeded):
        submit(org, draft(org, line))
    assert submit(org, draft(org)).number == "REQ-2026-000001"


def test_the_live_check_says_what_submission_would(org):
    line = line_input(org, 1, "300.00", distributions=[coded(org, "CC400")])
    data = requisition_input(org, line, line)
    with nothing_changes():
        check = services.funds(entity=org.entity, data=data, on=NOW.date())[0]
    assert (check.available, check.requested, check.remaining) == (500, 600, -100)
    assert check.verdict == "refuse"
