"""One organisation, its clock and the model beside it: what every step of the machine stands on."""

import copy
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import Role
from budgets.ledger import BudgetExceeded
from budgets.models import AccruedSum, BudgetCell, Commitment, ExchangeRate, Stage
from budgets.services import set_budget
from core.composed import Composed
from core.errors import DomainError
from core.fields import amount as sql_amount
from tests.factories import NOW, Organisation, coded, person
from tests.invariants.machine.books import RESERVES_AT, Books
from tests.invariants.machine.cells import ACT, ENC, ZERO, Cell, Cells, Key, Moves

# D is for months that hand on what they leave, E takes from the budget when ordered, F when billed.
CODING = {
    "A": ("CC100", "6600"),
    "B": ("CC400", "6600"),
    "C": ("CC300", "6400"),
    "D": ("CC500", "6600"),
    "E": ("CC200", "6310"),
    "F": ("CC100", "6300"),
}
NAMES = {coding: name for name, coding in CODING.items()}
YEARS = (2026, 2027)
START = {
    ("A", 2026, 0): ("2000", "stop"),
    ("B", 2026, 0): ("600", "stop"),
    ("C", 2026, 0): ("1000", "track"),
    **{("D", 2026, month): ("100", "stop") for month in range(3, 13)},
    ("E", 2026, 0): ("800", "stop"),
    ("F", 2026, 0): ("800", "stop"),
    ("A", 2027, 0): ("1000", "stop"),
    ("B", 2027, 0): ("300", "stop"),
    **{("D", 2027, month): ("100", "stop") for month in (1, 2)},
    ("F", 2027, 0): ("400", "track"),
}
PAYERS = [("A",), ("B",), ("C",), ("A", "B"), ("B", "A"), ("B", "C"), ("D",), ("D", "A"), ("E",),
          ("F",), ("E", "F")]  # fmt: skip
CURRENCIES = {"EUR": ["1"], "USD": ["0.9", "1.1", "0.8"]}  # the rate of each quarter
RESERVES = {ENC: "order", ACT: "invoice"}
# Printing and mailing move no money and cost most of the time; `test_storm` delivers them, too.
QUIET = ("purchase_orders.render_document", "notifications.")
UNTOUCHED = Cell()
NOTHING = [ZERO, ZERO]  # reserved, committed


# Asked after every step; to put the SQL together each time takes longer than to run it.
_stands = Composed[tuple[Any, ...]](
    lambda entity: BudgetCell.objects.filter(entity=entity, project=None).values_list(
        *("cost_center__code", "gl_account__code", "fiscal_year__year", "period"),
        *("pk", "control", "amount", "overdraft", "pre_encumbered", "encumbered", "spent"),
    )
)
_waits = Composed[tuple[int, Decimal]](
    lambda: AccruedSum.objects.filter(day=None).values_list("cell_id", "amount")
)
_left = F("amount") - F("liquidated") - F("released")
_held = Composed[tuple[Any, ...]](
    lambda: (
        Commitment.objects.values("cell_id")
        .annotate(pre=_sum(Stage.PRE), enc=_sum(Stage.ENC))
        .values_list("cell_id", "pre", "enc")
    )
)


def _sum(stage: str) -> Coalesce:
    return Coalesce(Sum(_left, filter=Q(stage=stage)), sql_amount(0))


