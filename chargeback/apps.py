from django.apps import AppConfig


class ChargebackConfig(AppConfig):
    name = "chargeback"

    def ready(self) -> None:
        from chargeback.models import RuleRevision, RuleShare
        from core import append_only

        append_only.protect(RuleRevision)
        append_only.protect(RuleShare)
