"""Who sees which requisition, who holds it, and what a list costs."""

import pytest

import approvals.services
from requisitions import queries, services
from requisitions.models import Requisition
from tests.factories import NOW, approved, coded, decide_all, draft, line_input, submitted
from tests.fixtures import PERSONAS

SEE_ALL = {"bea", "finn", "fay", "cora", "olga", "ada"}


def seen_by(org, persona):
    return set(Requisition.objects.visible_to(org.people[persona]))


def test_a_draft_is_nobody_else_s_business(org):
    made = draft(org)
    assert {persona for persona in PERSONAS if made in seen_by(org, persona)} == {"rita"}


def test_a_submitted_one_is_seen_by_its_approvers_and_by_those_who_see_all(org):
    made = submitted(org)
    seers = {persona for persona in PERSONAS if made in seen_by(org, persona)}
    # Dora owns the cost centre that pays.
    assert seers == SEE_ALL | {"rita", "axel", "dora"}


def test_a_budget_owner_sees_what_their_budget_pays_and_no_more(org):
    made = submitted(org, line_input(org, distributions=[coded(org, "CC300", "6400")]))
    assert made in seen_by(org, "sven")
    assert submitted(org) not in seen_by(org, "sven")


def test_holders_of_every_state(org, rita, axel):
    assert queries.holder(draft(org)).people == (rita,)
    waiting = submitted(org)
    assert queries.holder(waiting).people == (axel,)
    decide_all(waiting)
    assert queries.holder(waiting).name == "Purchasing"
    back = submitted(org)
    decide_all(back, "return")
    assert queries.holder(back).people == (rita,)
    gone = services.cancel(requisition=approved(org), actor=rita, at=NOW, reason="Not needed.")
    assert queries.holder(gone).name == ""


def test_the_next_approver_holds_it_when_the_first_has_decided(org, axel, dora):
    made = submitted(org, line_input(org, 100, "20.00"))
    assert queries.holder(made).people == (axel,)
    step = axel.approval_steps.get()
    approvals.services.decide(step=step, decision="approve", actor=axel, at=NOW)
    made.refresh_from_db()
    assert queries.holder(made).people == (dora,)


def test_search_and_filters(org, rita):
    cables, ropes = submitted(org), submitted(org, title="Ropes for the rig")
    assert list(queries.listing(rita, search="ROPE rig")) == [ropes]
    assert list(queries.listing(rita, search=cables.number)) == [cables]
    assert list(queries.listing(rita, search="elbe")) == [ropes, cables]
    assert list(queries.listing(rita, status="draft")) == []
    assert list(queries.listing(rita, mine=True)) == [ropes, cables]
    assert list(queries.listing(rita, vendor=org.other_vendor.pk)) == []


def test_what_waits_for_whom(org, rita, bea, axel):
    back, ready = submitted(org), approved(org)
    decide_all(back, "return")
    assert list(queries.waiting_for(rita)) == [back]
    assert list(queries.waiting_for(bea)) == [ready]
    assert list(queries.to_order(bea)) == [ready]
    assert queries.waiting_count(axel) == 0
    assert set(queries.of_mine_with_others(rita)) == {ready}


@pytest.mark.parametrize("count", [3, 30])
def test_a_list_costs_the_same_however_long(org, rita, count, django_assert_num_queries):
    for _ in range(count):
        submitted(org)
    assert rita.roles  # read once per request
    with django_assert_num_queries(2):
        page = list(queries.listing(rita))
        held = queries.holders(page)
        assert all(str(each.vendor) and held[each.pk].name for each in page)
    assert len(page) == count


@pytest.mark.parametrize("count", [2, 20])
def test_a_requisition_with_all_it_holds_costs_the_same(
    org, rita, count, django_assert_num_queries
):
    made = draft(org, *[line_input(org)] * count)
    assert rita.roles
    with django_assert_num_queries(3):
        found = queries.detailed(rita).get(pk=made.pk)
        codes = [
            part.cost_center.code for line in found.lines.all() for part in line.distributions.all()
        ]
    assert len(codes) == count
