"""The cap of an emergency is its incident's: cutting it in parts does not stretch it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import Invalid
from requisitions import presentation, services
from requisitions.asked import stored
from tests import factories
from tests.factories import NOW, draft, line_input, submitted
from tests.racing import race
from tests.requisitions.asking import asked_by
from tests.requisitions.test_risk_and_references import faults
from tests.requisitions.watching import nothing_changes


def urgent(incident="INC-4711"):
    return {
        "emergency": True,
        "emergency_reason": "The core switch is down",
        "references": {"incident": incident},
    }


def emergency(org, price, *, incident="INC-4711", at=NOW, vendor=None):
    more = {"vendor": vendor} if vendor else {}
    return submitted(org, line_input(org, 1, price), at=at, **urgent(incident), **more)


def refused(org, price, *, incident="INC-4711", at=NOW):
    made = draft(org, line_input(org, 1, price), at=at, **urgent(incident))
    with nothing_changes(), pytest.raises(Invalid) as caught:
        services.submit(requisition=made, actor=org.rita, at=at)
    assert faults(caught) == {"/emergency": "not_available"}
    return caught.value.errors[0].detail


def test_a_second_part_beyond_the_cap_is_refused(org):
    emergency(org, "6000")
    said = refused(org, "4000.01")
    assert "All emergencies for INC-4711 cost at most 10,000.00 EUR together" in said
    assert "with this 4,000.01 EUR they come to 10,000.01 EUR" in said
    assert emergency(org, "4000").status == "submitted"


@pytest.mark.parametrize("spelled", ["inc 4711", "INC4711", "Inc_4711 ", "ＩＮＣ-4711"])
def test_another_spelling_is_the_same_incident(org, spelled):
    emergency(org, "6000")
    refused(org, "6000", incident=spelled)


def test_colleagues_and_other_vendors_count_with_it(org, bea):
    asked_by(org, bea, line_input(org, 1, "6000"), vendor=org.other_vendor, **urgent())
    refused(org, "6000")


def test_signs_alone_name_no_incident(org):
    made = draft(org, **urgent("---"))
    with nothing_changes(), pytest.raises(Invalid) as caught:
        services.submit(requisition=made, actor=org.rita, at=NOW)
    assert faults(caught) == {"/references/incident": "required"}


def test_another_incident_has_a_cap_of_its_own(org):
    emergency(org, "6000")
    assert emergency(org, "6000", incident="INC-4712").status == "submitted"


def test_what_was_withdrawn_makes_room(org):
    first = emergency(org, "6000")
    services.withdraw(requisition=first, actor=org.rita, at=NOW)
    assert emergency(org, "6000").status == "submitted"


def test_what_came_back_counts_once_when_it_is_sent_again(org):
    first = emergency(org, "6000")
    services.withdraw(requisition=first, actor=org.rita, at=NOW)
    services.edit(
        requisition=first,
        data=factories.requisition_input(org, line_input(org, 1, "9000"), **urgent()),
        actor=org.rita,
        at=NOW,
    )
    assert services.submit(requisition=first, actor=org.rita, at=NOW).status == "submitted"
    refused(org, "1000.01")


def test_it_rolls_with_the_window(org):
    emergency(org, "6000")
    window = timedelta(days=org.entity.splitting_window_days)
    refused(org, "6000", at=NOW + window - timedelta(seconds=1))
    assert emergency(org, "6000", at=NOW + window).status == "submitted"


def test_whoever_decides_sees_what_else_was_asked_for_the_incident(org):
    first = emergency(org, "6000")
    second = emergency(org, "1000")
    asked = stored(second, list(second.lines.all()))
    told = [each for each in presentation.flags(second, asked, at=NOW) if each.more]
    (flag,) = [each for each in told if each.kind == "emergency"]
    assert (
        flag.words == "For INC-4711 7,000.00 EUR were asked for in all, of at most 10,000.00 EUR."
    )
    assert [str(each) for each in flag.more] == [f"{first.title} · 6,000.00 EUR"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_is_refused(transactional_db):
    org = factories.organisation()
    made = [draft(org, line_input(org, 1, Decimal(6000)), **urgent()) for _ in range(6)]

    def send(requisition):
        return services.submit(requisition=requisition, actor=org.rita, at=NOW)

    answers = race([lambda each=each: send(each) for each in made])
    assert sum(not isinstance(each, Exception) for each in answers) == 1
    assert {type(each) for each in answers if isinstance(each, Exception)} == {Invalid}
