from django.apps import AppConfig


class BudgetingConfig(AppConfig):
    name = "budgeting"

    def ready(self) -> None:
        from budgeting import invariants, subjects, tasks  # noqa: F401
        from core.events import subscribe

        subjects.register()
        invariants.register()
        subscribe("year_end.requested", "budgeting.run_year_end")
