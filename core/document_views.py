"""Comments and files on any document page; a document one may not see is a 404."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from core import files, remarks
from core.documents import document_model
from core.models import Attachment
from core.web import act, visible_or_404


def _document(request: HttpRequest, document_type: str, pk: UUID) -> Any:
    try:
        model = document_model(document_type)
    except LookupError as error:
        raise Http404 from error
    if not hasattr(model.objects, "visible_to"):
        raise Http404
    return visible_or_404(model.objects.visible_to(request.user), pk)


def _back(request: HttpRequest) -> str:
    """The page the form stands on, as the form names it; never another host."""
    page = request.POST.get("next", "")
    return page if url_has_allowed_host_and_scheme(page, allowed_hosts=None) else "/"


@login_required
@require_POST
def comment(request: HttpRequest, document_type: str, pk: UUID) -> HttpResponseRedirect:
    document = _document(request, document_type, pk)
    return act(
        request,
        lambda: remarks.comment(
            document=document,
            text_=request.POST.get("text", ""),
            actor=request.user,
            at=timezone.now(),
        ),
        done="Comment added.",
        to=_back(request),
        refused_to=_back(request),
    )


@login_required
@require_POST
def attach(request: HttpRequest, document_type: str, pk: UUID) -> HttpResponseRedirect:
    document = _document(request, document_type, pk)

    def store() -> None:
        for file in request.FILES.getlist("files"):
            remarks.attach(
                document=document,
                name=file.name or "",
                data=file.read(),
                actor=request.user,
                at=timezone.now(),
            )

    return act(request, store, done="Files added.", to=_back(request), refused_to=_back(request))


@login_required
def download(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An attachment, authorised anew through its document at each download."""
    attachment = visible_or_404(Attachment.objects.select_related("file"), pk)
    _document(request, attachment.document_type, attachment.document_id)
    response = HttpResponse(files.read(attachment.file), content_type=attachment.file.content_type)
    plain = "".join(
        c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in attachment.name
    )
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
