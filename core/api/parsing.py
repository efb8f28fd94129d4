"""Reading bodies: strict JSON of bounded size and depth, without characters that lie."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser

from core import text
from core.errors import Invalid, TooLarge

LARGEST_UPLOAD = 21 * 1024 * 1024


class JsonParser(BaseParser):
    """A JSON object; numbers with a point become Decimal, so no figure ever passes a float."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"A JSON body may hold {limit // 1024 // 1024} MiB.")
        try:
            data = json.loads(
                body.decode("utf-8"),
                object_pairs_hook=_object,
                parse_float=_decimal,
                parse_constant=_no_constant,
            )
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"This is not JSON: {error}") from None
        if not isinstance(data, dict):
            raise ValidationError({"non_field_errors": ["Send a JSON object."]}, code="not_object")
        refuse_bad_text(data)
        return data


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a member that is there twice: whoever read the body before may have seen another."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is there twice")
    return found


def _decimal(literal: str) -> Decimal:
    if len(literal) > 60:
        raise ValueError("a number has too many digits")
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise ValueError("a number is too large or too small") from None


def _no_constant(literal: str) -> None:
    raise ValueError(f"{literal} is not a number")


def refuse_bad_text(data: Any) -> None:
    """Raise Invalid naming every string with NUL, lone surrogates or direction overrides."""
    errors = list(text.check_json(data))
    if errors:
        raise Invalid("Some text holds characters that are not accepted.", errors=errors)


class UploadParser(MultiPartParser):
    """One file and a few fields; the whole upload is bounded before it is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > LARGEST_UPLOAD:
            raise TooLarge(f"An upload may have {LARGEST_UPLOAD // 1024 // 1024} MiB.")
        found = super().parse(stream, media_type, parser_context)
        refuse_bad_text(dict(found.data.lists()))
        return found
