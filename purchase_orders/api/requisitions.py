"""The step from an approved requisition to its orders."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import DecimalInput, Reference, as_id
from core.api.serializers import Input
from core.transactions import atomic
from purchase_orders import drawing, services
from purchase_orders.api.orders import OrderSerializer, OrderViewSet
from purchase_orders.models import PurchaseOrder
from requisitions.api import RequisitionViewSet


class OrderPart(Input):
    quantities = serializers.DictField(
        child=DecimalInput(),
        required=False,
        allow_null=True,
        default=None,
        help_text="Quantity per requisition line id; everything that is left by default.",
    )
    agreement = Reference(
        lambda user: PurchaseOrder.objects.visible_to(user).select_related("vendor", "entity"),
        noun="blanket order",
        code="number",
        required=False,
        allow_null=True,
        default=None,
        help_text="Release what stands on the price list of this blanket order instead.",
    )

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["agreement"] is not None and said["quantities"] is not None:
            words = "Without a blanket order only; or release line by line."
            raise serializers.ValidationError({"quantities": words})
        return said


class OrderableRequisitionViewSet(RequisitionViewSet):
    """Requisitions with the step to an order, which the requisitions' own room knows nothing of."""

    def required_scope(self) -> str:
        return "orders:write" if self.action == "order" else super().required_scope()

    @extend_schema(request=OrderPart, responses={201: OrderSerializer})
    @action(detail=True, methods=["post"])
    def order(self, request: Request, pk: str) -> Response:
        """Draft orders for what is left, one per vendor, or a release of a blanket order. Answers
        with the first; `GET /orders/?requisition=` finds all."""
        said = self.read(OrderPart)
        if said["agreement"] is not None:
            orders = [self._release(said["agreement"])]
        else:
            given = said["quantities"]
            quantities = None if given is None else {as_id(name): given[name] for name in given}
            orders = self.act(
                services.create_from_requisition, "requisition", quantities=quantities
            )
        shown = OrderViewSet(request=request, kwargs={}, basename="orders", format_kwarg=None)
        shown.covered = True
        return shown.answer(orders[0], 201)

    @atomic
    def _release(self, agreement: PurchaseOrder) -> PurchaseOrder:
        """One domain call; the blanket order is locked first, as everywhere."""
        drawing.locked_agreement(PurchaseOrder(agreement=agreement))
        made: PurchaseOrder = self.act(
            services.release_requisition, "requisition", agreement=agreement
        )
        return made
