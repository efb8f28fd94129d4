"""Every selected case is either played or has a reason why not."""

from tests.shared_data import folder

from .cases import selected
from .plan import LATER, OTHERWISE, OUTSIDE, PLANS, PLAYED


def test_every_selected_case_has_a_plan_and_no_plan_is_left_over():
    folder("peer-cases")
    assert {case.id for case in selected()} == set(PLANS)
    assert len(PLANS) == 57


def test_a_plan_says_what_is_asserted_or_why_not():
    for name, plan in PLANS.items():
        if plan.verdict in (PLAYED, OTHERWISE):
            assert plan.calls and plan.asserted, name
        if plan.verdict in (OTHERWISE, OUTSIDE, LATER):
            assert plan.why, name
