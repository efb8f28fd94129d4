"""Signing in and out, one's own security, and the pages that ask for a code.

Of allauth's pages only what the portal needs: its page for addresses would let anybody change the
one that they sign in with and that decisions are mailed to, without a proof and without a trail.
"""

from allauth.account import views as pages
from allauth.mfa.base import views as codes
from django.urls import path, re_path

from accounts import views

RESET = "accounts/password/reset/"

urlpatterns = [
    path("accounts/login/", pages.login, name="account_login"),
    path("accounts/logout/", pages.logout, name="account_logout"),
    path("accounts/inactive/", pages.account_inactive, name="account_inactive"),
    path("accounts/signup/", pages.signup, name="account_signup"),  # closed (po_portal.signin)
    path("accounts/reauthenticate/", pages.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", pages.password_change, name="account_change_password"),
    path("accounts/password/set/", pages.password_set, name="account_set_password"),
    path(RESET, pages.password_reset, name="account_reset_password"),
    path(f"{RESET}done/", pages.password_reset_done, name="account_reset_password_done"),
    path(
        f"{RESET}key/done/",
        pages.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        rf"^{RESET}key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        pages.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
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
