"""Forms of blanket orders: the agreement with its price list, and what a release takes."""

from dataclasses import fields, replace
from typing import Any

from django import forms

from core.forms import FigureField, LinesField
from core.money import ZERO
from purchase_orders import agreements, drafting
from purchase_orders.change_forms import NEVER_EMPTY, limit_fields
from purchase_orders.inputs import AgreementInput, OrderInput, OrderLineInput, ReleaseLineInput
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine
from purchase_orders.whole_forms import OrderForm

_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA = {"widget": forms.Textarea(attrs={"rows": 3}), "max_length": 4000, "required": False}
_TERMS = tuple(each.name for each in fields(AgreementInput))


class BlanketForm(OrderForm):
    """The head of a blanket order: also how long, up to what, and what of it is committed."""

    kind = PurchaseOrder.Kind.BLANKET
    limit_by = forms.ChoiceField(label="Limited by", choices=Agreement.LimitBy.choices)
    commits = forms.ChoiceField(
        label="The budget is committed for",
        choices=Agreement.Commits.choices,
        help_text="What is not committed is nobody's: others may spend that budget.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(limit_fields())
        self.fields["title"].widget.attrs["placeholder"] = "Network cable 2027"

    @staticmethod
    def further(order: PurchaseOrder) -> dict[str, Any]:
        terms = drafting.stored_terms(order) or AgreementInput()
        return {name: _shown(getattr(terms, name)) for name in _TERMS}

    def as_input(self, order: PurchaseOrder | None, lines: list[OrderLineInput]) -> OrderInput:
        data = self.cleaned_data
        terms = {name: data[name] for name in _TERMS}
        terms |= {name: data[name] or ZERO for name in NEVER_EMPTY}
        return replace(super().as_input(order, lines), terms=AgreementInput(**terms))


def _shown(value: Any) -> Any:
    return f"{value.normalize():f}" if hasattr(value, "normalize") else value


class ReleaseForm(forms.Form):
    """What is said of a release as a whole."""

    title = forms.CharField(max_length=200, required=False)
    note = LinesField(label="Note to the vendor", help_text="Printed on the order.", **_AREA)


class ReleaseLineForm(forms.Form):
    """How much a release takes of one line. Left empty, nothing of it."""

    quantity = FigureField(label="Take", required=False, min_value=ZERO)
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)

    def __init__(
        self, *args: Any, line: PurchaseOrderLine, taken: agreements.Taken, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.line, self.taken = line, taken

    @property
    def by_amount(self) -> bool:
        return self.line.basis == self.line.Basis.AMOUNT

    def as_input(self) -> ReleaseLineInput | None:
        """Nothing, where no quantity was typed."""
        data = self.cleaned_data
        if not data["quantity"]:
            return None
        return ReleaseLineInput(self.line, data["quantity"], data["need_by"])


def release_forms(
    blanket: PurchaseOrder, data: Any = None
) -> tuple[ReleaseForm, list[ReleaseLineForm]]:
    """The head and one form per line of the blanket order that stands."""
    taken = agreements.taken(blanket)
    lines = blanket.lines.filter(is_cancelled=False).order_by("line_number")
    return ReleaseForm(data), [
        ReleaseLineForm(
            data,
            prefix=f"line-{line.line_number}",
            line=line,
            taken=taken.get(line.pk, agreements.Taken()),
        )
        for line in lines
    ]