class Ground:
    """What every step stands on; the steps are those of `World`."""

    def __init__(self, org: Organisation) -> None:
        self.org, self.now = org, NOW
        self.count = 0
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.year_ends: dict[Any, Any] = {}
        # Bea decides alone what she orders; what the other buyer puts up others decide.
        org.bea.approval_limit = Decimal(10**9)
        org.bea.save()
        self.junior = person("ben", entity=org.entity, roles=[Role.BUYER], manager=org.dora)
        for year in YEARS:
            for month in range(1, 13):
                ExchangeRate.objects.update_or_create(
                    currency="USD",
                    base="EUR",
                    day=date(year, month, 1),
                    defaults={"rate": self.rate("USD", month), "source": "ECB"},
                )
        for name, stage in RESERVES_AT.items():
            account = org.gl_accounts[CODING[name][1]]
            account.reserves_at = RESERVES[stage]
            account.save()
        self.books = Books(Cells({}))
        for key, (amount, control) in START.items():
            self.books.cells.cells[key] = Cell(Decimal(amount), control)
            self.set_cell(key, Decimal(amount), control)

    def again(self) -> Self:
        """The same world, of which the other may go on elsewhere."""
        other = copy.copy(self)
        other.books, other.year_ends = copy.deepcopy((self.books, self.year_ends))
        other.done, other.refused = Counter(), Counter()
        return other

    # ---- what every step does

    def attempt(
        self,
        name: str,
        act: Callable[[], Any],
        moves: Callable[[], Moves] | None = None,
        *,
        overdraw: bool = False,
    ) -> Any:
        """What the service gave back, or None when it refused; budgets refuse as the model says."""
        fits = moves is None or self.books.cells.bear(moves(), overdraw=overdraw)
        try:
            found = act()
        except BudgetExceeded as refusal:
            assert not fits or moves is None, f"{name}: refused though there was room: {refusal}"
            self.refused[f"{name}: budget"] += 1
            return None
        except DomainError as refusal:
            self.refused[f"{name}: {refusal.slug}"] += 1
            return None
        assert fits, f"{name}: passed though there was no room"
        self.done[name] += 1
        return found if found is not None else True

    def agree(self) -> None:
        """Every balance is what the model says, and no budget or commitment is out of bounds."""
        says, found = self.books.cells.cells, self.stored()
        waits, held = dict(_waits()), {pk: stages for pk, *stages in _held()}
        accrued = self.books.accrued()
        for key, (pk, *stands) in found.items():
            model = says.get(key, UNTOUCHED)
            expected = [model.control, model.amount, model.overdraft, *model.stages]
            assert stands == expected, f"{key}: {stands}, expected {expected}"
            holds = held.pop(pk, NOTHING)
            assert holds == model.stages[:ACT], f"{key}: its commitments hold {holds}"
            stored, amount = waits.get(pk, ZERO), accrued.get(key, ZERO)
            assert stored == amount, f"{key}: {stored} waits for invoices, expected {amount}"
        missing = [key for key in says.keys() - found.keys() if says[key] != UNTOUCHED]
        assert not missing, f"no budget of {missing}"
        assert not any(accrued[key] for key in accrued.keys() - found.keys())
        strays = [pk for pk, holds in held.items() if holds != NOTHING]
        assert not strays, f"commitments of budgets that no step pays from: {strays}"

    def stored(self) -> dict[Key, list[Any]]:
        """The budgets as they are in the portal, each with its primary key first."""
        return {
            (NAMES[center, account], year, period or 0): stands
            for center, account, year, period, *stands in _stands(self.org.entity.pk)
            if (center, account) in NAMES
        }

    def coding(self, payers: tuple[str, ...]) -> list[Any]:
        percent = Decimal(100) / len(payers)
        return [coded(self.org, *CODING[name], percent=percent) for name in payers]

    @property
    def today(self) -> date:
        return self.now.date()

    def rate(self, currency: str, month: int | None = None) -> Decimal:
        """Of the world's day, or of any day of a month."""
        rates = CURRENCIES[currency]
        return Decimal(rates[((month or self.now.month) - 1) // 3 % len(rates)])

    def set_cell(self, key: Key, amount: Decimal, control: str) -> None:
        name, year, month = key
        center, account = CODING[name]
        set_budget(
            entity=self.org.entity,
            fiscal_year=year,
            period=month or None,
            is_cumulative=bool(month) or None,
            cost_center=self.org.cost_centers[center],
            gl_account=self.org.gl_accounts[account],
            amount=amount,
            control=control,
            actor=self.org.cora,
            at=self.now,
            reason="So be it.",
        )


def later(now: datetime, day: date) -> datetime:
    """The same hour of a later day."""
    return datetime.combine(max(day, now.date()), now.timetz())
