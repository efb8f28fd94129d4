from django.urls import path

from purchase_orders.views import agreements, change_orders, orders, proposals, receipts, whole

app_name = "purchase_orders"
urlpatterns = [
    path("orders/", orders.order_list, name="list"),
    path("orders/import/", orders.import_order, name="import"),
    path("orders/from/<uuid:pk>/", orders.from_requisition, name="from_requisition"),
    path("orders/releases/", proposals.proposals, name="proposals"),
    path("orders/releases/accept/", proposals.accept, name="accept_proposals"),
    path("orders/releases/<uuid:pk>/keep/", proposals.keep, name="keep_proposal"),
    path("orders/releases/batches/<uuid:pk>/undo/", proposals.undo, name="undo_batch"),
    path("orders/new/", whole.new, name="new"),
    path("orders/<uuid:pk>/whole/", whole.edit, name="edit_whole"),
    path("orders/blankets/new/", whole.new_blanket, name="new_blanket"),
    path("orders/<uuid:pk>/blanket/", whole.edit_blanket, name="edit_blanket"),
    path("orders/<uuid:pk>/release/", agreements.release, name="release"),
    path(
        "orders/<uuid:pk>/release/<uuid:requisition>/",
        agreements.release_requisition,
        name="release_requisition",
    ),
    path("orders/changes/<uuid:pk>/", change_orders.detail, name="change"),
    path("orders/changes/<uuid:pk>/edit/", change_orders.edit, name="edit_change"),
    path("orders/changes/<uuid:pk>/<slug:action>/", change_orders.perform, name="perform_change"),
    path("orders/<uuid:pk>/change/", change_orders.begin, name="begin_change"),
    path("orders/<uuid:pk>/", orders.detail, name="detail"),
    path("orders/<uuid:pk>/edit/", orders.edit, name="edit"),
    path("orders/<uuid:pk>/pdf/", orders.pdf, name="pdf"),
    path("orders/<uuid:pk>/receive/", receipts.receive_order, name="receive_order"),
    path("orders/<uuid:pk>/<slug:action>/", orders.perform, name="perform"),
    path("receive/", receipts.receive, name="receive"),
    path("receipts/<uuid:pk>/", receipts.receipt, name="receipt"),
    path("receipts/<uuid:pk>/reverse/", receipts.reverse_receipt, name="reverse"),
]
