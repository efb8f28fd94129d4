"""Changes of what limits a blanket order, and of what it commits itself (C18, C24)."""

from decimal import Decimal

import pytest

from approvals.models import ApprovalRequest
from budgets.ledger import BelowUsed, BudgetExceeded
from budgets.models import BudgetCell, Commitment, Stage
from core.errors import Invalid
from purchase_orders import services
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.inputs import ChangedLine, DistributionInput
from purchase_orders.models import ChangeOrder
from tests.factories import NOW
from tests.purchase_orders.blankets import Blankets, changed, log, submitted, terms, withdraw
from tests.purchase_orders.making import Maker, held, line_of


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


def D(text: str) -> Decimal:
    return Decimal(text)


def encumbered(make, center="CC100") -> Decimal:
    return BudgetCell.objects.get(
        fiscal_year__year=2026,
        cost_center=make.org.cost_centers[center],
        gl_account=make.org.gl_accounts["6600"],
        project=None,
    ).encumbered


def limits(**figures: str) -> dict:
    return {"terms": {name: Decimal(figure) for name, figure in figures.items()}}


@pytest.mark.parametrize(
    ("agreed", "said", "pointer", "code"),
    [
        ({}, {"limit": "19999.99"}, "/limit", "below_released"),
        ({"allowance_percent": "20"}, {"limit": "19999.99"}, "/limit", "below_released"),
        (
            {"limit": "19000", "allowance_percent": "10"},
            {"allowance_percent": "5"},
            "/allowance_percent",
            "below_released",
        ),
        (
            {"commits": "minimum", "minimum": "50000"},
            {"minimum": "19999.99"},
            "/minimum",
            "below_released",
        ),
    ],
)
def test_no_limit_falls_below_what_was_released(make, blankets, agreed, said, pointer, code):
    blanket = blankets.issued(**agreed)
    blankets.release(blanket, "200")
    before = vars(terms(blanket)), encumbered(make)
    with pytest.raises(BelowUsed) as refused:
        submitted(make, blanket, **limits(**said))
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]
    assert not ChangeOrder.objects.exists()
    assert {**vars(terms(blanket)), "_state": 0} == {**before[0], "_state": 0}
    assert encumbered(make) == before[1]


def test_what_waits_for_approval_counts(make, blankets):
    blanket = blankets.issued(limit_by="amount", release_maximum="99999")
    blankets.release(blanket, "200")
    waiting = blankets.release_draft(blanket, "100")
    waiting.submit(at=NOW)
    waiting.save()
    with pytest.raises(BelowUsed, match=r"10,000\.00 EUR wait for approval"):
        submitted(make, blanket, **limits(limit="29999.99"))
    changed(make, blanket, **limits(limit="30000"))


@pytest.mark.parametrize(
    ("agreed", "said", "pointer"),
    [
        ({"limit_by": "quantity"}, {"limit": "100"}, "/limit"),
        ({"limit_by": "price"}, {"limit": "100"}, "/limit"),
        ({}, {"limit": "0"}, "/limit"),
        ({}, {"limit": "100.001"}, "/limit"),
        ({}, {"minimum": "150000.01"}, "/minimum"),
        ({"commits": "minimum", "minimum": "10"}, {"minimum": "0"}, "/minimum"),
        ({}, {"release_minimum": "5", "release_maximum": "4"}, "/release_maximum"),
        ({"limit_by": "quantity"}, {"minimum": "150000.01"}, "/minimum"),
    ],
)
def test_limits_that_say_nothing_are_refused(make, blankets, agreed, said, pointer):
    blanket = blankets.issued(**agreed)
    with pytest.raises(Invalid) as refused:
        submitted(make, blanket, **limits(**said))
    assert [each.pointer for each in refused.value.errors] == [pointer]
    assert not ChangeOrder.objects.exists()


def test_only_a_blanket_order_has_limits_to_change(make):
    order = make.issued(("10", "10"))
    with pytest.raises(Invalid) as refused:
        submitted(make, order, **limits(limit="1"))
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/limit", "not_here")]


def test_a_higher_limit_is_approved_again_and_then_counts(make, blankets):
    blanket = blankets.issued()
    change = submitted(make, blanket, **limits(limit="200000"))
    round_ = ApprovalRequest.objects.get(subject_id=change.pk)
    assert Decimal(round_.facts["amount"]) == D("200000")
    assert change.needs[0].startswith("The limit rises by 50,000.00 EUR")
    with pytest.raises(BeyondAgreement):
        blankets.release(blanket, "1500.01")
    change.approve(at=NOW)
    change.save()
    services.issue_change(change=change, actor=make.org.bea, at=NOW)
    assert (change.difference, terms(blanket).limit) == (D("50000"), D("200000"))
    blankets.release(blanket, "2000")
    assert blanket.revisions.get(revision=2).content["limit"] == "200000"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"allowance_percent": "50"}, "The limit with what it may be exceeded by rises by"),
        ({"minimum": "149000"}, "The minimum rises by"),
        ({"release_maximum": "10001"}, "One release may come to more than was agreed."),
        ({"release_minimum": "9"}, "One release may come to less than was agreed."),
        ({"release_maximum": "9999", "release_minimum": "11"}, None),
    ],
)
def test_more_than_was_agreed_is_approved_again(make, blankets, said, why):
    blanket = blankets.issued(release_minimum="10", release_maximum="10000")
    change = submitted(make, blanket, **limits(**said))
    waits = change.status == ChangeOrder.Status.IN_APPROVAL
    assert (waits, [words.startswith(why or "-") for words in change.needs][:1]) == (
        bool(why),
        [True] if why else [],
    )


