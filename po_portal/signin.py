"""Who may sign in and how: people are entered by an administrator, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Closes the sign-up; everything else is allauth's own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def tried_address(request: HttpRequest, credentials: dict[str, str] | None = None) -> str:
    """The address a sign-in was tried with: failures are counted per address, not per office."""
    given = (credentials or {}).get("email") or request.POST.get("login", "")
    return given.strip().lower()
