"""An allocation is taken back by mirrors, and its month may then be shared again."""

from decimal import Decimal

import pytest

from budgets.ledger import BudgetExceeded
from budgets.models import LedgerEntry
from chargeback import services
from chargeback.models import Allocation, StatementLine
from core.errors import IllegalTransition, Invalid, NotAllowed
from core.money import ZERO
from tests.chargeback.sharing import AT, amounts, rule_input, run, spend, spent


@pytest.mark.parametrize("who", ["rita", "axel", "dora", "olga", "nils"])
def test_only_controllers_reverse(org, posted, who):
    with pytest.raises(NotAllowed):
        services.reverse(allocation=posted, actor=org.people[who], at=AT, reason="No")
    assert spent(org, "CC200") == Decimal("600.01")


def test_a_reason_is_asked(posted, cora):
    with pytest.raises(Invalid):
        services.reverse(allocation=posted, actor=cora, at=AT, reason="")
    assert Allocation.objects.get().status == Allocation.Status.POSTED


def test_what_was_used_since_cannot_come_back(org, posted, cora, books_hold):
    spend(org.cell("CC100", "6300"), "99500.00")
    with pytest.raises(BudgetExceeded):
        services.reverse(allocation=posted, actor=cora, at=AT, reason="Wrong split")
    assert Allocation.objects.get().status == Allocation.Status.POSTED
    assert posted.lines.count() == 2


def test_every_entry_gets_its_mirror(org, posted, cora, books_hold):
    done = services.reverse(allocation=posted, actor=cora, at=AT, reason="Wrong split")
    assert done.status == Allocation.Status.REVERSED
    assert spent(org, "CC100") == Decimal("1000.01")
    assert spent(org, "CC200") == spent(org, "CC300") == ZERO
    assert set(amounts(posted).values()) == {ZERO}
    entries = LedgerEntry.objects.filter(document_id=posted.pk)
    assert entries.filter(reverses__isnull=False).count() == 4
    assert {line.status for line in posted.lines.filter(mirrors=None)} == {"reversed"}


def test_a_second_reversal_is_refused(posted, cora):
    services.reverse(allocation=posted, actor=cora, at=AT, reason="Wrong split")
    with pytest.raises(IllegalTransition):
        services.reverse(allocation=posted, actor=cora, at=AT, reason="Again")
    assert StatementLine.objects.count() == 4


def test_the_month_is_shared_again_with_what_it_is_now(org, rule, posted, cora, books_hold):
    services.reverse(allocation=posted, actor=cora, at=AT, reason="An invoice came late")
    spend(org.cell("CC100", "6300"), "100.00")
    again = run(rule)
    assert (again.number, again.total) == ("AL-2026-000002", Decimal("1100.01"))
    assert spent(org, "CC100") == ZERO


def test_a_showback_is_reversed_without_the_ledger(org, rule, cora):
    services.revise_rule(
        rule=rule,
        data=rule_input(org, kind="showback"),
        actor=cora,
        at=AT,
        reason="Only show it",
    )
    spend(org.cell("CC100", "6300"), "100.00")
    services.reverse(allocation=run(rule), actor=cora, at=AT, reason="Wrong split")
    assert not LedgerEntry.objects.filter(document_type="allocation").exists()
