"""Scheduled reports over the API: one's own, added, paused, resumed and ended."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Id, MomentField, WholeInput
from core.api.filtering import choice, created
from core.api.serializers import Input, Nothing, Output
from core.api.views import Resource, Timeline
from reports import schedules
from reports.models import ScheduledReport
from reports.registry import REPORTS


class ScheduledReportInput(Input):
    """What to send, as which file, and when. `weekday` is of a weekly one, `month_day` of a
    monthly one; a day that is no working day waits for the next one."""

    name = serializers.CharField(max_length=120)
    report = serializers.ChoiceField(choices=sorted(REPORTS))
    filters = serializers.DictField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=dict,
        help_text="As the report takes them; no days.",
    )
    file_format = serializers.ChoiceField(
        choices=ScheduledReport.Format.values, required=False, default="xlsx"
    )
    frequency = serializers.ChoiceField(
        choices=ScheduledReport.Frequency.values, required=False, default="weekly"
    )
    weekday = WholeInput(
        min_value=1, max_value=7, required=False, default=1, help_text="1 is Monday."
    )
    month_day = WholeInput(min_value=1, max_value=28, required=False, default=1)
    hour = WholeInput(
        min_value=0, max_value=23, required=False, default=7, help_text="Where the entity is."
    )


class ScheduledReportSerializer(Output):
    """`next_run_at` is null while it is paused or has ended."""

    id = Id()
    name = serializers.CharField()
    report = serializers.CharField()
    filters = serializers.DictField(child=serializers.CharField())
    file_format = serializers.CharField()
    frequency = serializers.CharField()
    weekday = serializers.IntegerField()
    month_day = serializers.IntegerField()
    hour = serializers.IntegerField()
    status = serializers.ChoiceField(choices=ScheduledReport.Status.choices)
    next_run_at = MomentField(allow_null=True)
    ended_because = serializers.CharField()
    version = serializers.IntegerField()
    created_at = MomentField()


class ScheduledReportViewSet(Timeline, Resource):
    """The reports that the caller gets by mail."""

    scope = "budgets:write"
    model = ScheduledReport
    output = ScheduledReportSerializer
    filters = {"status": choice("status", ScheduledReport.Status), **created()}
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(request=ScheduledReportInput, responses={201: ScheduledReportSerializer})
    def create(self, request: Request) -> Response:
        """Get a report by mail from its next due time on."""
        wanted = schedules.Wanted(**self.read(ScheduledReportInput))
        made = schedules.schedule(wanted=wanted, actor=request.user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=Nothing, responses={200: ScheduledReportSerializer})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing for now."""
        return self._act(schedules.pause)

    @extend_schema(request=Nothing, responses={200: ScheduledReportSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on from the next due time."""
        return self._act(schedules.resume)

    @extend_schema(request=Nothing, responses={200: ScheduledReportSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Never send it again."""
        return self._act(schedules.end)

    def _act(self, service: Any) -> Response:
        self.read(Nothing)
        return self.answer(self.act(service, "report"))
