from django.urls import path, re_path

from vendors.views import bank, changes, contracts, vendors

app_name = "vendors"
urlpatterns = [
    path("vendors/", vendors.vendor_list, name="list"),
    path("vendors/<uuid:pk>/", vendors.detail, name="detail"),
    path("vendors/<uuid:pk>/edit/", changes.edit, name="edit"),
    path("vendors/<uuid:pk>/bank/new/", bank.ask, name="bank_new"),
    path("vendors/<uuid:pk>/bank/<uuid:account>/", bank.account, name="bank_account"),
    re_path(
        r"^vendors/(?P<pk>[0-9a-f-]{36})"
        r"/(?P<action>submit|approve|reject|suspend|reinstate|block)/$",
        vendors.perform,
        name="perform",
    ),
    path("contracts/", contracts.contract_list, name="contracts"),
    path("contracts/new/", contracts.create, name="contract_new"),
    path("contracts/<uuid:pk>/", contracts.contract, name="contract"),
    path("contracts/<uuid:pk>/edit/", contracts.edit, name="contract_edit"),
    re_path(
        r"^contracts/(?P<pk>[0-9a-f-]{36})/(?P<action>activate|terminate)/$",
        contracts.perform,
        name="contract_perform",
    ),
    path("catalog/", vendors.catalog, name="catalog"),
]
