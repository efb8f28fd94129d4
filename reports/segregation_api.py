"""The report on segregation of duties as the API shows it."""

from typing import Any

from rest_framework import serializers

from core.api.fields import Id, MomentField
from core.api.serializers import Output, PersonSerializer
from reports.segregation import Report


class DocumentSerializer(Output):
    type = serializers.CharField()
    id = Id()


class ActSerializer(Output):
    duty = serializers.CharField()
    at = MomentField()
    document = DocumentSerializer()


class ViolationSerializer(Output):
    """One person did both duties on one purchase; `mitigated` where an exception held then."""

    person = PersonSerializer()
    order = serializers.CharField(help_text="Its id.")
    order_number = serializers.CharField()
    at = MomentField()
    acts = ActSerializer(many=True)
    mitigated = serializers.BooleanField()


class NearMissSerializer(Output):
    """roles: holds roles for both duties; refused: tried the second one."""

    kind = serializers.CharField()
    person = PersonSerializer()
    first = serializers.CharField()
    second = serializers.CharField()
    at = MomentField(allow_null=True)
    document = DocumentSerializer(allow_null=True)
    detail = serializers.CharField()


class MitigationSerializer(Output):
    person = PersonSerializer()
    first = serializers.CharField()
    second = serializers.CharField()
    reason = serializers.CharField()
    approved_by = PersonSerializer()
    approved_at = MomentField()
    valid_until = serializers.DateField()


class SegregationReportSerializer(Output):
    """Violations of pairs of duties, near misses, and the exceptions that were approved."""

    report = serializers.CharField()
    since = serializers.DateField(allow_null=True)
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    unmitigated = serializers.IntegerField(help_text="Violations that no mitigation covers.")
    violations = ViolationSerializer(many=True)
    near_misses = NearMissSerializer(many=True)
    mitigations = MitigationSerializer(many=True)


def segregation_body(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    body = {
        "report": "segregation-of-duties",
        "since": report.since,
        "as_of": report.as_of,
        "unmitigated": report.unmitigated,
        "violations": [
            {
                "person": each.person,
                "order": str(each.order.pk),
                "order_number": each.order.number or "",
                "at": each.at,
                "acts": [
                    {
                        "duty": act.duty,
                        "at": act.at,
                        "document": {"type": act.document_type, "id": act.document_id},
                    }
                    for act in each.acts
                ],
                "mitigated": each.mitigation is not None,
            }
            for each in report.violations
        ],
        "near_misses": [
            {
                "kind": each.kind,
                "person": each.person,
                "first": each.first,
                "second": each.second,
                "at": each.at,
                "document": {"type": each.document_type, "id": each.document_id}
                if each.document_id
                else None,
                "detail": each.words,
            }
            for each in report.near_misses
        ],
        "mitigations": report.mitigations,
    }
    return dict(SegregationReportSerializer(body).data)
