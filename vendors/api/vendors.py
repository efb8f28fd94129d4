"""Vendors and the catalog over the API."""

from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts import step_up
from accounts.models import Role
from core import transitions
from core.api.fields import FigureField, Id, MomentField, WholeInput
from core.api.filtering import choice, created, exact, flag, reference
from core.api.parsing import UploadParser
from core.api.serializers import FieldErrorSerializer, Input, Output, ReasonInput
from core.api.views import Resource, Timeline
from core.documents import Document
from vendors import catalog, changes, services
from vendors.inputs import ContactInput, VendorInput
from vendors.models import BankAccount, CatalogItem, MatchType, ServiceType, Vendor

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}


class ContactSerializer(Output):
    name = serializers.CharField()
    email = serializers.CharField()
    role = serializers.CharField()


class AccountSerializer(Output):
    """Where it is paid, or will be."""

    id = Id()
    iban = serializers.CharField(source="shown", help_text="Masked; of any kind of account.")
    status = serializers.ChoiceField(choices=BankAccount.Status.choices)
    valid_from = MomentField(allow_null=True, help_text="null: not verified yet.")


class VendorSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    family = serializers.CharField()
    status = serializers.ChoiceField(choices=Vendor.Status.choices)
    tax_id = serializers.CharField()
    country = serializers.CharField()
    currency = serializers.CharField()
    address = serializers.CharField()
    order_email = serializers.CharField()
    payment_terms_days = serializers.IntegerField()
    default_match_type = serializers.ChoiceField(choices=MatchType.choices)
    contacts = ContactSerializer(many=True)
    bank_accounts = AccountSerializer(many=True, help_text="In full detail: `bank-accounts`.")
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, vendor: Vendor) -> list[str]:
        user = self.context["request"].user
        found = set(transitions.available(vendor, user))
        if user.has_role(Role.VENDOR_MANAGER):
            found.add("edit")
        return sorted(found)


class ContactInputSerializer(Input):
    name = serializers.CharField(**_TEXT)
    email = serializers.CharField(**_TEXT)
    role = serializers.CharField(**_TEXT)


class VendorInputSerializer(Input):
    code = serializers.CharField(**_TEXT)
    name = serializers.CharField(**_TEXT)
    country = serializers.CharField(help_text="ISO 3166 code.", **_TEXT)
    currency = serializers.CharField(help_text="ISO 4217 code.", **_TEXT)
    family = serializers.CharField(**_TEXT)
    tax_id = serializers.CharField(**_TEXT)
    address = serializers.CharField(**_TEXT)
    order_email = serializers.CharField(**_TEXT)
    payment_terms_days = WholeInput(min_value=0, max_value=365, required=False, default=30)
    default_match_type = serializers.ChoiceField(
        choices=MatchType.choices, required=False, default=MatchType.THREE_WAY.value
    )
    contacts = ContactInputSerializer(many=True, required=False, default=list)


class VendorChangeSerializer(VendorInputSerializer):
    reason = serializers.CharField(
        help_text="Why, and how it was verified; needed once a vendor was approved.", **_TEXT
    )


class ProposedChangeSerializer(Output):
    """It holds once somebody else approves it."""

    setting_change = serializers.CharField(help_text="Its id.")
    status = serializers.CharField()
    url = serializers.CharField()


def _contacts(said: list[dict[str, str]]) -> list[ContactInput]:
    return [ContactInput(**each) for each in said]


