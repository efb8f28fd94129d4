"""Forms of an order that a buyer makes from nothing: its head, and its lines in the usual grid."""

from dataclasses import replace
from typing import Any, TypeVar

from django import forms

from accounts.models import User
from core.forms import LinesField
from purchase_orders import changed
from purchase_orders.change_forms import NEW, as_line, new_line
from purchase_orders.inputs import OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.coding import CodingChoices
from requisitions.forms import LineFormSet, line_initial
from vendors.models import Vendor

_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA = {"widget": forms.Textarea(attrs={"rows": 3}), "max_length": 4000, "required": False}
HEADER = (
    *("vendor", "currency", "title", "delivery_terms", "payment_terms_days", "ship_to"),
    *("bill_to", "note", "valid_from", "valid_to"),
)


class OrderForm(forms.Form):
    """The head: what it is, with whom, in which currency, on which terms."""

    kind = PurchaseOrder.Kind.STANDARD
    title = forms.CharField(
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "What is bought, in a few words"}),
        error_messages={"required": "Say in a few words what is bought."},
    )
    vendor = forms.ModelChoiceField(
        Vendor.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose the vendor."},
    )
    currency = forms.CharField(max_length=3, min_length=3)
    valid_from = forms.DateField(label="Valid from", required=False, **_DATE)
    valid_to = forms.DateField(label="Valid to", required=False, **_DATE)
    delivery_terms = forms.CharField(label="Delivery terms", max_length=120, required=False)
    payment_terms_days = forms.IntegerField(
        label="Payment terms",
        min_value=0,
        max_value=365,
        required=False,
        help_text="Empty: those of the vendor.",
    )
    ship_to = LinesField(label="Deliver to", help_text="Empty: our own address.", **_AREA)
    bill_to = LinesField(label="Invoice to", help_text="Empty: our own address.", **_AREA)
    note = LinesField(label="Note to the vendor", help_text="Printed on the order.", **_AREA)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        approved = Vendor.objects.visible_to(user).filter(status=Vendor.Status.APPROVED)
        self.fields["vendor"].queryset = approved.order_by("name")

    def clean_currency(self) -> str:
        return self.cleaned_data["currency"].upper()

    @staticmethod
    def further(order: PurchaseOrder) -> dict[str, Any]:
        """What a form of its kind shows of a stored draft besides the head."""
        return {}

    def as_input(self, order: PurchaseOrder | None, lines: list[OrderLineInput]) -> OrderInput:
        return OrderInput(
            **{name: self.cleaned_data[name] for name in HEADER},
            kind=self.kind,
            contract=order.contract if order else None,
            lines=lines,
        )


Form = TypeVar("Form", bound=OrderForm)


def whole_forms(
    form: type[Form], user: User, order: PurchaseOrder | None, data: Any = None
) -> tuple[Form, Any]:
    """The head and the grid of lines, of a new order or of a draft, bound to `data`."""
    lines = changed.lines_of(order, catalog=True) if order else []
    choices = CodingChoices(user.entity, data, parts=max([1, *(len(line.parts) for line in lines)]))
    initial: dict[str, Any] = {"currency": user.entity.currency}
    if order is not None:
        initial = {name: getattr(order, name) for name in HEADER}
        initial |= {"vendor": order.vendor_id, **form.further(order)}
    head = form(data, user=user, initial=initial)
    grid = LineFormSet(
        data,
        prefix=NEW,
        form_kwargs={"choices": choices},
        initial=[line_initial(as_line(line), initial["currency"]) for line in lines],
    )
    grid.stored = lines
    return head, grid


def line_inputs(grid: Any) -> tuple[list[Any], list[OrderLineInput]]:
    """The forms of the grid on which something stands, and their inputs. What the grid does not
    show of a stored line stays."""
    standing = [
        (form, stored)
        for form, stored in _with_stored(grid)
        if (form.has_changed() or form.initial) and not form.cleaned_data.get("DELETE", False)
    ]
    return [form for form, _ in standing], [_input(form, stored) for form, stored in standing]


def _with_stored(grid: Any) -> list[tuple[Any, PurchaseOrderLine | None]]:
    further = len(grid.forms) - len(grid.stored)
    return list(zip(grid.forms, [*grid.stored, *[None] * max(further, 0)], strict=False))


def _input(form: Any, stored: PurchaseOrderLine | None) -> OrderLineInput:
    said = new_line(form)
    if stored is None:
        return said
    kept = ("match_type", "over_receipt_percent")
    return replace(said, **{name: getattr(stored, name) for name in kept})
