"""Whoever loses a race in the browser reads an ordinary sentence on an ordinary page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from approvals.models import ApprovalStep
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests import factories
from tests.invariants.fixtures import assert_books_hold
from tests.journeys.pairs import Case, Desk
from tests.pages import signed_in, text_of
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 4
SAID = {"reason": "So be it.", "comment": "So be it.", "reason_code": "other", "code": "OTH"}

# Who presses which button of which page, with what typed.
Press = tuple[str, str, dict[str, Any]]


def on_order(case: Case, action: str) -> str:
    return reverse("purchase_orders:perform", args=[case.order.pk, action])


def cancelled_and_closed(case: Case) -> list[Press]:
    return [("bea", on_order(case, "cancel"), SAID), ("bea", on_order(case, "close"), SAID)]


def received_and_cancelled(case: Case) -> list[Press]:
    form = {"received_on": factories.TODAY.isoformat(), "line-1-quantity": "10"}
    page = reverse("purchase_orders:receive_order", args=[case.order.pk])
    return [("rob", page, form), ("bea", on_order(case, "cancel"), SAID)]


def accepted_and_returned(case: Case) -> list[Press]:
    accept = reverse("invoicing:resolve", args=[case.exceptions[0].pk, "accept"])
    back = reverse("invoicing:perform", args=[case.invoice.pk, "return"])
    return [("fay", accept, SAID | {"all": "1"}), ("finn", back, SAID)]


def approved_and_withdrawn(case: Case) -> list[Press]:
    decide = reverse("approvals:decide", args=[case.step.pk])
    form = {"decision": "approve", "digest": case.step.request.digest}
    mine = reverse("requisitions:perform", args=[case.requisition.pk, "withdraw"])
    return [("axel", decide, form), ("axel", decide, form), ("rita", mine, SAID)]


def ordered_twice_and_cancelled(case: Case) -> list[Press]:
    order = reverse("purchase_orders:from_requisition", args=[case.requisition.pk])
    mine = reverse("requisitions:perform", args=[case.requisition.pk, "cancel"])
    return [("bea", order, {}), ("bea", order, {}), ("rita", mine, SAID)]


@pytest.mark.parametrize(
    ("situation", "presses"),
    [
        (Desk.issued, cancelled_and_closed),
        (Desk.issued, received_and_cancelled),
        (Desk.stopped, accepted_and_returned),
        (Desk.waiting_for_approval, approved_and_withdrawn),
        (Desk.agreed, ordered_twice_and_cancelled),
    ],
    ids=lambda found: found.__name__,
)
def test_whoever_comes_second_is_told_why(
    situation: Callable[[Desk], Case], presses: Callable[[Case], list[Press]], transactional_db: Any
) -> None:
    desk = Desk(factories.organisation())
    lost = 0
    for _ in range(ROUNDS):
        pressed = [
            (signed_in(desk.org.people[name]), page, form)
            for name, page, form in presses(situation(desk))
        ]
        answers = race(
            [
                lambda client=client, page=page, form=form: client.post(page, form, follow=True)
                for client, page, form in pressed
            ]
        )
        for answer in answers:
            assert not isinstance(answer, Exception), answer
            assert answer.status_code in (200, 404, 409, 422), text_of(answer)
        lost += sum(not told_of_success(answer) for answer in answers)
    assert lost >= ROUNDS, "each round has a loser, who is told so"
    assert_books_hold()


def told_of_success(answer: Any) -> bool:
    """By the page itself: Django's test client mixes up the contexts of threads."""
    return 'class="alert alert-good"' in answer.content.decode()


@contextmanager
def somebody_holding(order: PurchaseOrder) -> Iterator[None]:
    """Another transaction has the order's lock, and does not let go."""
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            PurchaseOrder.objects.select_for_update().get(pk=order.pk)
            holding.set()
            done.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(30)
    yield
    done.set()
    thread.join()


def test_a_lock_that_does_not_come_is_an_ordinary_message(transactional_db: Any) -> None:
    desk = Desk(factories.organisation())
    case = desk.issued()
    client = signed_in(desk.org.bea)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 100")
    try:
        with somebody_holding(case.order):
            answer = client.post(on_order(case, "hold"), follow=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert answer.status_code == 200
    assert "Somebody else is changing this right now" in text_of(answer)
    case.order.refresh_from_db()
    assert case.order.status == PurchaseOrder.Status.ISSUED
    assert client.post(on_order(case, "hold"), follow=True).status_code == 200


def test_the_same_step_is_decided_once_from_ten_tabs(transactional_db: Any) -> None:
    desk = Desk(factories.organisation())
    case = desk.waiting_for_approval()
    page = reverse("approvals:decide", args=[case.step.pk])
    form = {"decision": "approve", "digest": case.step.request.digest}
    tabs = [signed_in(desk.org.axel) for _ in range(10)]
    answers = race([lambda tab=tab: tab.post(page, form, follow=True) for tab in tabs])
    assert {answer.status_code for answer in answers} <= {200, 404, 409, 422}
    assert sum(map(told_of_success, answers)) == 1
    assert ApprovalStep.objects.get(pk=case.step.pk).status == ApprovalStep.Status.APPROVED
    assert Requisition.objects.get().status == Requisition.Status.APPROVED
    assert_books_hold()
