"""BUD-6: a budget warns once when a level is crossed, and when it burns too fast."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import Role, RoleAssignment
from budgets import alerts, digests, ledger, tasks
from budgets.models import AlertLetter, BudgetAlert, BudgetCell, BudgetWatch
from budgets.services import (
    acknowledge,
    add_quiet_window,
    remove_quiet_window,
    set_budget,
    set_levels,
    set_working_time_only,
)
from core import outbox
from core.errors import NotAllowed, RuleBroken
from core.models import OutboxItem, TrailEvent
from notifications import tasks as notify
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation, approved
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def hundred(org: Organisation) -> Desk:
    """Posts to a budget of 1 000 for project ATLAS's cost centre, control track."""
    return Desk(org, org.cells["CC300", "6400", None])


def checked(desk: Desk, *, at=NOW) -> list[BudgetAlert]:
    return alerts.check(cells=[desk.cell.pk], at=at)


def levels(found: list[BudgetAlert]) -> list[int]:
    return [each.level for each in found]


# Levels


def test_below_every_level_nobody_is_warned(hundred: Desk):
    hundred.order("1", "499.99")
    assert checked(hundred) == []
    assert not BudgetWatch.objects.exists()


def test_a_level_is_crossed_when_it_is_reached(hundred: Desk):
    hundred.order("1", "500")
    (alert,) = checked(hundred)
    assert (alert.level, alert.kind, alert.crossing) == (50, "level", 1)
    assert (alert.amount, alert.used) == (D(1000), D(500))


def test_reserved_committed_and_spent_count_together(hundred: Desk):
    hundred.reserve(D(200))
    order = hundred.order("1", "300")
    hundred.bill(order, actual="100", liquidate="100", quantity="0")
    assert levels(checked(hundred)) == [50]


def test_each_level_warns_once(hundred: Desk):
    found = []
    for price in ("500", "10", "300", "10", "200", "300"):
        hundred.order("1", price)
        found += levels(checked(hundred)) + levels(checked(hundred))
    assert found == [50, 80, 100]


def test_levels_crossed_at_once_warn_of_the_highest_only(hundred: Desk):
    hundred.order("1", "850")
    assert levels(checked(hundred)) == [80]
    hundred.order("1", "150")
    assert levels(checked(hundred)) == [100]


def test_a_level_is_armed_again_five_points_below(hundred: Desk):
    hundred.order("1", "400")
    first = hundred.order("1", "100")
    assert levels(checked(hundred)) == [50]
    hundred.close(first)
    hundred.order("1", "50.01")  # 45.001 %: not far enough
    assert checked(hundred) == []
    hundred.order("1", "100")
    assert checked(hundred) == []
    assert BudgetAlert.objects.get().ended_at is None


def test_what_fell_far_enough_warns_again(hundred: Desk):
    hundred.order("1", "450")
    first = hundred.order("1", "50")
    assert levels(checked(hundred)) == [50]
    hundred.close(first)  # 45 %
    assert checked(hundred) == []
    assert BudgetAlert.objects.get().ended_at == NOW
    hundred.order("1", "50")
    (again,) = checked(hundred)
    assert (again.level, again.crossing) == (50, 2)


def test_more_money_ends_a_warning(org: Organisation, hundred: Desk):
    hundred.order("1", "1000")
    assert levels(checked(hundred)) == [100]
    cell = hundred.now
    set_budget(
        entity=org.entity,
        fiscal_year=2026,
        cost_center=cell.cost_center,
        gl_account=cell.gl_account,
        amount=D(10_000),
        control="track",
        actor=org.cora,
        at=NOW,
        reason="Board",
    )
    assert checked(hundred) == []
    assert BudgetAlert.objects.get().ended_at == NOW


def test_without_an_amount_there_are_no_levels(org: Organisation, hundred: Desk):
    BudgetCell.objects.filter(pk=hundred.cell.pk).update(amount=0)
    hundred.order("1", "10")
    assert checked(hundred) == []


def test_own_levels_are_kept_to(org: Organisation, hundred: Desk):
    set_levels(cell=hundred.cell, levels=[30, 120], actor=org.cora, at=NOW)
    hundred.order("1", "600")
    assert levels(checked(hundred)) == [30]
    hundred.order("1", "600")
    assert levels(checked(hundred)) == [120]


