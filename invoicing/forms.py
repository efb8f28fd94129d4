"""Forms of accounts payable: an invoice as typed, a file as dropped, an exception as resolved."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Entity, TaxCode
from accounts.tax import tax_codes
from core.forms import FigureField
from invoicing.inputs import ChargeInput, InvoiceInput, InvoiceLineInput, payees
from invoicing.models import Invoice
from invoicing.services.exceptions import ACCEPT_REASONS
from invoicing.services.returning import RETURN_CODES
from purchase_orders.models import PurchaseOrder

MOST_BYTES = 20 * 1024 * 1024


class InvoiceForm(forms.Form):
    """The head of an invoice keyed by hand; its lines come from `InvoiceLineFormSet`."""

    order_reference = forms.CharField(
        label="Order number", max_length=64, help_text="As printed on the invoice."
    )
    number = forms.CharField(label="Invoice number", max_length=64)
    kind = forms.ChoiceField(label="Kind", choices=Invoice.Kind.choices, initial="invoice")
    issue_date = forms.DateField(
        label="Invoice date", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    due_date = forms.DateField(
        label="Due date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    currency = forms.CharField(label="Currency", max_length=3, min_length=3)
    payee_account = forms.CharField(
        label="Account to be paid",
        max_length=64,
        required=False,
        help_text="As printed: an IBAN, or routing number / account number.",
    )
    is_final = forms.BooleanField(
        label="Final invoice",
        required=False,
        help_text="Nothing more comes: once it clears, its order closes and frees what is left.",
    )
    gross = FigureField(
        label="Total with tax",
        decimal_places=4,
        required=False,
        help_text="As printed, to check the lines against. Empty: computed.",
    )

    charge = FigureField(
        label="Freight or discount",
        decimal_places=4,
        required=False,
        help_text="Of the whole invoice, without tax; a discount with a minus.",
    )
    charge_tax_code = forms.ChoiceField(label="Its tax", required=False)

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes = tax_codes(entity)
        self.fields["charge_tax_code"].choices = tax_choices(self.codes.values())

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def as_input(self, lines: list[InvoiceLineInput]) -> InvoiceInput:
        data = self.cleaned_data
        return InvoiceInput(
            number=data["number"],
            kind=data["kind"],
            issue_date=data["issue_date"],
            due_date=data["due_date"],
            is_final=data["is_final"],
            currency=data["currency"],
            order_reference=data["order_reference"],
            gross=data["gross"],
            payee_accounts=payees(data["payee_account"]),
            lines=lines,
            charges=self._charges(),
        )

    def _charges(self) -> list[ChargeInput]:
        amount, code = (
            self.cleaned_data["charge"],
            self.codes.get(self.cleaned_data["charge_tax_code"]),
        )
        if not amount:
            return []
        said = {"tax_category": code.category, "tax_percent": code.percent} if code else {}
        return [ChargeInput(amount, reason="Discount" if amount < 0 else "Freight", **said)]


class InvoiceLineForm(forms.Form):
    order_line_reference = forms.CharField(label="Order line", max_length=10, required=False)
    description = forms.CharField(label="Description", max_length=500, required=False)
    quantity = FigureField(label="Quantity")
    unit_price = FigureField(label="Unit price")
    tax_code = forms.ChoiceField(label="Tax", required=False)

    def __init__(self, *args: Any, codes: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_code"].choices = codes

    def has_changed(self) -> bool:
        """A line on which nothing is billed is no line, whatever its tax."""
        said = ("order_line_reference", "description", "quantity", "unit_price")
        return any(str(self[name].value() or "").strip() for name in said)

    def as_input(self) -> InvoiceLineInput:
        data = self.cleaned_data
        return InvoiceLineInput(
            order_line_reference=data["order_line_reference"],
            description=data["description"],
            quantity=data["quantity"],
            unit_price=data["unit_price"],
            tax_code=data["tax_code"],
        )


class BaseInvoiceLineFormSet(forms.BaseFormSet):
    """Every line may be left empty or removed, those that were filled in too."""

    def initial_form_count(self) -> int:
        return 0

    def total_form_count(self) -> int:
        return super().total_form_count() if self.is_bound else max(len(self.initial or []), 1)


InvoiceLineFormSet = forms.formset_factory(
    InvoiceLineForm,
    formset=BaseInvoiceLineFormSet,
    can_delete=True,
    max_num=500,
    validate_max=True,
)


def invoice_lines(entity: Entity, **options: Any) -> Any:
    """The grid of lines with the tax codes of the entity, read once."""
    codes = tax_choices(tax_codes(entity).values())
    return InvoiceLineFormSet(prefix="lines", form_kwargs={"codes": codes}, **options)


def tax_choices(codes: Iterable[TaxCode]) -> list[tuple[str, str]]:
    named = [(each.code, each.name) for each in sorted(codes, key=lambda each: each.code)]
    return [("", "No tax"), *named]


def typed_lines(entity: Entity, data: Any) -> list[dict[str, Any]]:
    """Initial rows of the lines that somebody typed and did not take out again."""
    return [
        {name: line[name].value() for name in line.fields if name != "DELETE"}
        for line in invoice_lines(entity, data=data)
        if line.has_changed() and not line["DELETE"].value()
    ]


def unbilled_lines(order: PurchaseOrder) -> list[dict[str, Any]]:
    """Initial rows: what was received, or ordered where no receipt is asked for, and is not billed.

    Where nothing received is left to bill, the invoice came first: then all that is open.
    """
    lines = list(order.lines.order_by("line_number"))
    arrived = [
        (line, (line.quantity if line.match_type == "2-way" else line.received)) for line in lines
    ]
    ordered = [(line, line.quantity) for line in lines]
    return _rows(arrived) or _rows(ordered)


def _rows(billable: list[tuple[Any, Decimal]]) -> list[dict[str, Any]]:
    return [
        {
            "order_line_reference": str(line.line_number),
            "description": line.description,
            "quantity": f"{(most - line.billed_quantity).normalize():f}",
            "unit_price": f"{line.unit_price.normalize():f}",
            "tax_code": line.tax_code,
        }
        for line, most in billable
        if most > line.billed_quantity
    ]


class UploadForm(forms.Form):
    file = forms.FileField(label="UBL file")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file is larger than 20 MB.")
        return file


class AcceptForm(forms.Form):
    reason_code = forms.ChoiceField(
        label="Why it is accepted", choices=[("", "Choose…"), *ACCEPT_REASONS.items()]
    )
    comment = forms.CharField(
        label="Comment", required=False, widget=forms.Textarea(attrs={"rows": 2}), max_length=2000
    )


class ReturnForm(forms.Form):
    code = forms.ChoiceField(
        label="What is wrong", choices=[("", "Choose…"), *RETURN_CODES.items()]
    )
    reason = forms.CharField(
        label="What the vendor is told", widget=forms.Textarea(attrs={"rows": 3}), max_length=2000
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=2000)


class LinkForm(forms.Form):
    order_reference = forms.CharField(label="Order number", max_length=64)
