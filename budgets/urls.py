from django.urls import path

from budgets import alert_views, views

app_name = "budgets"
urlpatterns = [
    path("budgets/", views.budget_list, name="list"),
    path("budgets/<int:pk>/", views.detail, name="detail"),
    path("budgets/<int:pk>/levels/", alert_views.levels, name="levels"),
    path("budgets/warnings/", alert_views.alerts, name="alerts"),
    path("budgets/warnings/<uuid:pk>/acknowledge/", alert_views.acknowledge, name="acknowledge"),
    path("budgets/warnings/quiet/", alert_views.quiet, name="quiet"),
    path("budgets/warnings/quiet/<uuid:pk>/end/", alert_views.end_quiet, name="end_quiet"),
    path("budgets/warnings/working-time/", alert_views.working_time, name="working_time"),
]
