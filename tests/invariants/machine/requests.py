"""Steps of requests: submitted, decided on with everything else that is decided, ended."""

from decimal import Decimal
from typing import Any

import approvals.services
import requisitions.services
from approvals.models import ApprovalStep
from budgeting.models import BudgetChange
from budgets.ledger import BudgetExceeded
from core.composed import Composed
from core.errors import DomainError
from purchase_orders.models import ChangeOrder
from requisitions.models import Requisition
from tests.factories import draft, line_input
from tests.invariants.machine.cells import ACT, PRE, ZERO
from tests.invariants.machine.documents import Request
from tests.invariants.machine.ground import Ground
from tests.invariants.machine.orders import PERIOD, REQUESTS
from tests.invariants.machine.picking import Documents

STEPS = Documents(lambda: ApprovalStep.objects.select_related("assignee", "request"))
_turns = Composed[ApprovalStep](
    lambda request: (
        ApprovalStep.objects.select_related("assignee", "request")
        .filter(request=request, status="active")
        .order_by("pk")
    )
)


class Requests(Ground):
    def submit(
        self,
        payers: tuple[str, ...],
        quantity: int,
        price: int,
        *,
        spans: bool = False,
        emergency: bool = False,
    ) -> None:
        service = PERIOD if spans else {}
        line = line_input(
            self.org, quantity, str(price), distributions=self.coding(payers), **service
        )
        self.count += 1
        why = {
            "emergency": True,
            "emergency_reason": "It burns.",
            "references": {"incident": f"INC-{self.count}"},
        }
        made = draft(self.org, line, at=self.now, **(why if emergency else {}))
        request = Request(payers, quantity, Decimal(price), spans, emergency)
        self.books.requests[made.pk] = request
        self.attempt(
            "submit emergency" if emergency else "submit",
            lambda: requisitions.services.submit(
                requisition=made, actor=self.org.rita, at=self.now
            ),
            lambda: self.books.taking(self.books.asking(request, self.today, ACT), PRE),
            overdraw=emergency,
        )

    def agree_to(self, pick: int) -> None:
        """Everybody who is asked about one thing says yes, one after the other."""
        step = STEPS.pick(pick, "active")
        while turns := _turns(step.request_id) if step else []:
            before = self.done["decide: approve"]
            self._decide(turns[0], "approve")
            if self.done["decide: approve"] == before:
                return

    def decide(self, decision: str, pick: int) -> None:
        """Requests, changes and transfers alike; the last to agree reserves, or moves, it."""
        step = STEPS.pick(pick, "active")
        if step is not None:
            self._decide(step, decision)

    def _decide(self, step: ApprovalStep, decision: str) -> None:
        subject = step.request.subject_id
        request = self.books.requests.get(subject)
        try:
            approvals.services.decide(
                step=step, decision=decision, actor=step.assignee, at=self.now, comment="Seen."
            )
        except BudgetExceeded:
            assert request is not None and not self._fits(request), "decide: there was room"
            self.refused["decide: budget"] += 1
            return
        except DomainError as refusal:
            self.refused[f"decide: {refusal.slug}"] += 1
            return
        self.done[f"decide: {decision}"] += 1
        if request is not None:
            self._after_request(subject, request)
        elif subject in self.books.changes:
            if ChangeOrder.objects.get(pk=subject).status in ("rejected", "draft"):
                self.books.free(self.books.changes[subject].shares)
        elif (change := BudgetChange.objects.filter(pk=subject).first()) is not None:
            self._after_transfer(change)

    def _fits(self, request: Request) -> bool:
        moves = self.books.taking(self.books.asking(request, self.today), PRE)
        return self.books.cells.bear(moves, overdraw=request.emergency)

    def _after_request(self, subject: Any, request: Request) -> None:
        if Requisition.objects.get(pk=subject).status == "approved" and not request.shares:
            assert self._fits(request), "decide: passed though there was no room"
            self.books.reserve(request, self.today)
            self.done["emergency"] += request.emergency

    def _after_transfer(self, change: BudgetChange) -> None:
        if change.status == "approved":
            moves = dict(change.lines.values_list("cell_id", "amount"))
            for key, (pk, *_) in self.stored().items():
                self.books.cells.cells[key].amount += moves.get(pk, ZERO)
            self.done["transfer"] += 1

    def end_request(self, verb: str, pick: int) -> None:
        made = REQUESTS.pick(pick, "approved", "partially_ordered")
        if made is None:
            return
        end = getattr(requisitions.services, verb)
        if self.attempt(
            f"{verb} request",
            lambda: end(requisition=made, actor=self.org.bea, at=self.now, reason="Enough."),
        ):
            self.books.free(self.books.requests[made.pk].shares)
