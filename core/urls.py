from django.urls import path

from core import document_views

app_name = "core"
urlpatterns = [
    path("documents/<slug:kind>/<uuid:pk>/comment/", document_views.comment, name="comment"),
    path("documents/<slug:kind>/<uuid:pk>/attach/", document_views.attach, name="attach"),
    path("files/<uuid:pk>/", document_views.download, name="download"),
]
