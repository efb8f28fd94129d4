from django.urls import path

from approvals import link_views, policy_views, views

app_name = "approvals"
urlpatterns = [
    path("approvals/", views.inbox, name="inbox"),
    path("approvals/<uuid:step_id>/decide/", views.decide, name="decide"),
    path("approvals/<uuid:step_id>/forward/", views.forward, name="forward"),
    path("approvals/policies/", policy_views.policies, name="policies"),
    path("approvals/policies/new/", policy_views.draft, name="policy_new"),
    path("approvals/policies/<uuid:pk>/", policy_views.show, name="policy"),
    path("approvals/policies/<uuid:pk>/edit/", policy_views.edit, name="policy_edit"),
    path(
        "approvals/policies/<uuid:pk>/simulation/",
        policy_views.simulate,
        name="policy_simulation",
    ),
    path("approvals/policies/<uuid:pk>/<str:verb>/", policy_views.perform, name="policy_perform"),
    path("a/decide/<uuid:step_id>/", link_views.link_decide, name="link_decide"),
    path("a/decide/<uuid:step_id>/new-link/", link_views.new_link, name="new_link"),
    path("a/decide/<uuid:step_id>/files/<uuid:pk>/", link_views.link_file, name="link_file"),
    path("a/<str:token>/", link_views.link, name="link"),
]
