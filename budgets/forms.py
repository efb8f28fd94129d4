"""Forms about warnings."""

from typing import Any

from django import forms

from accounts.models import Entity

_MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


class QuietForm(forms.Form):
    """From when to when no mail about budgets is wanted, in the entity's own time."""

    starts_at = forms.DateTimeField(label="From", widget=_MOMENT, input_formats=_FORMATS)
    ends_at = forms.DateTimeField(label="Until", widget=_MOMENT, input_formats=_FORMATS)
    reason = forms.CharField(label="Why", max_length=200)

    def __init__(self, *args: Any, entity: Entity, **options: Any) -> None:
        super().__init__(*args, **options)
        self.entity = entity

    def clean_starts_at(self) -> Any:
        return self.cleaned_data["starts_at"].replace(tzinfo=self.entity.zone)

    def clean_ends_at(self) -> Any:
        return self.cleaned_data["ends_at"].replace(tzinfo=self.entity.zone)


class LevelsForm(forms.Form):
    """Percentages as people write them: 50, 80, 100."""

    levels = forms.CharField(label="Warn at, in percent", required=False, max_length=60)

    def clean_levels(self) -> list[int]:
        parts = self.cleaned_data["levels"].replace("%", " ").replace(",", " ").split()
        if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
            raise forms.ValidationError("Whole percentages, such as 50, 80, 100.")
        return [int(part) for part in parts]
