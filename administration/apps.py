from django.apps import AppConfig


class AdministrationConfig(AppConfig):
    name = "administration"

    def ready(self) -> None:
        from administration import queries, subjects
        from core import navigation

        subjects.register()
        navigation.count("administration:changes", queries.open_count)
