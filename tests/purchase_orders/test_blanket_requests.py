"""Approved requests that are released from a blanket order (C24)."""

from decimal import Decimal

import pytest
from django.urls import reverse

from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from purchase_orders import services
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.cover import AboveApproved
from purchase_orders.inputs import AgreementInput, ReleaseLineInput
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW
from tests.purchase_orders.blankets import Blankets, log, terms
from tests.purchase_orders.making import Maker, held, line_of, run_worker


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


def listing(make: Maker, *prices: str, line=None, **terms) -> PurchaseOrder:
    """A blanket order whose lines are called as those of `make.requisition` are."""
    lines = [
        make.line("1500", price, **{"description": f"THING  {number}", **(line or {})})
        for number, price in enumerate(prices, 1)
    ]
    said = AgreementInput(**{"limit": Decimal(150_000), **terms})
    data = make.order_data(*lines, kind="blanket", terms=said, title="Things")
    org = make.org
    return make.issue(services.create(entity=org.entity, data=data, actor=org.bea, at=NOW))


def release(make, requisition, blanket, **facts):
    who = {"actor": make.org.bea, "at": NOW, **facts}
    return services.release_requisition(requisition=requisition, agreement=blanket, **who)


def reserved(make) -> Decimal:
    return make.org.cell("CC100", "6600").pre_encumbered


@pytest.mark.parametrize(
    "said",
    [
        {"unit": "KGM"},
        {"description": "Something else"},
        {"basis": "amount"},
    ],
)
def test_what_is_not_on_the_list_is_not_released(make, blankets, said):
    blanket = listing(make, "100", line=said)
    requisition = make.requisition(("10", "100"))
    with pytest.raises(Conflict, match="Nothing that is left"):
        release(make, requisition, blanket)
    assert not PurchaseOrder.objects.filter(kind="release").exists()


def test_only_what_is_approved_is_released_and_by_buyers(make, blankets):
    blanket = listing(make, "100")
    waiting = make.requisition(("10", "100"), approve=False)
    with pytest.raises(IllegalTransition, match="only approved"):
        release(make, waiting, blanket)
    requisition = make.requisition(("10", "100"))
    with pytest.raises(NotAllowed):
        release(make, requisition, blanket, actor=make.org.rob)
    services.close(order=blanket, actor=make.org.bea, at=NOW, reason="Over")
    with pytest.raises(BeyondAgreement, match="is closed"):
        release(make, requisition, blanket)
    assert not PurchaseOrder.objects.filter(kind="release").exists()
    assert reserved(make) == Decimal(1_000)


def test_more_than_is_left_of_the_request_is_refused(make, blankets):
    blanket = listing(make, "100")
    requisition = make.requisition(("10", "100"))
    asked = requisition.lines.get()
    line = ReleaseLineInput(line_of(blanket), Decimal("10.5"), requisition_line=asked)
    with pytest.raises(Invalid) as refused:
        services.release(order=blanket, lines=[line], actor=make.org.bea, at=NOW)
    assert [each.pointer for each in refused.value.errors] == ["/lines/0/quantity"]


@pytest.mark.parametrize(("commits", "rest"), [("releases", 0), ("limit", 149_010)])
def test_a_release_uses_up_what_its_request_reserved(make, blankets, commits, rest):
    """10 asked for at 100 and released at 99: PRE 1 000 to 0, ENC 990, one row of 990."""
    blanket = listing(make, "99", commits=commits)
    requisition = make.requisition(("10", "100"))
    made = release(make, requisition, blanket)
    line = made.lines.get()
    assert (line.requisition_line.requisition, line.agreement_line.order) == (requisition, blanket)
    assert reserved(make) == Decimal(1_000)
    made = make.issue(made)
    assert made.number == f"{blanket.number}/001"
    assert (reserved(make), held(made.pk), held(blanket.pk)) == (0, Decimal(990), rest)
    assert log(blanket) == [(made.number, "issued", "990.00")]
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.ORDERED
    services.cancel(order=made, actor=make.org.bea, at=NOW, reason="Not now")
    run_worker("release_unused")
    requisition.refresh_from_db()
    assert (requisition.status, terms(blanket).released) == (Requisition.Status.APPROVED, 0)


def test_a_request_is_released_once_and_its_rest_ordered_elsewhere(make, blankets):
    blanket = listing(make, "100")
    requisition = make.requisition(("10", "100"), ("1", "5"))
    first = release(make, requisition, blanket)
    assert [line.line_number for line in first.lines.all()] == [1]
    with pytest.raises(Conflict, match="Nothing that is left"):
        release(make, requisition, blanket)
    other = make.drafts(requisition)[0]
    assert [line.description for line in other.lines.all()] == ["Thing 2"]


def test_a_release_dearer_than_was_approved_is_approved_itself(make, blankets):
    blanket = listing(make, "120")
    with pytest.raises(AboveApproved):
        make.issue(release(make, make.requisition(("10", "100")), blanket))


def test_the_limit_is_kept_whatever_was_approved(make, blankets):
    blanket = listing(make, "100", limit=Decimal(999))
    requisition = make.requisition(("10", "100"))
    with pytest.raises(BeyondAgreement):
        release(make, requisition, blanket)
    assert reserved(make) == Decimal(1_000)


def test_prices_alone_are_covered_by_the_request(make, blankets):
    blanket = listing(make, "100", limit_by="price", limit=None)
    make.org.bea.approval_limit = None
    make.org.bea.save()
    assert make.issue(release(make, make.requisition(("10", "100")), blanket)).status == "issued"


def test_one_click_on_the_request_or_on_the_blanket_order(client, make, blankets):
    blanket, requisition = listing(make, "100"), make.requisition(("10", "100"))
    client.force_login(make.org.bea, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("purchase_orders:release_requisition", args=[blanket.pk, requisition.pk])
    for page in (("requisitions:detail", requisition.pk), ("purchase_orders:detail", blanket.pk)):
        assert address in client.get(reverse(page[0], args=[page[1]])).content.decode()
    assert client.get(address).status_code == 405
    answer = client.post(address)
    made = PurchaseOrder.objects.get(kind="release")
    assert answer["Location"] == reverse("purchase_orders:detail", args=[made.pk])
    for page in (("requisitions:detail", requisition.pk), ("purchase_orders:detail", blanket.pk)):
        assert address not in client.get(reverse(page[0], args=[page[1]])).content.decode()
    assert client.post(address, follow=True).status_code == 200
    assert PurchaseOrder.objects.filter(kind="release").count() == 1
