from django.apps import AppConfig


class BudgetingConfig(AppConfig):
    name = "budgeting"

    def ready(self) -> None:
        from budgeting import invariants, subjects

        subjects.register()
        invariants.register()
