"""The requisition form: a head, a grid of lines, and up to four codings a line."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import F

from accounts.models import Entity, User
from approvals.models import PolicyRequirement
from core import units
from core.forms import FigureField, GridSelect
from core.money import minor_units
from requisitions import content
from requisitions.coding import CODING, LABELS, CodingChoices
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine
from vendors import countries
from vendors.models import CatalogItem, Vendor

Reference = PolicyRequirement.Reference

SAID = ("catalog_item", "description", "quantity", "unit_price")
REFERENCE = "reference_"
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
    )
    service_type = forms.ChoiceField(
        label="Kind of purchase",
        choices=Requisition._meta.get_field("service_type").choices,
        initial="other",
    )
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)
    currency = forms.CharField(label="Currency", max_length=3, min_length=3)
    justification = forms.CharField(
        label="Why",
        required=False,
        max_length=5000,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "What an approver should know to say yes"}
        ),
    )
    ship_to = forms.CharField(
        label="Deliver to",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    external_reference = forms.CharField(label="Ticket or reference", required=False, max_length=64)
    budget_reason = forms.CharField(
        label="Why buy it all the same",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "hx-preserve": "true"}),
    )
    personal_data = forms.BooleanField(label="Personal data is kept or processed", required=False)
    regulated = forms.BooleanField(label="A regulated system is touched", required=False)
    third_party_access = forms.BooleanField(
        label="Somebody outside gets access to our systems or data", required=False
    )
    data_residency = forms.ChoiceField(
        label="Country where the data is kept",
        required=False,
        choices=[("", "Not applicable, or not known"), *countries.NAMES.items()],
    )
    emergency = forms.BooleanField(label="This is an emergency", required=False)
    emergency_reason = forms.CharField(
        label="Why it cannot wait",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in Reference:
            self.fields[REFERENCE + kind] = forms.CharField(
                label=kind.label,
                required=False,
                max_length=64,
                widget=forms.TextInput(attrs={"hx-preserve": "true", "autocomplete": "off"}),
            )
        approved = Vendor.objects.filter(entity=entity, status=Vendor.Status.APPROVED)
        self.fields["vendor"].queryset = approved.order_by("name")

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def ask_for(self, kinds: Iterable[str]) -> None:
        """Policy wants these references: their fields are shown and no longer optional."""
        for kind in kinds:
            self.fields[REFERENCE + kind].required = True

    @property
    def references(self) -> list[forms.BoundField]:
        """The references that are asked for or given; an emergency always names its incident."""
        if self["emergency"].value():
            self.ask_for([Reference.INCIDENT])
        shown = [self[REFERENCE + kind] for kind in Reference]
        return [each for each in shown if each.field.required or each.value() or each.errors]

    def as_input(self, lines: list[LineInput]) -> RequisitionInput:
        said = {
            name: value
            for name, value in self.cleaned_data.items()
            if not name.startswith(REFERENCE)
        }
        references = {kind: self.cleaned_data[REFERENCE + kind] for kind in Reference}
        return RequisitionInput(
            lines=lines, references={str(k): v for k, v in references.items() if v}, **said
        )


class OneOf(forms.ChoiceField):
    """A choice among objects that were read once for the whole grid; no query per field."""

    widget = GridSelect

    def __init__(self, found: dict[str, Any], choices: Any, **options: Any) -> None:
        super().__init__(choices=choices, **options)
        self.found = found

    def clean(self, value: Any) -> Any:
        return self.found.get(super().clean(value))

    def valid_value(self, value: Any) -> bool:
        return str(value) in self.found


class LineForm(forms.Form):
    """One line with its codings. Empty codings after the first are left out."""

    catalog_item = forms.CharField(required=False, widget=forms.HiddenInput)
    vendor = forms.CharField(required=False, widget=forms.HiddenInput)
    sku = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    catalog_note = forms.CharField(
        label="From the catalog",
        required=False,
        widget=forms.TextInput(attrs={"readonly": True, "tabindex": "-1"}),
    )
    description = forms.CharField(label="Item", max_length=500)
    quantity = FigureField(label="Quantity")
    unit = forms.ChoiceField(label="Unit", choices=units.choices, initial="C62", widget=GridSelect)
    unit_price = FigureField(label="Unit price")
    tax_code = forms.ChoiceField(label="Tax", required=False, widget=GridSelect)
    kind = forms.ChoiceField(
        label="This is", choices=RequisitionLine.Kind.choices, initial=RequisitionLine.Kind.GOODS
    )
    basis = forms.ChoiceField(
        label="Ordered and billed",
        choices=RequisitionLine.Basis.choices,
        initial=RequisitionLine.Basis.QUANTITY,
    )
    need_by = forms.DateField(label="Needed by", required=False, **_DATE)
    period_from = forms.DateField(label="Service from", required=False, **_DATE)
    period_to = forms.DateField(label="Service to", required=False, **_DATE)

    def __init__(self, *args: Any, choices: CodingChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = choices
        self.fields["tax_code"].choices = choices.tax_codes
        self.fields["tax_code"].initial = choices.usual_tax_code
        for part in choices.parts:
            for name in CODING:
                self.fields[f"{name}_{part}"] = OneOf(
                    choices.codings[name],
                    choices.options[name],
                    required=part == 1 and name != "project",
                    label=LABELS[name],
                )
            self.fields[f"percent_{part}"] = FigureField(
                label="Share in %", required=part == 1, initial=100 if part == 1 else None
            )

    def has_changed(self) -> bool:
        """A line on which nothing was asked for is no line, whatever it would be coded to."""
        return any(str(self[name].value() or "").strip() for name in SAID)

    def clean_catalog_item(self) -> CatalogItem | None:
        return self._known("catalog_item", self.known.items, "There is no such catalog item.")

    def clean_vendor(self) -> Vendor | None:
        return self._known("vendor", self.known.vendors, "There is no such vendor.")

    def _known(self, name: str, found: dict[str, Any], missing: str) -> Any:
        said = self.cleaned_data[name]
        if said and said not in found:
            raise forms.ValidationError(missing)
        return found.get(said)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The codings as rows of bound fields, for the template."""
        names = (*CODING, "percent")
        return [{name: self[f"{name}_{part}"] for name in names} for part in self.known.parts]

    @property
    def is_split(self) -> bool:
        return any(
            self[f"{name}_{part}"].value() for part in self.known.parts[1:] for name in _PAID
        )

    @property
    def is_special(self) -> bool:
        """Whether anything stands in the part of the form that is folded away at first."""
        usual = self["kind"].value() == "goods" and self["basis"].value() == "quantity"
        dated = any(self[name].value() for name in ("need_by", "period_from", "period_to"))
        return self.is_split or not usual or dated or bool(self.errors)

    def as_input(self) -> LineInput:
        data = self.cleaned_data
        return LineInput(
            description=data["description"],
            quantity=data["quantity"],
            unit=data["unit"],
            unit_price=data["unit_price"],
            catalog_item=data["catalog_item"],
            kind=data["kind"],
            sku=data["sku"],
            vendor=None if data["catalog_item"] else data["vendor"],
            tax_code=data["tax_code"],
            need_by=data["need_by"],
            basis=data["basis"],
            period_from=data["period_from"],
            period_to=data["period_to"],
            distributions=[
                DistributionInput(
                    cost_center=data[f"cost_center_{part}"],
                    gl_account=data[f"gl_account_{part}"],
                    project=data[f"project_{part}"],
                    percent=data[f"percent_{part}"] or Decimal(0),
                )
                for part in self.known.parts
                if part == 1 or data[f"percent_{part}"] or data[f"cost_center_{part}"]
            ],
        )


