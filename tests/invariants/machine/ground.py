"""One organisation, its clock and the model beside it: what every step of the machine stands on."""

import copy
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Self

from budgets import invariants
from budgets.ledger import BudgetExceeded
from budgets.models import AccruedSum, BudgetCell, ExchangeRate
from budgets.services import set_budget
from core.errors import DomainError
from tests.factories import NOW, Organisation, coded
from tests.invariants.machine.books import ZERO, Books, Cell, Moves, Share

CELLS = {"A": ("CC100", "6600"), "B": ("CC400", "6600"), "C": ("CC300", "6400")}
START = {"A": ("2000", "stop"), "B": ("600", "stop"), "C": ("1000", "track")}
PAYERS = [("A",), ("B",), ("C",), ("A", "B"), ("B", "A"), ("B", "C")]
CURRENCIES = {"EUR": ["1"], "USD": ["0.9", "1.1", "0.8"]}  # the rate of each quarter
# Printing and mailing move no money and cost most of the time; `test_storm` delivers them, too.
QUIET = ("purchase_orders.render_document", "notifications.")
EXACT = 3  # of four picks take what the step may act on, the fourth takes any


class Ground:
    """What every step stands on; the steps are those of `World`."""

    def __init__(self, org: Organisation) -> None:
        self.org, self.now = org, NOW
        self.count = self.looked = 0
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        org.bea.approval_limit = Decimal(1_000_000)
        org.bea.save()
        for month in range(1, 13):
            ExchangeRate.objects.update_or_create(
                currency="USD",
                base="EUR",
                day=date(NOW.year, month, 1),
                defaults={"rate": self.rate("USD", month), "source": "ECB"},
            )
        self.books = Books(
            {name: Cell(Decimal(n), control) for name, (n, control) in START.items()}
        )
        for name in CELLS:
            self._set(name, *START[name])
        self.pks = {name: org.cells[*CELLS[name], None].pk for name in CELLS}

    def again(self) -> Self:
        """The same world, of which the other may go on elsewhere."""
        other = copy.copy(self)
        other.books = copy.deepcopy(self.books)
        other.done, other.refused, other.looked = Counter(), Counter(), 0
        return other

    # ---- what every step does

    def attempt(
        self, name: str, act: Callable[[], Any], moves: Callable[[], Moves] | None = None
    ) -> Any:
        """What the service gave back, or None when it refused; budgets refuse as the model says."""
        fits = moves is None or self.books.bears(moves())
        try:
            found = act()
        except BudgetExceeded as refusal:
            assert not fits, f"{name}: refused though there was room: {refusal}"
            self.refused[f"{name}: budget"] += 1
            return None
        except DomainError as refusal:
            self.refused[f"{name}: {refusal.slug}"] += 1
            return None
        assert fits, f"{name}: passed though there was no room"
        self.done[name] += 1
        return found if found is not None else True

    def one(self, rows: Any, pick: int, *states: str) -> Any:
        """One of the documents; mostly one in a state from which the step may go on.

        `pick` −4 is the newest of those.
        """
        ready = rows.filter(status__in=states) if states and pick % 4 < EXACT else rows
        found = list(ready.order_by("pk"))
        return found[pick // 4 % len(found)] if found else None

    def agree(self) -> None:
        """Every balance is what the model says, and no budget or commitment is out of bounds."""
        cells = BudgetCell.objects.in_bulk(self.pks.values())
        for name, pk in self.pks.items():
            cell, model = cells[pk], self.books.cells[name]
            stages = [cell.pre_encumbered, cell.encumbered, cell.spent]
            assert (cell.amount, cell.overdraft, cell.control, stages) == (
                model.amount,
                model.overdraft,
                model.control,
                model.stages,
            ), name
        waits = dict(AccruedSum.objects.filter(day=None).values_list("cell_id", "amount"))
        accrued = self.books.accrued()
        assert {name: waits.get(pk, ZERO) for name, pk in self.pks.items()} == accrued
        if self.done.total() != self.looked:  # a refusal left every balance as it was
            self.looked = self.done.total()
            for check in ("Limits", "Commitments of cells"):
                assert not invariants.check(check).faults

    def coding(self, payers: tuple[str, ...]) -> list[Any]:
        percent = Decimal(100) / len(payers)
        return [coded(self.org, *CELLS[name], percent=percent) for name in payers]

    def rate(self, currency: str, month: int | None = None) -> Decimal:
        """Of the world's day, or of any day of a month."""
        rates = CURRENCIES[currency]
        return Decimal(rates[((month or self.now.month) - 1) // 3 % len(rates)])

    def shares(self, payers: tuple[str, ...], amount: Decimal) -> list[Share]:
        return [Share(name, amount / len(payers)) for name in payers]

    def _set(self, name: str, amount: str, control: str) -> None:
        center, account = CELLS[name]
        set_budget(
            entity=self.org.entity,
            fiscal_year=NOW.year,
            cost_center=self.org.cost_centers[center],
            gl_account=self.org.gl_accounts[account],
            amount=Decimal(amount),
            control=control,
            actor=self.org.cora,
            at=self.now,
            reason="So be it.",
        )
