"""Who may sign in and how: people are entered by an administrator, nobody signs up."""

from typing import Any
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django import forms
from django.http import HttpRequest
from django.utils import timezone

from accounts import second_factor
from core import outbox, sealed
from core.errors import DomainError
from core.transactions import atomic


class AccountAdapter(DefaultAccountAdapter):
    """Closes the sign-up, asks who has a second factor for that alone; else allauth's own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """With a second factor the password alone proves nothing anew."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if second_factor.has(user):
            return [each for each in methods if each["id"].startswith("mfa_")]
        return methods


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seals what codes are reckoned from (core/sealed.py)."""

    def encrypt(self, text: str) -> str:
        return sealed.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unseal(encrypted_text)


class _CodeForm(forms.Form):
    """Has `second_factor` judge the code, so that each opens once and wrong ones are counted."""

    signed_in = False
    user: Any

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        actor = self.user if self.signed_in else None
        try:
            found = second_factor.check(person=self.user, code=code, at=timezone.now(), actor=actor)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.detail) from refusal
        if found is None:
            raise forms.ValidationError(second_factor.wrong_code().detail)
        found.user = self.user
        self.authenticator = found
        return code


class PasswordResetForm(forms.Form):
    """Promises the mail and answers: whether anybody has the address is looked up afterwards."""

    email = forms.EmailField(max_length=254, label="Email")

    def save(self, request: HttpRequest, **_: Any) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        asked = str(uuid4())
        with atomic():
            outbox.enqueue(
                "notifications.password_reset",
                {"email": email, "asked": asked},
                key=f"password_reset:{asked}",
                at=timezone.now(),
            )
        return email


class SignInCodeForm(_CodeForm, AuthenticateForm):
    """The code after the password."""


class ProofCodeForm(_CodeForm, ReauthenticateForm):
    """The code before something that matters."""

    signed_in = True


def tried_address(request: HttpRequest, credentials: dict[str, str] | None = None) -> str:
    """The address a sign-in was tried with: failures are counted per address, not per office."""
    given = (credentials or {}).get("email") or request.POST.get("login", "")
    return given.strip().lower()
