"""Forms of administration: what is wanted, and why. The services judge it."""

from typing import Any

from django import forms

from accounts.models import Control, Entity, Role, User
from core.forms import FigureField
from vendors.models import ServiceType

_REASON = {"widget": forms.Textarea(attrs={"rows": 2}), "max_length": 2000}


def colleagues(entity: Entity) -> Any:
    return User.objects.filter(entity=entity, is_active=True).order_by("name")


class _OfEntity(forms.Form):
    """A form whose choices are people of one entity."""

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = colleagues(entity)


class PersonForm(_OfEntity):
    name = forms.CharField(max_length=120)
    email = forms.CharField(max_length=254, label="Email address")
    job_title = forms.CharField(max_length=120, required=False, label="Job title")
    manager = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody")
    roles = forms.MultipleChoiceField(
        choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple
    )


class RolesForm(_OfEntity):
    roles = forms.MultipleChoiceField(
        choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(label="Why", **_REASON)


class LimitsForm(_OfEntity):
    approval_limit = FigureField(required=False, label="Approves up to")
    delegated_order_limit = FigureField(label="Orders from the catalog without approval up to")
    variance_limit = FigureField(label="Accepts invoice variances up to")
    reason = forms.CharField(label="Why", **_REASON)


class ManagerForm(_OfEntity):
    manager = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody")
    reason = forms.CharField(label="Why", **_REASON)


class MitigationForm(_OfEntity):
    pair = forms.ChoiceField(label="Duties")
    valid_until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label="Why, and who looks at it instead", **_REASON)

    def __init__(self, *args: Any, pairs: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pair"].choices = pairs


class ReasonForm(_OfEntity):
    reason = forms.CharField(label="Why, and how you know that it is really they", **_REASON)


class SettingsForm(_OfEntity):
    fallback_approver = forms.ModelChoiceField(
        User.objects.none(), required=False, label="Decides where nobody else does"
    )
    on_call_approver = forms.ModelChoiceField(
        User.objects.none(), required=False, label="Decides emergencies", empty_label="Nobody"
    )
    emergency_cap = FigureField(
        label="Emergencies for one incident may cost up to",
        help_text="All requests for the same incident together, whoever asks; 0: no emergencies.",
    )
    email_decision_limit = FigureField(label="Decided from a mail without sign-in up to")
    splitting_window_days = forms.IntegerField(
        min_value=1, max_value=366, label="Days in which requests count as one"
    )
    unbudgeted_control = forms.ChoiceField(choices=Control.choices, label="Where no budget was set")
    change_order_percent = FigureField(
        label="One change of an order may add", help_text="More needs a new approval …"
    )
    change_order_amount = FigureField(
        label="… or this much", help_text="… unless it is no more than this."
    )
    change_order_cumulative_percent = FigureField(label="All changes of an order may add")
    change_order_days = forms.IntegerField(
        min_value=0, max_value=366, label="Days of an order may move by"
    )
    order_over_requisition_percent = FigureField(
        label="An order may cost more than its request by",
        help_text="More needs an approval of the order itself.",
    )
    bank_cooling_hours = forms.IntegerField(
        min_value=0,
        max_value=720,
        label="A new bank account counts after",
        help_text="From its verification; until then the old one counts.",
    )
    finance_second_factor = forms.BooleanField(
        required=False,
        label="Finance must have a second factor",
        help_text="AP, controllers and finance set one up at their next page, or do nothing else.",
    )
    people_kept_years = forms.IntegerField(
        min_value=7,
        max_value=99,
        label="Years until who left is forgotten",
        help_text="Then their name and address go; what they did stays.",
    )
    legal_hold = forms.BooleanField(
        required=False,
        label="Nobody is forgotten for now",
        help_text="While a court or an authority may ask for it, whatever the years say.",
    )
    reason = forms.CharField(label="Why", **_REASON)


class ServiceOwnersForm(_OfEntity):
    """One person for each kind of service."""

    reason = forms.CharField(label="Why", **_REASON)

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, entity=entity, **kwargs)
        for kind, label in ServiceType.choices:
            self.fields[kind] = forms.ModelChoiceField(
                colleagues(entity), required=False, label=label, empty_label="Nobody"
            )
