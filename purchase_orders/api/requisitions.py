"""The step from an approved requisition to its orders."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import DecimalInput, as_id
from core.api.serializers import Input
from purchase_orders import services
from purchase_orders.api.orders import OrderSerializer, OrderViewSet
from requisitions.api import RequisitionViewSet


class OrderPart(Input):
    quantities = serializers.DictField(
        child=DecimalInput(),
        required=False,
        allow_null=True,
        default=None,
        help_text="Quantity per requisition line id; everything that is left by default.",
    )


class OrderableRequisitionViewSet(RequisitionViewSet):
    """Requisitions with the step to an order, which the requisitions' own room knows nothing of."""

    def required_scope(self) -> str:
        return "orders:write" if self.action == "order" else super().required_scope()

    @extend_schema(request=OrderPart, responses={201: OrderSerializer})
    @action(detail=True, methods=["post"])
    def order(self, request: Request, pk: str) -> Response:
        """Draft orders for what is left, one per vendor. Answers with the first; `GET
        /orders/?requisition=` finds all."""
        said = self.read(OrderPart)["quantities"]
        quantities = None if said is None else {as_id(name): said[name] for name in said}
        orders = self.act(services.create_from_requisition, "requisition", quantities=quantities)
        shown = OrderViewSet(request=request, kwargs={}, basename="orders", format_kwarg=None)
        shown.covered = True
        return shown.answer(orders[0], 201)
