from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "pages"
    label = "pages"
