"""Outside actuals over the API: what other books say was spent."""

from typing import ClassVar

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgeting.api.fields import RowsFile, take_in, takes_rows
from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.models import FileImport, Journal, JournalLine
from budgeting.services import journals
from budgets.models import CostCenter, GLAccount, Project
from core import transitions
from core.api.fields import AmountField, DecimalInput, FigureField, Id, MomentField, Reference
from core.api.filtering import Filter, choice, created, day, exact
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, Timeline


class JournalLineSerializer(Output):
    id = Id()
    line_number = serializers.IntegerField()
    description = serializers.CharField()
    cost_center = serializers.CharField(source="cost_center.code")
    gl_account = serializers.CharField(source="gl_account.code")
    project = serializers.CharField(source="project.code", allow_null=True, default=None)
    amount = AmountField(currency="journal.currency")


class JournalSerializer(Output):
    """A journal of other books, posted as spent; its entries are found by `document_id`."""

    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField()
    external_id = serializers.CharField()
    source = serializers.CharField()
    status = serializers.ChoiceField(choices=Journal.Status.choices)
    description = serializers.CharField()
    posting_date = serializers.DateField()
    currency = serializers.CharField()
    rate = FigureField()
    total = AmountField()
    lines = JournalLineSerializer(many=True)
    imported_by = PersonSerializer()
    created_at = MomentField()
    reversed_on = serializers.DateField(allow_null=True)
    reversed_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, journal: Journal) -> list[str]:
        return transitions.available(journal, self.context["request"].user)


class JournalLineInputSerializer(Input):
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre")
    gl_account = Reference(GLAccount.objects.visible_to, noun="GL account")
    project = Reference(
        Project.objects.visible_to, noun="project", required=False, allow_null=True, default=None
    )
    amount = DecimalInput(scale=4, help_text="In the journal's currency; money back below zero.")
    description = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )


class JournalInputSerializer(Input):
    external_id = serializers.CharField(max_length=64, help_text="The other system's own id.")
    posting_date = serializers.DateField()
    description = serializers.CharField(max_length=500)
    source = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    currency = serializers.CharField(
        max_length=3, required=False, help_text="The entity's own by default."
    )
    lines = JournalLineInputSerializer(many=True)


class ReversalInput(Input):
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)
    on = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="Its posting date by default."
    )


class JournalViewSet(Timeline, Resource):
    """Journals of other books. The same `external_id` with the same content is taken once."""

    scope = "budgets:write"
    model = Journal
    output = JournalSerializer
    related = ("entity", "imported_by")
    prefetched = (
        Prefetch(
            "lines",
            JournalLine.objects.select_related("cost_center", "gl_account", "project"),
        ),
    )
    filters: ClassVar[dict[str, Filter]] = {
        "number": exact("number"),
        "external_id": exact("external_id"),
        "source": exact("source"),
        "status": choice("status", Journal.Status),
        "currency": exact("currency"),
        "posted_from": day("posting_date", "gte"),
        "posted_to": day("posting_date", "lte"),
        **created(),
    }
    search_fields = ("number", "external_id", "description")
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(
        request=JournalInputSerializer, responses={201: JournalSerializer, 200: JournalSerializer}
    )
    def create(self, request: Request) -> Response:
        """Post a journal whole. 200 with the one that is there when the same came before; 409
        journal-differs when it said something else then."""
        said = self.read(JournalInputSerializer)
        said.setdefault("currency", request.user.entity.currency)
        said["lines"] = [JournalLineInput(**each) for each in said["lines"]]
        posted = journals.post(
            entity=request.user.entity,
            data=JournalInput(**said),
            actor=request.user,
            at=timezone.now(),
        )
        return self.answer(posted.journal, 201 if posted.is_new else 200)

    @extend_schema(request=ReversalInput, responses={200: JournalSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Undo it by the exact mirror of its entries."""
        return self.answer(self.act(journals.reverse, "journal", **self.read(ReversalInput)))

    @takes_rows
    def import_journals(self, request: Request) -> Response:
        """Post journals from CSV or XLSX; rows of one external_id are one journal.

        Columns: external_id, posting_date, description, cost_center, gl_account, amount; project,
        currency, source and line_description where they matter.
        """
        return take_in(request, FileImport.Kind.JOURNALS, self.read(RowsFile), timezone.now())
