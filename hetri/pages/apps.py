from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "hetri.pages"
    label = "pages"

    def ready(self) -> None:
        from hetri import checks  # noqa: F401  (registers itself)
