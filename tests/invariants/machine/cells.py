"""What budgets hold, reckoned without the portal: cells, whom they pay for, and what they bear.

A posting is a dictionary of what it moves by cell: PRE, ENC and ACT. It comes about as a whole or
not at all.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)
PRE, ENC, ACT = range(3)
UNBUDGETED = "stop"  # the entity's control where no budget was set

Key = tuple[str, int, int]  # a budget, its fiscal year, and its month or 0 for the whole year
Moves = dict[Key, list[Decimal]]


def nothing() -> Moves:
    return defaultdict(lambda: [ZERO, ZERO, ZERO])


@dataclass
class Cell:
    amount: Decimal = ZERO
    control: str = UNBUDGETED
    overdraft: Decimal = ZERO
    stages: list[Decimal] = field(default_factory=lambda: [ZERO] * 3)

    def again(self) -> "Cell":
        """The same, which may go on elsewhere."""
        return Cell(self.amount, self.control, self.overdraft, list(self.stages))

    @property
    def used(self) -> Decimal:
        return sum(self.stages, ZERO)

    @property
    def free(self) -> Decimal:
        """Without what an authority allowed beyond the amount."""
        return self.amount - self.used


class Cells:
    def __init__(self, cells: dict[Key, Cell]) -> None:
        self.cells = cells

    def paying(self, name: str, day: date) -> Key:
        """The month's cell before that of the year, which is there even where none was set."""
        if (name, day.year, day.month) in self.cells:
            return name, day.year, day.month
        self.cells.setdefault((name, day.year, 0), Cell())
        return name, day.year, 0

    def bear(self, moves: Moves, *, overdraw: bool = False) -> bool:
        """Whether all of it fits; nothing moves."""
        touched = {(name, year) for name, year, _ in moves}  # months carry what earlier ones left
        own = {key: cell.again() for key, cell in self.cells.items() if key[:2] in touched}
        return Cells(own).apply(moves, overdraw=overdraw)

    def apply(self, moves: Moves, *, overdraw: bool = False) -> bool:
        """Move, if all of it fits. With `overdraw` a stop allows what it lacks for good."""
        takes = {key: sum(stages, ZERO) for key, stages in moves.items()}
        for key in sorted(takes):
            self._carry(key, takes[key], partly=overdraw)
        for key, stages in moves.items():
            cell, taken = self.cells[key], takes[key]
            lacks = taken - cell.free - cell.overdraft
            if taken > 0 and lacks > 0 and cell.control == "stop":
                if not overdraw:
                    return False
                cell.overdraft += lacks
            cell.stages = [old + new for old, new in zip(cell.stages, stages, strict=True)]
        return True

    def _carry(self, key: Key, takes: Decimal, *, partly: bool) -> None:
        """What earlier months left comes along, the oldest first: all that lacks, or nothing.

        What is allowed whatever it lacks takes `partly` first.
        """
        name, year, month = key
        months = [(name, year, each) for each in range(1, month)]
        earlier = [self.cells[each] for each in months if each in self.cells]
        cell, left = self.cells[key], sum((each.free for each in earlier), ZERO)
        lacks = takes - cell.free - cell.overdraft
        if takes <= 0 or lacks <= 0 or left <= 0 or (lacks > left and not partly):
            return
        lacks = min(lacks, left)
        for each in earlier:
            part = min(lacks, max(each.free, ZERO))
            each.amount -= part
            cell.amount += part
            lacks -= part
