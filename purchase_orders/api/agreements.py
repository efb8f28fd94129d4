"""Blanket orders over the API: releasing from one, and the log of what was drawn."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import represented
from core.transactions import atomic
from purchase_orders import agreements, drawing, services
from purchase_orders.api.agreement_fields import DrawDownSerializer, ReleaseInput
from purchase_orders.api.order_output import OrderSerializer
from purchase_orders.inputs import ReleaseLineInput
from requisitions.api import distribution_inputs


class Releasing:
    """`POST <id>/release/` and `GET <id>/drawdown/` of a blanket order."""

    @atomic
    def act(self, service: Callable[..., Any], name: str, **facts: Any) -> Any:
        """One domain call; of a release the blanket order is locked first, as everywhere."""
        drawing.locked_agreement(self.get_object())
        return super().act(service, name, **facts)

    @extend_schema(request=ReleaseInput, responses={201: OrderSerializer})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """A new draft that draws on this blanket order, at its prices and terms. 422
        beyond-agreement names the limit, what is released and what is left; 409 where this is no
        blanket order."""
        said = self.read(ReleaseInput)
        lines = [
            ReleaseLineInput(
                **{**each, "distributions": distribution_inputs(each["distributions"])}
            )
            for each in said.pop("lines")
        ]
        return self.answer(self.act(services.release, "order", lines=lines, **said), 201)

    @extend_schema(responses=DrawDownSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def drawdown(self, request: Request, pk: str) -> Response:
        """The dated log of what its releases drew and gave back, oldest first."""
        self.orderings, self.default_ordering = {"recorded_at": "id"}, "recorded_at"
        rows = agreements.log(self.get_object())
        page = self.paginator.paginate_queryset(rows, self.request, view=self)
        shown = represented(DrawDownSerializer, page, self.get_context())
        return self.get_paginated_response(shown)
