"""Bases of the serializers: input that refuses what it does not know, output that is only shown."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from threading import local
from types import MethodType
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core.api.fields import Id, MomentField


class Input(serializers.Serializer):
    """What a client may send. An unknown member is refused, so a typo is never ignored."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        errors: dict[str, Any] = {
            name: [ErrorDetail("This member is not known here.", code="unknown_field")]
            for name in sorted(unknown, key=str)
        }
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as found:
            if isinstance(found.detail, dict):
                errors = {**found.detail, **errors}
            raise serializers.ValidationError(errors or found.detail) from None
        if errors:
            raise serializers.ValidationError(errors)
        return values


class Output(serializers.Serializer):
    """What the portal shows. Never used to read a request."""

    @cached_property
    def _ways(self) -> list[tuple[str, Callable[[Any], Any] | None, serializers.Field]]:
        """Each field by name, with the plain way to its value where that is an attribute's."""
        return [(name, _way(field), field) for name, field in self.fields.items()]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """As the framework tells it, which works out the way to each value anew every time."""
        told: dict[str, Any] = {}
        plain = not isinstance(instance, Mapping)
        for name, way, field in self._ways:
            try:
                value = way(instance) if plain and way is not None else _MISSING
            except (AttributeError, ObjectDoesNotExist):
                value = _MISSING
            if value is _MISSING or isinstance(value, MethodType):
                try:
                    value = field.get_attribute(instance)
                except serializers.SkipField:
                    continue
            told[name] = None if value is None else field.to_representation(value)
        return told


_MISSING = object()


def _way(field: serializers.Field) -> Callable[[Any], Any] | None:
    """How a field finds its value; None where it has a way of its own, or may be left out."""
    if type(field).get_attribute is not serializers.Field.get_attribute:
        return None
    return attrgetter(field.source) if field.source != "*" else lambda instance: instance


_made = local()


def read(kind: type[Input], data: Any, context: dict[str, Any]) -> Any:
    """What a body says, read by a serializer that is made once a thread, as `represented`.

    Raises its ValidationError.
    """
    kept: Input = vars(_made).get(kind) or vars(_made).setdefault(kind, kind())
    before = kept._context, getattr(kept, "initial_data", None)
    kept._context, kept.initial_data = context, data
    try:
        return kept.run_validation(data)
    finally:
        kept._context, kept.initial_data = before


def represented(kind: type[Output], rows: list[Any], context: dict[str, Any]) -> list[Any]:
    """The rows as this kind shows them.

    Each thread makes a serializer of a kind once: a new one copies every field of every level,
    which took as long as showing. It holds nothing of a call when it has been used.
    """
    kept: Output = vars(_made).get(kind) or vars(_made).setdefault(kind, kind())
    before, kept._context = kept._context, context
    try:
        return [kept.to_representation(row) for row in rows]
    finally:
        kept._context = before


class Nothing(Input):
    """The body of an action that takes none."""


class ReasonInput(Input):
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Why."
    )


class PersonSerializer(Output):
    id = Id()
    name = serializers.CharField(read_only=True)


class FieldErrorSerializer(Output):
    pointer = serializers.CharField(help_text="JSON pointer into the request's body.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(Output):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text="A stable slug, such as illegal-transition.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    instance = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any value, null as well; as `oneOf` null and any, null itself would fit twice."""


class ChangeSerializer(Output):
    field = serializers.CharField()
    old = AnyJson()
    new = AnyJson()


class HistorySerializer(Output):
    """One line of a document's audit timeline."""

    at = MomentField()
    actor = PersonSerializer(allow_null=True, help_text="null: the portal itself.")
    on_behalf_of = PersonSerializer(allow_null=True)
    channel = serializers.CharField()
    action = serializers.SerializerMethodField()
    reason = serializers.CharField()
    changes = ChangeSerializer(many=True)
    type = serializers.SerializerMethodField()
    document_type = serializers.CharField()
    document_id = Id()
    document_reference = serializers.CharField()
    version = serializers.IntegerField(source="document_version")
    sequence = serializers.IntegerField()

    def get_action(self, event: Any) -> str:
        return event.type.partition(".")[2]

    def get_type(self, event: Any) -> str:
        return public_type(event.type)


def public_type(event_type: str) -> str:
    """The event's name outside: an order is a purchase_order there."""
    family, dot, verb = event_type.partition(".")
    return f"{'purchase_order' if family == 'order' else family}{dot}{verb}"


def own_type(public: str) -> str:
    """The event's name inside."""
    family, dot, verb = public.partition(".")
    return f"{'order' if family == 'purchase_order' else family}{dot}{verb}"
