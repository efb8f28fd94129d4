from django.urls import path, re_path

from vendors import views

app_name = "vendors"
urlpatterns = [
    path("vendors/", views.vendor_list, name="list"),
    path("vendors/<uuid:pk>/", views.detail, name="detail"),
    re_path(
        r"^vendors/(?P<pk>[0-9a-f-]{36})"
        r"/(?P<action>submit|approve|reject|suspend|reinstate|block)/$",
        views.perform,
        name="perform",
    ),
    path("catalog/", views.catalog, name="catalog"),
]
