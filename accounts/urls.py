"""One's own security, and the pages that ask for a code."""

from allauth.mfa.base import views as codes
from django.urls import path

from accounts import views

urlpatterns = [
    path("accounts/code/", codes.authenticate, name="mfa_authenticate"),
    path("accounts/code/again/", codes.reauthenticate, name="mfa_reauthenticate"),
    path("security/", views.security, name="security"),
    path("security/second-factor/", views.enrol, name="security_enrol"),
    path("security/second-factor/picture.svg", views.picture, name="security_picture"),
    path("security/second-factor/remove/", views.remove, name="security_remove"),
    path("security/codes/", views.codes, name="security_codes"),
    path("security/codes/kept/", views.codes_kept, name="security_codes_kept"),
    path("security/codes/download/", views.codes_download, name="security_codes_download"),
    path("security/codes/renew/", views.codes_renew, name="security_codes_renew"),
]
