from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "hetri.pages"
    label = "pages"
