"""Segregation of duties (A4): the full matrix of pairs, at the act and when roles are given."""

from datetime import date, timedelta
from itertools import combinations, permutations

import pytest

import invoicing.services
from accounts import duties, services
from accounts.models import Duty, DutyPair, Mitigation, Role, User
from core.errors import Conflict, NotAllowed
from core.models import TrailEvent
from invoicing import queries as invoicing_queries
from purchase_orders.models import Receipt
from tests.accounts.purchases import ACTS, Purchase, nora
from tests.factories import NOW, TODAY
from tests.invoicing.billing import Biller

pytestmark = pytest.mark.django_db
EVERY = [str(each) for each in Duty.values]
TRIED = "person.kept_apart"


def apart(org, person, duty, performed, at=NOW):
    duties.require_apart(
        entity=org.entity, person=person, duty=duty, performed=performed, at=at, about=org.entity
    )


def mitigate(person, pair, until=TODAY, approved_at=NOW):
    return Mitigation.objects.create(
        entity=person.entity,
        person=person,
        first=pair[0],
        second=pair[1],
        reason="Small office",
        approved_by=User.objects.get(email="cora@demo.example"),
        approved_at=approved_at,
        valid_until=until,
    )


@pytest.mark.parametrize(("done", "duty"), list(permutations(EVERY, 2)))
def test_every_two_duties_are_kept_apart_as_the_entity_says(org, rita, done, duty):
    pair = duties.ordered(done, duty)
    kept = pair not in duties.TOLERATED
    assert (
        DutyPair.objects.filter(entity=org.entity, first=pair[0], second=pair[1]).exists() == kept
    )
    performed = {Duty(done): {rita.pk}, Duty(duty): {org.bea.pk}}
    apart(org, org.axel, duty, performed)  # somebody else may
    if not kept:
        apart(org, rita, duty, performed)
        return
    with pytest.raises(duties.DutiesConflict) as refused:
        apart(org, rita, duty, performed)
    for each in pair:
        assert duties.words(each) in refused.value.detail
    told = TrailEvent.objects.get(type=TRIED)
    assert (told.actor, told.data["duty"], told.data["other"]) == (rita, duty, done)
    mitigate(rita, pair)
    apart(org, rita, duty, performed)
    DutyPair.objects.filter(entity=org.entity).delete()
    Mitigation.objects.all().delete()
    apart(org, rita, duty, performed)


@pytest.mark.parametrize(("until", "holds"), [(TODAY, True), (TODAY - timedelta(days=1), False)])
def test_a_mitigation_holds_until_the_end_of_its_day(org, rita, until, holds):
    pair = duties.ordered(Duty.ORDER, Duty.RECEIVE)
    mitigate(rita, pair, until, approved_at=NOW - timedelta(days=9))
    performed = {Duty.ORDER: {rita.pk}}
    if holds:
        apart(org, rita, Duty.RECEIVE, performed)
    else:
        with pytest.raises(duties.DutiesConflict):
            apart(org, rita, Duty.RECEIVE, performed)


def test_a_mitigation_is_for_its_person_and_its_pair_alone(org, rita):
    mitigate(org.bea, duties.ordered(Duty.ORDER, Duty.RECEIVE))
    mitigate(rita, duties.ordered(Duty.ORDER, Duty.APPROVE))
    with pytest.raises(duties.DutiesConflict):
        apart(org, rita, Duty.RECEIVE, {Duty.ORDER: {rita.pk}})


def test_of_two_conflicts_both_must_be_excepted(org, rita):
    performed = {Duty.ORDER: {rita.pk}, Duty.APPROVE: {rita.pk}}
    mitigate(rita, duties.ordered(Duty.ORDER, Duty.RECEIVE))
    with pytest.raises(duties.DutiesConflict):
        apart(org, rita, Duty.RECEIVE, performed)
    mitigate(rita, duties.ordered(Duty.APPROVE, Duty.RECEIVE))
    apart(org, rita, Duty.RECEIVE, performed)


def test_the_same_duty_twice_and_the_portal_itself_are_no_conflict(
    org, rita, django_assert_num_queries
):
    with django_assert_num_queries(0):
        apart(org, rita, Duty.RECEIVE, {Duty.RECEIVE: {rita.pk}, Duty.ORDER: {None}})
        apart(org, None, Duty.RECEIVE, {Duty.ORDER: {None}})


