"""The demo's mail page: what the portal sent, so that approvers can click their links there."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from notifications import mailbox

SHOWN = 100
# The mail's own page: no script, nothing from outside, shown in our frame only.
MAIL_POLICY: dict[str, list[str] | None] = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
}

View = Callable[..., HttpResponse]


def demo_only(view: View) -> View:
    """Where the portal is no demo, mail goes to people and this page does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.PORTAL_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return login_required(guarded)


@require_safe
@demo_only
def mail(request: HttpRequest, name: str = "") -> HttpResponse:
    """Newest first, for one recipient or all; one mail opened."""
    recipient = request.GET.get("to", "")
    mails = mailbox.newest(limit=SHOWN, recipient=recipient)
    opened = _mail_or_404(name) if name else (mailbox.read(mails[0].name) if mails else None)
    people = [("", "Everybody"), *((each, each) for each in mailbox.recipients())]
    context = {"mails": mails, "opened": opened, "people": people, "recipient": recipient}
    return render(request, "notifications/mail.html", context)


@require_safe
@demo_only
@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)
def html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of one mail, alone; its links open in the whole window."""
    found = _mail_or_404(name)
    return HttpResponse(found.html.replace("<head>", '<head><base target="_top">', 1))


@require_safe
@demo_only
def file(request: HttpRequest, name: str, index: int) -> HttpResponse:
    """One attachment, always as a download."""
    found = mailbox.enclosure(name, index)
    if found is None:
        raise Http404
    enclosure, data = found
    disposition = content_disposition_header(as_attachment=True, filename=enclosure.name)
    return HttpResponse(
        data,
        content_type=enclosure.content_type,
        headers={"Content-Disposition": disposition or "attachment"},
    )


def _mail_or_404(name: str) -> mailbox.Mail:
    found = mailbox.read(name)
    if found is None:
        raise Http404
    return found
