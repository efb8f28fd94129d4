"""Where vendors are paid, over the API: masked, asked for, and shown in full to few."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts import step_up
from accounts.models import Role
from core.api.fields import Id, MomentField, Reference
from core.api.filtering import choice, created, exact, reference
from core.api.serializers import Input, Nothing, Output, PersonSerializer
from core.api.views import Resource
from vendors.changes import WHO_IS_PAID
from vendors.inputs import BankInput
from vendors.models import BankAccount, Vendor
from vendors.services import bank

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}


class BankAccountSerializer(Output):
    """A bank account of a vendor; its number shows the last four only."""

    id = Id()
    version = serializers.IntegerField()
    vendor = Id(source="vendor_id")
    vendor_code = serializers.CharField(source="vendor.code")
    iban = serializers.CharField(source="shown", help_text="Masked; of any kind of account.")
    holder = serializers.CharField()
    bic = serializers.CharField()
    country = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=BankAccount.Status.choices)
    in_force = serializers.SerializerMethodField(help_text="The vendor may be paid to it now.")
    replaces = Id(source="replaces_id", allow_null=True)
    requested_by = PersonSerializer(allow_null=True, help_text="null: taken over.")
    created_at = MomentField()
    verified_by = PersonSerializer(allow_null=True)
    verified_at = MomentField(allow_null=True)
    note = serializers.CharField(help_text="Whom the verifier called, and what was said.")
    valid_from = MomentField(allow_null=True, help_text="The end of its cooling time.")
    valid_until = MomentField(allow_null=True, help_text="From then on another one counts.")

    def get_in_force(self, account: BankAccount) -> bool:
        return account.counts(self.context["now"])


class BankAccountInput(Input):
    vendor = Reference(Vendor.objects.visible_to, noun="vendor")
    holder = serializers.CharField(max_length=140)
    number = serializers.CharField(
        max_length=64, help_text="An IBAN, or the account number; kept sealed, never given back."
    )
    routing = serializers.CharField(
        max_length=32, help_text="Of the bank, where there is no IBAN.", **_TEXT
    )
    bic = serializers.CharField(max_length=11, **_TEXT)
    country = serializers.CharField(
        max_length=2, help_text="ISO 3166 code; an IBAN names it itself.", **_TEXT
    )
    currency = serializers.CharField(max_length=3, help_text="The vendor's by default.", **_TEXT)
    replaces = Reference(
        BankAccount.objects.visible_to,
        noun="bank account",
        code=None,
        required=False,
        allow_null=True,
        default=None,
        help_text="Counts until this one does; without it, this is a further account.",
    )
    reason = serializers.CharField(
        max_length=2000, trim_whitespace=False, help_text="How it came, and how you made sure."
    )


class AskedSerializer(Output):
    """It counts once somebody else verified it, and its cooling time is over."""

    setting_change = serializers.CharField(help_text="Its id: what somebody else decides.")
    status = serializers.CharField()
    url = serializers.CharField()


class RevealedSerializer(Output):
    number = serializers.CharField(help_text="In full. That you saw it is in the trail.")


class BankAccountViewSet(Resource):
    """Where vendors are paid. Nobody edits an account: a change is a new one that replaces it."""

    scope = "vendors:write"
    # An answer is kept with its key, and nothing here may be kept in plain words.
    takes_idempotency_key = False
    model = BankAccount
    output = BankAccountSerializer
    related = ("vendor", "requested_by", "verified_by")
    filters: ClassVar[dict[str, Any]] = {
        "vendor": reference("vendor", code="code"),
        "status": choice("status", BankAccount.Status),
        "currency": exact("currency"),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    def visible(self) -> QuerySet[BankAccount]:
        if not self.request.user.has_role(*bank.READERS):
            raise PermissionDenied("Bank accounts are for those who buy, pay or oversee.")
        return BankAccount.objects.visible_to(self.request.user)

    def facts(self, rows: list[BankAccount]) -> dict[str, Any]:
        return {"now": timezone.now()}

    @extend_schema(request=BankAccountInput, responses={202: AskedSerializer})
    def create(self, request: Request) -> Response:
        """Ask somebody else to verify an account: 202 with the setting change that they decide."""
        said = self.read(BankAccountInput)
        user, now = request.user, timezone.now()
        if user.has_role(Role.VENDOR_MANAGER):
            step_up.require(request, at=now, why=WHO_IS_PAID)
        asked = bank.request(
            vendor=said.pop("vendor"),
            replaces=said.pop("replaces"),
            reason=said.pop("reason"),
            data=BankInput(**said),
            actor=user,
            at=now,
        )
        where = reverse("api:setting-changes-detail", args=[asked.pk], request=request)
        made = {"setting_change": str(asked.pk), "status": asked.status, "url": where}
        return Response(made, status=202, headers={"Location": where})

    @extend_schema(request=Nothing, responses={200: RevealedSerializer})
    @action(detail=True, methods=["post"])
    def reveal(self, request: Request, pk: str) -> Response:
        """The whole number, after a proof that it is you; the trail says that you saw it."""
        self.read(Nothing)
        if request.user.has_role(*bank.REVEALERS):
            step_up.require(request, at=timezone.now(), why="it shows where a vendor is paid")
        number = self.act(bank.reveal, "account")
        return Response({"number": number}, headers={"Cache-Control": "no-store"})
