from django.urls import path

from invoicing import views

app_name = "invoicing"
urlpatterns = [
    path("invoices/", views.invoice_list, name="list"),
    path("invoices/new/", views.create, name="create"),
    path("invoices/upload/", views.upload, name="upload"),
    path("invoices/<uuid:pk>/", views.detail, name="detail"),
    path("invoices/<uuid:pk>/original/", views.original, name="original"),
    path("invoices/<uuid:pk>/<slug:action>/", views.perform, name="perform"),
    path("exceptions/", views.exceptions, name="exceptions"),
    path("exceptions/<uuid:pk>/", views.exceptions, name="exception"),
    path("exceptions/<uuid:pk>/<slug:resolution>/", views.resolve, name="resolve"),
]
