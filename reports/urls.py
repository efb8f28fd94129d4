from django.urls import path

from reports import (
    approval_views,
    expected_views,
    order_views,
    planning_views,
    scheduled_views,
    segregation_views,
    views,
)

app_name = "reports"
urlpatterns = [
    path("reports/commitments/", views.commitments, name="commitments"),
    path("reports/commitments/entries/", views.entries, name="entries"),
    path("reports/variance/", planning_views.budget_variance, name="variance"),
    path("reports/forecast/", planning_views.forecast, name="forecast"),
    path("reports/forecast/expected/", expected_views.expected_entries, name="expected"),
    path("reports/burn-down/", order_views.burn_down, name="burn_down"),
    path("reports/accruals/", order_views.accruals, name="accruals"),
    path("reports/open-orders/", order_views.aging, name="aging"),
    path("reports/segregation-of-duties/", segregation_views.segregation, name="segregation"),
    path("reports/emergencies/", approval_views.emergency_review, name="emergencies"),
    path("reports/approvals/", approval_views.approval_bottlenecks, name="bottlenecks"),
    path("reports/scheduled/", scheduled_views.scheduled, name="scheduled"),
    path("reports/scheduled/new/", scheduled_views.new, name="schedule"),
    path("reports/scheduled/<uuid:pk>/pause/", scheduled_views.pause, name="schedule_pause"),
    path("reports/scheduled/<uuid:pk>/resume/", scheduled_views.resume, name="schedule_resume"),
    path("reports/scheduled/<uuid:pk>/delete/", scheduled_views.delete, name="schedule_delete"),
]
