"""Security: one's own second factor, recovery codes, password and API tokens."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

import qrcode
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from qrcode.image.svg import SvgPathImage

from accounts import second_factor, step_up
from accounts.forms import CodeForm
from accounts.models import ApiToken
from core import sealed
from core.errors import DomainError
from core.web import act, add_errors

SECRET = "second_factor_secret"  # noqa: S105  where the session keeps it until a code confirms it
View = Callable[..., HttpResponse]


def proven(back: str) -> Callable[[View], View]:
    """Ask for a proof from a moment ago, then lead back to a page of this name."""

    def decorate(view: View) -> View:
        @wraps(view)
        @login_required
        def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if step_up.is_proven(request, at=timezone.now()):
                return view(request, *args, **kwargs)
            answer: HttpResponse = step_up.detour(reverse(back))
            return answer

        return shown

    return decorate


@login_required
@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """What protects the account, and what acts in its name."""
    user = request.user
    entity = user.entity
    asked = entity is not None and entity.finance_second_factor
    context = {
        "factor": second_factor.factor_of(user),
        "asked": asked and user.has_role(*second_factor.FINANCE_ROLES),
        "tokens": ApiToken.objects.filter(user=user, expiry__gt=timezone.now()).order_by(
            "-created"
        ),
    }
    return render(request, "accounts/security.html", context)


@proven("security_enrol")
def enrol(request: HttpRequest) -> HttpResponse:
    """Show the secret as a picture and as text; the app's first code confirms it."""
    if second_factor.has(request.user):
        return redirect("security")
    secret = _secret(request) or _new_secret(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            _enrol(request, secret, form.cleaned_data["code"], now)
            messages.success(request, "The second factor is set up. Keep these codes.")
            return redirect("security_codes")
        except DomainError as refusal:
            add_errors(form, refusal)
    context = {"form": form, "secret": _in_fours(secret)}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/enrol.html", context, status=status)


def _enrol(request: HttpRequest, secret: str, code: str, now: Any) -> None:
    """The code is proof as well: whoever shows it need not show another one at once."""
    user: Any = request.user
    if not second_factor.try_out(person=user, secret=secret, code=code, at=now):
        raise second_factor.wrong_code()
    second_factor.enrol(person=user, secret=secret, code=code, at=now)
    del request.session[SECRET]
    record_authentication(request, user, "mfa", type="totp")


@require_GET
@proven("security_enrol")
def picture(request: HttpRequest) -> HttpResponse:
    """The secret as a QR code, while it is being set up."""
    secret = _secret(request)
    if not secret:
        raise Http404
    adapter = get_adapter()
    drawn = qrcode.make(adapter.build_totp_url(request.user, secret), image_factory=SvgPathImage)
    data = BytesIO()
    drawn.save(data)
    return HttpResponse(data.getvalue(), content_type="image/svg+xml")


@require_GET
@proven("security_codes")
def codes(request: HttpRequest) -> HttpResponse:
    """The recovery codes, until they are kept."""
    shown = second_factor.codes_to_show(person=request.user, at=timezone.now())
    factor = second_factor.factor_of(request.user)
    if factor is None:
        return redirect("security")
    context = {"codes": [_in_fours(each) for each in shown], "factor": factor}
    return render(request, "accounts/codes.html", context)


@require_POST
@proven("security_codes")
def codes_kept(request: HttpRequest) -> HttpResponse:
    second_factor.keep_codes(person=request.user, at=timezone.now())
    messages.success(request, "Good. The codes are not shown again.")
    return redirect("security")


@require_POST
@proven("security_codes")
def codes_download(request: HttpRequest) -> HttpResponse:
    """The codes as a text file, while they are shown."""
    shown = second_factor.codes_to_show(person=request.user, at=timezone.now())
    if not shown:
        messages.info(request, "Codes are shown once. Make new ones if you have lost them.")
        return redirect("security_codes")
    lines = [f"PO Portal: recovery codes of {request.user.email}", "Each opens once.", ""]
    text = "\r\n".join([*lines, *(_in_fours(each) for each in shown), ""])
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return answer


@require_POST
@proven("security_codes")
def codes_renew(request: HttpRequest) -> HttpResponse:
    return act(
        request,
        lambda: second_factor.renew_codes(person=request.user, at=timezone.now()),
        done="Here are new codes. The old ones open nothing any more.",
        to=reverse("security_codes"),
        refused_to=reverse("security"),
    )


@proven("security_remove")
def remove(request: HttpRequest) -> HttpResponse:
    """Ask, then take the second factor away."""
    if request.method != "POST":
        if not second_factor.has(request.user):
            return redirect("security")
        return render(request, "accounts/remove.html")
    return act(
        request,
        lambda: second_factor.remove(person=request.user, at=timezone.now()),
        done="The second factor is removed. Your password alone signs you in.",
        to=reverse("security"),
        refused_to=reverse("security"),
    )


def _new_secret(request: HttpRequest) -> str:
    """Sessions lie in the database, so what they keep of it is sealed."""
    secret: str = generate_totp_secret()
    request.session[SECRET] = sealed.seal(secret)
    return secret


def _secret(request: HttpRequest) -> str:
    kept = request.session.get(SECRET)
    return sealed.unseal(kept) if kept else ""


def _in_fours(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
