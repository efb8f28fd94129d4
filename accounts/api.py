"""Signing in to the API, and who one is there."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import second_factor
from accounts.models import ApiToken
from core.api.authentication import SCOPES, TokenAuthentication
from core.api.fields import Id, MomentField
from core.api.serializers import Input, Output
from core.api.views import Api
from core.errors import DomainError

LOCKED_OUT_SECONDS = 15 * 60


class SecondFactorNeeded(DomainError):
    slug = "second-factor-needed"
    status = 401
    title = "Give the code of your second factor as well."


class TokenRequest(Input):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        required=False,
        max_length=len(SCOPES),
        help_text="What the token may do; everything that the person may do by default.",
    )
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    code = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        default="",
        help_text="Of the second factor, from whoever has one; a recovery code will do.",
    )


class TokenAnswer(Output):
    token = serializers.CharField(help_text="Shown once; only its digest is kept.")
    expires_at = MomentField()
    scopes = serializers.ListField(child=serializers.CharField())


class TokenView(Api):
    """`POST {email, password}` → a token. Rate limited per source, locked per account."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_scope = "token"
    takes_idempotency_key = False

    def get_authenticate_header(self, request: Request) -> str:
        return TokenAuthentication().authenticate_header(request)

    @extend_schema(request=TokenRequest, responses={201: TokenAnswer}, operation_id="create_token")
    def post(self, request: Request) -> Response:
        said = self.read(TokenRequest)
        user = _authenticated(request, email=said["email"], password=said["password"])
        shown = _second_factor(user, said["code"])
        row, token = ApiToken.objects.create(
            user=user,
            scopes=sorted(set(said.get("scopes", SCOPES))),
            name=said["name"],
            second_factor=shown,
        )
        answer = {"token": token, "expires_at": row.expiry, "scopes": row.scopes}
        return Response(TokenAnswer(answer).data, status=201)


def _authenticated(request: Request, *, email: str, password: str) -> Any:
    """Who this is. Failures count with those of the sign-in page: for each address and source, and
    for an address from everywhere. Raises Throttled, AuthenticationFailed."""
    try:
        user: Any = get_adapter(request).authenticate(
            request, email=email, login=email, password=password
        )
    except ValidationError:  # of an address that was tried too often
        raise Throttled(LOCKED_OUT_SECONDS, "Too many failed attempts.") from None
    if getattr(request, "axes_locked_out", False):
        raise Throttled(LOCKED_OUT_SECONDS, "Too many failed attempts.")
    if user is None or not user.is_active:
        raise AuthenticationFailed("This address and password do not go together.")
    return user


def _second_factor(user: Any, code: str) -> bool:
    """Whether a code was shown and fits. Who has a second factor gets no token without."""
    second_factor.require(user)
    if not second_factor.has(user):
        return False
    if not code:
        raise SecondFactorNeeded()
    if second_factor.check(person=user, code=code, at=timezone.now()) is None:
        raise SecondFactorNeeded(second_factor.wrong_code().detail)
    return True


class MeSerializer(Output):
    id = Id()
    email = serializers.CharField()
    name = serializers.CharField()
    entity = serializers.CharField(source="entity.code")
    currency = serializers.CharField(source="entity.currency")
    roles = serializers.SerializerMethodField()

    def get_roles(self, user: Any) -> list[str]:
        return sorted(user.roles)


class MeView(Api):
    """Whose token this is."""

    takes_idempotency_key = False

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(request.user).data)