@pytest.mark.parametrize(("first", "second"), list(combinations(ACTS, 2)))
def test_one_person_never_does_two_duties_on_a_real_purchase(org, first, second):
    """The later act is refused and leaves everything as it was; an exception lets it pass."""
    person, pair = nora(org), duties.ordered(first, second)
    purchase = Purchase(org, {first: person, second: person})
    if second == "approve":
        return _own_request(org, purchase)
    purchase.play(ACTS[ACTS.index(second) - 1])
    if pair in duties.TOLERATED:
        return purchase.do(second)
    if second == "order":
        purchase.draft(person)
    before = TrailEvent.objects.count()
    with pytest.raises(NotAllowed):
        purchase.do(second)
    tried = TrailEvent.objects.filter(type=TRIED)
    assert TrailEvent.objects.count() == before + tried.count()
    mitigate(person, pair)
    if pair in STANDING:
        with pytest.raises(NotAllowed):
            purchase.do(second)
    else:
        assert tried.count() == 1
        purchase.do(second)
    return None


# Never excepted: nobody accepts the variance of what they bought or keyed.
STANDING = {duties.ordered("enter_invoice", "resolve"), duties.ordered("order", "resolve")}


def _own_request(org, purchase):
    """Nobody decides on their own request: it goes to somebody else at once."""
    purchase.do("request")
    with pytest.raises(NotAllowed):
        purchase.do("approve")


def test_who_received_does_not_make_an_invoice_one_of_the_purchase_by_linking_it(org):
    """Captured without its order number it is of no purchase yet; naming the order is the act."""
    person = nora(org)
    purchase = Purchase(org, {"receive": person})
    purchase.play("receive")
    order = purchase.documents["order"]
    stray = Biller(org).billed(None, ("1", "10"), actor=org.finn, vendor=org.vendor)
    named = {"invoice": stray, "order_reference": order.number, "at": NOW}
    with pytest.raises(duties.DutiesConflict):
        invoicing.services.link_order(actor=person, **named)
    Receipt.objects.filter(order=order).update(received_by=org.finn)
    with pytest.raises(duties.DutiesConflict, match="Finn"):
        invoicing.services.link_order(actor=org.fay, **named)
    Receipt.objects.filter(order=order).update(received_by=org.rob)
    assert invoicing.services.link_order(actor=org.fay, **named).order == order


def test_the_statements_do_not_grow_with_the_documents(org, django_assert_num_queries):
    purchase = Purchase(org, {})
    purchase.play()
    order = purchase.documents["order"]
    with django_assert_num_queries(1):
        few = invoicing_queries.performed_on(order)
    assert set(few) == {Duty(each) for each in ACTS}
    assert {each: few[each] for each in (Duty.ENTER_INVOICE, Duty.RESOLVE)} == {
        Duty.ENTER_INVOICE: {org.finn.pk},
        Duty.RESOLVE: {org.fay.pk},
    }


@pytest.mark.parametrize("pair", sorted(duties.NEVER_TOGETHER))
def test_roles_of_a_pair_that_is_never_together_are_refused_and_named(org, pair):
    roles = [
        next(role for role, carried in duties.CARRIES.items() if duty in carried) for duty in pair
    ]
    given = {"person": org.olga, "actor": None, "at": NOW}
    with pytest.raises(Conflict) as refused:
        services.set_roles(roles=roles, **given)
    assert refused.value.errors[0].pointer == "/roles"
    for role in roles:
        assert str(Role(role).label) in refused.value.errors[0].detail
    assert User.objects.get(pk=org.olga.pk).roles == {Role.AUDITOR}
    for each in duties.conflicts_of(org.entity, roles):  # a role may bring more duties along
        mitigate(org.olga, (each.first, each.second), until=date(2026, 12, 31))
    assert services.set_roles(roles=roles, **given).roles == set(roles)


def test_roles_held_together_before_do_not_keep_others_from_being_taken_away(org):
    person = nora(org)
    left = services.set_roles(person=person, roles=[Role.BUYER, Role.RECEIVER], actor=None, at=NOW)
    assert left.roles == {Role.BUYER, Role.RECEIVER}
