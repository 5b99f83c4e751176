from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "hetri"
    verbose_name = "Hetri"

    def ready(self) -> None:
        from hetri import checks  # noqa: F401  (registers itself)
