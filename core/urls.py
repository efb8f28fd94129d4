from django.urls import path

from core import audit_views, document_views

app_name = "core"
urlpatterns = [
    path("audit/", audit_views.audit, name="audit"),
    path("documents/<slug:kind>/<uuid:pk>/comment/", document_views.comment, name="comment"),
    path("documents/<slug:kind>/<uuid:pk>/attach/", document_views.attach, name="attach"),
    path("files/<uuid:pk>/", document_views.download, name="download"),
]
