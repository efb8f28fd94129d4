"""Whatever happens in whatever order: the books hold, refusals change nothing, nothing is left."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DomainError
from core.money import round_amount, to_base
from tests.budgets.postings import ZERO, D, Desk, Paper
from tests.factories import Organisation
from tests.invariants.fixtures import assert_books_hold

RATES = {"EUR": D(1), "USD": D("0.90137"), "JPY": D("0.006123")}

amounts = st.decimals(min_value=D("0.01"), max_value=D(400), places=2)
VERBS = (
    *("reserve", "order", "convert", "bill", "bill", "final", "credit", "replace", "void"),
    *("close", "reopen", "cancel", "give back"),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(VERBS),
        st.integers(min_value=0, max_value=9),
        amounts,
        st.sampled_from(sorted(RATES)),
    ),
    min_size=4,
    max_size=14,
)


@dataclass
class Story:
    """Plays steps on one budget of 500 and keeps count of what was billed, in base currency."""

    desk: Desk
    requisitions: list[Paper] = field(default_factory=list)
    orders: list[Paper] = field(default_factory=list)
    bills: dict[int, tuple[Paper, Decimal]] = field(default_factory=dict)
    spent: Decimal = ZERO

    def play(self, verb: str, which: int, amount: Decimal, currency: str) -> None:
        before = self.desk.stages
        try:
            with transaction.atomic():
                after = self.act(verb, which, amount, currency)
        except DomainError:
            assert self.desk.stages == before
            return
        if after:
            after()
        assert self.desk.now.spent == self.spent

    def act(
        self, verb: str, which: int, amount: Decimal, currency: str
    ) -> Callable[[], None] | None:
        if verb == "reserve":
            paper = self.desk.reserve(amount)
            return lambda: self.requisitions.append(paper)
        if verb == "order" or (verb == "convert" and not self.requisitions):
            rate = RATES[currency]
            net = round_amount(amount / rate, currency)
            paper = self.desk.order("1", str(net), currency=currency, rate=rate)
            return lambda: self.orders.append(paper)
        if verb == "convert":
            uses = self.requisitions[which % len(self.requisitions)]
            paper = self.desk.order("1", str(amount), uses=uses, takes=amount)
            return lambda: self.orders.append(paper)
        if verb == "give back" and self.requisitions:
            self.desk.give_back(self.requisitions[which % len(self.requisitions)])
        if verb == "void" and self.bills:
            return self._void(which)
        if verb in ("close", "reopen", "cancel") and self.orders:
            getattr(self.desk, verb)(self.orders[which % len(self.orders)])
        if verb in ("bill", "final", "credit", "replace") and self.orders:
            return self._bill(verb, self.orders[which % len(self.orders)], amount)
        return None

    def _bill(self, verb: str, order: Paper, amount: Decimal) -> Callable[[], None]:
        sign = -1 if verb in ("credit", "replace") else 1
        rate = order.rate * D("1.05") if order.currency != "EUR" else order.rate
        net = round_amount(amount / order.rate, order.currency)
        paper = self.desk.bill(
            order,
            liquidate=str(net) if sign > 0 else "0",
            reencumber=str(net) if verb == "replace" else "0",
            actual=str(sign * net),
            final=verb == "final",
            currency=order.currency,
            rate=round(rate, 8),
        )
        cost = to_base(sign * net, rate=round(rate, 8), base_currency="EUR")

        def count() -> None:
            self.bills[len(self.bills)] = (paper, cost)
            self.spent += cost

        return count

    def _void(self, which: int) -> Callable[[], None]:
        key = sorted(self.bills)[which % len(self.bills)]
        paper, cost = self.bills[key]
        self.desk.void(paper)

        def count() -> None:
            self.bills[key] = (paper, D(0))
            self.spent -= cost

        return count


def test_every_story_keeps_the_books(org: Organisation):
    desk = Desk(org, org.cells["CC400", "6600", None])

    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(steps)
    def run(story_steps: list[tuple[str, int, Decimal, str]]) -> None:
        with transaction.atomic():
            story = Story(desk)
            for step in story_steps:
                story.play(*step)
                cell = desk.now
                assert min(cell.pre_encumbered, cell.encumbered) >= 0
                assert cell.used <= cell.amount
            assert_books_hold()
            for order in story.orders:
                desk.close(order)
            for requisition in story.requisitions:
                desk.give_back(requisition)
            assert desk.stages == (0, 0, story.spent)
            assert_books_hold()
            transaction.set_rollback(True)

    run()
