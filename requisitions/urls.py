from django.urls import path

from requisitions import views

app_name = "requisitions"
urlpatterns = [
    path("", views.requisition_list, name="list"),
    path("new/", views.create, name="create"),
    path("check/", views.check, name="check"),
    path("catalog/", views.catalog_search, name="catalog_search"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/<slug:action>/", views.perform, name="perform"),
]
