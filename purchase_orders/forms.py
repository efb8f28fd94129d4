"""Forms of orders and receipts: the terms of a draft, what a delivery brought, a file to import."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q

from core.forms import FigureField, LinesField
from core.money import HUNDRED, ZERO
from purchase_orders.drafting import stored_line, stored_terms
from purchase_orders.inputs import OrderInput, OrderLineInput, ReceiptInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.models import Contract

MOST_BYTES = 20 * 1024 * 1024
_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA = {"widget": forms.Textarea(attrs={"rows": 4}), "max_length": 4000, "required": False}
HEADER = (
    *("title", "delivery_terms", "payment_terms_days", "ship_to", "bill_to", "note"),
    *("valid_from", "valid_to", "contract"),
)


def figure_text(value: Decimal) -> str:
    """A number without trailing zeros or exponent, as a person would type it."""
    return f"{value.normalize():f}"


class DraftForm(forms.Form):
    """The terms of a draft; what it orders stands in `DraftLineFormSet`."""

    title = forms.CharField(label="Title", max_length=200, required=False)
    delivery_terms = forms.CharField(
        label="Delivery terms",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "DAP Hamburg (Incoterms 2020)"}),
    )
    payment_terms_days = forms.IntegerField(label="Payment terms", min_value=0, max_value=365)
    contract = forms.ModelChoiceField(
        Contract.objects.none(),
        required=False,
        empty_label="The one that covers all of it, if any",
        help_text="Its prices are held against those of the lines.",
    )
    valid_from = forms.DateField(label="Valid from", required=False, **_DATE)
    valid_to = forms.DateField(label="Valid to", required=False, **_DATE)
    ship_to = LinesField(label="Deliver to", **_AREA)
    bill_to = LinesField(label="Invoice to", **_AREA)
    note = LinesField(label="Note to the vendor", help_text="Printed on the order.", **_AREA)

    def __init__(self, *args: Any, order: PurchaseOrder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        live = Q(status__in=Contract.LIVE) | Q(pk=order.contract_id)
        offered = Contract.objects.filter(vendor=order.vendor_id, currency=order.currency)
        self.fields["contract"].queryset = offered.filter(live).order_by("number")

    def as_input(self, order: PurchaseOrder, lines: list[OrderLineInput]) -> OrderInput:
        return OrderInput(
            vendor=order.vendor,
            currency=order.currency,
            kind=order.kind,
            agreement=order.agreement,
            terms=stored_terms(order),
            lines=lines,
            **self.cleaned_data,
        )


class DraftLineForm(forms.Form):
    """What a buyer may still change of a line: how much, at what price, by when."""

    quantity = FigureField(label="Quantity", min_value=ZERO)
    unit_price = FigureField(label="Unit price", min_value=ZERO)
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)
    period_from = forms.DateField(label="Service from", required=False, **_DATE)
    period_to = forms.DateField(label="Service to", required=False, **_DATE)
    over_receipt_percent = FigureField(
        label="Over-delivery allowed in %", required=False, min_value=ZERO, max_value=HUNDRED
    )

    def __init__(self, *args: Any, line: PurchaseOrderLine | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line

    @property
    def has_period(self) -> bool:
        """Whether the part of the line that is folded away at first says anything."""
        names = ("period_from", "period_to")
        return any(self[name].value() or self[name].errors for name in names)

    def as_input(self) -> OrderLineInput:
        data = self.cleaned_data
        return replace(
            stored_line(self.line),
            quantity=data["quantity"],
            unit_price=data["unit_price"],
            need_by=data["need_by"],
            period_from=data["period_from"],
            period_to=data["period_to"],
            over_receipt_percent=data["over_receipt_percent"] or ZERO,
        )


def draft_forms(order: PurchaseOrder, data: Any = None) -> tuple[DraftForm, list[DraftLineForm]]:
    """The head and one form per line, bound to `data` when it is given."""
    initial = {name: getattr(order, name) for name in HEADER}
    head = DraftForm(data, order=order, initial=initial)
    rows = order.lines.select_related("catalog_item", "requisition_line", "agreement_line")
    lines = rows.prefetch_related(
        "distributions__cost_center", "distributions__gl_account", "distributions__project"
    )
    return head, [
        DraftLineForm(data, prefix=f"line-{line.line_number}", line=line, initial=_initial(line))
        for line in lines
    ]


def _initial(line: PurchaseOrderLine) -> dict[str, Any]:
    return {
        "quantity": figure_text(line.quantity),
        "unit_price": figure_text(line.unit_price),
        "need_by": line.need_by,
        "period_from": line.period_from,
        "period_to": line.period_to,
        "over_receipt_percent": figure_text(line.over_receipt_percent),
    }


class ReceiptForm(forms.Form):
    """The head of a delivery; its lines are `ReceiptLineForm`s."""

    received_on = forms.DateField(label="Received on", **_DATE)
    delivery_note = forms.CharField(
        label="Delivery note number",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(
        label="Remark",
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ReceiptLineForm(forms.Form):
    """What came of one line. Left empty, nothing came of it."""

    quantity = FigureField(label="Accepted", required=False, min_value=ZERO)
    rejected_quantity = FigureField(label="Rejected", required=False, min_value=ZERO)
    reason = forms.CharField(
        label="Why it was rejected",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "Damaged, wrong item …"}),
    )

    def __init__(self, *args: Any, line: PurchaseOrderLine, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line

    @property
    def open_text(self) -> str:
        return figure_text(self.line.open_quantity)

    @property
    def is_rejecting(self) -> bool:
        return bool(
            self["rejected_quantity"].value()
            or self["rejected_quantity"].errors
            or self["reason"].errors
        )

    def as_input(self) -> ReceiptInput | None:
        """Nothing, where neither an accepted nor a rejected quantity was typed."""
        data = self.cleaned_data
        accepted, rejected = data["quantity"] or ZERO, data["rejected_quantity"] or ZERO
        if not accepted and not rejected:
            return None
        return ReceiptInput(
            order_line=self.line,
            quantity=accepted,
            rejected_quantity=rejected,
            reason=data["reason"],
        )


def receipt_line_forms(order: PurchaseOrder, data: Any = None) -> list[ReceiptLineForm]:
    """One form per line of the order, those with something to come first filled in with it."""
    return [
        ReceiptLineForm(
            data,
            prefix=f"line-{line.line_number}",
            line=line,
            initial={"quantity": figure_text(line.open_quantity) if line.open_quantity else ""},
        )
        for line in order.lines.order_by("line_number")
    ]


class ImportForm(forms.Form):
    file = forms.FileField(label="UBL order")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file is larger than 20 MB.")
        return file
