"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

from po_portal import guards, memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "po_portal.settings")

application = get_wsgi_application()
guards.refuse_unsafe_services()
memory.settle()
