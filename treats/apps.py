from django.apps import AppConfig


class TreatsConfig(AppConfig):
    name = "treats"
