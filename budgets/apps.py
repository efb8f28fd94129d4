from django.apps import AppConfig


class BudgetsConfig(AppConfig):
    name = "budgets"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from budgets import closed_years, days, month_sums, proofs, tasks, walls
        from budgets.models import BudgetAdjustment, LedgerEntry
        from core import append_only, events

        append_only.protect(LedgerEntry)
        append_only.protect(BudgetAdjustment)
        post_migrate.connect(closed_years.install_trigger, dispatch_uid="closed-years")
        post_migrate.connect(month_sums.install_trigger, dispatch_uid="month-sums")
        proofs.register()
        days.register()
        walls.register()
        for event_type in tasks.EVENTS:
            events.subscribe(event_type, "budgets.check_alerts")
