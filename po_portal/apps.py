"""The portal as a Django app: its management commands."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "po_portal"
    verbose_name = "PO Portal"
