from django.urls import path

from reports import segregation_views, views

app_name = "reports"
urlpatterns = [
    path("reports/commitments/", views.commitments, name="commitments"),
    path("reports/commitments/entries/", views.entries, name="entries"),
    path("reports/segregation-of-duties/", segregation_views.segregation, name="segregation"),
]
