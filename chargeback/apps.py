from django.apps import AppConfig


class ChargebackConfig(AppConfig):
    name = "chargeback"

    def ready(self) -> None:
        from chargeback import invariants, queries, tasks  # noqa: F401
        from chargeback.models import RuleRevision, RuleShare, SharedSpend
        from core import append_only, navigation
        from core.events import subscribe

        append_only.protect(RuleRevision)
        append_only.protect(RuleShare)
        append_only.protect(SharedSpend)
        invariants.register()
        navigation.count("chargeback:statements", queries.waiting_count)
        subscribe("allocation.requested", "chargeback.run")
