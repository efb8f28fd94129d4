"""Forms of vendors and contracts: what is said. The services judge it."""

from datetime import datetime
from typing import Any

from django import forms

from accounts.models import Entity
from core.forms import FigureField, GridSelect
from core.units import UNITS
from vendors import bank
from vendors.countries import NAMES
from vendors.inputs import BankInput, ContactInput, ContractInput, PriceInput, VendorInput
from vendors.models import BankAccount, Contract, MatchType, Vendor
from vendors.services import contracts

_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
_AREA: dict[str, Any] = {"widget": forms.Textarea(attrs={"rows": 3})}


class VendorForm(forms.Form):
    """Master data. A change of a vendor that was approved says why."""

    name = forms.CharField(max_length=200)
    code = forms.CharField(max_length=32)
    tax_id = forms.CharField(max_length=32, required=False, label="Tax id")
    order_email = forms.CharField(max_length=254, required=False, label="Orders go to")
    address = forms.CharField(max_length=1000, required=False, **_AREA)
    country = forms.ChoiceField(choices=sorted(NAMES.items(), key=lambda pair: pair[1]))
    currency = forms.CharField(max_length=3)
    payment_terms_days = forms.IntegerField(
        min_value=0, max_value=365, label="Payment terms, in days"
    )
    default_match_type = forms.ChoiceField(choices=MatchType.choices, label="Matching")
    family = forms.CharField(
        max_length=64,
        required=False,
        label="Group of companies",
        help_text="The same word for all companies of one group; what they sell counts together.",
    )
    reason = forms.CharField(
        max_length=2000,
        label="Why, and how you made sure",
        help_text="Call somebody at a number that you knew before, not one from the request.",
        **_AREA,
    )

    def __init__(self, *args: Any, vendor: Vendor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not vendor.takes_two_people:
            del self.fields["reason"]

    def as_input(self, contacts: list[ContactInput]) -> VendorInput:
        said = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        return VendorInput(**said, contacts=contacts)


class ContactForm(forms.Form):
    name = forms.CharField(max_length=120)
    email = forms.CharField(max_length=254)
    role = forms.CharField(max_length=64, required=False)


class BankAccountForm(forms.Form):
    """An account that a vendor wants to be paid to. The service judges it."""

    number = forms.CharField(
        max_length=bank.MOST,
        label="IBAN or account number",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    holder = forms.CharField(max_length=140, label="Account holder")
    bic = forms.CharField(max_length=16, required=False, label="BIC")
    routing = forms.CharField(
        max_length=32,
        required=False,
        label="Routing number or sort code",
        help_text="Where there is no IBAN.",
    )
    country = forms.ChoiceField(
        required=False,
        choices=[("", "As the IBAN says"), *sorted(NAMES.items(), key=lambda pair: pair[1])],
        label="Country of the account",
    )
    currency = forms.CharField(max_length=3)
    replaces = forms.ModelChoiceField(
        BankAccount.objects.none(),
        required=False,
        label="Instead of",
        empty_label="None: it is a further account",
    )
    reason = forms.CharField(
        max_length=2000,
        label="How it came, and how you made sure",
        help_text="Call somebody at a number that you knew before, not one from the request.",
        **_AREA,
    )

    def __init__(self, *args: Any, vendor: Vendor, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        replaceable = [
            each.pk
            for each in vendor.bank_accounts.standing().filter(valid_until__isnull=True)
            if each.counts(at)
        ]
        rows = BankAccount.objects.filter(pk__in=replaceable).order_by("pk")
        self.fields["replaces"].queryset = rows
        self.initial.setdefault("holder", vendor.name)
        self.initial.setdefault("currency", vendor.currency)
        self.initial.setdefault("replaces", replaceable[0] if replaceable else None)

    def as_input(self) -> BankInput:
        said = dict(self.cleaned_data)
        for name in ("replaces", "reason"):
            said.pop(name)
        return BankInput(**said)


class ContractForm(forms.Form):
    """What was agreed, apart from prices."""

    vendor = forms.ModelChoiceField(Vendor.objects.none(), empty_label="Choose …")
    title = forms.CharField(max_length=200)
    number = forms.CharField(
        max_length=64, required=False, help_text="Empty: the portal gives the next one."
    )
    valid_from = forms.DateField(label="First day", **_DATE)
    valid_to = forms.DateField(
        label="Last day", required=False, help_text="Empty: until somebody ends it.", **_DATE
    )
    notice_days = forms.IntegerField(
        min_value=0,
        max_value=contracts.MOST_NOTICE_DAYS,
        label="Notice, in days",
        help_text="So long before its end it is shown as expiring.",
    )
    currency = forms.CharField(max_length=3)
    spend_cap = FigureField(
        required=False, label="Orders up to", help_text="Net, all in all. Empty: no limit."
    )
    sla_terms = forms.CharField(
        required=False,
        label="Service levels",
        help_text="A promise on each line, such as: Delivery within 5 working days.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vendor"].queryset = Vendor.objects.filter(entity=entity).order_by("name")

    def clean_sla_terms(self) -> list[str]:
        lines = self.cleaned_data["sla_terms"].splitlines()
        return [line.strip() for line in lines if line.strip()]

    def as_input(self, prices: list[PriceInput]) -> ContractInput:
        return ContractInput(**self.cleaned_data, prices=prices)


class PriceForm(forms.Form):
    sku = forms.CharField(max_length=64, label="Article number")
    unit = forms.ChoiceField(
        choices=[("", "any"), *UNITS.items()], required=False, widget=GridSelect
    )
    unit_price = FigureField(label="Price")


ContactFormSet = forms.formset_factory(ContactForm, extra=1, can_delete=True, max_num=50)
PriceFormSet = forms.formset_factory(
    PriceForm, extra=3, can_delete=True, max_num=contracts.MOST_PRICES
)


def filled(rows: Any) -> list[Any]:
    """The forms of rows that hold something and were not removed."""
    return [
        form
        for form in rows
        if form.has_changed() and form.is_valid() and not form.cleaned_data.get("DELETE")
    ]


def contacts_of(rows: list[Any]) -> list[ContactInput]:
    names = ("name", "email", "role")
    return [ContactInput(*(form.cleaned_data[name] for name in names)) for form in rows]


def prices_of(rows: list[Any]) -> list[PriceInput]:
    names = ("sku", "unit_price", "unit")
    return [PriceInput(*(form.cleaned_data[name] for name in names)) for form in rows]


def initial_of(contract: Contract) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A contract as its forms show it: the head and its prices."""
    said = contracts.present(contract)
    names = ("number", "title", "valid_from", "valid_to", "notice_days", "currency", "vendor")
    head = {name: getattr(said, name) for name in names}
    cap = said.spend_cap
    head |= {"sla_terms": "\n".join(said.sla_terms), "spend_cap": _typed(cap) if cap else ""}
    return head, [
        {"sku": each.sku, "unit": each.unit, "unit_price": _typed(each.unit_price)}
        for each in said.prices
    ]


def _typed(value: Any) -> str:
    """A figure without trailing zeros or exponent, as a person would type it."""
    return f"{value.normalize():f}"
