"""The routes of the REST interface, version 1, mounted at /api/v1/."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter

from accounts.api import MeView, TokenView
from administration.api import PeopleViewSet, SettingChangeViewSet
from administration.api_tolerances import ToleranceViewSet
from approvals.api import (
    ApprovalRoundViewSet,
    ApprovalViewSet,
    DelegationViewSet,
    PolicyViewSet,
    RatificationViewSet,
)
from budgeting.api import (
    BudgetChangeViewSet,
    ChangeableBudgetViewSet,
    JournalViewSet,
    YearEndViewSet,
)
from budgets.api import (
    CostCenterViewSet,
    FiscalYearViewSet,
    GLAccountViewSet,
    LedgerEntryViewSet,
    ProjectViewSet,
)
from budgets.api_alerts import BudgetAlertViewSet
from chargeback.api import AllocationRuleViewSet, AllocationViewSet, StatementViewSet
from core.api.attachments import AttachmentViewSet
from core.api.trail import EventViewSet
from core.api.views import Api
from invoicing.api import InvoiceViewSet, MatchExceptionViewSet
from notifications.api import MentionViewSet
from purchase_orders.api import (
    ChangeOrderViewSet,
    OrderableRequisitionViewSet,
    OrderViewSet,
    ReceiptViewSet,
    ReleaseProposalViewSet,
)
from reports.api import ReportView
from reports.scheduled_api import ScheduledReportViewSet
from vendors.api import BankAccountViewSet, CatalogItemViewSet, ContractViewSet, VendorViewSet

app_name = "api"


class ReadsTheDescription(BasePermission):
    """The description of the API is public in the demo, for signed-in people in production."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return not settings.PRODUCTION or bool(request.user and request.user.is_authenticated)


class SchemaView(SpectacularAPIView):
    permission_classes = [ReadsTheDescription]


class DocsView(SpectacularSwaggerSplitView):
    permission_classes = [ReadsTheDescription]
    url_name = "api:schema"


class UnknownAddress(Api):
    """Whatever is no address of the API is a problem too, never a page."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound

    def required_scope(self) -> str:
        return "read"


router = SimpleRouter()
for prefix, viewset in (
    ("vendors", VendorViewSet),
    ("bank-accounts", BankAccountViewSet),
    ("contracts", ContractViewSet),
    ("catalog-items", CatalogItemViewSet),
    ("cost-centers", CostCenterViewSet),
    ("gl-accounts", GLAccountViewSet),
    ("projects", ProjectViewSet),
    ("fiscal-years", FiscalYearViewSet),
    ("budgets", ChangeableBudgetViewSet),
    ("budget-changes", BudgetChangeViewSet),
    ("budget-alerts", BudgetAlertViewSet),
    ("journals", JournalViewSet),
    ("year-ends", YearEndViewSet),
    ("requisitions", OrderableRequisitionViewSet),
    ("approvals", ApprovalViewSet),
    ("approval-rounds", ApprovalRoundViewSet),
    ("approval-policies", PolicyViewSet),
    ("delegations", DelegationViewSet),
    ("ratifications", RatificationViewSet),
    ("orders", OrderViewSet),
    ("change-orders", ChangeOrderViewSet),
    ("receipts", ReceiptViewSet),
    ("release-proposals", ReleaseProposalViewSet),
    ("invoices", InvoiceViewSet),
    ("match-exceptions", MatchExceptionViewSet),
    ("ledger-entries", LedgerEntryViewSet),
    ("allocation-rules", AllocationRuleViewSet),
    ("allocations", AllocationViewSet),
    ("statements", StatementViewSet),
    ("people", PeopleViewSet),
    ("setting-changes", SettingChangeViewSet),
    ("tolerances", ToleranceViewSet),
    ("attachments", AttachmentViewSet),
    ("events", EventViewSet),
    ("mentions", MentionViewSet),
    ("scheduled-reports", ScheduledReportViewSet),
):
    router.register(prefix, viewset, basename=prefix)

# Swagger UI writes style attributes; only its own page may have them.
docs = csp_update({"style-src": ["'unsafe-inline'"]})(DocsView.as_view())

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
    path("auth/token/", TokenView.as_view(), name="token"),
    path("reports/<str:name>/", ReportView.as_view(), name="report"),
    path("me/", MeView.as_view(), name="me"),
    *router.urls,
    re_path(r"^.*$", UnknownAddress.as_view(), name="unknown"),
]
