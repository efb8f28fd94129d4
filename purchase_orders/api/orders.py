"""Purchase orders over the API."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import rounds
from budgets.models import Commitment, Stage
from core import files, related
from core.api.fields import (
    as_id,
)
from core.api.filtering import Filter, choice, created, day, exact, reference
from core.api.parsing import UploadParser
from core.api.schema import CONFLICT
from core.api.serializers import (
    HistorySerializer,
    Input,
    Nothing,
    ReasonInput,
)
from core.api.views import Resource, Timeline, download
from core.composed import Composed
from purchase_orders import presentation, queries, services
from purchase_orders.api.agreement_fields import with_terms
from purchase_orders.api.agreements import Releasing
from purchase_orders.api.inputs import (
    OrderFile,
    OrderInputSerializer,
    SendInput,
    SubmitInput,
    kept,
    order_lines,
)
from purchase_orders.api.order_output import OrderSerializer
from purchase_orders.inputs import OrderInput
from purchase_orders.models import OrderDistribution, PurchaseOrder
from purchase_orders.services import DocumentPending
from requisitions.api import coded

_PROGRESS = {"receipt_status", "billing_status"}


def _of_requisition(value: str) -> Q:
    pk = as_id(value)
    lines = Q(lines__requisition_line__requisition=pk)
    if pk is None:
        lines = Q(lines__requisition_line__requisition__number=value)
    return Q(pk__in=PurchaseOrder.objects.filter(lines).values("pk"))


def _numbered(value: str) -> Q:
    return Q(number=value) | Q(legacy_number=value)


_commitments = Composed[Commitment](
    lambda orders: Commitment.objects.filter(document_id__in=orders, stage=Stage.ENC).only(
        "document_id", "line_id", "amount", "liquidated", "released"
    )
)


class OrderViewSet(Releasing, Timeline, Resource):
    """Orders to vendors."""

    scope = "orders:write"
    model = PurchaseOrder
    output = OrderSerializer
    related = (
        *("vendor", "contract", "buyer"),
        *("agreement_terms", "agreement__agreement_terms"),
    )
    prefetched = (Prefetch("lines__distributions", coded(OrderDistribution)),)
    filters: ClassVar[dict[str, Filter]] = {
        "number": Filter(_numbered, {"type": "string"}, "Ours, or the one it came with."),
        "legacy_number": exact("legacy_number"),
        "status": choice("status", PurchaseOrder.Status),
        "kind": choice("kind", PurchaseOrder.Kind),
        "vendor": reference("vendor", code="code"),
        "contract": reference("contract", code="number"),
        "agreement": reference("agreement", code="number"),
        "buyer": reference("buyer", code="email"),
        "currency": exact("currency"),
        "requisition": Filter(_of_requisition, {"type": "string"}, "Its id or number."),
        "receipt_status": exact("receipt_state"),
        "billing_status": exact("billing_state"),
        "issued_from": day("issued_at__date", "gte"),
        "issued_to": day("issued_at__date", "lte"),
        **created(),
    }
    search_fields = ("number", "legacy_number", "title", "vendor__name")
    orderings: ClassVar[dict[str, str]] = {"created_at": "id", "total": "total"}
    covered = False  # whether what is shown was just made of an approved request

    def get_queryset(self) -> QuerySet[PurchaseOrder]:
        """The states are told from the lines, which are shown; asked for by filter, from SQL."""
        rows = super().get_queryset()
        return queries.with_progress(rows) if _PROGRESS & {*self.request.GET} else rows

    def facts(self, rows: list[PurchaseOrder]) -> dict[str, Any]:
        open_lines: dict[UUID, Decimal] = defaultdict(Decimal)
        open_orders: dict[UUID, Decimal] = defaultdict(Decimal)
        for each in _commitments([row.pk for row in rows]):
            open_lines[each.line_id] += each.open
            open_orders[each.document_id] += each.open
        user, sent = self.request.user, [row.pk for row in rows if row.submitted_at]
        today = user.entity.day_of(timezone.now())
        return {
            "rounds": rounds(sent) if sent else {},
            "needs": {} if self.covered else presentation.needs(rows, user, on=today),
            "open_lines": open_lines,
            "open_orders": open_orders,
            "base": user.entity.currency,
            "currencies": {line.pk: row.currency for row in rows for line in row.lines.all()},
        }

    @extend_schema(request=OrderInputSerializer, responses={201: OrderSerializer})
    def create(self, request: Request) -> Response:
        """A draft of a buyer, with or without requisition lines."""
        said = self.read(OrderInputSerializer)
        said.setdefault("currency", request.user.entity.currency)
        data = OrderInput(**{**with_terms(said), "lines": order_lines(said["lines"])})
        user = request.user
        made = services.create(entity=user.entity, data=data, actor=user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request={"multipart/form-data": OrderFile}, responses={201: OrderSerializer})
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[UploadParser],
        throttle_scope="import",
    )
    def import_file(self, request: Request) -> Response:
        """Take over an order issued elsewhere (UBL); its number stays as `legacy_number`."""
        said, user = self.read(OrderFile), request.user
        made = services.import_ubl(
            entity=user.entity,
            data=said.pop("file").read(),
            actor=user,
            at=timezone.now(),
            **said,
        )
        return self.answer(made, 201)

    @extend_schema(request=OrderInputSerializer, responses={200: OrderSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, `lines` are replaced as a whole."""
        said = self.read(OrderInputSerializer, partial=True)
        if "lines" in said:
            said["lines"] = order_lines(said["lines"])
        return self.answer(self.act(self._edit, "order", said=said))

    @staticmethod
    def _edit(*, order: PurchaseOrder, said: dict[str, Any], **who: Any) -> PurchaseOrder:
        stood = kept(order)
        data = replace(stood, **with_terms(said, kept=stood))
        return services.edit(order=order, data=data, **who)

    def _perform(self, service: Any, body: type[Input] = Nothing) -> Response:
        return self.answer(self.act(service, "order", **self.read(body)))

    @extend_schema(request=SubmitInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Have the order itself approved, where its buyer may not issue it (see `needs`). 409
        needs-no-approval where that is not so, budget-exceeded where a budget stops it."""
        return self._perform(services.submit, SubmitInput)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back from approval; it is a draft again."""
        return self._perform(services.withdraw, ReasonInput)

    @extend_schema(request=Nothing, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def issue(self, request: Request, pk: str) -> Response:
        """Make it binding: number, rate and content are fixed, the budget is committed."""
        return self._perform(services.issue)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Stop receiving and billing for now."""
        return self._perform(services.hold, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on after a hold."""
        return self._perform(services.resume, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Take it back whole. 409 while a receipt or an invoice exists: close it instead."""
        return self._perform(services.cancel, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Nothing more is expected; what is committed and unused goes back."""
        return self._perform(services.close, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Expect more after all, after a new funds check."""
        return self._perform(services.reopen, ReasonInput)

    @extend_schema(request=SendInput, responses={200: OrderSerializer})
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        """Send the newest document to the vendor (again)."""
        order = self.act(services.send, "order", **self.read(SendInput)).revision.order
        return self.answer(order)

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **CONFLICT}, filters=False
    )
    @action(detail=True, methods=["get"])
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        """The document of the newest revision, the same bytes every time. 409 while it is made."""
        order = self.get_object()
        revision = order.revisions.select_related("pdf").last()
        if revision is None or revision.pdf is None:
            raise DocumentPending("There is no document of this order yet.")
        name = f"{order.number}-rev{revision.revision}.pdf"
        return download(files.read(revision.pdf), name=name, content_type="application/pdf")

    @extend_schema(responses=HistorySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def trace(self, request: Request, pk: str) -> Response:
        """Its life across documents: requisition, approvals, order, receipts, invoices."""
        order = self.get_object()
        return self.timeline(queries.life_of(order, further=related.ids_of(order)))
