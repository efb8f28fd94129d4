"""The house around the rooms: settings, routes, the Celery application and the health pages."""

from po_portal.celery import app as celery_app

__all__ = ["celery_app"]
