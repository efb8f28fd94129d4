"""Invoices over the API: captured, matched by the worker, settled by accounts payable."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgets.queries import differing, variances_of
from core import related, transitions
from core.api.fields import (
    AmountField,
    AmountText,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    as_id,
    money,
)
from core.api.filtering import Filter, choice, created, day, exact, reference
from core.api.parsing import UploadParser
from core.api.serializers import Input, Nothing, Output, ReasonInput
from core.api.views import Resource, Timeline
from core.composed import Composed
from invoicing import services
from invoicing.api.exceptions import MatchExceptionSerializer
from invoicing.inputs import ChargeInput, InvoiceInput, InvoiceLineInput, payees
from invoicing.models import Invoice, MatchException, MatchRun
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.models import Vendor

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}
_MAYBE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class InvoiceLineSerializer(Output):
    id = Id()
    line_number = serializers.IntegerField()
    reference = serializers.CharField(help_text="The vendor's line id.")
    order_line = Id(source="order_line_id", allow_null=True)
    order_line_reference = serializers.CharField()
    description = serializers.CharField()
    quantity = FigureField()
    unit = serializers.CharField()
    unit_price = FigureField(least=2)
    price_base_quantity = FigureField()
    net = serializers.SerializerMethodField()
    tax_code = serializers.CharField()
    tax_category = serializers.CharField()
    tax_percent = FigureField(allow_null=True)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_net(self, line: Any) -> str:
        currency = self.context["currencies"][line.invoice_id]
        return money(line.net, currency)


class ChargeSerializer(Output):
    reason = serializers.CharField()
    amount = serializers.SerializerMethodField(help_text="Negative: an allowance.")
    tax_category = serializers.CharField()
    tax_percent = FigureField(allow_null=True)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_amount(self, charge: Any) -> str:
        currency = self.context["currencies"][charge.invoice_id]
        return money(charge.amount, currency)


class MatchSerializer(Output):
    """The latest judgement and every check of it."""

    outcome = serializers.CharField()
    at = MomentField()
    checks = serializers.JSONField(source="results")


class VarianceSerializer(Output):
    """A line that cost something else than was ordered, in the entity's currency:
    price + exchange_rate = spent − ordered, exactly."""

    line_number = serializers.IntegerField()
    ordered = AmountText()
    spent = AmountText()
    price = AmountText()
    exchange_rate = AmountText()


class InvoiceSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(help_text="The vendor's number.")
    kind = serializers.ChoiceField(choices=Invoice.Kind.choices)
    status = serializers.ChoiceField(choices=Invoice.Status.choices)
    vendor = Id(source="vendor_id", allow_null=True)
    vendor_name = serializers.CharField()
    order = Id(source="order_id", allow_null=True)
    order_reference = serializers.CharField()
    issue_date = serializers.DateField()
    due_date = serializers.DateField(allow_null=True)
    is_final = serializers.BooleanField(help_text="Nothing more is billed of its order.")
    currency = serializers.CharField()
    rate = FigureField()
    lines = InvoiceLineSerializer(many=True)
    charges = ChargeSerializer(many=True)
    net = AmountField()
    tax = AmountField()
    gross = AmountField()
    payable = AmountField()
    payee_accounts = serializers.SerializerMethodField(
        help_text="Accounts that it asks to be paid to, the last four of each."
    )
    match = serializers.SerializerMethodField()
    exceptions = MatchExceptionSerializer(many=True)
    variances = serializers.SerializerMethodField(help_text="Once it is cleared.")
    flags = serializers.JSONField(help_text="Broken rules that did not refuse it.")
    source = serializers.ChoiceField(choices=Invoice.Source.choices)
    waiting_until = serializers.DateField(allow_null=True)
    cleared_at = MomentField(allow_null=True)
    return_code = serializers.CharField()
    return_reason = serializers.CharField()
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_payee_accounts(self, invoice: Invoice) -> list[str]:
        return [each["shown"] for each in invoice.payee_accounts]

    @extend_schema_field(MatchSerializer(allow_null=True))
    def get_match(self, invoice: Invoice) -> Any:
        run = self.context["runs"].get(invoice.pk)
        return MatchSerializer(run).data if run else None

    @extend_schema_field(VarianceSerializer(many=True))
    def get_variances(self, invoice: Invoice) -> Any:
        found = differing(self.context["variances"].get(invoice.pk, ()))
        return [
            {
                "line_number": each.line_number,
                **{
                    name: money(value, self.context["base"])
                    for name, value in (
                        ("ordered", each.liquidated),
                        ("spent", each.actual),
                        ("price", each.price),
                        ("exchange_rate", each.fx),
                    )
                },
            }
            for each in found
        ]

    def get_available_actions(self, invoice: Invoice) -> list[str]:
        return transitions.available(invoice, self.context["request"].user)


class InvoiceLineInputSerializer(Input):
    order_line = Reference(
        lambda user: PurchaseOrderLine.objects.filter(
            order__in=PurchaseOrder.objects.visible_to(user)
        ).only("pk"),  # the order's lines are read by who links them
        noun="order line",
        code=None,
        **_MAYBE,
    )
    order_line_reference = serializers.CharField(max_length=64, **_TEXT)
    reference = serializers.CharField(max_length=64, **_TEXT)
    description = serializers.CharField(max_length=500, **_TEXT)
    quantity = DecimalInput()
    unit = serializers.CharField(max_length=8, **_TEXT)
    unit_price = DecimalInput()
    price_base_quantity = DecimalInput(required=False, default=1)
    net = DecimalInput(scale=4, help_text="Quantity × price by default.", **_MAYBE)
    tax_code = serializers.CharField(max_length=16, **_TEXT)
    tax_category = serializers.CharField(max_length=2, **_TEXT)
    tax_percent = DecimalInput(**_MAYBE)


class ChargeInputSerializer(Input):
    amount = DecimalInput(scale=4, help_text="Negative: an allowance.")
    reason = serializers.CharField(max_length=200, **_TEXT)
    tax_category = serializers.CharField(max_length=2, **_TEXT)
    tax_percent = DecimalInput(**_MAYBE)


class InvoiceInputSerializer(Input):
    """An invoice or credit note as written; amounts are positive for either kind."""

    number = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(choices=Invoice.Kind.choices, required=False, default="invoice")
    vendor = Reference(Vendor.objects.visible_to, noun="vendor", **_MAYBE)
    order_reference = serializers.CharField(max_length=64, **_TEXT)
    issue_date = serializers.DateField()
    due_date = serializers.DateField(**_MAYBE)
    is_final = serializers.BooleanField(
        required=False,
        default=False,
        help_text="The last of its order: once cleared, the order closes and frees what is left.",
    )
    currency = serializers.CharField(
        required=False, max_length=3, help_text="The entity's own by default."
    )
    payee_account = serializers.CharField(
        max_length=64,
        help_text="As printed: an IBAN, or routing number / account number. Kept sealed.",
        **_TEXT,
    )
    lines = InvoiceLineInputSerializer(many=True, required=False, default=list)
    charges = ChargeInputSerializer(many=True, required=False, default=list)
    net = DecimalInput(scale=4, help_text="As written; computed by default.", **_MAYBE)
    tax = DecimalInput(scale=4, **_MAYBE)
    gross = DecimalInput(scale=4, **_MAYBE)
    payable = DecimalInput(scale=4, **_MAYBE)


class InvoiceFile(Input):
    file = serializers.FileField(
        allow_empty_file=True, help_text="A UBL 2.1 invoice or credit note."
    )


class ReturnInput(Input):
    code = serializers.CharField(max_length=16, **_TEXT)
    reason = serializers.CharField(max_length=2000, **_TEXT)


class LinkInput(Input):
    order_reference = serializers.CharField(max_length=64, help_text="The order's number.")


def _of_order(value: str) -> Q:
    pk = as_id(value)
    return Q(order=pk) if pk else Q(order__number=value) | Q(order_reference=value)


_judged = Composed[tuple[UUID, datetime]](
    lambda invoices: (
        MatchRun.objects.filter(invoice__in=invoices)
        .order_by()
        .values("invoice")
        .annotate(newest=Max("at"))
        .values_list("invoice", "newest")
    )
)


class InvoiceViewSet(Timeline, Resource):
    """Vendors' invoices and credit notes."""

    scope = "invoices:write"
    model = Invoice
    output = InvoiceSerializer
    related = ("vendor", "order")
    prefetched = (
        "lines",
        "charges",
        "exceptions__entity",
        "exceptions__line",
        "exceptions__assignee",
        "exceptions__resolved_by",
    )
    filters: ClassVar[dict[str, Filter]] = {
        "number": exact("number"),
        "kind": choice("kind", Invoice.Kind),
        "status": choice("status", Invoice.Status),
        "vendor": reference("vendor", code="code"),
        "order": Filter(_of_order, {"type": "string"}, "The order's id or number."),
        "order_reference": exact("order_reference"),
        "currency": exact("currency"),
        "source": choice("source", Invoice.Source),
        "issued_from": day("issue_date", "gte"),
        "issued_to": day("issue_date", "lte"),
        **created(),
    }
    search_fields = ("number", "vendor_name", "order_reference")
    orderings: ClassVar[dict[str, str]] = {
        "created_at": "id",
        "gross": "gross",
        "issue_date": "issue_date",
    }
    http_method_names = ["get", "head", "options", "post"]

    def facts(self, rows: list[Invoice]) -> dict[str, Any]:
        wanted = Q(pk__in=[])
        for invoice, at in _judged([row.pk for row in rows]):
            wanted |= Q(invoice=invoice, at=at)
        base = self.request.user.entity.currency
        cleared = [row.pk for row in rows if row.cleared_at and row.kind == Invoice.Kind.INVOICE]
        runs = MatchRun.objects.filter(wanted).defer("inputs").order_by("at", "pk")
        return {
            "now": timezone.now(),
            "currencies": {row.pk: row.currency for row in rows},
            "runs": {run.invoice_id: run for run in runs},
            "base": base,
            "variances": variances_of(cleared, base_currency=base) if cleared else {},
        }

    @extend_schema(request=InvoiceInputSerializer, responses={201: InvoiceSerializer})
    def create(self, request: Request) -> Response:
        """Capture an invoice; the worker matches it right after. 409 duplicate-invoice."""
        said = self.read(InvoiceInputSerializer)
        said.setdefault("currency", request.user.entity.currency)
        lines = [InvoiceLineInput(**line) for line in said.pop("lines")]
        charges = [ChargeInput(**charge) for charge in said.pop("charges")]
        accounts = payees(said.pop("payee_account"))
        made = services.capture(
            entity=request.user.entity,
            data=InvoiceInput(lines=lines, charges=charges, payee_accounts=accounts, **said),
            actor=request.user,
            at=timezone.now(),
            source=Invoice.Source.API,
        )
        return self.answer(made, 201)

    @extend_schema(request={"multipart/form-data": InvoiceFile}, responses={201: InvoiceSerializer})
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[UploadParser],
        throttle_scope="import",
    )
    def import_file(self, request: Request) -> Response:
        """Take in an e-invoice; 422 names every broken EN 16931 rule. The file is kept."""
        file = self.read(InvoiceFile)["file"]
        made = services.import_file(
            entity=request.user.entity,
            data=file.read(),
            filename=file.name,
            actor=request.user,
            at=timezone.now(),
        )
        return self.answer(made, 201)

    def _perform(self, service: Any, body: type[Input] = Nothing) -> Response:
        return self.answer(self.act(service, "invoice", **self.read(body)))

    @extend_schema(request=Nothing, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def match(self, request: Request, pk: str) -> Response:
        """Have the worker judge it again."""
        return self._perform(services.request_match)

    @extend_schema(request=LinkInput, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Name the order that it bills, and have it judged again."""
        return self._perform(services.link_order, LinkInput)

    @extend_schema(request=Nothing, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def clear(self, request: Request, pk: str) -> Response:
        """Release it for payment once every exception is resolved."""
        return self._perform(services.clear)

    @extend_schema(request=ReturnInput, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def return_to_vendor(self, request: Request, pk: str) -> Response:
        """Send it back with a code and a reason that the vendor is told."""
        return self._perform(services.return_to_vendor, ReturnInput)

    @extend_schema(request=ReasonInput, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """It is not ours to pay."""
        return self._perform(services.reject, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def dispute(self, request: Request, pk: str) -> Response:
        """Hold it while the vendor is asked."""
        return self._perform(services.dispute, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """Take a clearing back: its ledger entries are mirrored."""
        return self._perform(services.void, ReasonInput)


def _of_this_order(order: PurchaseOrder) -> QuerySet[Any]:
    invoices = Invoice.objects.filter(order=order).order_by().values_list("pk", flat=True)
    exceptions = MatchException.objects.filter(invoice__order=order).order_by()
    return invoices.union(exceptions.values_list("pk", flat=True))


related.register(PurchaseOrder.document_type, _of_this_order)
