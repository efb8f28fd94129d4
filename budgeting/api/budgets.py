"""Budgets with what changes them, which the budgets' own room knows nothing of."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgeting.api.changes import BudgetChangeSerializer, BudgetChangeViewSet
from budgeting.api.fields import (
    CELL,
    BudgetReference,
    RowsFile,
    take_in,
    takes_rows,
)
from budgeting.models import FileImport
from budgeting.services import changes
from budgets.api import BudgetViewSet
from core.api.fields import DecimalInput
from core.api.serializers import Input


class TransferInput(Input):
    to = BudgetReference(help_text="The id of the budget that gets it.")
    amount = DecimalInput(scale=4)
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)


class ChangeableBudgetViewSet(BudgetViewSet):
    """Budgets of the caller's entity. `POST` sets a cell's amount and control, with a reason."""

    @extend_schema(request=TransferInput, responses={201: BudgetChangeSerializer})
    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, pk: str) -> Response:
        """Propose to move an amount to another budget; answers with the budget change that waits
        for somebody else's approval."""
        said = self.read(TransferInput)
        source = self.visible().select_related(*CELL).get(pk=self.get_object().pk)
        made = changes.transfer(
            source=source,
            target=said["to"],
            amount=said["amount"],
            reason=said["reason"],
            actor=request.user,
            at=timezone.now(),
        )
        shown = BudgetChangeViewSet(
            request=request, kwargs={}, basename="budget-changes", format_kwarg=None
        )
        return shown.answer(made, 201)

    @takes_rows
    def import_budgets(self, request: Request) -> Response:
        """Set budgets from CSV or XLSX. With a bad row nothing goes in, unless `partial`.

        Columns: fiscal_year, cost_center, gl_account, amount; period, months, is_cumulative,
        project and control where they matter. The same file again changes nothing.
        """
        return take_in(request, FileImport.Kind.BUDGETS, self.read(RowsFile), timezone.now())