class VendorViewSet(Timeline, Resource):
    """Companies that goods and services are bought from."""

    scope = "vendors:write"
    model = Vendor
    output = VendorSerializer
    prefetched = (
        "contacts",
        Prefetch("bank_accounts", queryset=BankAccount.objects.standing().order_by("pk")),
    )
    filters: ClassVar[dict[str, Any]] = {
        "code": exact("code"),
        "name": exact("name"),
        "status": choice("status", Vendor.Status),
        "country": exact("country"),
        "currency": exact("currency"),
        "tax_id": exact("tax_id"),
        **created(),
    }
    search_fields = ("code", "name", "tax_id")
    orderings: ClassVar[dict[str, str]] = {"name": "name", "code": "code", "created_at": "id"}
    default_ordering = "name"

    @extend_schema(request=VendorInputSerializer, responses={201: VendorSerializer})
    def create(self, request: Request) -> Response:
        """A prospect."""
        said = self.read(VendorInputSerializer)
        data = VendorInput(**{**said, "contacts": _contacts(said["contacts"])})
        user = request.user
        made = services.create(entity=user.entity, data=data, actor=user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(
        request=VendorChangeSerializer,
        responses={200: VendorSerializer, 202: ProposedChangeSerializer},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change master data; members that are not sent stay, `contacts` are replaced.

        Of a vendor that was approved once it is proposed: 202 with the setting change that
        somebody else decides.
        """
        said = self.read(VendorChangeSerializer, partial=True)
        if "contacts" in said:
            said["contacts"] = _contacts(said["contacts"])
        reason = said.pop("reason", "")
        if self.get_object().takes_two_people and request.user.has_role(Role.VENDOR_MANAGER):
            step_up.require(request, at=timezone.now(), why=changes.WHO_IS_PAID)
        made = self.act(self._change, "vendor", said=said, reason=reason)
        return self.answer(made) if isinstance(made, Vendor) else self._proposed(made)

    @staticmethod
    def _change(*, vendor: Vendor, said: dict[str, Any], **facts: Any) -> Document:
        data = replace(changes.present(vendor), **said)
        return changes.change(vendor=vendor, data=data, **facts)

    def _proposed(self, change: Any) -> Response:
        where = reverse("api:setting-changes-detail", args=[change.pk], request=self.request)
        said = {"setting_change": str(change.pk), "status": change.status, "url": where}
        return Response(said, status=202, headers={"Location": where})

    def _perform(self, service: Any) -> Response:
        return self.answer(self.act(service, "vendor", **self.read(ReasonInput)))

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Put a prospect up for review."""
        return self._perform(services.submit)

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Let it receive orders."""
        return self._perform(services.approve)

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Send it back to prospect."""
        return self._perform(services.reject)

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """No new orders for the time being."""
        return self._perform(services.suspend)

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def reinstate(self, request: Request, pk: str) -> Response:
        """Orders may go to it again."""
        return self._perform(services.reinstate)

    @extend_schema(request=ReasonInput, responses={200: VendorSerializer})
    @action(detail=True, methods=["post"])
    def block(self, request: Request, pk: str) -> Response:
        """No orders any more."""
        return self._perform(services.block)


class CatalogItemSerializer(Output):
    id = Id()
    sku = serializers.CharField()
    vendor = Id(source="vendor_id")
    vendor_code = serializers.CharField(source="vendor.code")
    vendor_name = serializers.CharField(source="vendor.name")
    name = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField()
    service_type = serializers.ChoiceField(choices=ServiceType.choices)
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20 code.")
    unit_price = FigureField(least=2)
    currency = serializers.CharField()
    tax_code = serializers.CharField()
    gl_account = serializers.CharField(source="gl_account_code", help_text="Suggested.")
    contract = Id(source="contract_id", allow_null=True)
    contract_number = serializers.CharField(
        source="contract.number", allow_null=True, default=None, help_text="It is sold under this."
    )
    active = serializers.BooleanField(source="is_active")


class BadRowSerializer(Output):
    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    errors = serializers.SerializerMethodField()

    @extend_schema_field(FieldErrorSerializer(many=True))
    def get_errors(self, bad: catalog.BadRow) -> Any:
        return FieldErrorSerializer(bad.errors, many=True).data


class ImportReportSerializer(Output):
    """What became of the rows."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    bad_rows = BadRowSerializer(many=True)


class CatalogFile(Input):
    file = serializers.FileField(allow_empty_file=True, help_text="CSV with a header, UTF-8.")


class CatalogItemViewSet(Resource):
    """What vendors sell at agreed prices."""

    scope = "vendors:write"
    model = CatalogItem
    output = CatalogItemSerializer
    related = ("vendor", "contract")
    filters: ClassVar[dict[str, Any]] = {
        "sku": exact("sku"),
        "vendor": reference("vendor", code="code"),
        "category": exact("category"),
        "service_type": choice("service_type", ServiceType),
        "currency": exact("currency"),
        "contract": reference("contract", code="number"),
        "active": flag("is_active"),
    }
    search_fields = ("sku", "name", "category", "vendor__name")
    orderings: ClassVar[dict[str, str]] = {"name": "name", "sku": "sku", "created_at": "id"}
    default_ordering = "name"
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(
        request={"multipart/form-data": CatalogFile}, responses={200: ImportReportSerializer}
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[UploadParser],
        throttle_scope="import",
    )
    def import_items(self, request: Request) -> Response:
        """Create or update items from CSV: good rows go in, bad ones are named by number."""
        report = catalog.import_catalog(
            entity=request.user.entity,
            data=self.read(CatalogFile)["file"].read(),
            actor=request.user,
            at=timezone.now(),
        )
        return Response(ImportReportSerializer(report).data)
