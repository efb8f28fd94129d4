"""The requisition form: a head, a grid of lines, and up to four codings a line."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Entity
from budgets.models import CostCenter, GLAccount, Project
from core import units
from requisitions import content
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionLine
from vendors.models import CatalogItem, Vendor

PARTS = (1, 2, 3, 4)
_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


class RequisitionForm(forms.Form):
    """The head. Fields stand in the order in which people think of them."""

    title = forms.CharField(
        label="What do you need?",
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "Laptops for the new colleagues"}),
    )
    vendor = forms.ModelChoiceField(
        queryset=Vendor.objects.none(),
        required=False,
        label="Vendor",
        empty_label="From the catalog, or not decided",
        help_text="Only approved vendors get an order.",
    )
    currency = forms.CharField(label="Currency", max_length=3, min_length=3)
    service_type = forms.ChoiceField(
        label="Kind of purchase",
        choices=Requisition._meta.get_field("service_type").choices,
        initial="other",
    )
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)
    justification = forms.CharField(
        label="Why",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What an approver should know.",
    )
    ship_to = forms.CharField(
        label="Deliver to",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    external_reference = forms.CharField(label="Ticket or reference", required=False, max_length=64)
    budget_reason = forms.CharField(
        label="Reason, where a budget warns",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Asked for only where the request goes beyond a budget that warns.",
    )

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        approved = Vendor.objects.filter(entity=entity, status=Vendor.Status.APPROVED)
        self.fields["vendor"].queryset = approved.order_by("name")

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def as_input(self, lines: list[LineInput]) -> RequisitionInput:
        return RequisitionInput(lines=lines, **self.cleaned_data)


class LineForm(forms.Form):
    """One line with its codings. Empty codings after the first are left out."""

    catalog_item = forms.ModelChoiceField(
        queryset=CatalogItem.objects.none(), required=False, widget=forms.HiddenInput
    )
    description = forms.CharField(label="Item", max_length=500)
    quantity = forms.DecimalField(label="Quantity", max_digits=18, decimal_places=6)
    unit = forms.ChoiceField(label="Unit", choices=units.choices(), initial="C62")
    unit_price = forms.DecimalField(label="Unit price", max_digits=18, decimal_places=6)
    tax_code = forms.ChoiceField(label="Tax", required=False)
    basis = forms.ChoiceField(
        label="Ordered and billed",
        choices=RequisitionLine.Basis.choices,
        initial=RequisitionLine.Basis.QUANTITY,
        required=False,
    )

    def __init__(self, *args: Any, choices: "CodingChoices", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["catalog_item"].queryset = choices.items
        self.fields["tax_code"].choices = choices.tax_codes
        for part in PARTS:
            required = part == 1
            for name, found in choices.codings.items():
                self.fields[f"{name}_{part}"] = forms.ModelChoiceField(
                    queryset=found,
                    required=required and name != "project",
                    label=_LABELS[name],
                    empty_label="–",
                )
                self.fields[f"{name}_{part}"].choices = choices.options[name]
            self.fields[f"percent_{part}"] = forms.DecimalField(
                label="Share in %",
                required=required,
                initial=Decimal(100) if required else None,
                max_digits=9,
                decimal_places=6,
            )

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The codings as rows of bound fields, for the template."""
        names = ("cost_center", "gl_account", "project", "percent")
        return [{name: self[f"{name}_{part}"] for name in names} for part in PARTS]

    @property
    def is_split(self) -> bool:
        return any(self[f"percent_{part}"].value() for part in PARTS[1:])

    def as_input(self) -> LineInput:
        data = self.cleaned_data
        return LineInput(
            description=data["description"],
            quantity=data["quantity"],
            unit=data["unit"],
            unit_price=data["unit_price"],
            catalog_item=data["catalog_item"],
            tax_code=data["tax_code"],
            basis=data["basis"] or RequisitionLine.Basis.QUANTITY,
            distributions=[
                DistributionInput(
                    cost_center=data[f"cost_center_{part}"],
                    gl_account=data[f"gl_account_{part}"],
                    project=data[f"project_{part}"],
                    percent=data[f"percent_{part}"] or Decimal(0),
                )
                for part in PARTS
                if part == 1 or data[f"percent_{part}"] or data[f"cost_center_{part}"]
            ],
        )


_LABELS = {"cost_center": "Cost centre", "gl_account": "GL account", "project": "Project"}
LineFormSet = forms.formset_factory(
    LineForm, extra=1, can_delete=True, max_num=500, validate_max=True
)


class CodingChoices:
    """What lines can be coded to, read once for the whole grid."""

    def __init__(self, entity: Entity) -> None:
        self.items = CatalogItem.objects.filter(vendor__entity=entity)
        self.tax_codes = [
            ("", "–"),
            *((code.code, code.name) for code in entity.tax_codes.order_by("code")),
        ]
        self.codings = {
            "cost_center": CostCenter.objects.filter(entity=entity, is_active=True),
            "gl_account": GLAccount.objects.filter(entity=entity, is_active=True),
            "project": Project.objects.filter(entity=entity, is_active=True),
        }
        self.options = {
            name: [("", "–"), *((str(row.pk), str(row)) for row in found.order_by("code"))]
            for name, found in self.codings.items()
        }


def initial_of(requisition: Requisition) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Form values of a stored draft."""
    said = content.as_input(requisition, content.lines_of(requisition))
    head = {name: getattr(said, name) for name in RequisitionForm.base_fields if name != "vendor"}
    head["vendor"] = said.vendor.pk if said.vendor else None
    return head, [_line_initial(line) for line in said.lines]


def _line_initial(line: LineInput) -> dict[str, Any]:
    row = {
        "catalog_item": line.catalog_item.pk if line.catalog_item else None,
        "description": line.description,
        "quantity": _plain(line.quantity),
        "unit": line.unit,
        "unit_price": _plain(line.unit_price),
        "tax_code": line.tax_code,
        "basis": line.basis,
    }
    for part, share in zip(PARTS, line.distributions, strict=False):
        row[f"cost_center_{part}"] = share.cost_center.pk if share.cost_center else None
        row[f"gl_account_{part}"] = share.gl_account.pk if share.gl_account else None
        row[f"project_{part}"] = share.project.pk if share.project else None
        row[f"percent_{part}"] = _plain(share.percent)
    return row


def _plain(value: Decimal | None) -> str:
    """A number without trailing zeros or exponent, as a person would type it."""
    return "" if value is None else format(value.normalize(), "f")
