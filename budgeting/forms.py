"""Forms of budget changes and of files: what is typed becomes what the services take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from budgeting import queries
from budgeting.inputs import ChangeInput, MoveInput
from budgeting.models import BudgetChange
from budgets.models import BudgetCell
from budgets.services import free
from core.forms import FigureField, GridSelect
from core.money import ZERO, round_amount

ROWS, MORE, MOST = 2, 3, 25


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class MoveForm(forms.Form):
    """One line: out of one budget, into another, or only one of the two."""

    source = forms.TypedChoiceField(
        label="From", required=False, coerce=int, empty_value=None, widget=GridSelect
    )
    target = forms.TypedChoiceField(
        label="To", required=False, coerce=int, empty_value=None, widget=GridSelect
    )
    amount = FigureField(label="Amount", required=False)

    def __init__(self, *given: Any, choices: Sequence[tuple[str, str]], **more: Any) -> None:
        super().__init__(*given, **more)
        for name in ("source", "target"):
            self.fields[name].choices = choices

    @property
    def is_empty(self) -> bool:
        said = self.cleaned_data
        return not any(said.get(name) for name in ("source", "target", "amount"))

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if self.errors or not any(said.get(name) for name in ("source", "target", "amount")):
            return said
        if not said.get("source") and not said.get("target"):
            self.add_error("source", "Say from which budget, to which, or both.")
        elif said.get("source") == said.get("target"):
            self.add_error("target", "Name another budget.")
        if not said.get("amount"):
            self.add_error("amount", "Say how much.")
        elif said["amount"] < ZERO:
            self.add_error("amount", "Say from and to the other way round.")
        return said


@dataclass
class ChangeForm:
    """The whole page: the reason, and lines of which empty ones do not count."""

    head: ReasonForm
    rows: list[MoveForm]
    cells: dict[int, BudgetCell]

    @classmethod
    def of(cls, user: Any, data: Any = None, *, change: Any = None, start: Any = None) -> Any:
        """For a POST what was typed; else a draft's lines, or a first line from one budget."""
        found = queries.budgets_of(user, on=user.entity.day_of(timezone.now()))
        cells = {cell.pk: cell for cell in found[: queries.MOST_BUDGETS]}
        choices = [("", "–"), *((str(pk), _label(cell)) for pk, cell in cells.items())]
        stated = _initial(change, start)
        count = _count(data) if data is not None else max(ROWS, len(stated))
        count = min(MOST, count + (MORE if data is not None and "more" in data else 0))
        rows = [
            MoveForm(
                data,
                prefix=f"line-{number}",
                choices=choices,
                initial=stated[number] if number < len(stated) else None,
            )
            for number in range(count)
        ]
        reason = {"reason": change.reason} if change else None
        return cls(ReasonForm(data, initial=reason), rows, cells)

    def is_valid(self) -> bool:
        fine = [form.is_valid() for form in (self.head, *self.rows)]
        if all(fine) and not self.filled:
            self.head.add_error(None, "Name at least one budget and an amount.")
            return False
        return all(fine)

    @property
    def filled(self) -> list[MoveForm]:
        return [row for row in self.rows if not row.is_empty]

    def said(self) -> tuple[ChangeInput, list[MoveForm]]:
        """What is asked for, budget by budget, and the line to which each of them belongs."""
        sums: dict[int, Decimal] = {}
        lines: dict[int, MoveForm] = {}
        both = True
        for row in self.filled:
            said = row.cleaned_data
            both = both and bool(said["source"] and said["target"])
            for pk, sign in ((said["source"], -1), (said["target"], 1)):
                if pk:
                    sums[pk] = sums.get(pk, ZERO) + sign * said["amount"]
                    lines.setdefault(pk, row)
        kind = BudgetChange.Kind.TRANSFER if both else BudgetChange.Kind.REVISION
        moves = [MoveInput(self.cells[pk], amount) for pk, amount in sums.items()]
        return ChangeInput(kind, self.head.cleaned_data["reason"], moves), [*lines.values()]


class FileForm(forms.Form):
    file = forms.FileField(label="File", allow_empty_file=True)


class ApplyForm(forms.Form):
    reason = forms.CharField(
        label="Why", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def _label(cell: BudgetCell) -> str:
    currency = cell.entity.currency
    return f"{cell} ({round_amount(free(cell), currency):,} {currency} can go out)"


def _initial(change: Any, start: Any) -> list[dict[str, Any]]:
    """Lines of a draft as pairs where one gives what another gets, else one by one."""
    if change is None:
        return [{"source": start}] if start else []
    lines = list(change.lines.all())
    giving = [line for line in lines if line.amount < 0]
    getting = [line for line in lines if line.amount > 0]
    if change.kind == BudgetChange.Kind.TRANSFER:
        return list(_paired(giving, getting))
    return [
        {("source" if line.amount < 0 else "target"): line.cell_id, "amount": _shown(line.amount)}
        for line in lines
    ]


def _paired(giving: list[Any], getting: list[Any]) -> Iterable[dict[str, Any]]:
    left = [[line.cell_id, -line.amount] for line in giving]
    for line in getting:
        rest = line.amount
        while rest and left:
            part = min(rest, left[0][1])
            yield {"source": left[0][0], "target": line.cell_id, "amount": _shown(part)}
            rest, left[0][1] = rest - part, left[0][1] - part
            if not left[0][1]:
                left.pop(0)


def _shown(amount: Decimal) -> str:
    return f"{abs(amount):.4f}".rstrip("0").rstrip(".")


def _count(data: Any) -> int:
    numbers = [
        int(name.split("-")[1])
        for name in data
        if name.startswith("line-") and name.split("-")[1].isdecimal()
    ]
    return min(MOST, max([ROWS - 1, *numbers]) + 1)
