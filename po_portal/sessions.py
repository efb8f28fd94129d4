"""What every request of a signed-in person passes: its session's end, and the second factor.

A session that is over is signed out before the page is asked: the page then does what it does for
everybody who is signed out. Programs (`/api/`) are told by the API itself.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import second_factor, sessions

Handler = Callable[[HttpRequest], HttpResponse]
# What somebody without a second factor that is asked for may do: get one, or leave.
OPEN = frozenset(
    (
        *("security", "security_enrol", "security_picture", "security_codes"),
        *("security_codes_kept", "security_codes_download", "account_change_password"),
        *("account_logout", "account_reauthenticate", "mfa_reauthenticate", "healthz", "readyz"),
    )
)
OVER = "You were signed out after a while. Sign in to go on."


def ending(get_response: Handler) -> Handler:
    """Sign out whose session is over; note that somebody is there."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            if sessions.is_over(request):
                logout(request)
                if not request.path.startswith("/api/"):
                    messages.info(request, OVER)
            else:
                sessions.note_activity(request)
        return get_response(request)

    return handle


class SecondFactorFirst:
    """Lead to the set-up of a second factor whoever must have one and has none."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        user, door = request.user, request.resolver_match
        if door is None or not user.is_authenticated or request.path.startswith("/api/"):
            return None
        if door.view_name in OPEN or not second_factor.is_missing(user):
            return None
        messages.info(request, "Your organisation asks for a second factor. Set it up to go on.")
        return redirect("security_enrol")
