from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.account import signals as account
        from allauth.mfa import signals as factor
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import failures, schema, second_factor, sessions  # noqa: F401  (schema registers itself)

        user_logged_in.connect(sessions.on_browser_login)
        user_logged_out.connect(sessions.on_browser_logout)
        for changed in (account.password_changed, account.password_set, account.password_reset):
            changed.connect(sessions.on_password_changed)
        factor.authenticator_added.connect(second_factor.on_added)
        factor.authentication_failed.connect(failures.on_wrong_code)
