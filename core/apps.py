from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import anchors, app_role, append_only, events, idempotency, outbox, tasks  # noqa: F401
        from core.models import TrailEvent

        append_only.protect(TrailEvent)
        post_migrate.connect(append_only.install_triggers, dispatch_uid="append-only")
        post_migrate.connect(app_role.prepare, sender=self, dispatch_uid="app-role")
        outbox.ring_with(tasks.ring)
