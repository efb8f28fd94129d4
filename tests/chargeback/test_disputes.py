"""A department disputes a line; the owner of the service keeps or corrects it."""

from decimal import Decimal

import pytest

from budgets.models import BudgetAlert, BudgetCell, LedgerEntry
from chargeback import services
from chargeback.models import StatementLine
from core import outbox
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from core.money import ZERO
from tests.chargeback.sharing import AT, amounts, borne, make_rule, rule_input, run, spend, spent


@pytest.fixture
def line(posted):
    """600.01 charged to CC200, which dora owns; axel answers for the service."""
    return posted.lines.get(cost_center__code="CC200")


@pytest.fixture
def disputed(line, dora):
    return services.dispute(line=line, actor=dora, at=AT, reason="We left in January")


def stored(line):
    return StatementLine.objects.get(pk=line.pk)


@pytest.mark.parametrize("who", ["rita", "axel", "sven", "cora", "olga", "nils"])
def test_only_its_department_disputes_a_line(org, line, who):
    with pytest.raises(NotAllowed):
        services.dispute(line=line, actor=org.people[who], at=AT, reason="Too much")
    assert stored(line).status == "stands"


def test_a_dispute_needs_words(line, dora):
    with pytest.raises(Invalid):
        services.dispute(line=line, actor=dora, at=AT, reason=" ")
    assert stored(line).status == "stands"
    assert not TrailEvent.objects.filter(type="statement_line.disputed").exists()


def test_a_dispute_moves_nothing_yet(org, disputed):
    assert (disputed.status, disputed.dispute_reason) == ("disputed", "We left in January")
    assert spent(org, "CC200") == Decimal("600.01")
    event = TrailEvent.objects.get(type="statement_line.disputed")
    assert event.changes == [{"field": "status", "old": "stands", "new": "disputed"}]
    with pytest.raises(IllegalTransition):
        services.dispute(line=disputed, actor=disputed.disputed_by, at=AT, reason="Again")


@pytest.mark.parametrize("who", ["dora", "rita", "sven", "olga", "nils"])
def test_only_the_service_answers(org, disputed, who):
    with pytest.raises(NotAllowed):
        services.keep(line=disputed, actor=org.people[who], at=AT, resolution="It is right")
    with pytest.raises(NotAllowed):
        services.correct(
            line=disputed, amount=ZERO, actor=org.people[who], at=AT, resolution="Free"
        )
    assert stored(disputed).status == "disputed"
    assert spent(org, "CC200") == Decimal("600.01")


def test_what_nobody_disputed_is_not_resolved(line, axel):
    with pytest.raises(IllegalTransition):
        services.keep(line=line, actor=axel, at=AT, resolution="It is right")


def test_who_disputed_does_not_answer(org, posted, cora):
    """cora owns CC600 and is a controller: somebody else resolves what she disputes."""
    line = posted.lines.get(cost_center__code="CC200")
    line.cost_center.owner = cora
    line.cost_center.save()
    disputed = services.dispute(line=line, actor=cora, at=AT, reason="Too much")
    with pytest.raises(NotAllowed):
        services.keep(line=disputed, actor=cora, at=AT, resolution="It is right")


def test_a_line_is_kept_with_words(org, disputed, axel, books_hold):
    with pytest.raises(Invalid):
        services.keep(line=disputed, actor=axel, at=AT, resolution="")
    kept = services.keep(line=disputed, actor=axel, at=AT, resolution="You used it until March")
    assert (kept.status, kept.resolved_by) == ("kept", axel)
    assert spent(org, "CC200") == Decimal("600.01")
    with pytest.raises(IllegalTransition):
        services.dispute(line=kept, actor=org.dora, at=AT, reason="Still")


@pytest.mark.parametrize("amount", ["-0.01", "600.02", "100.001", "many"])
def test_an_amount_that_was_not_to_be_shared_is_refused(org, disputed, axel, amount):
    with pytest.raises(Invalid):
        services.correct(line=disputed, amount=amount, actor=axel, at=AT, resolution="So")
    assert stored(disputed).status == "disputed"
    assert spent(org, "CC200") == Decimal("600.01")


def test_a_correction_to_the_same_is_refused(disputed, axel):
    with pytest.raises(Conflict):
        services.correct(
            line=disputed, amount=Decimal("600.01"), actor=axel, at=AT, resolution="So"
        )
    assert stored(disputed).status == "disputed"


def test_a_line_is_corrected_by_its_mirror_and_a_new_line(org, posted, disputed, axel, books_hold):
    new = services.correct(
        line=disputed, amount=Decimal("100.00"), actor=axel, at=AT, resolution="Only January"
    )
    assert stored(disputed).status == "corrected"
    assert stored(disputed).amount == Decimal("600.01")
    assert disputed.mirror.amount == Decimal("-600.01")
    assert (new.replaces, new.status, str(new.percent)) == (disputed, "stands", "9.999900")
    assert borne(posted) == {"CC200": "100.00", "CC300": "400.00"}
    assert (spent(org, "CC200"), spent(org, "CC100")) == (Decimal(100), Decimal("500.01"))
    mirrors = LedgerEntry.objects.filter(line_id=disputed.mirror.pk)
    assert {entry.reverses.line_id for entry in mirrors} == {disputed.pk}


def test_who_gets_a_cost_back_is_warned_at_once(org, posted, disputed, axel):
    outbox.drain()
    payer = org.cell("CC100", "6300")
    BudgetCell.objects.filter(pk=payer.pk).update(amount=Decimal(1000))
    services.correct(
        line=disputed, amount=Decimal(100), actor=axel, at=AT, resolution="Only January"
    )
    outbox.drain()
    assert [(each.cell_id, each.level) for each in BudgetAlert.objects.all()] == [(payer.pk, 50)]


def test_a_correction_to_nothing_leaves_a_line_of_nothing(org, posted, disputed, axel, books_hold):
    new = services.correct(line=disputed, amount=ZERO, actor=axel, at=AT, resolution="You left")
    assert (new.amount, new.moved) == (ZERO, ZERO)
    assert spent(org, "CC100") == Decimal("600.01")


def test_what_was_corrected_is_disputed_and_reversed_like_any_line(
    org, posted, disputed, axel, dora, cora, books_hold
):
    new = services.correct(
        line=disputed, amount=Decimal(100), actor=axel, at=AT, resolution="Only January"
    )
    services.dispute(line=new, actor=dora, at=AT, reason="Not even that")
    newest = services.correct(
        line=new, amount=Decimal(50), actor=cora, at=AT, resolution="Half of it"
    )
    assert newest.line_number == 6
    services.reverse(allocation=posted, actor=cora, at=AT, reason="All wrong")
    assert set(amounts(posted).values()) == {ZERO}
    assert spent(org, "CC100") == Decimal("1000.01")


def test_a_showback_is_corrected_on_paper_only(org, axel, dora):
    rule = make_rule(org, rule_input(org, kind="showback"), name="Shown")
    spend(org.cell("CC100", "6300"), "100.00")
    allocation = run(rule)
    line = allocation.lines.get(cost_center__code="CC200")
    services.dispute(line=line, actor=dora, at=AT, reason="Too much")
    services.correct(line=line, amount=Decimal(10), actor=axel, at=AT, resolution="Right")
    assert amounts(allocation)["CC200"] == Decimal(10)
    assert not LedgerEntry.objects.filter(document_type="allocation").exists()
