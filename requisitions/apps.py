from django.apps import AppConfig


class RequisitionsConfig(AppConfig):
    name = "requisitions"

    def ready(self) -> None:
        from core import navigation
        from requisitions import invariants, queries, subjects

        subjects.register()
        invariants.register()
        navigation.count("requisitions:list", queries.waiting_count)
