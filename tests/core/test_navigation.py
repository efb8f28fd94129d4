"""Everybody sees the entries of their work, no more; a missing page hides its entry."""

from types import SimpleNamespace

import pytest
from django.test import override_settings
from django.urls import include, path

from core import navigation


def page(request):
    raise AssertionError("navigation never opens a page")


def listing(app, *names):
    return include(([path(f"{name}/", page, name=name) for name in names], app))


urlpatterns = [
    path("", page, name="home"),
    path("requisitions/", listing("requisitions", "list")),
    path("approvals/", listing("approvals", "inbox")),
    path("orders/", include(([path("", page, name="list")], "purchase_orders"))),
    path("audit/", listing("core", "audit")),
    path("mail/", listing("notifications", "mail")),
]


def somebody(*roles):
    return SimpleNamespace(has_role=lambda *asked: not set(asked).isdisjoint(roles))


def labels(user, at="/"):
    return [
        link.label for section in navigation.sections(user=user, path=at) for link in section.links
    ]


@pytest.fixture(autouse=True)
def small_portal(monkeypatch):
    monkeypatch.setattr(navigation, "_counts", {})
    with override_settings(ROOT_URLCONF=__name__, PORTAL_DEMO=False):
        yield


def test_a_requester_sees_requests_and_orders_but_no_audit_trail():
    assert labels(somebody("requester")) == ["Home", "Requisitions", "Orders"]


def test_an_auditor_sees_the_audit_trail():
    assert "Audit trail" in labels(somebody("auditor"))


def test_an_entry_without_its_page_is_left_out():
    assert "Exceptions" not in labels(somebody("ap_clerk"))


def test_demo_mail_exists_in_the_demo_only():
    assert "Demo mail" not in labels(somebody("requester"))
    with override_settings(PORTAL_DEMO=True):
        assert "Demo mail" in labels(somebody("requester"))


def test_the_longest_address_that_leads_here_is_current():
    found = navigation.sections(user=somebody("buyer"), path="/orders/2026/")
    assert [link.label for s in found for link in s.links if link.is_current] == ["Orders"]


def test_home_is_current_on_the_home_page_only():
    found = navigation.sections(user=somebody("buyer"), path="/elsewhere/")
    assert not [link for s in found for link in s.links if link.is_current]


def test_what_waits_is_counted_for_the_person_who_looks():
    navigation.count("approvals:inbox", lambda user: 3 if user.has_role("approver") else 0)
    found = navigation.sections(user=somebody("approver"), path="/")
    assert {link.label: link.count for s in found for link in s.links}["Approvals"] == 3
