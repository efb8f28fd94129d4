"""Budgets named in a body, and what every import of a file says and answers."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgeting.intake import report
from budgeting.models import FileImport
from budgeting.services import imports
from budgets.api import numeric_id
from budgets.models import BudgetCell
from core import transactions
from core.api.errors import BadRequest
from core.api.fields import Reference
from core.api.parsing import UploadParser
from core.api.serializers import FieldErrorSerializer, Input, Output

DRY_RUN = OpenApiParameter("dry_run", bool, description="Say what would happen; nothing goes in.")
CELL = ("entity", "fiscal_year", "cost_center", "gl_account", "project")


class BudgetReference(Reference):
    """A budget by its id, among those that the caller may see.

    All that stand in the same place of a body are answered by one statement.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(BudgetCell.objects.visible_to, noun="budget", code=None, **kwargs)

    def to_internal_value(self, data: Any) -> BudgetCell:
        if not isinstance(data, str):
            self.fail("does_not_exist", noun=self.noun)
        known: dict[str, Any] = self.context.setdefault("budgets", {})
        if data not in known:
            named = {data, *self._named_alike()} - known.keys()
            rows = self.rows(self.context["request"].user).select_related(*CELL)
            found = rows.in_bulk([numeric_id(name) for name in named])
            known.update({name: found.get(numeric_id(name)) for name in named})
        if known[data] is None:
            self.fail("does_not_exist", noun=self.noun)
        return known[data]


class TakenRowSerializer(Output):
    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    what = serializers.ChoiceField(
        choices=[report.CREATED, report.UPDATED, report.UNCHANGED, report.SKIPPED]
    )
    about = serializers.CharField(help_text="The budget or the journal.")
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class RefusedRowSerializer(Output):
    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    errors = FieldErrorSerializer(many=True)


class RowReportSerializer(Output):
    """What becomes of the rows; of very many the first 500 are listed, all are counted."""

    rows = serializers.IntegerField()
    is_applied = serializers.BooleanField(help_text="false: what would happen.")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Good rows of a journal that has a bad one.")
    bad = serializers.IntegerField()
    taken = TakenRowSerializer(many=True)
    bad_rows = RefusedRowSerializer(many=True)


class RowsFile(Input):
    file = serializers.FileField(
        allow_empty_file=True, help_text="CSV (UTF-8) or XLSX, up to 5 MiB and 5 000 rows."
    )
    partial = serializers.BooleanField(
        required=False, default=False, help_text="Take the good rows although others are bad."
    )
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Why."
    )


def takes_rows(view: Callable[..., Response]) -> Any:
    """Make a method of a view set the `POST …/import/` that takes a file of rows."""
    answers = extend_schema(
        request={"multipart/form-data": RowsFile},
        parameters=[DRY_RUN],
        responses={200: RowReportSerializer},
    )
    posted = action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[UploadParser],
        throttle_scope="import",
    )
    return answers(posted(view))


@transactions.atomic
def take_in(request: Request, kind: str, said: dict[str, Any], at: Any) -> Response:
    """The row report of a file: of the dry run where one is asked for, else of the import."""
    is_dry, file = dry_run(request), said["file"]
    who = {"actor": request.user, "at": at}
    brought: FileImport = imports.bring(
        entity=request.user.entity, kind=kind, data=file.read(), name=file.name, **who
    )
    if not is_dry:
        more = {"partial": said["partial"], "reason": said["reason"]}
        brought = imports.apply(file_import=brought, **who, **more)
    return Response(RowReportSerializer(brought.report).data)


def dry_run(request: Request) -> bool:
    """`?dry_run=true`. Raises BadRequest for another word."""
    word = request.query_params.get("dry_run", "false")
    if word not in ("true", "false"):
        raise BadRequest("dry_run must be true or false.", "invalid-filter")
    return word == "true"