def test_a_level_that_is_taken_away_ends_its_warning(org: Organisation, hundred: Desk):
    hundred.order("1", "600")
    checked(hundred)
    set_levels(cell=hundred.cell, levels=[80], actor=org.cora, at=NOW)
    assert checked(hundred) == []
    assert BudgetAlert.objects.get().ended_at == NOW


@pytest.mark.parametrize("wrong", [[0], [201], [-5], [1, 2, 3, 4, 5, 6, 7]])
def test_levels_that_make_no_sense_are_refused(org: Organisation, hundred: Desk, wrong):
    with pytest.raises(RuleBroken) as refused:
        set_levels(cell=hundred.cell, levels=wrong, actor=org.cora, at=NOW)
    assert [each.pointer for each in refused.value.errors] == ["/levels"]
    assert not BudgetWatch.objects.exists()


def test_only_those_who_answer_for_a_budget_set_its_levels(org: Organisation, hundred: Desk):
    for person in (org.rita, org.ada, org.nils):
        with pytest.raises(NotAllowed):
            set_levels(cell=hundred.cell, levels=[10], actor=person, at=NOW)
    assert not TrailEvent.objects.filter(type="budget.levels_set").exists()
    set_levels(cell=hundred.cell, levels=[10], actor=org.cora, at=NOW)
    event = TrailEvent.objects.get(type="budget.levels_set")
    assert event.changes == [{"field": "warn_levels", "old": "50 %, 80 %, 100 %", "new": "10 %"}]


def test_the_trail_tells_of_a_warning(hundred: Desk):
    hundred.order("1", "500")
    checked(hundred)
    event = TrailEvent.objects.get(type="budget.alerted")
    assert event.data["budget"] == str(hundred.cell.pk)
    assert (event.data["level"], event.data["used"]) == (50, "500.00")


# The burn rate


def spend(desk: Desk, price: str, on: date) -> None:
    paper = Paper(desk.cell)
    ledger.encumber(
        source=paper.source,
        shares=[paper.share(D(price), quantity=D(1))],
        on=on,
        at=NOW,
        actor=None,
        reason="",
    )


def moment(day: date):
    return NOW + (day - TODAY)


def test_a_budget_that_burns_too_fast_warns_with_the_day_it_runs_out(hundred: Desk):
    """Sixty days, 400 of 1 000: 6.67 a day; the other 600 last 90 days, of 305 that remain."""
    for on in (date(2026, 1, 10), date(2026, 2, 10), date(2026, 2, 20), date(2026, 3, 1)):
        spend(hundred, "100", on)
    (alert,) = checked(hundred, at=moment(date(2026, 3, 1)))
    assert (alert.kind, alert.level) == ("burn_rate", 0)
    assert alert.run_out_on == date(2026, 3, 1) + timedelta(days=90)
    assert checked(hundred, at=moment(date(2026, 3, 2))) == []


def test_a_rate_that_lasts_to_the_end_warns_nobody(hundred: Desk):
    for on in (date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 1)):
        spend(hundred, "50", on)
    assert checked(hundred, at=moment(date(2026, 3, 1))) == []


def test_one_purchase_is_no_rate(hundred: Desk):
    spend(hundred, "400", date(2026, 2, 10))
    spend(hundred, "50", date(2026, 2, 11))
    assert checked(hundred, at=moment(date(2026, 3, 1))) == []


def test_the_first_days_of_a_year_say_nothing(hundred: Desk):
    for on in (date(2026, 1, 10), date(2026, 1, 11), date(2026, 1, 12)):
        spend(hundred, "100", on)
    assert checked(hundred, at=moment(date(2026, 1, 12))) == []


def test_a_rate_that_slows_down_is_armed_again(hundred: Desk):
    for on in (date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 1)):
        spend(hundred, "130", on)
    assert levels(checked(hundred, at=moment(date(2026, 3, 1)))) == [0]
    later = moment(date(2026, 8, 1))  # nothing in ninety days: no rate
    assert checked(hundred, at=later) == []
    assert BudgetAlert.objects.get().ended_at == later


def test_what_old_orders_took_long_ago_is_no_rate(hundred: Desk):
    for on in (date(2026, 1, 10), date(2026, 1, 20), date(2026, 2, 1)):
        spend(hundred, "150", on)
    assert checked(hundred, at=moment(date(2026, 6, 1))) == []


# Who is told, and when


def owned(org: Organisation, desk: Desk, person) -> None:
    center = desk.now.cost_center
    center.owner = person
    center.save()


