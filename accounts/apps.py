from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.mfa import signals as factor
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import failures, passwords, schema, second_factor, sessions, signals  # noqa: F401  (schema registers itself)

        user_logged_in.connect(sessions.on_browser_login)
        user_logged_out.connect(sessions.on_browser_logout)
        signals.password_set.connect(passwords.on_password_set)
        second_factor.remember_codes_longer()
        factor.authenticator_added.connect(second_factor.on_added)
        factor.authentication_failed.connect(failures.on_wrong_code)
