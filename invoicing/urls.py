from django.urls import path, re_path

from invoicing import views

app_name = "invoicing"
_ID = r"(?P<pk>[0-9a-f-]{36})"
urlpatterns = [
    path("invoices/", views.invoice_list, name="list"),
    path("invoices/new/", views.create, name="create"),
    path("invoices/upload/", views.upload, name="upload"),
    path("invoices/<uuid:pk>/", views.detail, name="detail"),
    path("invoices/<uuid:pk>/original/", views.original, name="original"),
    re_path(
        rf"^invoices/{_ID}/(?P<action>match|clear|reject|dispute|void|link|return)/$",
        views.perform,
        name="perform",
    ),
    path("exceptions/", views.exceptions, name="exceptions"),
    path("exceptions/<uuid:pk>/", views.exceptions, name="exception"),
    re_path(
        rf"^exceptions/{_ID}/(?P<resolution>accept|return|wait_for_receipt)/$",
        views.resolve,
        name="resolve",
    ),
]