def test_a_lower_limit_asks_nobody(make, blankets):
    blanket = blankets.issued(commits="limit")
    blankets.release(blanket, "200")
    change = changed(make, blanket, **limits(limit="20000"))
    assert (change.needs, change.difference) == ([], D("-130000"))
    assert (held(blanket.pk), encumbered(make)) == (0, D("20000"))
    with pytest.raises(BeyondAgreement):
        blankets.release_draft(blanket, "1")


def test_a_committed_limit_moves_by_the_difference(make, blankets):
    """150 000, 20 000 released; 160 000: 10 000 held while it waits, 140 000 on it then."""
    blanket = blankets.issued(commits="limit")
    release = blankets.release(blanket, "200")
    change = submitted(make, blanket, **limits(limit="160000"))
    assert held(change.pk, Stage.PRE) == D("10000")
    withdraw(make, blanket)
    assert held(change.pk, Stage.PRE) == 0
    changed(make, blanket, **limits(limit="160000"))
    assert (held(blanket.pk), held(release.pk)) == (D("140000"), D("20000"))
    assert encumbered(make) == D("160000")
    assert make.org.cell("CC100", "6600").pre_encumbered == 0


def test_a_rise_of_the_limit_needs_room(make, blankets):
    blankets.budget("155000")
    blanket = blankets.issued(commits="limit")
    with pytest.raises(BudgetExceeded):
        submitted(make, blanket, **limits(limit="155000.01"))
    withdraw(make, blanket)
    changed(make, blanket, **limits(limit="155000"))
    assert encumbered(make) == D("155000")


def test_what_was_released_beyond_the_minimum_is_not_committed_twice(make, blankets):
    """Minimum 50 000, 60 000 released; 80 000: 20 000 more, although no budget had 30 000."""
    blankets.budget("80000")
    blanket = blankets.issued(commits="minimum", minimum="50000")
    release = blankets.release(blanket, "600")
    changed(make, blanket, **limits(minimum="80000"))
    assert (held(blanket.pk), held(release.pk)) == (D("20000"), D("60000"))
    assert encumbered(make) == D("80000")
    changed(make, blanket, **limits(minimum="65000"))
    assert (held(blanket.pk), encumbered(make)) == (D("5000"), D("65000"))


def test_by_quantity_a_committed_limit_follows_its_lines(make, blankets):
    blanket = blankets.issued(("100", "50"), limit_by="quantity", commits="limit")
    release = blankets.release(blanket, "60")
    changed(make, blanket, quantity="120", price="40")
    assert (terms(blanket).limit, held(blanket.pk)) == (D("4800"), D("1800"))
    assert held(release.pk) == D("3000")  # what was released keeps its price
    with pytest.raises(BeyondAgreement, match="60 C62 are released already"):
        submitted(make, blanket, quantity="59")
    assert log(blanket)[0][1:] == ("issued", "3000.00")


def test_the_price_of_a_committed_limit_may_change_whatever_was_released(make, blankets):
    blanket = blankets.issued(("1", "100"), commits="limit")
    blankets.release(blanket, "200")
    changed(make, blanket, price="90")
    assert (held(blanket.pk), encumbered(make)) == (D("130000"), D("150000"))


def test_a_fall_is_taken_from_what_is_open(make, blankets):
    """60 000 and 40 000, the second released whole; 80 000: the first alone gives 20 000."""
    blanket = blankets.issued(("60", "1000"), ("40", "1000"), commits="limit", limit="100000")
    draft = blankets.release_draft(blanket, "0.01", "40")
    data = make.order_data(
        make.line("40", "1000", agreement_line=line_of(blanket, 2)),
        kind="release",
        agreement=blanket,
    )
    make.issue(services.edit(order=draft, data=data, actor=make.org.bea, at=NOW))
    changed(make, blanket, **limits(limit="80000"))
    rows = Commitment.objects.filter(document_id=blanket.pk).order_by("line_number")
    assert [row.document_open for row in rows] == [D("40000"), 0]
    assert held(blanket.pk) == D("40000")


def test_a_cancelled_line_hands_what_it_commits_to_the_others(make, blankets):
    blanket = blankets.issued(("60", "1000"), ("40", "1000"), commits="limit", limit="100000")
    gone = ChangedLine(line_of(blanket, 2), is_cancelled=True)
    changed(make, blanket, new=[gone])
    rows = Commitment.objects.filter(document_id=blanket.pk).order_by("line_number")
    assert [row.document_open for row in rows] == [D("100000"), 0]


def test_who_pays_a_committed_limit_may_change_before_anything_is_released(make, blankets):
    blanket = blankets.issued(commits="limit")
    org = make.org
    blankets.budget("150000", cost_center=org.cost_centers["CC200"])
    other = [DistributionInput(org.cost_centers["CC200"], org.gl_accounts["6600"])]
    changed(make, blanket, new=[ChangedLine(line_of(blanket), distributions=other)])
    assert (encumbered(make), encumbered(make, "CC200")) == (0, D("150000"))
