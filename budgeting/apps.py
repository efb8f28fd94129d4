from django.apps import AppConfig


class BudgetingConfig(AppConfig):
    name = "budgeting"

    def ready(self) -> None:
        from budgeting import subjects

        subjects.register()