def test_an_owner_gets_one_letter_about_all_budgets(org: Organisation, hundred: Desk, tight: Desk):
    for desk in (hundred, tight):
        owned(org, desk, org.dora)
        desk.order("1", "500")
        checked(desk)
    set_working_time_only(entity=org.entity, wanted=False, actor=org.cora, at=NOW)
    (letter,) = digests.gather_all(at=NOW)
    assert letter.recipient == org.dora
    assert letter.alerts.count() == 2
    assert digests.gather_all(at=NOW) == []
    assert OutboxItem.objects.filter(handler=digests.HANDLER).count() == 1


def test_without_an_owner_the_controllers_are_told(org: Organisation, hundred: Desk):
    owned(org, hundred, None)
    hundred.order("1", "500")
    checked(hundred)
    expected = set(
        RoleAssignment.objects.filter(
            role=Role.CONTROLLER, entity=org.entity, user__entity=org.entity, user__is_active=True
        ).values_list("user", flat=True)
    )
    assert expected
    assert {each.recipient_id for each in digests.gather(entity=org.entity, at=NOW)} == expected


def test_what_ended_or_was_seen_is_not_mailed(org: Organisation, hundred: Desk, tight: Desk):
    order = hundred.order("1", "500")
    checked(hundred)
    hundred.close(order)
    checked(hundred)
    tight.order("1", "500")
    (alert,) = checked(tight)
    acknowledge(alert=alert, actor=org.cora, at=NOW)
    assert digests.gather(entity=org.entity, at=NOW) == []
    assert not BudgetAlert.objects.filter(gathered_at=None).exists()


def test_a_quiet_window_keeps_mail_until_it_is_over(org: Organisation, hundred: Desk):
    set_working_time_only(entity=org.entity, wanted=False, actor=org.cora, at=NOW)
    window = add_quiet_window(
        entity=org.entity,
        starts_at=NOW - timedelta(hours=1),
        ends_at=NOW + timedelta(hours=1),
        reason="We move",
        actor=org.cora,
        at=NOW,
    )
    hundred.order("1", "500")
    assert levels(checked(hundred)) == [50]
    assert digests.gather_all(at=NOW) == []
    assert len(digests.gather_all(at=NOW + timedelta(hours=1))) > 0
    remove_quiet_window(window=window, actor=org.cora, at=NOW)
    assert not digests.is_quiet(org.entity, NOW)


def test_nights_and_weekends_are_quiet_unless_an_entity_says_otherwise(org: Organisation):
    zone = org.entity.zone
    friday = NOW.astimezone(zone).replace(2026, 11, 20, 11, 0)
    night, sunday = friday.replace(hour=23), friday.replace(day=22)
    christmas = friday.replace(month=12, day=25)
    assert [digests.is_quiet(org.entity, at) for at in (friday, night, sunday, christmas)] == [
        False,
        True,
        True,
        True,
    ]
    set_working_time_only(entity=org.entity, wanted=False, actor=org.cora, at=NOW)
    assert not any(digests.is_quiet(org.entity, at) for at in (friday, night, sunday, christmas))


def test_quiet_is_a_controllers_word(org: Organisation):
    given = {"entity": org.entity, "starts_at": NOW, "reason": "Move", "ends_at": NOW, "at": NOW}
    for person in (org.dora, org.ada, org.nils):
        with pytest.raises(NotAllowed):
            add_quiet_window(**{**given, "ends_at": NOW + timedelta(1)}, actor=person)
        with pytest.raises(NotAllowed):
            set_working_time_only(entity=org.entity, wanted=False, actor=person, at=NOW)
    with pytest.raises(RuleBroken) as refused:
        add_quiet_window(**{**given, "reason": " "}, actor=org.cora)
    assert {each.pointer for each in refused.value.errors} == {"/ends_at", "/reason"}


def test_who_wants_no_mail_and_why_stands_in_the_trail(org: Organisation):
    until = NOW + timedelta(hours=1)
    window = add_quiet_window(
        entity=org.entity, starts_at=NOW, ends_at=until, reason="We move", actor=org.cora, at=NOW
    )
    remove_quiet_window(window=window, actor=org.cora, at=until)
    for wanted in (False, False, True):
        set_working_time_only(entity=org.entity, wanted=wanted, actor=org.cora, at=until)
    told = TrailEvent.objects.filter(document_type__in=("quiet_window", "alert_setting"))
    assert [(event.type, event.actor, event.reason) for event in told.order_by("sequence")] == [
        ("quiet_window.set", org.cora, "We move"),
        ("quiet_window.ended", org.cora, "We move"),
        ("alert_setting.changed", org.cora, ""),
        ("alert_setting.changed", org.cora, ""),
    ]


