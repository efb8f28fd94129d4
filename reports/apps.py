from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from core.events import subscribe
        from reports import tasks  # noqa: F401

        subscribe("person.deactivated", "reports.end_of_leaver")
