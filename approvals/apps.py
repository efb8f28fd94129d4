from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from approvals import queries, tasks  # noqa: F401
        from core import navigation

        navigation.count("approvals:inbox", queries.waiting_count)
