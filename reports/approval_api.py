"""The reports on emergencies and on where approvals wait, as the API shows them."""

from rest_framework import serializers

from core.api.fields import AmountText, MomentField
from core.api.serializers import Output, PersonSerializer
from reports.segregation_api import DocumentSerializer


class BypassDocumentSerializer(DocumentSerializer):
    title = serializers.CharField()


class BypassSerializer(Output):
    """status: due, overdue, ratified or objected, at the end of the period."""

    document = BypassDocumentSerializer()
    incident = serializers.CharField()
    requester = PersonSerializer()
    amount = AmountText(help_text="Base currency, as it was judged.")
    approved_by = PersonSerializer(many=True)
    approved_at = MomentField()
    status = serializers.CharField()
    due_at = MomentField()
    falls_to = PersonSerializer()
    settled_by = PersonSerializer(allow_null=True)
    settled_at = MomentField(allow_null=True)
    late = serializers.BooleanField(help_text="Settled, but after it was due.")
    comment = serializers.CharField()


class UsageSerializer(Output):
    person = PersonSerializer()
    count = serializers.IntegerField()
    amount = AmountText()
    objected = serializers.IntegerField()


class EmergencyReviewSerializer(Output):
    """Approved emergencies: how each was settled afterwards, and how often the path was used."""

    report = serializers.CharField()
    since = serializers.DateField(allow_null=True)
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    currency = serializers.CharField()
    count = serializers.IntegerField()
    approved = serializers.IntegerField(help_text="All requests approved in the period.")
    rate = serializers.CharField(help_text="count ÷ approved.")
    amount = AmountText()
    due = serializers.IntegerField()
    overdue = serializers.IntegerField()
    objected = serializers.IntegerField()
    late = serializers.IntegerField()
    rows = BypassSerializer(many=True)
    requesters = UsageSerializer(many=True)


class StretchSerializer(Output):
    """Hours are working hours; null where nothing was decided. `waiting`: now."""

    name = serializers.CharField()
    count = serializers.IntegerField()
    median_hours = serializers.CharField(allow_null=True)
    p90_hours = serializers.CharField(allow_null=True)
    late = serializers.IntegerField()
    waiting = serializers.IntegerField()
    overdue = serializers.IntegerField()
    oldest_at = MomentField(allow_null=True)


class StepStretchSerializer(StretchSerializer):
    kind = serializers.CharField(help_text="How the person was found, such as role:security.")
    document_type = serializers.CharField()


class PersonStretchSerializer(StretchSerializer):
    person = serializers.CharField(help_text="Their id.")


class BottlenecksSerializer(Output):
    """How long each kind of step and each person takes, slowest first."""

    report = serializers.CharField()
    since = serializers.DateField()
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    count = serializers.IntegerField()
    median_hours = serializers.CharField(allow_null=True)
    p90_hours = serializers.CharField(allow_null=True)
    waiting = serializers.IntegerField()
    overdue = serializers.IntegerField()
    complete = serializers.BooleanField(help_text="Whether every decision of the period counts.")
    steps = StepStretchSerializer(many=True)
    people = PersonStretchSerializer(many=True)
