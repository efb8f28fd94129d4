from django.apps import AppConfig


class BudgetingConfig(AppConfig):
    name = "budgeting"

    def ready(self) -> None:
        from budgeting import invariants, subjects, tasks
        from core.events import subscribe

        subjects.register()
        invariants.register()
        subscribe("year_end.requested", "budgeting.run_year_end")
        for event_type in tasks.MOVES_BUDGETS:
            subscribe(event_type, "budgeting.check_alerts")
