from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import second_factor, sessions  # noqa: F401
        from core.api.authentication import asked_of_everybody

        asked_of_everybody(second_factor.require)
