from django.apps import AppConfig


class AdministrationConfig(AppConfig):
    name = "administration"

    def ready(self) -> None:
        from administration import queries, services, subjects
        from core import navigation
        from vendors import changes
        from vendors.services import bank

        subjects.register()
        changes.register(services.propose_vendor)
        bank.register(services.propose_bank_account)
        navigation.count("administration:changes", queries.open_count)
