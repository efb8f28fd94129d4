"""Withdraw, cancel, close: what is not needed gives everything back, exactly once."""

from decimal import Decimal

import pytest

from approvals.models import ApprovalRequest, ApprovalStep
from budgets.models import LedgerEntry
from core.errors import IllegalTransition, Invalid, NotAllowed
from requisitions import services
from tests.factories import NOW, approved, draft, line_input, submitted
from tests.requisitions.watching import last_event, nothing_changes


def reserved(org):
    return org.cell("CC100", "6600").pre_encumbered


# --- withdraw ---------------------------------------------------------------------------------


def test_withdrawn_ends_the_round_and_its_steps(org, rita):
    made = services.withdraw(requisition=submitted(org), actor=rita, at=NOW)
    assert made.status == "withdrawn"
    assert ApprovalRequest.objects.get(subject_id=made.pk).status == "cancelled"
    assert not ApprovalStep.objects.filter(status__in=["active", "waiting"]).exists()
    assert reserved(org) == 0
    assert last_event(made).type == "requisition.withdrawn"
    assert made.history.first().history_user == rita


@pytest.mark.parametrize("persona", ["axel", "dora", "bea", "cora", "ada", "olga", "nils"])
def test_only_the_requester_withdraws(org, persona):
    made = submitted(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        services.withdraw(requisition=made, actor=org.people[persona], at=NOW)


def test_refused_to_withdraw_what_is_not_in_approval(org, rita):
    for made in (draft(org), approved(org)):
        with nothing_changes(), pytest.raises(IllegalTransition):
            services.withdraw(requisition=made, actor=rita, at=NOW)


# --- cancel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", ["rita", "bea"])
def test_cancelling_gives_the_whole_reservation_back(org, persona):
    made = approved(org)
    assert reserved(org) == 100
    actor = org.people[persona]
    made = services.cancel(requisition=made, actor=actor, at=NOW, reason="Found some.")
    assert made.status == "cancelled"
    assert reserved(org) == 0
    entries = LedgerEntry.objects.filter(document_id=made.pk)
    assert [each.amount for each in entries.order_by("id")] == [100, -100]
    event = last_event(made)
    assert (event.type, event.reason) == ("requisition.cancelled", "Found some.")
    assert Decimal(event.data["released"]) == 100


def test_a_draft_is_cancelled_without_touching_the_ledger(org, rita):
    made = services.cancel(requisition=draft(org), actor=rita, at=NOW, reason="Changed my mind.")
    assert made.status == "cancelled"
    assert not LedgerEntry.objects.exists()


def test_refused_to_cancel_or_close_without_a_reason(org, bea):
    made = approved(org)
    for verb in (services.cancel, services.close):
        with nothing_changes(), pytest.raises(Invalid) as caught:
            verb(requisition=made, actor=bea, at=NOW, reason="  ")
        assert caught.value.errors[0].pointer == "/reason"


def test_refused_to_cancel_what_is_ordered_in_part(org, rita):
    made = approved(org)
    _order(org, made, 4)
    with nothing_changes(), pytest.raises(IllegalTransition):
        services.cancel(requisition=made, actor=rita, at=NOW, reason="Too late.")


# --- close (C4) -------------------------------------------------------------------------------


def test_closing_frees_the_rest_of_the_reservation_once(org, bea):
    made = services.close(requisition=approved(org), actor=bea, at=NOW, reason="Enough.")
    assert made.status == "closed"
    assert reserved(org) == 0
    with nothing_changes(), pytest.raises(IllegalTransition):
        services.close(requisition=made, actor=bea, at=NOW, reason="Again.")


@pytest.mark.parametrize("persona", ["rita", "axel", "dora", "cora", "ada", "olga", "nils"])
def test_only_a_buyer_closes(org, persona):
    made = approved(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        services.close(requisition=made, actor=org.people[persona], at=NOW, reason="Enough.")


def _order(org, requisition, quantity):
    line = requisition.lines.get()
    return services.mark_ordered(
        requisition=requisition,
        quantities={line.pk: (Decimal(quantity), quantity * line.unit_price)},
        actor=org.bea,
        at=NOW,
    )


def test_reason_with_characters_that_hide_is_refused(org, bea):
    made = approved(org, line_input(org))
    with nothing_changes(), pytest.raises(Invalid):
        services.close(requisition=made, actor=bea, at=NOW, reason="fine\u202e")
