from django.apps import AppConfig


class ChargebackConfig(AppConfig):
    name = "chargeback"

    def ready(self) -> None:
        from chargeback import invariants, tasks  # noqa: F401
        from chargeback.models import RuleRevision, RuleShare, SharedSpend
        from core import append_only
        from core.events import subscribe

        append_only.protect(RuleRevision)
        append_only.protect(RuleShare)
        append_only.protect(SharedSpend)
        invariants.register()
        subscribe("allocation.requested", "chargeback.run")
