"""Forms of blanket orders: the agreement with its price list, and what a release takes."""

from dataclasses import fields
from typing import Any

from django import forms

from accounts.models import User
from core.forms import FigureField, LinesField
from core.money import ZERO
from purchase_orders import agreements, changed, drafting
from purchase_orders.change_forms import NEVER_EMPTY, NEW, as_line, limit_fields, new_line
from purchase_orders.inputs import AgreementInput, OrderInput, OrderLineInput, ReleaseLineInput
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine
from requisitions.coding import CodingChoices
from requisitions.forms import LineFormSet, line_initial
from vendors.models import Vendor

_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA = {"widget": forms.Textarea(attrs={"rows": 3}), "max_length": 4000, "required": False}
HEADER = (
    *("vendor", "currency", "title", "delivery_terms", "payment_terms_days", "ship_to"),
    *("bill_to", "note", "valid_from", "valid_to"),
)
_TERMS = tuple(each.name for each in fields(AgreementInput))


class BlanketForm(forms.Form):
    """The head of a blanket order: with whom, how long, up to what, and what of it is committed."""

    title = forms.CharField(
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "Network cable 2027"}),
    )
    vendor = forms.ModelChoiceField(Vendor.objects.none(), empty_label="Choose")
    currency = forms.CharField(max_length=3, min_length=3)
    valid_from = forms.DateField(label="Valid from", required=False, **_DATE)
    valid_to = forms.DateField(label="Valid to", required=False, **_DATE)
    limit_by = forms.ChoiceField(label="Limited by", choices=Agreement.LimitBy.choices)
    commits = forms.ChoiceField(
        label="The budget is committed for",
        choices=Agreement.Commits.choices,
        help_text="What is not committed is nobody's: others may spend that budget.",
    )
    delivery_terms = forms.CharField(label="Delivery terms", max_length=120, required=False)
    payment_terms_days = forms.IntegerField(
        label="Payment terms", min_value=0, max_value=365, required=False
    )
    ship_to = LinesField(label="Deliver to", **_AREA)
    bill_to = LinesField(label="Invoice to", **_AREA)
    note = LinesField(label="Note to the vendor", help_text="Printed on the order.", **_AREA)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(limit_fields())
        approved = Vendor.objects.visible_to(user).filter(status=Vendor.Status.APPROVED)
        self.fields["vendor"].queryset = approved.order_by("name")

    def clean_currency(self) -> str:
        return self.cleaned_data["currency"].upper()

    def as_input(self, order: PurchaseOrder | None, lines: list[OrderLineInput]) -> OrderInput:
        data = self.cleaned_data
        terms = {name: data[name] for name in _TERMS}
        terms |= {name: data[name] or ZERO for name in NEVER_EMPTY}
        return OrderInput(
            **{name: data[name] for name in HEADER},
            kind=PurchaseOrder.Kind.BLANKET,
            contract=order.contract if order else None,
            terms=AgreementInput(**terms),
            lines=lines,
        )


def blanket_forms(
    user: User, order: PurchaseOrder | None, data: Any = None
) -> tuple[BlanketForm, Any]:
    """The head and the grid of lines, of a new blanket order or of a draft, bound to `data`."""
    lines = changed.lines_of(order, catalog=True) if order else []
    choices = CodingChoices(user.entity, data, parts=max([1, *(len(line.parts) for line in lines)]))
    initial: dict[str, Any] = {"currency": user.entity.currency}
    if order is not None:
        terms = drafting.stored_terms(order) or AgreementInput()
        initial = {name: getattr(order, name) for name in HEADER}
        initial |= {name: _shown(getattr(terms, name)) for name in _TERMS}
        initial["vendor"] = order.vendor_id
    head = BlanketForm(data, user=user, initial=initial)
    grid = LineFormSet(
        data,
        prefix=NEW,
        form_kwargs={"choices": choices},
        initial=[line_initial(as_line(line), initial["currency"]) for line in lines],
    )
    return head, grid


def _shown(value: Any) -> Any:
    return f"{value.normalize():f}" if hasattr(value, "normalize") else value


def line_inputs(grid: Any) -> tuple[list[Any], list[OrderLineInput]]:
    """The forms of the grid on which something stands, and their inputs."""
    standing = [
        form
        for form in grid.forms
        if (form.has_changed() or form.initial) and not form.cleaned_data.get("DELETE", False)
    ]
    return standing, [new_line(form) for form in standing]


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
