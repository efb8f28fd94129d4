from django.urls import path, re_path

from requisitions import views

app_name = "requisitions"
urlpatterns = [
    path("", views.requisition_list, name="list"),
    path("new/", views.create, name="create"),
    path("check/", views.check, name="check"),
    path("catalog/", views.catalog_search, name="catalog_search"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    re_path(
        r"^(?P<pk>[0-9a-f-]{36})"
        r"/(?P<action>submit|withdraw|cancel|close|copy)/$",
        views.perform,
        name="perform",
    ),
]
