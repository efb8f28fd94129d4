from django.apps import AppConfig


class BudgetsConfig(AppConfig):
    name = "budgets"

    def ready(self) -> None:
        from budgets import proofs, walls
        from budgets.models import BudgetAdjustment, LedgerEntry
        from core import append_only

        append_only.protect(LedgerEntry)
        append_only.protect(BudgetAdjustment)
        proofs.register()
        walls.register()
