from django.urls import path

from approvals import (
    bulk_views,
    delegation_views,
    emergency_views,
    history_views,
    link_views,
    policy_views,
    question_views,
    views,
)

app_name = "approvals"
urlpatterns = [
    path("approvals/", views.inbox, name="inbox"),
    path("approvals/<uuid:step_id>/decide/", views.decide, name="decide"),
    path("approvals/<uuid:step_id>/forward/", views.forward, name="forward"),
    path("approvals/<uuid:step_id>/ask/", question_views.ask, name="ask"),
    path("approvals/<uuid:step_id>/add/", question_views.add, name="add"),
    path("approvals/questions/<uuid:pk>/", question_views.answer, name="answer"),
    path("approvals/all/", bulk_views.table, name="table"),
    path("approvals/all/decide/", bulk_views.decide, name="decide_many"),
    path("approvals/delegations/", delegation_views.delegations, name="delegations"),
    path("approvals/delegations/<uuid:pk>/revoke/", delegation_views.revoke, name="revoke"),
    path("approvals/emergencies/", emergency_views.tasks, name="emergencies"),
    path("approvals/emergencies/<uuid:pk>/<str:verb>/", emergency_views.settle, name="settle"),
    path("approvals/history/<uuid:subject_id>/", history_views.history, name="history"),
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
