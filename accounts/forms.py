"""The form of a code from an app."""

from django import forms


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code from the app",
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )
