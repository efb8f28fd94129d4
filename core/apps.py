from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import (
            anchors,  # noqa: F401
            app_role,
            append_only,
            events,  # noqa: F401
            idempotency,  # noqa: F401
            outbox,
            tasks,
            told,
        )
        from core.models import TrailEvent

        append_only.protect(TrailEvent)
        post_migrate.connect(append_only.install_triggers, dispatch_uid="append-only")
        pre_migrate.connect(told.drop_triggers, dispatch_uid="told")
        post_migrate.connect(told.install_triggers, dispatch_uid="told")
        post_migrate.connect(app_role.prepare, sender=self, dispatch_uid="app-role")
        outbox.ring_with(tasks.ring)
