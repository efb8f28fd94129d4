"""The routes of the REST interface, version 1, mounted at /api/v1/."""

from django.urls import URLPattern, URLResolver

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = []
