"""Every state × every verb × every persona: what the table does not list is refused and changes
nothing."""

from decimal import Decimal

import pytest
from django.db import transaction

from core.errors import IllegalTransition, NotAllowed
from requisitions import queries, services
from requisitions.models import Requisition
from tests.factories import NOW, decide_all, draft, requisition_input, submitted
from tests.fixtures import PERSONAS
from tests.requisitions.watching import everything, nothing_changes

# verb: (from which states, by whom, to which state)
TABLE = {
    "submit": ({"draft", "returned"}, {"rita"}, "submitted"),
    "edit": ({"draft", "returned", "withdrawn"}, {"rita"}, "draft"),
    "withdraw": ({"submitted"}, {"rita"}, "withdrawn"),
    "cancel": ({"draft", "returned", "approved"}, {"rita", "bea"}, "cancelled"),
    "close": ({"approved", "partially_ordered", "ordered"}, {"bea"}, "closed"),
    "order": ({"approved", "partially_ordered"}, {"rita", "bea"}, "ordered"),
}
STATES = list(Requisition.Status.values)


def in_state(org, state):
    """Rita's requisition brought there by its verbs."""
    if state == "draft":
        return draft(org)
    made = submitted(org)
    if state in ("returned", "rejected"):
        decide_all(made, {"returned": "return", "rejected": "reject"}[state])
    elif state == "withdrawn":
        made = services.withdraw(requisition=made, actor=org.rita, at=NOW)
    elif state != "submitted":
        made = _further(org, made, state)
    assert made.status == state
    return made


def _further(org, made, state):
    decide_all(made)
    if state == "cancelled":
        return services.cancel(requisition=made, actor=org.rita, at=NOW, reason="Not needed.")
    if state in ("partially_ordered", "ordered", "closed"):
        made = _order(made, org.bea, 4 if state == "partially_ordered" else 10)
    if state == "closed":
        return services.close(requisition=made, actor=org.bea, at=NOW, reason="Done.")
    return made


def _order(made, actor, quantity=None):
    line = made.lines.get()
    left = Decimal(quantity or line.quantity - line.ordered_quantity or 1)
    quantities = {line.pk: (left, left * line.unit_price)}
    return services.mark_ordered(requisition=made, quantities=quantities, actor=actor, at=NOW)


def act(org, verb, made, actor):
    if verb == "order":
        return _order(made, actor)
    if verb == "edit":
        data = requisition_input(org, title="Ropes")
        return services.edit(requisition=made, data=data, actor=actor, at=NOW)
    reason = {"reason": "Because."} if verb in ("cancel", "close") else {}
    return getattr(services, verb)(requisition=made, actor=actor, at=NOW, **reason)


def expected(state, verb, persona):
    sources, allowed, target = TABLE[verb]
    if state not in sources:
        return IllegalTransition
    return target if persona in allowed else NotAllowed


@pytest.mark.parametrize("state", STATES)
def test_state_by_verb_by_persona(org, state):
    made = in_state(org, state)
    before = everything()
    for verb in TABLE:
        for persona in PERSONAS:
            outcome = expected(state, verb, persona)
            actor = org.people[persona]
            if isinstance(outcome, str):
                with transaction.atomic():
                    assert act(org, verb, made, actor).status == outcome, (verb, persona)
                    transaction.set_rollback(True)
                continue
            with pytest.raises(outcome):
                act(org, verb, made, actor)
                pytest.fail(f"{persona} could {verb} what is {state}")
    assert everything() == before


@pytest.mark.parametrize("state", STATES)
def test_what_is_offered_is_what_is_allowed(org, state):
    """The buttons, the API's available_actions and the services share one truth."""
    made = in_state(org, state)
    for persona in PERSONAS:
        offered = set(queries.available_actions(made, org.people[persona])) - {"copy"}
        allowed = {verb for verb in TABLE if isinstance(expected(state, verb, persona), str)}
        if persona == "rita":
            allowed.discard("order")  # the portal orders self-service for her; buyers press it
        assert offered == allowed, persona


def test_every_state_is_reached_and_every_verb_has_a_row(org):
    named = set().union(*(sources for sources, _, _ in TABLE.values()))
    assert named <= set(STATES)
    for state in STATES:
        with nothing_changes(), transaction.atomic():
            in_state(org, state)
            transaction.set_rollback(True)
