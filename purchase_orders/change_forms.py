"""The form of a change order: terms, the lines of the order, and new lines in the usual grid."""

from decimal import Decimal
from typing import Any

from django import forms

from core.forms import FigureField, LinesField
from core.money import ZERO
from purchase_orders import agreement_changes, changed
from purchase_orders.forms import figure_text
from purchase_orders.inputs import ChangedLine, ChangeInput, DistributionInput, OrderLineInput
from purchase_orders.models import (
    Agreement,
    ChangeOrder,
    ChangeOrderLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from requisitions.coding import CODING, LABELS, CodingChoices
from requisitions.forms import LineFormSet, OneOf, line_initial
from requisitions.inputs import LineInput

NEW = "lines"
NEVER_EMPTY = ("minimum", "allowance_percent")  # left empty they are 0
_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA = {"widget": forms.Textarea(attrs={"rows": 3}), "max_length": 4000, "required": False}
_NEW_LINE = (
    *("description", "quantity", "unit", "unit_price", "kind", "catalog_item", "sku", "tax_code"),
    *("need_by", "basis", "period_from", "period_to", "distributions"),
)


def limit_fields(*, states_limit: bool = True) -> dict[str, forms.Field]:
    """The figures of a blanket order. `states_limit`: somebody says the limit, it is no sum."""
    figure: dict[str, Any] = {"required": False, "min_value": ZERO}
    limit = FigureField(
        label="Limit",
        help_text="Net, where the amount is limited. By quantity it follows from the lines.",
        **figure,
    )
    return {
        **({"limit": limit} if states_limit else {}),
        "allowance_percent": FigureField(
            label="May be exceeded by", max_value=100, help_text="Empty: by nothing.", **figure
        ),
        "minimum": FigureField(label="Minimum", help_text="What we promise to buy, net.", **figure),
        "release_minimum": FigureField(label="One release comes to at least", **figure),
        "release_maximum": FigureField(label="… and at most", **figure),
    }


class ChangeForm(forms.Form):
    """Why it changes, and the terms as they shall be."""

    reason_code = forms.ChoiceField(
        label="Why it changes", choices=[("", "Choose"), *ChangeOrder.Reason.choices]
    )
    reason = forms.CharField(
        label="In your words",
        max_length=2000,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "What an approver should know to say yes"}
        ),
    )
    budget_reason = forms.CharField(
        label="Reason, where a budget warns",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    delivery_terms = forms.CharField(label="Delivery terms", max_length=120, required=False)
    payment_terms_days = forms.IntegerField(label="Payment terms", min_value=0, max_value=365)
    ship_to = LinesField(label="Deliver to", **_AREA)
    note = LinesField(label="Note to the vendor", help_text="Printed on the order.", **_AREA)
    valid_from = forms.DateField(label="Valid from", required=False, **_DATE)
    valid_to = forms.DateField(label="Valid to", required=False, **_DATE)

    def __init__(self, *args: Any, order: PurchaseOrder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = list(changed.TERMS)
        if order.is_blanket:
            said = limit_fields(states_limit=agreement_changes.states_limit(order))
            self.fields.update(said)
            self.terms += said

    def as_input(self, lines: list[ChangedLine | OrderLineInput]) -> ChangeInput:
        data = self.cleaned_data
        return ChangeInput(
            reason_code=data["reason_code"],
            reason=data["reason"],
            budget_reason=data["budget_reason"],
            lines=lines,
            terms={name: self._term(name) for name in self.terms},
        )

    def _term(self, name: str) -> Any:
        value = self.cleaned_data[name]
        return ZERO if value is None and name in NEVER_EMPTY else value


class ChangedLineForm(forms.Form):
    """A line of the order as it shall be."""

    quantity = FigureField(label="Quantity", min_value=ZERO)
    unit_price = FigureField(label="Unit price", min_value=ZERO)
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)
    is_cancelled = forms.BooleanField(label="Cancel this line", required=False)

    def __init__(
        self, *args: Any, line: PurchaseOrderLine, choices: CodingChoices, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.line, self.known = line, choices
        for part in choices.parts:
            for name in CODING:
                self.fields[f"{name}_{part}"] = OneOf(
                    choices.codings[name], choices.options[name], required=False, label=LABELS[name]
                )
            self.fields[f"percent_{part}"] = FigureField(label="Share in %", required=False)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The codings as rows of bound fields, for the template."""
        names = (*CODING, "percent")
        return [{name: self[f"{name}_{part}"] for name in names} for part in self.known.parts]

    @property
    def is_open(self) -> bool:
        return bool(self.errors)

    def as_input(self) -> ChangedLine:
        data = self.cleaned_data
        return ChangedLine(
            order_line=self.line,
            quantity=None if data["is_cancelled"] else data["quantity"],
            unit_price=data["unit_price"],
            need_by=data["need_by"],
            distributions=self._distributions(),
            is_cancelled=data["is_cancelled"],
        )

    def _distributions(self) -> list[DistributionInput] | None:
        """Who pays as it was typed; nothing where that is who pays now."""
        data = self.cleaned_data
        said = [
            DistributionInput(
                cost_center=data[f"cost_center_{part}"],
                gl_account=data[f"gl_account_{part}"],
                project=data[f"project_{part}"],
                percent=data[f"percent_{part}"] or ZERO,
            )
            for part in self.known.parts
            if data[f"percent_{part}"] or data[f"cost_center_{part}"]
        ]
        stored = [
            (part.cost_center, part.gl_account, part.project, part.percent)
            for part in self.line.parts
        ]
        typed = [(part.cost_center, part.gl_account, part.project, part.percent) for part in said]
        return None if typed == stored else said


def change_forms(
    order: PurchaseOrder, change: ChangeOrder | None, data: Any = None
) -> tuple[ChangeForm, list[ChangedLineForm], Any]:
    """Head, one form per line of the order that stands, and the grid of new lines."""
    lines = [line for line in changed.lines_of(order) if not line.is_cancelled]
    drafted = changed.changes_of(change) if change else []
    by_line = {each.order_line_id: each for each in drafted if each.order_line_id}
    most = max([1, *(len(each.parts) for each in [*lines, *drafted])])
    choices = CodingChoices(order.entity, data, parts=most)
    source = change or order
    figures = change or agreement_changes.standing(order)
    head = ChangeForm(
        data,
        order=order,
        initial={
            **{name: getattr(source, name) for name in changed.TERMS},
            **{name: _shown(getattr(figures, name, None)) for name in Agreement.FIGURES},
            **({"reason_code": change.reason_code, "reason": change.reason} if change else {}),
            **({"budget_reason": change.budget_reason} if change else {}),
        },
    )
    rows = [
        ChangedLineForm(
            data,
            prefix=f"line-{line.line_number}",
            line=line,
            choices=choices,
            initial=_initial(by_line.get(line.pk, line), line),
        )
        for line in lines
    ]
    new = [each for each in drafted if each.order_line_id is None]
    grid = LineFormSet(
        data,
        prefix=NEW,
        form_kwargs={"choices": choices},
        initial=[line_initial(as_line(each), order.currency) for each in new],
    )
    return head, rows, grid


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else figure_text(value)


def _initial(
    wanted: PurchaseOrderLine | ChangeOrderLine, line: PurchaseOrderLine
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "quantity": figure_text(line.quantity if wanted.is_cancelled else wanted.quantity),
        "unit_price": figure_text(wanted.unit_price),
        "need_by": wanted.need_by,
        "is_cancelled": wanted.is_cancelled,
    }
    for place, part in enumerate(wanted.parts, 1):
        for name in CODING:
            row[f"{name}_{place}"] = str(getattr(part, f"{name}_id") or "")
        row[f"percent_{place}"] = figure_text(part.percent)
    return row


def as_line(line: ChangeOrderLine | PurchaseOrderLine) -> LineInput:
    """A row with its `parts` as what the grid shows of it."""
    names = [name for name in _NEW_LINE if name != "distributions"]
    return LineInput(
        **{name: getattr(line, name) for name in names},
        distributions=[
            DistributionInput(part.cost_center, part.gl_account, part.project, part.percent)
            for part in line.parts
        ],
    )


def new_lines(grid: Any) -> list[Any]:
    """The forms of the grid on which something was asked for and that were not removed."""
    return [
        form
        for form in grid.forms
        if form.has_changed() and not form.cleaned_data.get("DELETE", False)
    ]


def new_line(form: Any) -> OrderLineInput:
    """What was typed into a row of the grid."""
    said = form.as_input()
    return OrderLineInput(**{name: getattr(said, name) for name in _NEW_LINE})
