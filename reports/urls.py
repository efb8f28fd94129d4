from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("reports/commitments/", views.commitments, name="commitments"),
    path("reports/commitments/entries/", views.entries, name="entries"),
]
