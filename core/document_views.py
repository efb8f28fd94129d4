"""Comments and files on any document page; a document one may not see is a 404."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import content_disposition_header, url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from core import attachments, comments, files
from core.errors import Missing
from core.models import Attachment
from core.web import Repeated, act, once, visible_or_404


def _document(request: HttpRequest, kind: str, pk: UUID) -> Any:
    try:
        return attachments.document_seen_by(user=request.user, document_type=kind, document_id=pk)
    except Missing as unseen:
        raise Http404 from unseen


def _back(request: HttpRequest) -> str:
    """The page the form stands on, as the form names it: an address here, no other host's."""
    page = request.POST.get("next", "")
    is_here = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if is_here else "/"


@login_required
@require_POST
def comment(request: HttpRequest, kind: str, pk: UUID) -> HttpResponseRedirect:
    document, words = _document(request, kind, pk), request.POST.get("text", "")

    def remark() -> Any:
        return comments.comment(
            document=document, words=words, actor=request.user, at=timezone.now()
        )

    back = _back(request)
    try:
        return act(
            request,
            lambda: once(request, remark, address=lambda _: back),
            done="Comment added.",
            to=back,
            refused_to=back,
        )
    except Repeated as before:
        return redirect(before.address)


@login_required
@require_POST
def attach(request: HttpRequest, kind: str, pk: UUID) -> HttpResponseRedirect:
    document = _document(request, kind, pk)

    def store() -> None:
        for file in request.FILES.getlist("files"):
            attachments.attach(
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
    disposition = content_disposition_header(as_attachment=True, filename=attachment.name)
    response["Content-Disposition"] = disposition or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
