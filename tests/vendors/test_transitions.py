"""A vendor's way from prospect to approved and out again: by vendor managers only."""

import pytest

from core.errors import IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from tests.factories import NOW
from tests.fixtures import PERSONAS
from vendors import services
from vendors.models import Vendor

# verb: (from which states, to which state, needs a reason)
TABLE = {
    "submit": ({"prospect"}, "in_review", False),
    "approve": ({"in_review"}, "approved", False),
    "reject": ({"in_review"}, "prospect", True),
    "suspend": ({"approved"}, "suspended", True),
    "reinstate": ({"suspended"}, "approved", False),
    "block": ({"approved", "suspended", "in_review"}, "blocked", True),
}


def in_state(org, status):
    return Vendor.objects.create(
        entity=org.entity,
        code="V-9",
        name="Neun GmbH",
        status=status,
        country="DE",
        currency="EUR",
        created_at=NOW,
    )


def act(verb, vendor, actor, reason="Because."):
    return getattr(services, verb)(vendor=vendor, actor=actor, at=NOW, reason=reason)


def rows():
    return (
        list(Vendor.objects.order_by("pk").values_list()),
        TrailEvent.objects.count(),
        Vendor.history.count(),
    )


@pytest.mark.parametrize("state", Vendor.Status.values)
@pytest.mark.parametrize("verb", TABLE)
def test_state_by_verb_by_persona(org, state, verb):
    sources, target, _ = TABLE[verb]
    vendor = in_state(org, state)
    before = rows()
    for persona in PERSONAS:
        if persona == "vera":
            continue
        with pytest.raises(NotAllowed if state in sources else IllegalTransition):
            act(verb, vendor, org.people[persona])
        assert rows() == before
    if state not in sources:
        with pytest.raises(IllegalTransition):
            act(verb, vendor, org.vera)
        assert rows() == before
        return
    assert act(verb, vendor, org.vera).status == target
    event = TrailEvent.objects.get(document_id=vendor.pk)
    assert (event.actor, event.reason) == (org.vera, "Because.")
    assert event.changes == [{"field": "status", "old": state, "new": target}]
    assert vendor.history.first().history_user == org.vera


@pytest.mark.parametrize("verb", [verb for verb, row in TABLE.items() if row[2]])
def test_refused_without_a_reason(org, vera, verb):
    vendor = in_state(org, sorted(TABLE[verb][0])[0])
    before = rows()
    with pytest.raises(Invalid):
        act(verb, vendor, vera, reason=" ")
    assert rows() == before