_PAID = ("percent", "cost_center")


class BaseLineFormSet(forms.BaseFormSet):
    """Every line may be left empty or removed, those of a stored draft too."""

    def initial_form_count(self) -> int:
        return 0

    def total_form_count(self) -> int:
        return super().total_form_count() if self.is_bound else max(len(self.initial or []), 1)


LineFormSet = forms.formset_factory(
    LineForm, formset=BaseLineFormSet, can_delete=True, max_num=500, validate_max=True
)


def blank_row(user: User, choices: CodingChoices, item: CatalogItem | None) -> dict[str, Any]:
    """The first line of a new form: paid by what paid for the last request sent, else kept."""
    row: dict[str, Any] = {}
    asked = RequisitionDistribution.objects.filter(line__requisition__requester=user)
    # A draft may have stayed one because nothing was budgeted there: what was sent comes first.
    last = asked.order_by(
        F("line__requisition__submitted_at").desc(nulls_last=True),
        "-line__requisition",
        "line__line_number",
        "pk",
    ).first()
    if last is not None and str(last.cost_center_id) in choices.codings["cost_center"]:
        row = {"cost_center_1": str(last.cost_center_id)}
    if item is not None:
        row |= filled_by(item, choices) | {"quantity": "1"}
    return row


def filled_by(item: CatalogItem, choices: CodingChoices) -> dict[str, str]:
    """What choosing a catalog item puts into its line."""
    return {
        "catalog_item": str(item.pk),
        "catalog_note": f"{item.vendor} · {item.sku}",
        "description": item.name,
        "unit": item.unit,
        "unit_price": _price(item.unit_price, item.currency),
        "tax_code": item.tax_code,
        "gl_account_1": choices.account_of(item),
    }


def initial_of(requisition: Requisition) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Form values of a stored draft, and how many codings its longest split has."""
    said = content.as_input(requisition, content.lines_of(requisition))
    head = {name: getattr(said, name) for name in RequisitionForm.base_fields if name != "vendor"}
    head["vendor"] = said.vendor.pk if said.vendor else None
    head |= {REFERENCE + kind: value for kind, value in said.references.items()}
    most = max((len(line.distributions) for line in said.lines), default=1)
    return head, [line_initial(line, said.currency) for line in said.lines], most


def line_initial(line: LineInput, currency: str) -> dict[str, Any]:
    """What the form of a line is filled with from a stored one."""
    item = line.catalog_item
    row = {
        "catalog_item": str(item.pk) if item else "",
        "catalog_note": f"{item.vendor} · {item.sku}" if item else "",
        "description": line.description,
        "quantity": _plain(line.quantity),
        "unit": line.unit,
        "unit_price": _price(line.unit_price, currency),
        "tax_code": line.tax_code,
        "kind": line.kind,
        "sku": line.sku,
        "vendor": str(line.vendor.pk) if line.vendor else "",
        "need_by": line.need_by,
        "basis": line.basis,
        "period_from": line.period_from,
        "period_to": line.period_to,
    }
    for part, share in enumerate(line.distributions, 1):
        for name in CODING:
            coding = getattr(share, name)
            row[f"{name}_{part}"] = str(coding.pk) if coding else ""
        row[f"percent_{part}"] = _plain(share.percent)
    return row


def _plain(value: Decimal | None) -> str:
    """A number without trailing zeros or exponent, as a person would type it."""
    return "" if value is None else f"{value.normalize():f}"


def _price(value: Decimal | None, currency: str) -> str:
    """The same with at least the decimals of its currency: 9.90."""
    whole, _, decimals = _plain(value).partition(".")
    least = minor_units(currency) if value is not None else 0
    decimals = decimals.ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole
