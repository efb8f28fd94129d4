"""Forms of allocation: what is said. The services judge it."""

from datetime import date
from typing import Any

from django import forms

from accounts.models import Entity, User
from budgets.models import CostCenter, GLAccount, Project
from chargeback import intake
from chargeback.inputs import RuleInput, ShareInput
from chargeback.models import AllocationRule, RuleRevision
from chargeback.services.rules import MOST_SHARES
from chargeback.sharing import last_day
from core.forms import FigureField

_AREA = {"widget": forms.Textarea(attrs={"rows": 3}), "max_length": 2000}


class MonthField(forms.CharField):
    """A month such as 2026-03 as its first day; browsers that know months offer a picker."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-03"})

    def to_python(self, value: Any) -> Any:
        words = super().to_python(value)
        month = intake.month_of(words) if words else None
        if words and month is None:
            raise forms.ValidationError("Write a month such as 2026-03.")
        return month

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%Y-%m}" if isinstance(value, date) else value


class RuleForm(forms.Form):
    """What a rule says, apart from its name and its shares."""

    kind = forms.ChoiceField(
        choices=RuleRevision.Kind.choices,
        help_text="Chargeback moves the spend between budgets; showback only shows it.",
    )
    basis = forms.ChoiceField(choices=RuleRevision.Basis.choices, label="Shared by")
    cost_center = forms.ModelChoiceField(
        CostCenter.objects.none(), required=False, empty_label="Any", label="Cost centre"
    )
    gl_account = forms.ModelChoiceField(
        GLAccount.objects.none(), required=False, empty_label="Any", label="Account"
    )
    project = forms.ModelChoiceField(Project.objects.none(), required=False, empty_label="Any")
    unit = forms.CharField(
        max_length=32, required=False, help_text="What consumption is counted in: seats, GB, hours."
    )
    service_owner = forms.ModelChoiceField(
        User.objects.none(), empty_label="Choose …", help_text="Answers when a line is disputed."
    )
    valid_from = MonthField(label="First month")
    valid_to = MonthField(label="Last month", required=False, help_text="Empty: no end.")

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in (
            ("cost_center", CostCenter),
            ("gl_account", GLAccount),
            ("project", Project),
        ):
            self.fields[name].queryset = model.objects.filter(
                entity=entity, is_active=True
            ).order_by("code")
        people = User.objects.filter(entity=entity, is_active=True).order_by("name")
        self.fields["service_owner"].queryset = people

    def as_input(self, shares: list[ShareInput]) -> RuleInput:
        names = RuleForm.base_fields
        said = {name: self.cleaned_data[name] for name in names}
        if said["valid_to"]:
            said["valid_to"] = last_day(said["valid_to"])
        return RuleInput(**said, shares=shares if said["basis"] == "fixed" else [])


class NewRuleForm(RuleForm):
    name = forms.CharField(max_length=120, help_text="It stays: statements are known by it.")
    field_order = ["name"]


class RevisionForm(RuleForm):
    reason = forms.CharField(label="Why it changes", **_AREA)


class ShareForm(forms.Form):
    cost_center = forms.ModelChoiceField(
        CostCenter.objects.none(), empty_label="Choose …", label="Cost centre"
    )
    percent = FigureField(label="Percent")

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        centers = CostCenter.objects.filter(entity=entity, is_active=True).order_by("code")
        self.fields["cost_center"].queryset = centers


ShareFormSet = forms.formset_factory(ShareForm, extra=3, can_delete=True, max_num=MOST_SHARES)


def filled(rows: Any) -> list[Any]:
    """The forms of rows that hold something and were not removed."""
    return [
        form
        for form in rows
        if form.has_changed() and form.is_valid() and not form.cleaned_data.get("DELETE")
    ]


def shares_of(rows: list[Any]) -> list[ShareInput]:
    return [
        ShareInput(row.cleaned_data["cost_center"], row.cleaned_data["percent"]) for row in rows
    ]


def initial_of(rule: AllocationRule) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The newest revision of a rule as its forms show it."""
    newest = rule.revisions.order_by("revision").last()
    assert newest is not None
    head = {
        name: getattr(newest, f"{name}_id" if name in _CHOSEN else name)
        for name in RuleForm.base_fields
    }
    shares = newest.shares.order_by("position")
    return head, [
        {"cost_center": each.cost_center_id, "percent": f"{each.percent.normalize():f}"}
        for each in shares
    ]


_CHOSEN = ("cost_center", "gl_account", "project", "service_owner")


class MonthForm(forms.Form):
    month = MonthField()


class ConsumptionForm(forms.Form):
    file = forms.FileField()


class WordsForm(forms.Form):
    """Why a line is wrong, or what the owner of the service says to that."""

    words = forms.CharField(**_AREA)

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["words"].label = label


class CorrectionForm(WordsForm):
    amount = FigureField(label="Right amount")
    field_order = ["amount"]


ANSWERS: dict[str, tuple[type[WordsForm], str]] = {
    "dispute": (WordsForm, "What is wrong"),
    "keep": (WordsForm, "Why it stays"),
    "correct": (CorrectionForm, "Why"),
}


def answer_form(line: Any, action: str, data: Any = None) -> WordsForm:
    """The form of what may be done to a line; a statement shows several of them."""
    made, label = ANSWERS[action]
    return made(data, label=label, auto_id=f"{action}-{line.pk}-%s")
