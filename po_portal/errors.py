"""What is answered when the portal cannot serve: a page for people, a problem for programs."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from core import unavailable
from core.api.errors import MEDIA_TYPE, problem


def broken(request: HttpRequest) -> HttpResponse:
    """An exception that nobody caught: 503 where only the database did not serve, else 500.

    Neither page asks the database, not even who is there.
    """
    refused = unavailable.refusal(sys.exc_info()[1])
    if refused is None:
        return HttpResponse(render_to_string("500.html"), status=500)
    return answer(request, refused)


def answer(request: HttpRequest, refused: unavailable.Refused) -> HttpResponse:
    """503 with the time to wait."""
    if request.path.startswith("/api/"):
        said = problem(instance=request.path, **refused.as_problem())
        return JsonResponse(
            said.data, status=said.status_code, headers=refused.headers, content_type=MEDIA_TYPE
        )
    page = render_to_string(
        "503.html", {"refused": refused, "is_sent_again": request.method == "POST"}
    )
    return HttpResponse(page, status=refused.status, headers=refused.headers)
