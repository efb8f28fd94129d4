"""Every address of the portal starts here; each app brings its own `urls`."""

from django.urls import include, path

from po_portal import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("accounts/", include("allauth.account.urls")),
    path("api/v1/", include("po_portal.api")),
]
