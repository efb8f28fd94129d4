"""Keyset pages: a page starts after a row, not at an offset, so it stays put while rows come in."""

import base64
import binascii
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from core.api.errors import BadRequest

DEFAULT_SIZE = 50
LARGEST_SIZE = 200
PARAMETERS = ("cursor", "page_size", "ordering")


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`, ordered by a name of the view's `orderings`.

    The view maps public names to columns without nulls; its primary key breaks ties.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request = request
        self.name, self.field, self.descending = self._ordering(request, view)
        size = self._size(request)
        position = self._position(queryset)
        self.backward = bool(position and position["back"])
        rows = self._from(queryset, position)
        page = list(rows[: size + 1])
        more = len(page) > size
        page = page[:size]
        if self.backward:
            page.reverse()
        self.has_next = True if self.backward else more
        self.has_previous = more if self.backward else position is not None
        self.page = page
        return page

    def get_paginated_response(self, data: Any) -> Response:
        url = self.request.build_absolute_uri()
        return Response(
            {
                "next": self._url(url, self.page[-1], back=False)
                if self.has_next and self.page
                else None,
                "previous": self._url(url, self.page[0], back=True)
                if self.has_previous and self.page
                else None,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = [f"{sign}{name}" for name in view.orderings for sign in ("", "-")]
        return [
            _parameter("cursor", {"type": "string"}, "Taken from `next` or `previous`."),
            _parameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE},
                "Rows of a page.",
            ),
            _parameter("ordering", {"type": "string", "enum": names}, "The order of the list."),
        ]

    def _size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(DEFAULT_SIZE))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= LARGEST_SIZE:
            raise BadRequest(f"page_size must be 1 to {LARGEST_SIZE}.", "invalid-page-size")
        return int(text)

    def _ordering(self, request: Request, view: Any) -> tuple[str, str, bool]:
        name = request.query_params.get("ordering", view.default_ordering)
        field = view.orderings.get(name.removeprefix("-"))
        if field is None:
            known = ", ".join(view.orderings)
            raise BadRequest(f"ordering must be one of {known}, or - before it.", "invalid-order")
        return name, field, name.startswith("-")

    def _position(self, queryset: QuerySet[Any]) -> dict[str, Any] | None:
        cursor = self.request.query_params.get("cursor")
        if cursor is None:
            return None
        try:
            order, back, value, pk = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            meta = queryset.model._meta
            position = {
                "back": bool(back),
                "value": meta.get_field(self.field).to_python(value) if value is not None else None,
                "pk": meta.pk.to_python(pk),
            }
        except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError):
            raise BadRequest("This cursor is not one of ours.", "invalid-cursor") from None
        unusable = position["pk"] is None or (
            self.field != meta.pk.name and position["value"] is None
        )
        if order != self.name or unusable or "\x00" in str(value):
            raise BadRequest("This cursor belongs to another list.", "invalid-cursor")
        return position

    def _from(self, queryset: QuerySet[Any], position: dict[str, Any] | None) -> QuerySet[Any]:
        falling = self.descending != self.backward
        pk = queryset.model._meta.pk.name
        sign, step = ("-", "lt") if falling else ("", "gt")
        if self.field == pk:
            if position:
                queryset = queryset.filter(**{f"{pk}__{step}": position["pk"]})
            return queryset.order_by(f"{sign}{pk}")
        if position:
            beyond = Q(**{f"{self.field}__{step}": position["value"]})
            level = Q(**{self.field: position["value"], f"{pk}__{step}": position["pk"]})
            queryset = queryset.filter(beyond | level)
        return queryset.order_by(f"{sign}{self.field}", f"{sign}{pk}")

    def _url(self, url: str, row: Any, *, back: bool) -> str:
        pk = row._meta.pk
        value = None if self.field == pk.name else str(getattr(row, self.field))
        text = json.dumps([self.name, back, value, str(row.pk)], separators=(",", ":"))
        cursor = base64.urlsafe_b64encode(text.encode()).decode()
        return replace_query_param(remove_query_param(url, "cursor"), "cursor", cursor)


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }
