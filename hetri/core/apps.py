from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "hetri.core"
    label = "core"
