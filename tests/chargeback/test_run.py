"""Sharing a month: refused, previewed, done once, exact to the cent."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.ledger.allocating import Spend
from budgets.ledger.cells import Dimensions
from budgets.models import LedgerEntry
from chargeback import services
from chargeback.models import Allocation, Statement, StatementLine
from chargeback.services.running import AlreadyShared, MonthNotOver
from chargeback.sharing import NotInForce, spread
from core.errors import NotAllowed
from core.ids import new_id
from core.models import NumberSequence, TrailEvent
from core.money import ZERO, allocate
from tests.chargeback.sharing import (
    AT,
    FEBRUARY,
    borne,
    consumption_input,
    make_rule,
    room,
    rule_input,
    run,
    share_inputs,
    spend,
    spent,
)


@pytest.mark.parametrize("who", ["rita", "axel", "dora", "olga", "ada", "nils"])
def test_only_controllers_run_rules(org, rule, who):
    with pytest.raises(NotAllowed):
        services.request_run(rule=rule, month=FEBRUARY, actor=org.people[who], at=AT)
    assert not Allocation.objects.exists()


def test_a_month_that_is_not_over_is_refused(rule, cora):
    last_evening = datetime(2026, 2, 28, 22, 59, tzinfo=UTC)  # 23:59 in Berlin
    with pytest.raises(MonthNotOver):
        services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=last_evening)
    midnight = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
    assert services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=midnight)


def test_a_month_outside_of_the_rule_is_refused(org, cora):
    rule = make_rule(org, rule_input(org, valid_from=date(2026, 2, 1), valid_to=date(2026, 2, 28)))
    late = datetime(2026, 6, 1, tzinfo=UTC)
    for month in (date(2026, 1, 1), date(2026, 3, 1)):
        with pytest.raises(NotInForce):
            services.request_run(rule=rule, month=month, actor=cora, at=late)
    with pytest.raises(NotInForce):
        services.request_run(rule=rule, month=date(2026, 2, 3), actor=cora, at=late)
    # both its first and its last month are its own
    assert services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=late)


def failed(allocation):
    """A refused run says why, moved nothing, took no number and may be tried again."""
    assert allocation.status == Allocation.Status.FAILED
    assert not LedgerEntry.objects.filter(document_type="allocation").exists()
    assert not StatementLine.objects.exists()
    assert not Statement.objects.exists()
    assert not NumberSequence.objects.filter(kind="AL").exists()
    assert TrailEvent.objects.get(type="allocation.failed").reason == allocation.refusal
    return allocation.refusal


def test_nothing_to_share_is_said(org, rule):
    spend(org.cell("CC100", "6300"), "10.00", on=date(2026, 1, 31))
    spend(org.cell("CC100", "6300"), "10.00", on=date(2026, 3, 1))
    assert "nothing was spent" in failed(run(rule))


def test_unknown_consumption_is_said(org):
    rule = make_rule(org, consumption_input(org))
    spend(org.cell("CC100", "6300"), "10.00")
    assert "no consumption" in failed(run(rule))


def test_a_budget_without_room_refuses_the_whole(org, rule, books_hold):
    """erpnext-budget-split-centre: each share is checked, and one that does not fit stops all."""
    spend(org.cell("CC100", "6300"), "20000.00")
    assert "CC200 · 6300 · 2026: 12,000.00 EUR requested, 10,000.00 EUR available" in failed(
        run(rule)
    )
    assert spent(org, "CC100") == Decimal(20_000)
    spend(org.cell("CC100", "6300"), "-4000.00")
    assert run(rule).status == Allocation.Status.POSTED


def test_a_closed_year_is_said(org, rule):
    spend(org.cell("CC100", "6300"), "10.00")
    org.cell("CC100", "6300").fiscal_year.__class__.objects.filter(
        entity=org.entity, year=2026
    ).update(is_open=False)
    assert "closed" in failed(run(rule))


def test_a_month_is_shared_to_the_cent(org, posted, books_hold):
    assert posted.number == "AL-2026-000001"
    assert posted.total == Decimal("1000.01")
    assert borne(posted) == {"CC200": "600.01", "CC300": "400.00"}
    assert (spent(org, "CC100"), spent(org, "CC200"), spent(org, "CC300")) == (
        ZERO,
        Decimal("600.01"),
        Decimal("400.00"),
    )
    entries = LedgerEntry.objects.filter(document_id=posted.pk)
    assert sum(entry.amount for entry in entries) == 0
    assert {entry.posting_date for entry in entries} == {date(2026, 2, 28)}
    assert {entry.document_number for entry in entries} == {"AL-2026-000001"}


def test_showback_moves_nothing(org, books_hold):
    rule = make_rule(org, rule_input(org, kind="showback"))
    spend(org.cell("CC100", "6300"), "1000.01")
    allocation = run(rule)
    assert borne(allocation) == {
        "CC200": "600.01",
        "CC300": "400.00",
    }
    assert not LedgerEntry.objects.filter(document_type="allocation").exists()
    assert spent(org, "CC100") == Decimal("1000.01")


def test_what_a_bearer_spent_itself_stays(org, books_hold):
    rule = make_rule(org, rule_input(org, shares=share_inputs(org, {"CC100": 25, "CC200": 75})))
    room(org, "CC200")
    spend(org.cell("CC100", "6300"), "100.00")
    allocation = run(rule)
    own = allocation.lines.get(cost_center__code="CC100")
    assert (own.amount, own.moved) == (Decimal(25), ZERO)
    assert (spent(org, "CC100"), spent(org, "CC200")) == (Decimal(25), Decimal(75))
    assert LedgerEntry.objects.filter(document_id=allocation.pk).count() == 2


def test_accounts_and_projects_stay_what_they_are(org, books_hold):
    """A whole cost centre is shared: every cent arrives on the account that it was paid from."""
    rule = make_rule(
        org,
        rule_input(org, gl_account=None, shares=share_inputs(org, {"CC200": "50", "CC300": "50"})),
    )
    room(org, "CC200", "CC300")
    room(org, "CC200", "CC300", account="6600")
    spend(org.cell("CC100", "6300"), "0.01")
    spend(org.cell("CC100", "6600"), "0.01")
    allocation = run(rule)
    assert borne(allocation) == {"CC200": "0.01", "CC300": "0.01"}
    assert spent(org, "CC100") == spent(org, "CC100", "6600") == ZERO


def test_credits_are_shared_as_they_are(org, rule, books_hold):
    spend(org.cell("CC100", "6300"), "-50.01")
    assert borne(run(rule)) == {
        "CC200": "-30.01",
        "CC300": "-20.00",
    }


def test_a_second_rule_shares_what_the_first_left(org, rule, books_hold):
    second = make_rule(org, name="The rest")
    spend(org.cell("CC100", "6300"), "100.00")
    run(rule)
    assert "nothing was spent" in run(second).refusal


def test_a_month_is_shared_once(org, rule, cora, posted):
    with pytest.raises(AlreadyShared):
        services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=AT)
    services.perform_run(allocation=posted, at=AT)
    assert LedgerEntry.objects.filter(document_id=posted.pk).count() == 4
    assert posted.lines.count() == 2
    assert Allocation.objects.count() == 1


def test_a_preview_says_what_a_run_would_do_and_does_nothing(org, rule):
    spend(org.cell("CC100", "6300"), "1000.01")
    seen = services.preview(rule=rule, month=FEBRUARY, at=AT)
    assert [f"{part.amount:.2f}" for part in seen.plan.parts] == ["600.01", "400.00"]
    assert [f"{check.requested:.2f}" for check in seen.checks] == ["600.01", "400.00"]
    assert seen.refusals == []
    assert not LedgerEntry.objects.filter(document_type="allocation").exists()
    assert not Allocation.objects.exists()


def test_a_preview_says_what_stands_in_the_way(org, rule, cora):
    assert "nothing was spent" in services.preview(rule=rule, month=FEBRUARY, at=AT).refusals[0]
    spend(org.cell("CC100", "6300"), "20000.00")
    seen = services.preview(rule=rule, month=FEBRUARY, at=AT)
    assert "12,000.00 EUR requested" in seen.refusals[0]
    services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=AT)
    assert len(services.preview(rule=rule, month=FEBRUARY, at=AT).refusals) == 2
    assert "not over" in services.preview(rule=rule, month=date(2026, 3, 1), at=AT).refusals[0]


def test_a_preview_of_a_month_that_was_shared_says_only_that(posted, rule):
    seen = services.preview(rule=rule, month=FEBRUARY, at=AT)
    assert (seen.plan, seen.checks) == (None, [])
    assert seen.refusals == ["February 2026 is shared already by AL-2026-000001."]


cents = st.integers(-10_000, 10_000).map(lambda n: Decimal(n).scaleb(-2))


@given(st.lists(cents, max_size=8), st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_both_ways_of_adding_up_are_exact(spends, weights):
    rows = [Spend(n, Dimensions(new_id(), new_id(), None), x) for n, x in enumerate(spends)]
    exact = [Decimal(weight) for weight in weights]
    parts = spread(rows, exact, "EUR")
    for place, row in enumerate(rows):
        assert sum(part[place][1] for part in parts) == row.amount
    total = sum(spends, ZERO)
    assert [sum((x for _, x in part), ZERO) for part in parts] == allocate(total, exact, "EUR")
