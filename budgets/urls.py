from django.urls import path

from budgets import views

app_name = "budgets"
urlpatterns = [
    path("budgets/", views.budget_list, name="list"),
    path("budgets/<int:pk>/", views.detail, name="detail"),
]
