"""What every view of the API does: provenance, idempotency, scopes, visibility, versions."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, ClassVar

import structlog
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core import provenance, transactions
from core.api import idempotency, preconditions
from core.api.authentication import HasScope, WorksForEntity
from core.api.fields import as_id
from core.api.filtering import AllowedFilters, Filter
from core.api.pagination import KeysetPagination
from core.api.parsing import JsonParser
from core.api.schema import Schema
from core.api.serializers import HistorySerializer, Output, read, represented
from core.composed import Composed
from core.models import TrailEvent


class OneFormat(BaseContentNegotiation):
    """The API speaks JSON whatever is asked for; files have their own addresses."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        found = [each for each in parsers if _takes(each, request.content_type)]
        return found[0] if found else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def _takes(parser: Any, content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == parser.media_type


class Api(APIView):
    """Base of all views. `scope` is what a token needs to change something here."""

    schema = Schema()
    scope: ClassVar[str] = "admin"
    takes_idempotency_key = True
    throttle_scope: str | None = None
    parser_classes = [JsonParser]
    content_negotiation_class = OneFormat
    metadata_class = None  # the description says it all, at one address
    permission_classes = [IsAuthenticated, HasScope, WorksForEntity]

    def required_scope(self) -> str:
        return self.scope

    @property
    def allowed_methods(self) -> list[str]:
        """What `Allow` names: OPTIONS is answered like every other method that is not here."""
        return [each for each in super().allowed_methods if each != "OPTIONS"]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        address = request.META.get("REMOTE_ADDR", "")
        with provenance.coming_from("api", request_id=request_id, address=address):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        handler = getattr(self, "post", None)
        if request.method == "POST" and handler and self.takes_idempotency_key:
            key = idempotency.key_of(request)
            if key is not None:
                self.post = idempotency.once(self, handler, key)

    def read(self, serializer: type[Serializer], *, partial: bool = False) -> dict[str, Any]:
        """The request's body as the serializer reads it. Raises its ValidationError.

        `partial` asks for no member and sets none that is not sent. What is sent is read whole: a
        line of a document says all that a new line would.
        """
        data = self.request.data
        if not partial:
            return read(serializer, data, self.get_context())
        found = serializer(data=data, context=self.get_context())
        for name in found.fields.keys() - data.keys():
            del found.fields[name]
        found.is_valid(raise_exception=True)
        return found.validated_data

    def get_context(self) -> dict[str, Any]:
        return {"request": self.request, "view": self}


class Resource(Api, GenericViewSet):
    """A collection of records that are reached through `model.objects.visible_to(user)` only.

    `related` and `prefetched` are what a page of rows needs, so that the number of queries does
    not depend on the number of rows; `unread` are columns of `related` that nothing shown needs.
    A record's entity needs none of it: it is the caller's own, who brings it.
    """

    model: ClassVar[type[Model]]
    output: ClassVar[type[Output]]
    related: ClassVar[tuple[str, ...]] = ()
    prefetched: ClassVar[tuple[Any, ...]] = ()
    unread: ClassVar[tuple[str, ...]] = ()
    filters: ClassVar[dict[str, Filter]] = {}
    search_fields: ClassVar[tuple[str, ...]] = ()
    orderings: ClassVar[dict[str, str]] = {"created_at": "id"}
    default_ordering: ClassVar[str] = "-created_at"
    locked_first: ClassVar[bool] = True  # False: its services lock another document before it
    filter_backends = [AllowedFilters]
    pagination_class = KeysetPagination
    http_method_names = ["get", "head", "options", "post", "patch"]
    _addressed: Any = None

    def get_serializer_class(self) -> type[Serializer]:
        return self.output

    def visible(self) -> QuerySet[Any]:
        return self.model.objects.visible_to(self.request.user)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.detailed(self.visible())

    def detailed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return self.with_related(rows)

    @classmethod
    def with_related(cls, rows: QuerySet[Any]) -> QuerySet[Any]:
        whole = rows.select_related(*cls.related).prefetch_related(*cls.prefetched)
        return whole.defer(*cls.unread)

    def _fresh(self, pk: Any) -> Any:
        """The record as it stands, with what belongs to it."""
        if type(self).detailed is Resource.detailed:
            return _whole(type(self)).one(pk)
        return self.detailed(self.model._base_manager.filter(pk=pk)).get()

    def get_object(self) -> Any:
        """The addressed record as such, read once a call. Raises NotFound for an unseen one."""
        if self._addressed is None:
            self._addressed = self._one(self.visible())
            if self.request.method not in SAFE_METHODS and not hasattr(self._addressed, "version"):
                preconditions.require_none(self.request)
        return self._addressed

    def _one(self, rows: QuerySet[Any]) -> Any:
        found = list(rows.filter(pk=self.addressed()).order_by()[:1])
        if not found:
            raise NotFound
        return found[0]

    def addressed(self) -> Any:
        pk = as_id(self.kwargs["pk"])
        if pk is None:
            raise NotFound
        return pk

    def read(self, serializer: type[Serializer], *, partial: bool = False) -> dict[str, Any]:
        """The body of a call; what is addressed comes first, so that an unseen one is a 404."""
        if "pk" in self.kwargs:
            self.get_object()
        return super().read(serializer, partial=partial)

    def facts(self, rows: list[Any]) -> dict[str, Any]:
        """What the serializer needs beside the rows, read for all of them at once."""
        return {}

    def shown(self, rows: list[Any]) -> list[Any]:
        own = self.request.user.entity  # at hand, so that no row needs to fetch it
        for row in rows:
            if getattr(row, "entity_id", None) == own.pk:
                row.entity = own
        return represented(self.output, rows, {**self.get_context(), **self.facts(rows)})

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.shown(rows))

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown_alone(self._one(self.get_queryset()), 200)

    def answer(self, row: Any, status: int = 200) -> Response:
        """The record as it stands, with its version as ETag and, when new, where it is."""
        response = self._shown_alone(self._fresh(row.pk), status)
        if status == 201:
            response["Location"] = reverse(
                f"api:{self.basename}-detail", kwargs={"pk": row.pk}, request=self.request
            )
        return response

    def _shown_alone(self, row: Any, status: int) -> Response:
        response = Response(self.shown([row])[0], status=status)
        if hasattr(row, "version"):
            response["ETag"] = preconditions.etag(row)
        return response

    @transactions.atomic
    def act(self, service: Callable[..., Any], name: str, **facts: Any) -> Any:
        """Make one domain call on the addressed record, under its `If-Match` if one was sent."""
        row = self.get_object()
        if hasattr(row, "version"):
            preconditions.require(row, self.request, lock=self.locked_first)
        return service(**{name: row}, actor=self.request.user, at=timezone.now(), **facts)


