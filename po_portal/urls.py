"""Every address of the portal starts here; each app brings its own `urls`."""

from django.urls import include, path

from po_portal import pages, views

handler500 = "po_portal.errors.broken"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("", include("accounts.urls")),
    path("api/v1/", include("po_portal.api")),
    path("", include("approvals.urls")),
    path("", include("notifications.urls")),
    path("", pages.home, name="home"),
    path("search/", pages.search, name="search"),
    path("", include("core.urls")),
    path("requisitions/", include("requisitions.urls")),
    path("", include("purchase_orders.urls")),
    path("", include("invoicing.urls")),
    path("", include("vendors.urls")),
    path("", include("budgets.urls")),
    path("", include("budgeting.urls")),
    path("", include("chargeback.urls")),
    path("", include("reports.urls")),
    path("administration/", include("administration.urls")),
]
