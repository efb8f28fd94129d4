from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from django.utils import timezone

        from approvals import queries, tasks  # noqa: F401
        from core import events, navigation

        navigation.count(
            "approvals:inbox", lambda user: queries.waiting_count(user, timezone.now())
        )
        events.subscribe("person.deactivated", "approvals.reroute_leaver")
        events.subscribe("person.roles_changed", "approvals.reroute_lost_roles")