def all_but(relation: str, model: type[Model], *shown: str) -> tuple[str, ...]:
    """The columns of a related record apart from its key and these, for `unread`."""
    others = (each.name for each in model._meta.concrete_fields if not each.primary_key)
    return tuple(f"{relation}__{name}" for name in others if name not in shown)


@cache
def _whole(resource: type[Resource]) -> Composed[Any]:
    """A record of a resource whose content does not depend on who asks, by its key."""
    return Composed(lambda pk: resource.with_related(resource.model._base_manager.filter(pk=pk)))


class Timeline:
    """`GET <id>/history/` of a document."""

    @extend_schema(responses=HistorySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """The audit timeline: what happened to it, who did it, when and why."""
        return self.timeline(TrailEvent.objects.filter(document_id=self.get_object().pk))

    def timeline(self, events: QuerySet[Any]) -> Response:
        """A page of trail events, oldest first."""
        self.orderings, self.default_ordering = {"at": "sequence"}, "at"
        rows = events.select_related("actor", "on_behalf_of")
        page = self.paginator.paginate_queryset(rows, self.request, view=self)
        return self.get_paginated_response(HistorySerializer(page, many=True).data)


def download(data: bytes, *, name: str, content_type: str) -> HttpResponse:
    """Bytes as a file to save: never shown in place, never sniffed."""
    response = FileResponse(
        BytesIO(data), as_attachment=True, filename=name, content_type=content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
