"""Taking mentions off the home page, by plain POST."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.web import visible_or_404
from notifications import mentions
from notifications.models import Mention


@login_required
@require_POST
def mention_seen(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = visible_or_404(Mention.objects.visible_to(request.user), pk)
    mentions.see(mention=found, actor=request.user, at=timezone.now())
    return redirect("home")


@login_required
@require_POST
def mentions_seen(request: HttpRequest) -> HttpResponse:
    """All that the page showed; what came since stays."""
    shown = [pk for pk in map(_id, request.POST.getlist("mention")[: mentions.SHOWN]) if pk]
    mentions.see_all(person=request.user, of=shown, at=timezone.now())
    return redirect("home")


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
