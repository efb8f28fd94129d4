"""Who makes rules, and what a rule may say."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from chargeback import services
from chargeback.inputs import ShareInput
from chargeback.models import AllocationRule, RuleRevision
from core.errors import Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests.chargeback.sharing import (
    AT,
    FEBRUARY,
    consumption_input,
    make_rule,
    rule_input,
    run,
    share_inputs,
    spend,
)

OTHERS = ("rita", "axel", "dora", "bea", "finn", "fay", "olga", "ada", "nils")


@pytest.mark.parametrize("who", OTHERS)
def test_only_controllers_of_the_entity_make_rules(org, who):
    with pytest.raises(NotAllowed):
        services.create_rule(
            entity=org.entity, name="Cloud", data=rule_input(org), actor=org.people[who], at=AT
        )
    assert not AllocationRule.objects.exists()
    assert not TrailEvent.objects.exists()


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"kind": "gift"}, "/kind"),
        ({"basis": "guess"}, "/basis"),
        ({"cost_center": None, "gl_account": None}, "/cost_center"),
        ({"service_owner": None}, "/service_owner"),
        ({"valid_from": None}, "/valid_from"),
        ({"valid_from": date(2026, 1, 2)}, "/valid_from"),
        ({"valid_to": date(2026, 5, 30)}, "/valid_to"),
        ({"valid_to": date(2025, 12, 31)}, "/valid_to"),
        ({"shares": []}, "/shares"),
        ({"basis": "consumption", "unit": "GB"}, "/shares"),
        ({"basis": "consumption", "shares": []}, "/unit"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(org, said, pointer):
    with pytest.raises(Invalid) as refusal:
        make_rule(org, rule_input(org, **said))
    assert pointer in {error.pointer for error in refusal.value.errors}
    assert not AllocationRule.objects.exists()


@pytest.mark.parametrize(
    "shares",
    [
        {"CC200": "60", "CC300": "39.999999"},
        {"CC200": "60", "CC300": "40.000001"},
        {"CC200": "100", "CC300": "0"},
        {"CC200": "33.3333333", "CC300": "66.6666667"},
    ],
)
def test_a_split_is_a_hundred_percent_and_nothing_else(org, shares):
    with pytest.raises(Invalid):
        make_rule(org, rule_input(org, shares=share_inputs(org, shares)))


def test_a_cost_centre_stands_in_a_split_once(org):
    twice = [ShareInput(org.cost_centers["CC200"], Decimal(50))] * 2
    with pytest.raises(Invalid) as refusal:
        make_rule(org, rule_input(org, shares=twice))
    assert [error.code for error in refusal.value.errors] == ["taken"]


def test_what_belongs_to_another_entity_is_refused(org):
    abroad = rule_input(
        org, cost_center=org.uk_cost_center, shares=[ShareInput(org.uk_cost_center, Decimal(100))]
    )
    with pytest.raises(Invalid) as refusal:
        make_rule(org, abroad)
    assert {error.pointer for error in refusal.value.errors} == {
        "/cost_center",
        "/shares/0/cost_center",
    }


def test_a_name_is_taken_once(org):
    make_rule(org)
    with pytest.raises(Invalid):
        make_rule(org)


def test_a_rule_is_made_with_its_first_revision(org):
    rule = make_rule(org)
    revision = rule.revisions.get()
    assert (revision.revision, revision.kind, revision.made_by) == (1, "chargeback", org.cora)
    assert [str(share.percent.normalize()) for share in revision.shares.all()] == ["6E+1", "4E+1"]
    assert TrailEvent.objects.get().type == "allocation_rule.created"


def test_a_revision_needs_a_controller_a_reason_and_the_present_version(org, axel, cora):
    rule = make_rule(org)
    data = rule_input(org)
    with pytest.raises(NotAllowed):
        services.revise_rule(rule=rule, data=data, actor=axel, at=AT, reason="Mine")
    with pytest.raises(Invalid):
        services.revise_rule(rule=rule, data=data, actor=cora, at=AT, reason=" ")
    with pytest.raises(StaleVersion):
        services.revise_rule(
            rule=rule, data=data, actor=cora, at=AT, reason="Late", expected_version=7
        )
    assert rule.revisions.count() == 1


def test_a_revision_leaves_what_was_shared_alone(org, cora, posted):
    rule = posted.rule
    data = rule_input(org, shares=share_inputs(org, {"CC200": 10, "CC300": 90}))
    before = list(posted.lines.values_list("amount", "percent"))
    services.revise_rule(rule=rule, data=data, actor=cora, at=AT, reason="They use more")
    posted.refresh_from_db()
    assert posted.revision.revision == 1
    assert list(posted.lines.values_list("amount", "percent")) == before
    event = TrailEvent.objects.get(type="allocation_rule.revised")
    assert event.changes == [
        {
            "field": "shares",
            "old": ["CC200 60 %", "CC300 40 %"],
            "new": ["CC200 10 %", "CC300 90 %"],
        }
    ]


def test_a_month_is_shared_by_the_newest_revision_that_has_begun(org, cora, rule):
    later = rule_input(
        org, valid_from=date(2026, 3, 1), shares=share_inputs(org, {"CC200": 10, "CC300": 90})
    )
    services.revise_rule(rule=rule, data=later, actor=cora, at=AT, reason="From March")
    spend(org.cell("CC100", "6300"), "100.00")
    assert run(rule, FEBRUARY).revision.revision == 1


def test_what_a_rule_said_cannot_be_changed_in_the_database(org):
    revision = make_rule(org, consumption_input(org)).revisions.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleRevision.objects.filter(pk=revision.pk).update(unit="hours")
    revision.refresh_from_db()
    assert revision.unit == "GB"