def test_quiet_that_was_refused_leaves_no_trail(org: Organisation):
    with pytest.raises(NotAllowed):
        set_working_time_only(entity=org.entity, wanted=False, actor=org.dora, at=NOW)
    assert not TrailEvent.objects.filter(document_type="alert_setting").exists()


def test_only_those_who_answer_acknowledge_and_the_first_stands(org: Organisation, hundred: Desk):
    owned(org, hundred, org.dora)
    hundred.order("1", "500")
    (alert,) = checked(hundred)
    for person in (org.rita, org.ada, org.nils):
        with pytest.raises(NotAllowed):
            acknowledge(alert=alert, actor=person, at=NOW)
    alert.refresh_from_db()
    assert alert.acknowledged_at is None
    acknowledge(alert=alert, actor=org.dora, at=NOW)
    again = acknowledge(alert=alert, actor=org.cora, at=NOW + timedelta(hours=1))
    assert (again.acknowledged_by, again.acknowledged_at) == (org.dora, NOW)
    assert TrailEvent.objects.filter(type="budget.alert_acknowledged").count() == 1


# What starts a check


def test_an_approved_request_has_its_budgets_looked_at(org: Organisation):
    requisition = approved(org)
    cells = {each.cell_id for each in requisition_entries(requisition)}
    (cell,) = cells
    total = BudgetCell.objects.get(pk=cell).used
    BudgetCell.objects.filter(pk=cell).update(amount=total)
    outbox.drain()
    assert BudgetAlert.objects.get().cell_id == cell
    assert BudgetAlert.objects.get().level == 100


def requisition_entries(requisition):
    return list(ledger_entries(requisition.pk))


def ledger_entries(document):
    return BudgetCell.entries.rel.related_model.objects.filter(document_id=document)


def test_the_clock_finds_what_no_event_told(org: Organisation, hundred: Desk, tight: Desk):
    hundred.order("1", "500")
    tight.order("1", "500")
    tasks.check_all(at=NOW)
    assert sorted(BudgetAlert.objects.values_list("level", flat=True)) == [50, 100]
    tasks.check_all(at=NOW)
    assert BudgetAlert.objects.count() == 2


def test_looking_at_many_budgets_costs_what_one_does(
    org: Organisation, hundred: Desk, django_assert_num_queries
):
    with django_assert_num_queries(2):
        alerts.read([hundred.cell.pk], at=NOW)
    with django_assert_num_queries(2):
        alerts.read([cell.pk for cell in org.cells.values()], at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_checks_at_once_warn_once(org: Organisation):
    desk = Desk(org, org.cells["CC300", "6400", None])
    desk.order("1", "500")
    race([lambda: checked(desk)] * 4)
    assert BudgetAlert.objects.count() == 1
    race([lambda: digests.gather(entity=org.entity, at=NOW)] * 4)
    told = list(AlertLetter.objects.values_list("recipient", flat=True))
    assert len(told) == len(set(told)) >= 1
    assert Decimal(1) == BudgetAlert.objects.get().crossing


def test_the_letter_says_which_budgets_and_how_much(org: Organisation, hundred: Desk, mailoutbox):
    owned(org, hundred, org.dora)
    hundred.order("1", "850")
    checked(hundred)
    (letter,) = digests.gather(entity=org.entity, at=NOW)
    notify.budget_alerts(letter=str(letter.pk))
    notify.budget_alerts(letter=str(letter.pk))
    (mail,) = mailoutbox
    assert mail.to == [org.dora.email]
    assert mail.subject == f"Budget {hundred.now}: 80 % used"
    for words in (str(hundred.now), "80 % used", "850.00 of 1,000.00 EUR"):
        assert words in mail.body
        assert words in mail.alternatives[0][0]


def test_a_letter_about_what_is_over_is_not_sent(org: Organisation, hundred: Desk, mailoutbox):
    owned(org, hundred, org.dora)
    order = hundred.order("1", "850")
    checked(hundred)
    (letter,) = digests.gather(entity=org.entity, at=NOW)
    hundred.close(order)
    checked(hundred)
    notify.budget_alerts(letter=str(letter.pk))
    assert mailoutbox == []
